-- The labels a version carried when it was written: what a later version no longer says, its history still says.
alter table versions add column labels integer not null default 0;
