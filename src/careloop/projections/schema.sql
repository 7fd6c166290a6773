-- What projections remember: derived from the resources, rebuildable, never the only place of anything.
-- person, task, owner, …: integer keys (rid) of the ids table; person 0: about nobody.

-- The worklist. Holds only what no clock changes: class, due, aim, wake. The order is (class, aim, task).
-- due: the rule's legal end, the year 9999 without one; aim: the hour to work towards, the same when none is told.
-- wake: 1970 unless snoozed; then the row is not shown before. waiting_on: whom we wait for. own_site: the Task's own,
-- for work about somebody without a site. position grows with each change of the row.
create sequence work_positions;
create table work(
  person bigint not null, task bigint not null, task_id text collate "C" not null, version integer not null,
  is_open boolean not null, class smallint not null,
  due timestamptz not null, aim timestamptz not null, wake timestamptz not null, since timestamptz not null,
  is_waiting boolean not null, owner bigint, team bigint, site bigint, own_site bigint, program text collate "C", labels integer not null,
  position bigint not null,
  kind text collate "C" not null, title text not null, because text not null, waiting_on text, source text, rule text, zone text,
  attempts smallint not null, is_protected boolean not null, is_acknowledged boolean not null, reason text,
  primary key(person, task));
create unique index work_by_task on work(task);
create index work_by_owner on work(owner, is_waiting, class, aim, task) include (wake, person) where is_open;
create index work_by_team on work(team, is_waiting, class, aim, task) include (wake, person, owner) where is_open;
create index work_by_site on work(site, is_waiting, class, aim, task) include (wake, person, owner) where is_open;
create index work_unclaimed on work(site, is_waiting, class, aim, task) include (wake, person) where is_open and owner is null;
create index work_by_program on work(program, site, is_waiting, class, aim, task) include (wake, person) where is_open;
create index work_by_class on work(is_waiting, class, aim, task) include (wake, person) where is_open;
-- The snoozed are few, and no range of `aim` finds them.
create index work_asleep_by_owner on work(owner, class, wake, task) where is_open and wake > '1970-01-01Z';
create index work_asleep_by_team on work(team, class, wake, task) where is_open and wake > '1970-01-01Z';
create index work_asleep_by_site on work(site, class, wake, task) where is_open and wake > '1970-01-01Z';

-- Who a person is, in one line: enough to tell two of the same name apart.
create table briefs(
  person bigint primary key, id text collate "C" not null, name text not null, birth_date date, mrn text, language text,
  needs_interpreter boolean not null, pronouns text, gender text, phone text, is_deceased boolean not null);

-- What staff, sites, partners and teams are called.
create table names(rid bigint primary key, name text not null);

-- The story: one line a moment. A resource may give several; key tells them apart. title: an English sentence that pages
-- translate; detail: what was said or measured; who: a reference, or words.
create table story(
  person bigint not null, rid bigint not null, key text collate "C" not null, at timestamptz not null,
  kind text collate "C" not null, title text not null, detail text, who text, why text, reference text collate "C" not null,
  primary key(person, rid, key));
create index story_by_time on story(person, at desc, rid desc, key desc) include (kind);
create index story_by_rid on story(rid);
