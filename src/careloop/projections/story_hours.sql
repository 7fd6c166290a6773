-- Whether the record says an hour or only a day (which stands at noon UTC). What it says is read again from the newest
-- versions of what stands at that hour: no row is taken for a day because of its hour.
alter table story add column if not exists has_hour boolean not null default true;
