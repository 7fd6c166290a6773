"""How projectors read the record: all there is, whoever writes. What they make of it is judged when it is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from careloop.projections.facts import tells_the_same
from careloop.store import Change, Stored, Unit
from careloop.store.keys import number_of
from careloop.store.stored import COLUMNS

CURRENT = f"""
select {COLUMNS} from heads h join ids i on i.rid = h.rid
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.state = 1 and h.type = any(%s::integer[])
"""


def of_people(unit: Unit, people: Collection[int], types: Sequence[str]) -> list[Stored]:
    """All live resources of these types at these people's homes, oldest first."""
    rows = unit.cursor().execute(
        CURRENT + " and h.person = any(%s::bigint[]) order by h.rid", [_numbers(types), sorted(people)]
    )
    return [Stored.of_row(row) for row in rows.fetchall()]


def by_rid(unit: Unit, rids: Collection[int], types: Sequence[str]) -> dict[int, Stored]:
    if not rids:
        return {}
    rows = unit.cursor().execute(CURRENT + " and i.rid = any(%s::bigint[])", [_numbers(types), sorted(rids)])
    return {stored.rid: stored for stored in (Stored.of_row(row) for row in rows.fetchall())}


def every(unit: Unit, types: Sequence[str], batch: int = 1_000) -> Iterator[list[Stored]]:
    """All live resources of these types in batches, by home and key."""
    yield from every_in(unit.cursor(), types, batch)


def every_in(cursor: Any, types: Sequence[str], batch: int = 1_000) -> Iterator[list[Stored]]:
    """The same for a migration, which has no unit."""
    after = CURRENT + " and (h.person, h.rid) > (%s::bigint, %s::bigint) order by h.person, h.rid limit %s"
    person, rid = -1, -1
    while True:
        cursor.execute(after, [_numbers(types), person, rid, batch])
        rows: list[Any] = cursor.fetchall()
        if not rows:
            return
        found = [Stored.of_row(row) for row in rows]
        person, rid = found[-1].person, found[-1].rid
        yield found


def latest(changes: Sequence[Change], types: Collection[str]) -> dict[int, Change]:
    """The last change of each resource of these types, by rid."""
    return {change.stored.rid: change for change in changes if change.stored.type in types}


def homes(changes: Sequence[Change], types: Collection[str]) -> set[int]:
    """Whose record changed, before and after, for these types; nobody's is left out."""
    touched = {
        stored.person
        for change in changes
        if change.stored.type in types
        for stored in (change.before, change.after)
        if stored is not None
    }
    return touched - {0}


def moved(changes: Sequence[Change], types: Collection[str]) -> set[int]:
    """As `homes`, but for new versions of a Patient that tell access and the clock what the one before told."""
    return homes([change for change in changes if not _stays(change)], types)


def _stays(change: Change) -> bool:
    before, after = change.before, change.after
    if before is None or after is None or after.type != "Patient" or before.person != after.person:
        return False
    return tells_the_same(before.resource, after.resource)


def _numbers(types: Sequence[str]) -> list[int]:
    return [number_of(name) for name in types]
