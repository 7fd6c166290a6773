"""A small world for tests of access: people with every mixture of facts, and a judge, written in Python, of who may see
what. It knows nothing of the SQL that it is held against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop import store
from careloop.access import (
    Actor,
    All,
    AnyOf,
    Condition,
    Decision,
    Everyone,
    LeadIs,
    NoOne,
    Not,
    NotLabeled,
    PersonIn,
    ProgramIn,
    Scope,
    SiteIn,
    TeamIn,
)
from careloop.store import sight
from tests.conftest import owner_connection
from tests.store.people import maria, reading

STRANGER = Scope(Actor(principal=9, kind="client", name="Limited"), "fhir", "coordination")


@dataclass(frozen=True)
class Facts:
    """What is known of a person. The numbers mean nothing; a person without facts has no row in `people`."""

    site: int | None = None
    team: int | None = None
    lead: int | None = None
    labels: int = 0
    programs: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


PEOPLE = (
    Facts(site=10, lead=30, programs=frozenset({"transitions"})),
    Facts(site=10, team=20, labels=1),
    Facts(site=11, team=20, lead=31, left=frozenset({"transitions"})),
    Facts(site=11, lead=30, labels=2, programs=frozenset({"housing", "transitions"})),
    Facts(team=21),
    Facts(),
    None,  # a Patient whom the projections do not know
)


@dataclass
class World:
    """people: rid -> facts. rows: reference -> (person, label bits of the row). moved: from the third person to the
    first. deleted, moved: the only ones at version 2."""

    people: dict[int, Facts | None] = field(default_factory=dict)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    deleted: str = ""
    moved: str = ""
    moved_from: int = 0

    def newest(self, reference: str) -> int:
        return 2 if reference in (self.deleted, self.moved) else 1

    def shows(self, condition: Condition, reference: str) -> bool:
        person, labels = self.rows[reference]
        if person == 0:
            return not isinstance(condition, NoOne) and of_nobody(condition, labels) is not False
        facts = self.people[person]
        return isinstance(condition, Everyone) or (
            facts is not None and holds(condition, person, facts, labels)
        )


def holds(condition: Condition, person: int, facts: Facts, labels: int) -> bool:
    match condition:
        case Everyone():
            return True
        case NoOne():
            return False
        case SiteIn(sites):
            return facts.site in sites
        case TeamIn(teams):
            return facts.team in teams
        case LeadIs(lead):
            return facts.lead == lead
        case PersonIn(people):
            return person in people
        case ProgramIn(programs):
            return bool(facts.programs & programs)
        case NotLabeled(wanted):
            return (facts.labels | labels) & wanted == 0
        case Not(inner):
            return not holds(inner, person, facts, labels)
        case All(parts):
            return all(holds(part, person, facts, labels) for part in parts)
        case AnyOf(parts):
            return any(holds(part, person, facts, labels) for part in parts)


def of_nobody(condition: Condition, labels: int) -> bool | None:
    """None: it says nothing of what belongs to nobody, which then passes."""
    match condition:
        case NotLabeled(wanted):
            return labels & wanted == 0
        case Not(inner):
            said = of_nobody(inner, labels)
            return None if said is None else not said
        case All(parts):
            told = [x for part in parts if (x := of_nobody(part, labels)) is not None]
            return all(told) if told else None
        case AnyOf(parts):
            said_all = [of_nobody(part, labels) for part in parts]
            return None if None in said_all or not parts else any(said_all)
    return None


@contextmanager
def limited_to(condition: Condition, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The policy says: for these people's rows."""
    with patch.context() as now_only:
        now_only.setattr(sight, "decide", lambda *asked: Decision(True, "for this test", condition))
        yield


# --- the world


def make_world(scope: Scope, now: datetime) -> World:
    world = World()
    made: list[tuple[str, str]] = []
    with store.open(scope, now=now) as unit:
        homes = [unit.create(maria() | {"id": f"p{at}"}, id=f"p{at}").reference for at in range(len(PEOPLE))]
        for at, home in enumerate(homes):
            for n in range(3):
                body = {**reading(home), "effectiveDateTime": f"2026-0{1 + (at + n) % 4}-0{1 + n}"}
                made.append((unit.create(body).reference, home))
        for name in ("North", "South", "East"):
            unit.create({"resourceType": "Organization", "name": name})
        for _ in range(2):
            unit.create({k: v for k, v in reading("").items() if k != "subject"})
        world.deleted, world.moved = made[0][0], made[6][0]
    with store.open(scope, now=now + timedelta(hours=1)) as unit:
        unit.delete(*world.deleted.split("/"))
        moved = unit.read(*world.moved.split("/")).resource
        unit.update({**moved, "subject": {"reference": homes[0]}})
    with owner_connection() as owner:
        owner.execute("update heads set labels = (rid %% 4) * (rid %% 3 = 0)::int", ())
        for home, facts in zip(homes, PEOPLE, strict=True):
            (rid,) = owner.execute("select rid from ids where id = %s", [home.split("/")[1]]).fetchone() or (
                0,
            )
            world.people[rid] = facts
            keep(owner, rid, facts)
        rows = owner.execute("select i.id, h.person, h.labels from heads h join ids i on i.rid = h.rid")
        known = {id: (person, labels) for id, person, labels in rows.fetchall()}
    with store.open(scope, now=now) as unit:
        for kind in ("Patient", "Observation", "Organization"):
            for entry in unit.search(kind, {"_count": "200"}).entries:
                world.rows[entry.reference] = known[entry.id]
    world.rows[world.deleted] = known[world.deleted.split("/")[1]]
    world.moved_from = next(rid for rid, facts in world.people.items() if facts is PEOPLE[2])
    return world


def keep(owner: Any, rid: int, facts: Facts | None) -> None:
    if facts is None:
        return
    owner.execute(
        "insert into people(person, site, team, lead, labels) values (%s, %s, %s, %s, %s)",
        [rid, facts.site, facts.team, facts.lead, facts.labels],
    )
    for program in facts.programs:
        owner.execute("insert into enrolled(person, program, since) values (%s, %s, now())", [rid, program])
    for program in facts.left:
        owner.execute(
            "insert into enrolled(person, program, since, until) values (%s, %s, now(), now())",
            [rid, program],
        )
