"""Whom a protocol may have something to say of, asked of the record in one statement a slice of people.

Whom it leaves out must not be told apart by what the reader may not see: each look is at what she may.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from careloop.projections import readings, scores
from careloop.projections.by_type import seen_behind, seen_heads, seen_lines, seen_of_type
from careloop.projections.signals import FAR, MISSED, VISIT
from careloop.store import Unit
from careloop.store.keys import number_of

# How many are looked at in one statement, however few of them fit: none may take as long as there are people.
MOST_LOOKED_AT: Final = 5_000
# Asked of each person in turn, by indexes that begin with the person, of what the reader may see. {may}: of that.
# `exists` would be the planner's to turn into a walk through everybody's readings, at each step anew.
NARROW: Final = {
    "reading": "(select true from readings r where r.person = p.person and r.kind = any(%s::text[]) and r.at >= %s"
    " and {may} limit 1)",
    "score": "(select true from scores s where s.person = p.person and s.instrument = any(%s::text[])"
    " and {may} limit 1)",
    "enrolled": "(select true from enrolled e where e.person = p.person and e.until is null and {may} limit 1)",
    "program": "(select true from enrolled e where e.person = p.person and e.until is null"
    " and e.program = any(%s::text[]) and {may} limit 1)",
    "missed": "(select true from story s where s.person = p.person and s.key = %s and s.title = %s and s.at >= %s"
    " and {may} limit 1)",
    "late": "(select true from work w where w.person = p.person and w.is_open and w.due < %s and {may} limit 1)",
    "heads": "(select true from heads h where h.person = p.person and h.type = any(%s::integer[]) and h.state = 1"
    " and {may} limit 1)",
}


def population(
    unit: Unit, narrowed: tuple[str, Sequence[str]], since: datetime, after: int, limit: int
) -> tuple[list[int], int | None]:
    """The next people, by key, of whom a protocol may have something to say; and after whom to go on, None at the end
    (nobody may be found before it). narrowed: what each of them must have:
    ("reading", kinds), ("score", instruments), ("moment", names), ("program", codes); ("", ()) for everybody.
    since: readings and visits from then on."""
    kind, names = narrowed
    query, given = _narrow(unit, kind, names, since)
    said, allowed = unit.people_sql(unit.condition("Patient", "search"), "p.person", labels="p.labels")
    among = f"({query}) and" if query else ""
    rows = unit.cursor().execute(
        "select p.person from (select * from people where person > %s order by person limit %s) p"
        f" where {among} p.merged_into is null and {said} order by p.person limit %s",
        [after, MOST_LOOKED_AT, *given, *allowed, limit],
    )
    people = [person for (person,) in rows.fetchall()]
    if len(people) == limit:
        return people, people[-1]
    last = unit.cursor().execute(LAST, [after, MOST_LOOKED_AT - 1]).fetchone()
    return people, last[0] if last else None


LAST: Final = "select person from people where person > %s order by person offset %s limit 1"


def _narrow(unit: Unit, kind: str, names: Sequence[str], since: datetime) -> tuple[str, list[Any]]:
    match kind:
        case "reading":
            may, given = readings.visible(unit)
            return NARROW[kind].format(may=may), [list(names), since, *given]
        case "score":
            may, given = seen_behind(unit, scores.TYPES, "s.person", "s.response")
            return NARROW[kind].format(may=may), [list(names), *given]
        case "program":
            may, given = seen_behind(unit, ("EpisodeOfCare",), "e.person", "e.rid")
            return NARROW[kind].format(may=may), [list(names), *given]
        case "moment":
            return _narrow_moment(unit, names, since)
    return "", []


def _narrow_moment(unit: Unit, names: Sequence[str], since: datetime) -> tuple[str, list[Any]]:
    """ "" for everybody, where one of the moments is in no table of its own."""
    parts = [_of_moment(unit, name, since) for name in names]
    if any(part is None for part in parts):
        return "", []
    found = [part for part in parts if part is not None]
    return " or ".join(text for text, _ in found), [value for _, given in found for value in given]


def _of_moment(unit: Unit, name: str, since: datetime) -> tuple[str, list[Any]] | None:
    match name:
        case "enrolled":
            may, given = seen_behind(unit, ("EpisodeOfCare",), "e.person", "e.rid")
            return NARROW["enrolled"].format(may=may), given
        case "missed-visit":
            may, given = seen_lines(unit, ("Appointment",))
            return NARROW["missed"].format(may=may), [VISIT, MISSED, since, *given]
        case "late-work":
            may, given = seen_of_type(unit, "Task", "w")
            return NARROW["late"].format(may=may), [unit.now + FAR, *given]
        case "open-referral" | "medicine-run-out":
            types = ("ServiceRequest",) if name == "open-referral" else ("MedicationDispense",)
            may, given = seen_heads(unit, types)
            return NARROW["heads"].format(may=may), [[number_of(name) for name in types], *given]
    return None
