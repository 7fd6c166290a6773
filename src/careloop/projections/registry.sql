-- What the registry asks of everybody at once. Derived; who may see a row is asked of heads, by its rid, so that no
-- label is kept twice.

-- Problems and agreed needs that hold now, one row a Condition. icd: its ICD-10-CM code; words: as the record calls it.
create table held(
  person bigint not null, rid bigint not null, is_need boolean not null, icd text collate "C", words text not null,
  primary key(person, rid));
create index held_by_rid on held(rid);
create index held_by_icd on held(icd, person) where icd is not null;

-- The newest contact that reached her.
create table heard(person bigint primary key, rid bigint not null, at timestamptz not null);

-- A measure from where treatment began (the oldest enrollment that is open; else the first value) to now.
-- measure: score:<instrument> or reading:<kind>. began_rid, rid: of the QuestionnaireResponse or Observation.
create table courses(
  person bigint not null, measure text collate "C" not null,
  began_at timestamptz not null, began numeric not null, began_second numeric, began_rid bigint not null,
  at timestamptz not null, value numeric not null, second numeric, rid bigint not null,
  primary key(person, measure));
create index courses_by_value on courses(measure, value, person);

-- Views of the registry that somebody kept, with the question as its address says it: no person stands in it.
-- site: everybody who works there sees it too. Not derived: no rebuild touches it.
create table saved_views(
  id bigint generated always as identity primary key, principal integer not null, site bigint, name text not null,
  query text not null, at timestamptz not null);
create index saved_views_by_principal on saved_views(principal, id);
create index saved_views_by_site on saved_views(site, id) where site is not null;
