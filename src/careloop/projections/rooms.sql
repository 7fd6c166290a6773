-- The rooms beside Today (rooms.py). work.person is in them so that access is decided without reading the rows.
create index work_in_review on work(class, aim, since, task) include (person, site) where is_open and (kind like 'review-%' or kind = 'resolve-match');
create index work_at_the_door on work(kind, task) include (person, site) where is_open and kind in ('call-outreach', 'referral');
