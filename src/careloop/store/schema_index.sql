-- The seven typed index tables. store/index.py writes them, store/search.py reads them; nobody else does.
-- person: home of the resource (0: none). n: running number within (resource, param). g: occurrence, see fhir/index.py.
-- param: fhir.definitions SearchParam.id. system and unit: 64-bit hashes (fhir.index.key_of), 0 where there is none.
-- low/high of dates: microseconds since 1970 UTC, [low, high); an open end is the smallest or largest bigint.
-- target: rid of a resource of ours; a negative number is the hash of an address elsewhere (store/index.py).
create table index_token(person bigint not null, rid bigint not null, param integer not null, n smallint not null, g smallint not null, system bigint not null, code text collate "C" not null, primary key(person, rid, param, n));
create index index_token_by_code on index_token(param, code, system, person, rid, g);
create table index_string(person bigint not null, rid bigint not null, param integer not null, n smallint not null, g smallint not null, part smallint not null, norm text collate "C" not null, exact text collate "C", primary key(person, rid, param, n));
create index index_string_by_norm on index_string(param, norm, person, rid, g);
create table index_date(person bigint not null, rid bigint not null, param integer not null, n smallint not null, g smallint not null, low bigint not null, high bigint not null, primary key(person, rid, param, n));
create index index_date_by_low on index_date(param, low, high, person, rid, g);
create table index_reference(person bigint not null, rid bigint not null, param integer not null, n smallint not null, g smallint not null, target bigint not null, primary key(person, rid, param, n));
create index index_reference_by_target on index_reference(param, target, person, rid, g);
create table index_quantity(person bigint not null, rid bigint not null, param integer not null, n smallint not null, g smallint not null, low float8 not null, high float8 not null, unit bigint not null, canonical_low float8, canonical_high float8, canonical_unit bigint, primary key(person, rid, param, n));
create index index_quantity_by_unit on index_quantity(param, unit, low, high, person, rid, g);
create table index_number(person bigint not null, rid bigint not null, param integer not null, n smallint not null, g smallint not null, low float8 not null, high float8 not null, primary key(person, rid, param, n));
create index index_number_by_low on index_number(param, low, high, person, rid, g);
create table index_uri(person bigint not null, rid bigint not null, param integer not null, n smallint not null, g smallint not null, uri text collate "C" not null, primary key(person, rid, param, n));
create index index_uri_by_uri on index_uri(param, uri, person, rid, g);
-- heads also needs, for of_person and for searches that start from people:
--   create index heads_by_person on heads(person, type, at, rid) where <live>;
