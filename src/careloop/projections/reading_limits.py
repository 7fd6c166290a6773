"""Limits for readings that somebody set for one person; whoever has none of her own has those of the content."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from careloop import library
from careloop.care.reading_limits import OPEN_END, Limits, default_limits, limits_in
from careloop.library import Kind
from careloop.projections import sources
from careloop.store import Change, Stored, Unit

COLUMNS: Final = "person, kind, request, low, high, second_low, second_high, since, until"
INSERT: Final = f"insert into reading_limits({COLUMNS}) values ({', '.join(['%s'] * 9)})"
HELD: Final = """
select distinct on (l.person) l.person, l.low, l.high, l.second_low, l.second_high, l.since, l.until, l.request
from reading_limits l where l.person = any(%s::bigint[]) and l.kind = %s and l.since <= %s and l.until > %s
order by l.person, l.since desc, l.request desc
"""


def limits_for(
    unit: Unit, people: Collection[int], kind: Kind, *, words: bool = False
) -> dict[int, Limits | None]:
    """What holds for each of these people at unit.now: her own, else the default of the kind (None without one).

    For deciding; a page that shows them asks for who set them and why (words=True), which reads the ServiceRequests:
    to a reader who may not see hers those of everybody are shown.
    """
    unit.flush()
    default = default_limits(kind)
    found: dict[int, Limits | None] = dict.fromkeys(people, default)
    rows = unit.cursor().execute(HELD, [sorted(people), kind.id, unit.now, unit.now]).fetchall()
    for person, low, high, second_low, second_high, since, until, request in rows:
        found[person] = Limits(
            kind.id,
            low,
            high,
            second_low,
            second_high,
            since,
            None if until >= OPEN_END else until,
            request=str(request),
        )
    return _in_words(unit, found, kind, default) if words else found


def set_limits_of(unit: Unit, person: int, kinds: Collection[str]) -> list[int]:
    """rids of the ServiceRequests by which limits of these kinds hold for her now; whoever may see them."""
    rows = unit.cursor().execute(
        "select distinct l.request from reading_limits l where l.person = %s and l.kind = any(%s::text[])"
        " and l.since <= %s and l.until > %s order by 1",
        [person, sorted(kinds), unit.now, unit.now],
    )
    return [request for (request,) in rows.fetchall()]


def _in_words(
    unit: Unit, found: dict[int, Limits | None], kind: Kind, default: Limits | None
) -> dict[int, Limits | None]:
    named = {
        person: unit.reference_of(int(each.request))
        for person, each in found.items()
        if each and each.request
    }
    held = unit.get(named.values())
    for person, reference in named.items():
        stored = held.get(reference)
        found[person] = (limits_in(stored.resource, {kind.id: kind}) or found[person]) if stored else default
    return found


class ReadingLimits:
    """The projector."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        told = sources.latest(changes, ("ServiceRequest",))
        if not told:
            return
        unit.cursor().execute("delete from reading_limits where request = any(%s::bigint[])", [list(told)])
        keep(unit.cursor(), [change.after for change in told.values() if change.after])

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from reading_limits")
        fill(unit.cursor(), sources.every(unit, ("ServiceRequest",)))


def fill(cursor: Any, batches: Iterable[Sequence[Stored]]) -> None:
    for batch in batches:
        keep(cursor, batch)


def keep(cursor: Any, found: Iterable[Stored]) -> None:
    kinds: Mapping[str, Kind] = library.load().readings
    rows = [
        (
            *(s.person, limits.kind, s.rid, limits.low, limits.high, limits.second_low, limits.second_high),
            *(limits.since or s.at, limits.until or OPEN_END),
        )
        for s in found
        if s.person and not s.is_deleted and (limits := limits_in(s.resource, kinds)) is not None
    ]
    if rows:
        cursor.executemany(INSERT, rows)
