"""What is given to somebody by name and for a time: a colleague's caseload to cover, one person's record, an emergency.
And whom somebody may never see. Read anew for every request, so that a grant that ends has ended.

A grant is never changed but for its end; what was said when it was given stays with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from careloop.access import Actor

if TYPE_CHECKING:
    from careloop.store.unit import Unit


class Kind(IntEnum):
    """value: the rid of a Patient, Organization, Practitioner or CareTeam."""

    PERSON = 1
    SITE = 2
    LEAD = 4
    TEAM = 5
    EMERGENCY = 6
    PART2_EMERGENCY = 7


@dataclass(frozen=True, repr=False)
class Grant:
    """principal: to whom. told: what was said, by name of the field."""

    principal: int
    kind: Kind
    value: int
    since: datetime
    until: datetime | None
    why: str
    given_by: int
    told: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Grant({self.kind.name} {self.principal} {self.value})"


_IN_FORCE: Final = "since <= %s and (until is null or until > %s)"
_COLUMNS: Final = "principal, kind, value, since, until, why, given_by, told"


def widened(cursor: Any, actor: Actor, now: datetime) -> Actor:
    """The actor with what is given to her at this moment, and without whom she may never see. cursor: Django's or a
    plain one."""
    cursor.execute(
        f"select kind, value from grants where principal = %s and {_IN_FORCE}"
        " union all select 0, person from denies where principal = %s",
        [actor.principal, now, now, actor.principal],
    )
    rows = cursor.fetchall()
    if not rows:
        return actor
    of: dict[int, set[int]] = {}
    for kind, value in rows:
        of.setdefault(kind, set()).add(value)
    return replace(
        actor,
        people=actor.people | of.get(Kind.PERSON, set()),
        sites=actor.sites | of.get(Kind.SITE, set()),
        teams=actor.teams | of.get(Kind.TEAM, set()),
        covered=actor.covered | of.get(Kind.LEAD, set()),
        emergencies=actor.emergencies | of.get(Kind.EMERGENCY, set()),
        part2_emergencies=actor.part2_emergencies | of.get(Kind.PART2_EMERGENCY, set()),
        denied=actor.denied | of.get(0, set()),
    )


def give(unit: Unit, grant: Grant) -> None:
    """The same again from the same moment on changes nothing."""
    unit.cursor().execute(
        f"insert into grants({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s::jsonb) on conflict do nothing",
        [
            *(grant.principal, int(grant.kind), grant.value, grant.since, grant.until, grant.why),
            *(grant.given_by, json.dumps(dict(grant.told))),
        ],
    )


def end(unit: Unit, principal: int, kinds: Iterable[Kind], value: int) -> int:
    """Ends those in force, or to come, now. Returns how many."""
    return int(
        unit.cursor()
        .execute(
            "update grants set until = greatest(since, %s) where principal = %s and kind = any(%s::smallint[])"
            " and value = %s and (until is null or until > %s)",
            [unit.now, principal, [int(kind) for kind in kinds], value, unit.now],
        )
        .rowcount
    )


def deny(unit: Unit, principal: int, person: int, why: str) -> None:
    unit.cursor().execute(
        "insert into denies(principal, person, given_by, why, since) values (%s, %s, %s, %s, %s)"
        " on conflict (principal, person) do update set why = excluded.why",
        [principal, person, unit.scope.actor.principal, why, unit.now],
    )


def allow(unit: Unit, principal: int, person: int) -> None:
    unit.cursor().execute("delete from denies where principal = %s and person = %s", [principal, person])


def denied_to(unit: Unit, person: int) -> frozenset[int]:
    rows = unit.cursor().execute("select principal from denies where person = %s", [person])
    return frozenset(row[0] for row in rows.fetchall())


def on(unit: Unit, kinds: Sequence[Kind], values: Iterable[int]) -> list[Grant]:
    """Those in force or to come, newest first."""
    return _read(
        unit,
        "kind = any(%s::smallint[]) and value = any(%s::bigint[]) and (until is null or until > %s)",
        [[int(kind) for kind in kinds], sorted(values), unit.now],
    )


def held_by(unit: Unit, principals: Iterable[int]) -> list[Grant]:
    """Those in force or to come, newest first."""
    return _read(
        unit,
        "principal = any(%s::integer[]) and (until is null or until > %s)",
        [sorted(principals), unit.now],
    )


def covers(unit: Unit, among: Iterable[int]) -> list[Grant]:
    """Of all caseloads of these Practitioners, by whom they are covered now or later."""
    return on(unit, [Kind.LEAD], among)


def led_by(unit: Unit, principal: int, after: datetime) -> list[Grant]:
    """Caseloads that were hers for some time after this moment, are, or will be; not those ended before they began."""
    return _read(
        unit,
        "principal = %s and kind = %s and (until is null or (until > since and until > least(%s, %s)))",
        [principal, int(Kind.LEAD), after, unit.now],
    )


def _read(unit: Unit, which: str, given: list[Any]) -> list[Grant]:
    rows = unit.cursor().execute(
        f"select {_COLUMNS}::text from grants where {which} order by since desc, value", given
    )
    return [
        Grant(row[0], Kind(row[1]), row[2], row[3], row[4], row[5], row[6], json.loads(row[7]))
        for row in rows.fetchall()
    ]
