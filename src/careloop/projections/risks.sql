-- The newest of each risk score of a person, from her RiskAssessments of method urn:careloop:code:risk. value: null while
-- something is missing; low and high: what is possible. until: after which it no longer speaks (a score of one stay).
create table risks(
  person bigint not null, name text collate "C" not null, at timestamptz not null,
  value numeric, low numeric, high numeric, band text collate "C" not null default '',
  until timestamptz, assessment bigint not null,
  primary key(person, name));
create index risks_by_band on risks(name, band);
