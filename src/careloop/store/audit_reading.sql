-- For the audit viewer: newest first, of one actor, about one thing.
create index audit_by_time on audit(at, lane, seq);
create index audit_by_actor on audit(actor, at, lane, seq);
create index audit_by_thing on audit(rid, at) where rid is not null;

-- Odd access that a privacy officer looks at. key: one alert a kind, person, principal and day. told: [[code, {…}], …].
-- lane, seq: the audit row that raised it, null for none. state: open, follow-up, fine, reported.
create table alerts(id bigint generated always as identity primary key, key text collate "C" not null unique, kind text collate "C" not null, person bigint not null, principal integer not null, at timestamptz not null, told jsonb not null, lane smallint, seq bigint, state text collate "C" not null default 'open', decided_at timestamptz, decided_by integer, why text not null default '');
create index alerts_waiting on alerts(at, id) where state in ('open', 'follow-up');
create index alerts_by_time on alerts(at, id);
create index alerts_by_person on alerts(person, at);

-- How far the audit trail was judged, a lane a row.
create table audit_judged(lane smallint primary key, seq bigint not null);

-- What left the house about whom (45 CFR 164.528; 42 CFR 2.25): kept for good. key: makes one of one act. basis: why it was allowed
-- (care/disclosure.py). consent: rid of the Consent that allows it. content: what went, line by line, as zlib of JSON.
-- tx: lane << 48 | seq of the audit row of the same commit, whose detail carries `digest`.
create table disclosures(id bigint generated always as identity primary key, key text collate "C" not null unique, person bigint not null, at timestamptz not null, actor integer not null, recipient bigint, name text not null, address text not null, method text collate "C" not null, basis text collate "C" not null, consent bigint, purpose text not null, is_part2 boolean not null, content bytea not null, digest bytea not null, tx bigint not null);
create index disclosures_by_person on disclosures(person, at);
create index disclosures_by_recipient on disclosures(recipient, at) where recipient is not null;
revoke update, delete, truncate on disclosures from careloop_app;
