-- Readings: one row an Observation and kind. value, second (diastolic): in the kind's unit; as sent where the unit is
-- unknown. own: why it is in its state by itself (unit, impossible, future, confirmed, refuted); why: also leap, repeated.
-- state: ok, doubtful, refuted, repeated (the same value of the same instant, sent again). Only ok is acted on.
create table readings(
  person bigint not null, kind text collate "C" not null, at timestamptz not null, observation bigint not null,
  value numeric not null, second numeric, unit text not null, comparator text, has_hour boolean not null,
  source text not null, device text, own text, state text not null, why text,
  primary key(person, kind, at, observation));
create index readings_by_observation on readings(observation);
create index readings_doubtful on readings(person, kind, at) where state = 'doubtful';
create index readings_by_device on readings(device, at) where device is not null;

-- Limits set for one person. until: exclusive, the year 9999 without an end.
create table reading_limits(
  person bigint not null, kind text collate "C" not null, request bigint not null,
  low numeric, high numeric, second_low numeric, second_high numeric,
  since timestamptz not null, until timestamptz not null,
  primary key(person, kind, request));
create index reading_limits_by_request on reading_limits(request);

-- Scores: one row a completed set of answers and scale ('' the total). value: null when not scored. band: its code in
-- scoring.yaml. response: the QuestionnaireResponse, or the Observation of a score that came from elsewhere.
create table scores(
  person bigint not null, instrument text collate "C" not null, scale text collate "C" not null default '',
  at timestamptz not null, value numeric, band text, response bigint not null,
  primary key(person, instrument, scale, at, response));
create index scores_by_response on scores(response);
