-- Whose people: the lead stands in the row like site and team do, so that her side of the list is a range too.
alter table work add column if not exists lead bigint;
update work w set lead = p.lead from people p where p.person = w.person and p.lead is distinct from w.lead;
create index work_by_lead on work(lead, is_waiting, class, aim, task) include (wake, person, owner) where is_open;
