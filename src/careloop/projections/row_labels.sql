-- Lines of the story carry the labels of what tells them; work carried those of its person and now has its own.
alter table story add column if not exists labels integer not null default 0;
-- The labels stand in every index that Today walks, so that who may see a row is decided without reading it.
drop index work_by_owner; drop index work_by_team; drop index work_by_site; drop index work_unclaimed;
drop index work_by_program; drop index work_by_class; drop index work_by_lead;
create index work_by_owner on work(owner, is_waiting, class, aim, task) include (wake, person, labels) where is_open;
create index work_by_team on work(team, is_waiting, class, aim, task) include (wake, person, owner, labels) where is_open;
create index work_by_site on work(site, is_waiting, class, aim, task) include (wake, person, owner, labels) where is_open;
create index work_unclaimed on work(site, is_waiting, class, aim, task) include (wake, person, labels) where is_open and owner is null;
create index work_by_program on work(program, site, is_waiting, class, aim, task) include (wake, person, labels) where is_open;
create index work_by_class on work(is_waiting, class, aim, task) include (wake, person, labels) where is_open;
create index work_by_lead on work(lead, is_waiting, class, aim, task) include (wake, person, owner, labels) where is_open;
