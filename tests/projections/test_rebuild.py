"""What the projections remember is what a rebuild would make, whatever happened in whatever order."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.care.work import WorkClass
from tests.projections import builders as b

OTHER_SITE = b.organization("queens", "Queens Clinic", "NY", "11101")


@pytest.fixture
def system() -> Scope:
    return Scope(system_actor("rebuild"), "command", "maintenance")


def rebuilt(system: Scope, now: datetime) -> dict[str, list[tuple[Any, ...]]]:
    with store.open(system, now=now) as unit:
        for projector in projections.ALL:
            projector.rebuild(unit)
    return b.remembered()


def test_a_rebuild_of_the_demo_community_gives_the_same_rows(
    record: None, system: Scope, now: datetime
) -> None:
    from careloop.server.demo.load import load

    demo = Scope(system_actor("demo"), "command", "maintenance")
    load(
        lambda: store.open(demo, now=now, projectors=projections.ALL),
        25,
        7,
        today=now.date(),
        now=now,
        is_quiet=True,
    )
    before = b.remembered()
    assert len(before["people"]) == 25
    assert len(before["work"]) > 30
    assert len(before["story"]) > 200
    assert rebuilt(system, now) == before


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_changes_ends_where_a_rebuild_ends(
    record: None, system: Scope, now: datetime, seed: int
) -> None:
    dice = random.Random(seed)
    for step in range(12):
        with store.open(system, now=now + timedelta(minutes=step), projectors=projections.ALL) as unit:
            for change in dice.sample(possible(dice, now), k=dice.randint(1, 4)):
                if change[0] == "delete":
                    if unit.find(change[1], change[2]):
                        unit.delete(change[1], change[2])
                else:
                    unit.update(change[1], create=True)
    before = b.remembered()
    assert rebuilt(system, now) == before


def possible(dice: random.Random, now: datetime) -> list[tuple[Any, ...]]:
    """Everything that may happen next; the same things again and again, changed or taken back."""
    person, site = dice.choice(["maria", "walter"]), dice.choice(["bayview", "queens", None])
    klass = dice.choice(list(WorkClass))
    due = dice.choice([None, now + timedelta(hours=dice.randint(-50, 400))])
    waiting = dice.choice([None, "CareFirst"])
    task = b.task(
        f"t{dice.randint(1, 3)}", dice.choice([person, None]), now, klass=klass, due=due, waiting_on=waiting
    )
    task["status"] = dice.choice(["accepted", "requested", "completed", "cancelled"])
    return [
        ("put", b.patient(person, "Maria", "Duarte", site, dice.choice(["77011", "90033", ""]))),
        ("put", task),
        ("put", b.team(f"team-{person}", person, dice.choice(["ana", "ben"]))),
        ("put", b.episode(f"e-{person}", person, dice.choice(["active", "finished", "onhold", "planned"]))),
        ("put", b.contact(f"c-{person}", person, now, dice.choice(["reached", "no-answer"]))),
        (
            "put",
            dice.choice(
                [
                    b.organization("bayview", "Bayview"),
                    OTHER_SITE,
                    b.organization("bayview", "B", "CA", "90033"),
                ]
            ),
        ),
        ("put", b.practitioner("ana", dice.choice(["Ana", "Anna"]), "Reyes")),
        ("delete", "Task", f"t{dice.randint(1, 3)}"),
        ("delete", "CareTeam", f"team-{person}"),
        ("delete", "Patient", person),
        ("delete", "Encounter", f"c-{person}"),
    ]


def test_a_projection_left_out_is_found_by_the_comparison(record: None, system: Scope, now: datetime) -> None:
    """The negative control: without the worklist's projector the same comparison goes red."""
    some = tuple(p for p in projections.ALL if type(p).__name__ != "Worklist")
    with store.open(system, now=now, projectors=some) as unit:
        unit.create_named(b.patient("maria", "Maria", "Duarte"))
        unit.create_named(b.task("t1", "maria", now))
    before = b.remembered()
    assert rebuilt(system, now) != before
