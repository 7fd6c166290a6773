-- When each member of staff last looked at a section of a person's page. Not derived from the record: no rebuild
-- touches it. before: her last look before the visit that she is making now, null at her first.
create table looked(
  principal integer not null, person bigint not null, section text collate "C" not null,
  at timestamptz not null, before timestamptz, primary key(principal, person, section));
-- The list of people in the order of their names.
create index briefs_by_name on briefs(name, person);
