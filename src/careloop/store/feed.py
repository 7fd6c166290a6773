"""The change feed: every version, in the order of commits within a person, nothing skipped.

A position is (generation, xid, pos). A reader stops below the oldest transaction that still runs, so that a commit
which comes late can't land behind a cursor that has passed; no lock is held for that. What a restore brought with it is
of an earlier generation: its transactions have ended, whatever this server counts now.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from careloop.store.connection import keeper
from careloop.store.keys import name_of
from careloop.store.stored import OPS, Op

if TYPE_CHECKING:
    from careloop.store.unit import Unit

CHANNEL: Final = "careloop_feed"
MOST_TRIES: Final = 3

READ: Final = """
select f.generation, f.xid::text::bigint, f.pos, f.person, f.rid, f.type, i.id, f.version, f.op
from feed f join ids i on i.rid = f.rid
where (f.generation, f.xid, f.pos) > (
    coalesce((select generation from cursors where name = %s), 0::smallint),
    coalesce((select xid from cursors where name = %s), '0'::xid8),
    coalesce((select pos from cursors where name = %s), 0))
  and (f.xid < pg_snapshot_xmin(pg_current_snapshot()) or f.generation < (select max(generation) from generations))
order by f.generation, f.xid, f.pos limit %s
"""
ADVANCE: Final = """
insert into cursors(name, generation, xid, pos, at) values (%s, %s, %s::text::xid8, %s, %s)
on conflict (name) do update
set generation = excluded.generation, xid = excluded.xid, pos = excluded.pos, at = excluded.at, tries = 0, error = null
"""
COUNT_TRY: Final = """
insert into cursors(name, generation, xid, pos, at, tries, error) values (%s, 0, '0'::xid8, 0, %s, 1, %s)
on conflict (name) do update set tries = cursors.tries + 1, error = excluded.error returning tries
"""
PARK: Final = """
insert into parked(cursor, generation, xid, pos, person, rid, type, version, op, at, error)
select %s, generation, xid, pos, person, rid, type, version, op, %s, %s from feed
where generation = %s and xid = %s::text::xid8 and pos = %s
on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One version that was committed."""

    generation: int
    xid: int
    pos: int
    person: int
    rid: int
    type: str
    id: str
    version: int
    op: Op

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Parked:
    """An event whose handling failed three times; a person decides what becomes of it."""

    id: int
    cursor: str
    person: int
    reference: str
    version: int
    at: datetime
    error: str


def read(name: str, limit: int = 100) -> list[Event]:
    """What came after the cursor of that name, oldest first. A cursor that was never advanced begins at the
    beginning."""
    rows = keeper().cursor().execute(READ, [name, name, name, limit]).fetchall()
    return [
        Event(generation, xid, pos, person, rid, name_of(kind), id, version, OPS[op - 1])
        for generation, xid, pos, person, rid, kind, id, version, op in rows
    ]


def advance(unit: Unit, name: str, event: Event) -> None:
    """Moves the cursor past this event, in the same commit as what came of it."""
    unit.cursor().execute(ADVANCE, [name, event.generation, event.xid, event.pos, unit.now])


def failed(unit: Unit, name: str, event: Event, error: str) -> bool:
    """Counts a failure; the third parks the event with its person and moves on. Returns whether it was parked.

    error: a sentence without patient data.
    """
    tried = unit.cursor().execute(COUNT_TRY, [name, unit.now, error]).fetchone()
    if tried is None or tried[0] < MOST_TRIES:
        return False
    where = [event.generation, event.xid, event.pos]
    unit.cursor().execute(PARK, [name, unit.now, error, *where])
    advance(unit, name, event)
    return True


def parked(unit: Unit, limit: int = 100) -> list[Parked]:
    """Open ones, oldest first."""
    rows = (
        unit.cursor()
        .execute(
            "select p.id, p.cursor, p.person, p.type, i.id, p.version, p.at, p.error from parked p "
            "join ids i on i.rid = p.rid where p.resolved_at is null order by p.at, p.id limit %s",
            [limit],
        )
        .fetchall()
    )
    unit.saw({row[2] for row in rows}, "parked events")
    return [Parked(r[0], r[1], r[2], f"{name_of(r[3])}/{r[4]}", r[5], r[6], r[7]) for r in rows]


def resolve(unit: Unit, parked_id: int) -> None:
    unit.cursor().execute("update parked set resolved_at = %s where id = %s", [unit.now, parked_id])


def lag(name: str, most: int = 1_000) -> int:
    """How many committed events wait behind the cursor; counting stops at `most`."""
    return len(read(name, most))


def wait_until_settled(seconds: float = 30.0, pause: Callable[[float], None] = time.sleep) -> bool:
    """Until everything committed so far can be read: other databases of the same server hold the horizon too."""
    cursor: Any = keeper().cursor()
    row = cursor.execute(
        "select coalesce(max(xid::text::bigint), 0) from feed"
        " where generation = (select max(generation) from generations)"
    ).fetchone()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        cursor.execute("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint > %s", [row[0]])
        if cursor.fetchone()[0]:
            return True
        pause(0.005)
    return False
