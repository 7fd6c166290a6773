-- The few rows that carry a label: “may be incomplete” is answered from these alone.
create index heads_labeled on heads(person, rid) include (labels) where state = 1 and labels <> 0;
create index work_labeled on work(site, person) include (labels) where is_open and labels <> 0;
