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
    PERSONAL,
    Actor,
    All,
    AnyOf,
    Condition,
    Decision,
    Everyone,
    LabelsAllowed,
    LeadIs,
    NoOne,
    Not,
    NotLabeled,
    PersonIn,
    ProgramIn,
    Scope,
    SiteIn,
    TeamIn,
    is_of_anybody,
    labels,
    purposes,
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


@dataclass(frozen=True)
class Said:
    """What a consent of the person at that place says; days: from when to when, counted from the test's now."""

    person: int
    grantee: int
    permits: int = 0
    denies: int = 0
    days: tuple[int, int] = (-10, 10)
    purposes: int = 0
    consent: int = 0


CONSENTS = (
    Said(0, 70, permits=labels.PART2),
    Said(1, 70, permits=labels.PART2 | labels.SUBSTANCE, days=(-20, -1)),  # it has ended
    Said(2, 71, denies=labels.SUBSTANCE),
    Said(3, 0, denies=labels.WHOLE, days=(-5, 5)),
    Said(4, 71, denies=labels.WHOLE),
    Said(0, 71, permits=labels.SUBSTANCE, days=(3, 9)),  # it has not begun
    Said(1, 71, permits=labels.PART2, purposes=purposes.RESEARCH),  # for something else
    Said(5, 0, denies=labels.WHOLE, consent=9),
    Said(5, 70, permits=labels.WHOLE, consent=9),  # all but them
    Said(5, 71, permits=labels.WHOLE),  # another consent: the denial wins
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
    consents: dict[int, list[Said]] = field(default_factory=dict)

    def newest(self, reference: str) -> int:
        return 2 if reference in (self.deleted, self.moved) else 1

    def shows(self, condition: Condition, reference: str) -> bool:
        person, bits = self.rows[reference]
        if person == 0 and reference.split("/")[0] in PERSONAL and not is_of_anybody(condition):
            return False  # always about somebody, and nobody knows about whom
        return self._passes(condition, person, bits)

    def _passes(self, condition: Condition, person: int, bits: int) -> bool:
        match condition:
            case LabelsAllowed():
                return self.may_know(condition, person, bits)
            case All(parts) if _looks_at_labels(condition):
                return all(self._passes(part, person, bits) for part in parts)
            case AnyOf(parts) if _looks_at_labels(condition):
                return any(self._passes(part, person, bits) for part in parts)
        if person == 0:
            return not isinstance(condition, NoOne) and of_nobody(condition, bits) is not False
        facts = self.people[person]
        return isinstance(condition, Everyone) or (
            facts is not None and holds(condition, person, facts, bits)
        )

    def opens(self, condition: Condition, person: int) -> bool:
        """Whether her record may be opened at all: by the labels of her own row."""
        known = self.people[person]
        match condition:
            case LabelsAllowed():
                is_limited = any(said.denies for said in self.consents.get(person, ()))
                bits = (known.labels if known else 0) | (labels.RESTRICTED if is_limited else 0)
                return known is None or self.may_know(condition, person, bits)
            case All(parts) if _looks_at_labels(condition):
                return all(self.opens(part, person) for part in parts)
            case AnyOf(parts) if _looks_at_labels(condition):
                return any(self.opens(part, person) for part in parts)
        facts = self.people[person]
        return isinstance(condition, Everyone) or (facts is not None and holds(condition, person, facts, 0))

    def may_know(self, said: LabelsAllowed, person: int, bits: int) -> bool:
        if bits == 0 or person in said.part2_emergencies:
            return True
        if person in said.emergencies and not bits & (labels.PART2 | labels.UNKNOWN):
            return True
        permits = 0
        for consent in self._in_force(said, person):
            if not consent.purposes or consent.purposes & said.purposes:
                permits |= consent.permits
        is_hidden = bits & labels.SENSITIVE & ~said.base & ~permits
        return not is_hidden and not self._denied(said, person) & (bits | labels.WHOLE)

    def _denied(self, said: LabelsAllowed, person: int) -> int:
        denied = 0
        in_force = self._in_force(said, person)
        for consent in in_force:
            excepted = 0
            for other in in_force:
                is_for_it = not other.purposes or other.purposes & said.purposes
                if consent.grantee == 0 and other.grantee != 0 and other.consent == consent.consent != 0:
                    excepted |= other.permits if is_for_it else 0
            denied |= consent.denies & ~excepted
        return denied

    def _in_force(self, said: LabelsAllowed, person: int) -> list[Said]:
        named = {0, *said.grantees}
        told = self.consents.get(person, [])
        return [c for c in told if c.grantee in named and c.days[0] <= 0 < c.days[1]]


def _looks_at_labels(condition: Condition) -> bool:
    match condition:
        case LabelsAllowed():
            return True
        case All(parts) | AnyOf(parts):
            return any(map(_looks_at_labels, parts))
    return False


def holds(condition: Condition, person: int, facts: Facts, bits: int) -> bool:
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
            return (facts.labels | bits) & wanted == 0
        case Not(inner):
            return not holds(inner, person, facts, bits)
        case All(parts):
            return all(holds(part, person, facts, bits) for part in parts)
        case AnyOf(parts):
            return any(holds(part, person, facts, bits) for part in parts)


def of_nobody(condition: Condition, bits: int) -> bool | None:
    """None: it says nothing of what belongs to nobody, which then passes."""
    match condition:
        case NotLabeled(wanted):
            return bits & wanted == 0
        case Not(inner):
            said = of_nobody(inner, bits)
            return None if said is None else not said
        case All(parts):
            told = [x for part in parts if (x := of_nobody(part, bits)) is not None]
            return all(told) if told else None
        case AnyOf(parts):
            said_all = [of_nobody(part, bits) for part in parts]
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
        say_consents(owner, list(world.people), world, now)
        rows = owner.execute("select i.id, h.person, h.labels from heads h join ids i on i.rid = h.rid")
        known = {id: (person, bits) for id, person, bits in rows.fetchall()}
    everybody = pytest.MonkeyPatch()
    with limited_to(Everyone(), everybody), store.open(scope, now=now) as unit:
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


def say_consents(owner: Any, people: list[int], world: World, now: datetime) -> None:
    """As the projections would: a person who denies something carries RESTRICTED, and so does each of her rows."""
    for at, said in enumerate(CONSENTS):
        rid = people[said.person]
        world.consents.setdefault(rid, []).append(said)
        since, until = (now + timedelta(days=n) for n in said.days)
        owner.execute(
            "insert into consented(person, consent, grantee, n, permits, denies, purposes, since, until)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                rid,
                said.consent or 900 + at,
                said.grantee,
                at,
                said.permits,
                said.denies,
                said.purposes,
                since,
                until,
            ],
        )
        if said.denies:
            for table in ("heads", "people"):
                owner.execute(
                    f"update {table} set labels = labels | %s where person = %s", [labels.RESTRICTED, rid]
                )
