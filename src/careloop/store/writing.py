"""Writes of a unit of work, kept together until they are needed, then sent in one pipeline.

The SQL here takes arrays, so that one resource and a thousand are the same statement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from careloop.fhir.index import VERSION as INDEX_VERSION
from careloop.store import index
from careloop.store.homes import Belonging
from careloop.store.keys import INSERT_KEYS, number_of
from careloop.store.stored import OP_NUMBER, Stored

SET_HOMES = """
update ids i set person = u.person from unnest(%s::bigint[], %s::bigint[]) as u(rid, person)
where i.rid = u.rid and i.person <> u.person
"""
INSERT_HEADS = f"""
insert into heads(person, rid, type, version, at, state, labels, iv)
select u.person, u.rid, u.type, u.version, u.at, 1, 0, {INDEX_VERSION}
from unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::timestamptz[])
  as u(person, rid, type, version, at)
"""
UPDATE_HEADS = f"""
update heads h set version = u.version, at = u.at, state = u.state, iv = {INDEX_VERSION}
from unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::timestamptz[], %s::smallint[])
  as u(person, rid, version, at, state)
where h.person = u.person and h.rid = u.rid
"""
LEAVE_HOMES = """
with u as (select * from unnest(%s::bigint[], %s::bigint[], %s::integer[]) as u(person, rid, version)),
left_heads as (delete from heads h using u where h.person = u.person and h.rid = u.rid)
insert into moves(rid, version, person) select rid, version, person from u
"""
INSERT_VERSIONS = """
with u as (
  select * from unnest(%b::bigint[], %b::bigint[], %b::integer[], %b::integer[], %b::timestamptz[], %b::smallint[],
                       %b::smallint[], %b::bytea[]) as u(person, rid, type, version, at, op, codec, body)),
said as (
  insert into versions(person, rid, version, at, op, tx, codec, body)
  select person, rid, version, at, op, %b, codec, body from u)
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
    """One write that waits. before: the version it follows, None for the first one ever.
    was_person: the home it leaves, where that differs. others: further people, (rid, why)."""

    before: Stored | None
    after: Stored
    was_person: int | None
    others: list[tuple[int, int]]
    was_indexed: bool = True


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
    if pending.new_keys:
        keys = [(number_of(kind), id, rid, 0) for (kind, id), rid in pending.new_keys.items()]
        cursor.execute(INSERT_KEYS, _columns(keys))
    moved = [s for s in staged if s.before is not None and s.was_person is not None]
    fresh = [s for s in staged if s.before is None] + moved
    changed = [s for s in staged if s.before is not None and s.was_person is None]
    if fresh:
        cursor.execute(SET_HOMES, [[s.after.rid for s in fresh], [s.after.person for s in fresh]])
    if moved:
        cursor.execute(LEAVE_HOMES, _columns((s.was_person, s.after.rid, s.after.version - 1) for s in moved))
    if fresh:
        rows = (
            (s.after.person, s.after.rid, number_of(s.after.type), s.after.version, s.after.at) for s in fresh
        )
        cursor.execute(INSERT_HEADS, _columns(rows))
    if changed:
        news = ((s.after.person, s.after.rid, s.after.version, s.after.at, _state(s)) for s in changed)
        cursor.execute(UPDATE_HEADS, _columns(news))
    versions = _columns(_version_row(s.after) for s in staged)
    cursor.execute(INSERT_VERSIONS, [*versions, tx, tx])
    _write_members(cursor, staged)
    index.write(cursor, [_entry(s) for s in staged], mention)


def _state(staged: Staged) -> int:
    return 0 if staged.after.is_deleted else 1


def _head_row(stored: Stored) -> tuple[Any, ...]:
    return (stored.person, stored.rid, number_of(stored.type), stored.version, stored.at)


def _version_row(stored: Stored) -> tuple[Any, ...]:
    codec, body = stored.packed
    number = OP_NUMBER[stored.op]
    kind = number_of(stored.type)
    return (stored.person, stored.rid, kind, stored.version, stored.at, number, codec, body)


def _write_members(cursor: Any, staged: list[Staged]) -> None:
    old = [s for s in staged if s.before is not None]
    if old:
        homes = [(s.after.person if s.was_person is None else s.was_person, s.after.rid) for s in old]
        cursor.execute(CLEAR_MEMBERS, _columns(homes))
    rows = [(person, s.after.rid, s.after.person, why) for s in staged for person, why in s.others]
    if rows:
        cursor.execute(SET_MEMBERS, _columns(rows))


def _entry(staged: Staged) -> index.Entry:
    after, before = staged.after, staged.before
    return index.Entry(
        person=after.person,
        rid=after.rid,
        before=before.again().resource if before is not None and not before.is_deleted else None,
        after=None if after.is_deleted else after.again().resource,
        was_person=staged.was_person,
        is_current=staged.was_indexed,
    )


def _columns(rows: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
