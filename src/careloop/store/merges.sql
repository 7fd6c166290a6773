-- Two records that were made one. survivor, loser: rids of Patients. principal: who decided (below 0: Careloop, told so by
-- a hospital). provenance: rid of what tells it in the story. rows: what moved beside the resources, to move back.
create table merges(
  id bigint generated always as identity primary key, survivor bigint not null, loser bigint not null,
  at timestamptz not null, principal integer not null, provenance bigint not null, rows bytea not null,
  undone_at timestamptz, undone_by integer, check (survivor <> loser));
-- A record is part of one other at most. Two that decide at the same moment: one of them finds it decided.
create unique index merges_of_loser on merges(loser) where undone_at is null;
create index merges_by_survivor on merges(survivor);
create index merges_by_provenance on merges(provenance);
-- Each resource that a merge wrote: its version before and after, and whose it was. Late ones are added as they come.
create table merged(
  merge bigint not null references merges(id), rid bigint not null, before integer not null, after integer not null,
  home bigint not null, primary key(merge, rid));
-- Whose records became part of this one.
create index people_by_survivor on people(merged_into) where merged_into is not null;
