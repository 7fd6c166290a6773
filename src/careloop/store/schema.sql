-- The record. All that one person needs lies together under the person's key (0: nobody's), so that the tables
-- can be spread over shards without changing a query. Decisions: docs/decisions/; words: docs/subsystems/store.md.
-- person, rid: integer keys of the ids table; a person's key is the rid of her Patient.
-- type: number of the resource type (store/types.py). tx: lane << 48 | seq of the audit row of the same commit.

create extension if not exists pg_trgm;

create table codes(id integer generated always as identity primary key, kind smallint not null, text text collate "C" not null, unique(kind, text));

-- A restore starts a generation: positions in the feed are (generation, xid, pos).
create table generations(generation smallint primary key, since timestamptz not null default now(), why text not null);
insert into generations(generation, why) values (1, 'installed');

-- One row at first mention, so that a dangling reference has a key too.
create sequence rids;
create table ids(type integer not null, id text collate "C" not null, rid bigint not null default nextval('rids'), person bigint not null, primary key(type, id));
create unique index ids_by_rid on ids(rid) include (person);

-- What is current. state: 1 live, 0 deleted. labels: bits of access labels. iv: fhir.index.VERSION of its index rows.
create table heads(person bigint not null, rid bigint not null, type integer not null, version integer not null, at timestamptz not null, state smallint not null, labels integer not null, iv smallint not null, primary key(person, rid)) with (fillfactor = 85);
create index heads_by_type on heads(type, at, person, rid) include (labels) where state = 1;
create index heads_by_person on heads(person, type, at, rid) where state = 1;
create index heads_by_index_version on heads(iv, person, rid) where state = 1;

-- Everything ever said. op: 1 create, 2 update, 3 delete. codec: store/bodies.py.
create table versions(person bigint not null, rid bigint not null, version integer not null, at timestamptz not null, op smallint not null, tx bigint not null, codec smallint not null, body bytea, primary key(person, rid, version));
alter table versions alter body set storage external;
create index versions_by_tx on versions(tx);

-- A resource that changed its home: versions up to this one lie under that person.
create table moves(rid bigint not null, version integer not null, person bigint not null, primary key(rid, version));

-- Further compartments: this resource of somebody's home also concerns this person.
create table members(person bigint not null, rid bigint not null, home bigint not null, why integer not null, primary key(person, rid, why));
create index members_by_home on members(home, rid);

-- Uniqueness across persons: conditional creates, dedupe keys, claims.
create table once(kind text collate "C" not null, key text collate "C" not null, person bigint not null, rid bigint, at timestamptz not null, primary key(kind, key));

-- read: (generation, xid, pos) > cursor and xid < pg_snapshot_xmin(pg_current_snapshot()): nothing is skipped, no lock.
create table feed(generation smallint not null, xid xid8 not null default pg_current_xact_id(), pos bigint generated always as identity, person bigint not null, rid bigint not null, type integer not null, version integer not null, op smallint not null, tx bigint not null, primary key(person, generation, xid, pos));
create index feed_read on feed(generation, xid, pos);
create table cursors(name text collate "C" primary key, generation smallint not null, xid xid8 not null, pos bigint not null, at timestamptz not null, tries smallint not null default 0, error text);
-- An event that failed three times; a person sees it.
create table parked(id bigint generated always as identity primary key, cursor text collate "C" not null, generation smallint not null, xid xid8 not null, pos bigint not null, person bigint not null, rid bigint not null, type integer not null, version integer not null, op smallint not null, at timestamptz not null, error text not null, resolved_at timestamptz, unique(cursor, generation, xid, pos));
create index parked_open on parked(at, id) where resolved_at is null;

create table timers(person bigint not null, kind text collate "C" not null, key text collate "C" not null, due timestamptz not null, done timestamptz, tries smallint not null default 0, error text, primary key(person, kind, key));
create index timers_due on timers(due, person) where done is null;

-- Facts for access (written by projections.people, read by store/conditions.py).
create table people(person bigint primary key, site bigint, team bigint, lead bigint, labels integer not null default 0, zone text, merged_into bigint);
create index people_by_site on people(site, person);
create index people_by_team on people(team, person);
create index people_by_lead on people(lead, person);
create table enrolled(person bigint not null, program text collate "C" not null, since timestamptz not null, until timestamptz, rid bigint, primary key(person, program, since));
create index enrolled_by_program on enrolled(program, person) where until is null;
create table grants(principal integer not null, kind smallint not null, value bigint not null, since timestamptz not null, until timestamptz, why text not null, primary key(principal, kind, value, since));
create table denies(principal integer not null, person bigint not null, primary key(principal, person));

create table drafts(id bigint generated always as identity, person bigint not null, actor integer not null, form text collate "C" not null, codec smallint not null, answers bytea not null, started_at timestamptz not null, at timestamptz not null, primary key(person, id), unique(person, actor, form));
create index drafts_by_actor on drafts(actor, at);
create index drafts_by_id on drafts(id);

-- Raw messages as received. state: new, done, review (a person looks), refused, quarantined.
create table inbox(id bigint generated always as identity primary key, source text collate "C" not null, control text collate "C" not null, sha bytea not null, kind text collate "C" not null, at timestamptz not null, raw bytea not null, state text collate "C" not null, is_repeat_id boolean not null default false, ack text, tries smallint not null default 0, error text, person bigint, done_at timestamptz, unique(source, control, sha));
create index inbox_waiting on inbox(id) where state = 'new';
create index inbox_by_state on inbox(state, id);

-- What leaves the house. state: waiting, sent, dead (a person looks), withdrawn.
create table outbox(id bigint generated always as identity primary key, key text collate "C" not null unique, person bigint not null, kind text collate "C" not null, dest text not null, due timestamptz not null, tries smallint not null default 0, state text collate "C" not null default 'waiting', payload bytea not null, error text, at timestamptz not null, done_at timestamptz);
create index outbox_waiting on outbox(due, id) where state = 'waiting';
create index outbox_by_state on outbox(state, id);

-- Who did what, who looked. hash: of the row and the hash before it in its lane. people: store/people_sets.py.
-- action: FHIR's C R U D E. outcome: FHIR's 0 success, 4 denied, 8 failed. written: digest of the versions of this commit.
create table audit(lane smallint not null, seq bigint not null, at timestamptz not null, actor integer not null, behalf integer, action text collate "C" not null, outcome smallint not null, why text collate "C" not null, door text collate "C" not null, request text collate "C" not null, type integer, rid bigint, people bytea, detail bytea, written bytea, hash bytea not null, primary key(lane, seq, at)) partition by range(at);
create table audit_now partition of audit default;
create table lanes(lane smallint primary key, holder text not null, since timestamptz not null);
-- Derived from audit: who looked at this person, a day and actor a row.
create table audit_person(person bigint not null, day date not null, actor integer not null, action text collate "C" not null, lane smallint not null, first bigint not null, last bigint not null, times integer not null, primary key(person, day, actor, action, lane));
create table audit_digested(lane smallint primary key, seq bigint not null);
