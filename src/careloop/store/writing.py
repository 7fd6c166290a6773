"""Writes of a unit of work, kept together until they are needed, then sent in one pipeline.

The SQL here takes arrays, so that one resource and a thousand are the same statement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from careloop.access.labels import RESTRICTED
from careloop.fhir.index import VERSION as INDEX_VERSION
from careloop.fhir.index import Rows
from careloop.store import index, turns
from careloop.store.arrays import instants, numbers, texts
from careloop.store.homes import Belonging
from careloop.store.keys import INSERT_KEYS, number_of
from careloop.store.stored import OP_NUMBER, Stored

SET_HOMES = """
update ids i set person = u.person from unnest(%s::bigint[], %s::bigint[]) as u(rid, person)
where i.rid = u.rid and i.person <> u.person
"""
# Of whoever denied something to somebody, each row says so.
INSERT_HEADS = f"""
insert into heads(person, rid, type, version, labels, at, state, iv)
select u.person, u.rid, u.type, u.version,
  u.labels | coalesce((select p.labels & {RESTRICTED} from people p where p.person = u.person), 0),
  u.at, 1, {INDEX_VERSION}
from unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::integer[], %s::timestamptz[])
  as u(person, rid, type, version, labels, at)
"""
UPDATE_HEADS = f"""
update heads h set version = u.version, at = u.at, state = u.state, iv = {INDEX_VERSION},
  labels = u.labels | (h.labels & {RESTRICTED})
from unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::timestamptz[], %s::smallint[], %s::integer[])
  as u(person, rid, version, at, state, labels)
where h.person = u.person and h.rid = u.rid
"""
LEAVE_HOMES = """
with u as (select * from unnest(%s::bigint[], %s::bigint[], %s::integer[]) as u(person, rid, version)),
left_heads as (delete from heads h using u where h.person = u.person and h.rid = u.rid)
insert into moves(rid, version, person) select rid, version, person from u
"""
INSERT_VERSIONS = """
with u as (
  select * from unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::integer[], %s::timestamptz[],
    %s::smallint[], %s::smallint[], %b::bytea[]) as u(person, rid, type, version, labels, at, op, codec, body)),
said as (
  insert into versions(person, rid, version, at, op, tx, codec, body, labels)
  select person, rid, version, at, op, %b, codec, body, labels from u)
insert into feed(generation, person, rid, type, version, op, tx)
select (select max(generation) from generations), person, rid, type, version, op, %b from u
"""
SET_MEMBERS = """
with u as (select * from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::integer[]) as u(person, rid, home, why))
insert into members(person, rid, home, why) select person, rid, home, why from u on conflict do nothing
"""
CLEAR_MEMBERS = """
delete from members m using unnest(%s::bigint[], %s::bigint[]) as u(home, rid) where m.home = u.home and m.rid = u.rid
"""


@dataclass(slots=True)
class Staged:
    """One write that waits. before: the version it follows, None for the first one ever. rows, old_rows: of the
    index, of both versions. was_person: the home it leaves, where that differs. others: further people, (rid, why).
    labels: its own bits."""

    before: Stored | None
    after: Stored
    rows: Rows
    old_rows: Rows | None
    was_person: int | None
    others: list[tuple[int, int]]
    was_indexed: bool = True
    labels: int = 0


@dataclass(slots=True)
class Pending:
    staged: list[Staged] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    new_keys: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, write: Staged) -> None:
        self.staged.append(write)
        self.touched.add(write.after.rid)


def resolve(belonging: Belonging) -> list[str]:
    """The references whose keys a resource's place needs."""
    return [
        *filter(None, [belonging.home]),
        *(reference for reference, _ in belonging.others),
        *belonging.targets,
    ]


def flush(
    cursor: Any, pending: Pending, tx: int, mention: Callable[[Collection[str]], Mapping[str, int]]
) -> None:
    """Sends everything; called inside a pipeline, so that it is one round trip."""
    staged = pending.staged
    _take_turns(cursor, pending)
    if pending.new_keys:
        homes = {s.after.rid: s.after.person for s in staged}
        kinds, ids = zip(*pending.new_keys, strict=True)
        rids = list(pending.new_keys.values())
        at_home = [homes.get(rid, 0) for rid in rids]
        cursor.execute(
            INSERT_KEYS, [numbers(map(number_of, kinds)), texts(ids), numbers(rids), numbers(at_home)]
        )
    moved = [s for s in staged if s.before is not None and s.was_person is not None]
    fresh = [s for s in staged if s.before is None] + moved
    changed = [s for s in staged if s.before is not None and s.was_person is None]
    just_made = set(pending.new_keys.values())
    if homeless := [s.after for s in fresh if s.after.rid not in just_made]:
        cursor.execute(SET_HOMES, [numbers(a.rid for a in homeless), numbers(a.person for a in homeless)])
    if moved:
        left = ((s.was_person or 0, s.after.rid, s.after.version - 1) for s in moved)
        cursor.execute(LEAVE_HOMES, _whole(left))
    if fresh:
        rows = (
            (s.after.person, s.after.rid, number_of(s.after.type), s.after.version, s.labels) for s in fresh
        )
        cursor.execute(INSERT_HEADS, [*_whole(rows), instants(s.after.at for s in fresh)])
    if changed:
        news = ((s.after.person, s.after.rid, s.after.version, _state(s)) for s in changed)
        person, rid, version, state = _whole(news)
        at = instants(s.after.at for s in changed)
        cursor.execute(UPDATE_HEADS, [person, rid, version, at, state, numbers(s.labels for s in changed)])
    cursor.execute(INSERT_VERSIONS, [*_version_columns(staged), tx, tx])
    _write_members(cursor, staged)
    index.write(cursor, [_entry(s) for s in staged], mention)


def _take_turns(cursor: Any, pending: Pending) -> None:
    """Who was made just now, nobody else can deny anything about."""
    new = set(pending.new_keys.values())
    about = {s.after.person for s in pending.staged} - new - {0}
    turns.take(cursor, about, {s.after.person for s in pending.staged if s.after.type == "Consent"} & about)


def _state(staged: Staged) -> int:
    return 0 if staged.after.is_deleted else 1


def _version_columns(staged: list[Staged]) -> list[Any]:
    """Bodies as they are, in the driver's binary; the rest as text."""
    versions = [s.after for s in staged]
    packed = [stored.packed for stored in versions]
    places = (
        (s.after.person, s.after.rid, number_of(s.after.type), s.after.version, s.labels) for s in staged
    )
    kinds = ((OP_NUMBER[v.op], codec) for v, (codec, _) in zip(versions, packed, strict=True))
    at = instants(v.at for v in versions)
    return [*_whole(places), at, *_whole(kinds), [body for _, body in packed]]


def _write_members(cursor: Any, staged: list[Staged]) -> None:
    old = [s for s in staged if s.before is not None]
    if old:
        homes = [(s.after.person if s.was_person is None else s.was_person, s.after.rid) for s in old]
        cursor.execute(CLEAR_MEMBERS, _whole(homes))
    rows = [(person, s.after.rid, s.after.person, why) for s in staged for person, why in s.others]
    if rows:
        cursor.execute(SET_MEMBERS, _whole(rows))


def _entry(staged: Staged) -> index.Entry:
    after = staged.after
    return index.Entry(
        person=after.person,
        rid=after.rid,
        before=staged.old_rows,
        after=None if after.is_deleted else staged.rows,
        was_person=staged.was_person,
        is_current=staged.was_indexed,
    )


def _whole(rows: Iterable[tuple[int, ...]]) -> list[str]:
    return [numbers(column) for column in zip(*rows, strict=True)]
