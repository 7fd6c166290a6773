"""The second wall: what PostgreSQL itself keeps back when a query of ours forgets its condition."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import django.db
import pytest

from careloop import store
from careloop.access import Actor, Everyone, Scope
from careloop.store import grants, wall
from careloop.store.grants import Grant, Kind
from tests.conftest import owner_connection
from tests.store.world import World, limited_to, make_world

COUNT = "select count(*) from versions where person = %s"


@pytest.fixture
def world(record: None, scope: Scope, now: datetime) -> World:
    """The sites are 10 and 11, the leads 30 and 31."""
    return make_world(scope, now)


def staff(**more: Any) -> Scope:
    actor = Actor(5, "staff", "Ana", roles=frozenset({"coordinator"}), **more)
    return Scope(actor, "page", "coordination")


def reached(scope: Scope, world: World, now: datetime) -> set[int]:
    """Whose bodies a query without any condition finds."""
    with store.open(scope, now=now) as unit:
        found = unit.cursor().execute("select distinct person from versions").fetchall()
    return {person for (person,) in found if person}


def of_site(world: World, *sites: int) -> set[int]:
    return {rid for rid, facts in world.people.items() if facts is not None and facts.site in sites}


def test_a_query_without_a_condition_finds_only_the_people_of_her_sites(world: World, now: datetime) -> None:
    assert reached(staff(sites=frozenset({10})), world, now) == of_site(world, 10)
    led = {rid for rid, facts in world.people.items() if facts is not None and facts.lead == 31}
    assert reached(staff(practitioner_rid=31), world, now) == led
    named = frozenset(list(world.people)[:1])
    assert reached(staff(sites=frozenset({10}), denied=named), world, now) == of_site(world, 10) - named
    assert reached(staff(people=named), world, now) == set(named)
    assert reached(staff(), world, now) == set()


def test_the_same_connection_tells_each_time_who_asks(world: World, scope: Scope, now: datetime) -> None:
    seen = [
        len(reached(asked, world, now))
        for asked in (
            scope,
            staff(),
            scope,
            staff(sites=frozenset({10})),
            staff(sites=frozenset({10})),
            scope,
        )
    ]
    everybody, some = len(world.people), len(of_site(world, 10))
    assert seen == [everybody, 0, everybody, some, some, everybody]


def test_without_a_unit_the_application_sees_nothing(world: World) -> None:
    django.db.connection.close()
    with django.db.connection.cursor() as cursor:
        cursor.execute("select count(*) from versions")
        assert cursor.fetchone() == (0,)
    django.db.connection.close()


def test_when_the_policy_falls_the_wall_stands(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first wall is taken away; the second still keeps back what is not hers."""
    asked = staff(sites=frozenset({10}))
    with limited_to(Everyone(), monkeypatch), store.open(asked, now=now) as unit:
        found = {entry.person for entry in unit.search("Observation", {"_count": "200"}).entries}
    assert found - {0} == of_site(world, 10) & found
    assert found - {0} < set(world.people)


def test_without_the_wall_the_same_question_shows_everybody(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(wall, "of", lambda actor: wall.DOWN)
    asked = staff(sites=frozenset({10}))
    with limited_to(Everyone(), monkeypatch), store.open(asked, now=now) as unit:
        found = {entry.person for entry in unit.search("Observation", {"_count": "200"}).entries}
    assert found - of_site(world, 10) - {0}


def test_a_grant_that_ends_takes_the_wall_with_it(world: World, scope: Scope, now: datetime) -> None:
    person = next(iter(of_site(world, 11)))
    with store.open(scope, now=now) as unit:
        grants.give(unit, Grant(5, Kind.PERSON, person, now, now + timedelta(hours=1), "cover", 1))
    for at, expected in ((now, {person}), (now + timedelta(hours=2), set())):
        with django.db.connection.cursor() as cursor:
            actor = grants.widened(cursor, Actor(5, "staff", "Ana"), at)
        assert reached(Scope(actor, "page", "coordination"), world, at) == expected


def test_what_is_derived_while_she_writes_is_derived_from_everything(
    record: None, scope: Scope, now: datetime
) -> None:
    """The zone of a person at another site follows that site's address, whoever changes it."""
    from careloop.actions.record import begin

    address = [{"postalCode": "77002", "state": "TX"}]
    with begin(scope, now) as unit:
        site = unit.create({"resourceType": "Organization", "name": "South"})
        person = unit.create(
            {"resourceType": "Patient", "managingOrganization": {"reference": site.reference}}
        )
    somebody = staff(sites=frozenset({99}))
    with begin(somebody, now) as unit:
        unit.update({"resourceType": "Organization", "id": site.id, "name": "South", "address": address})
    with owner_connection() as owner:
        found = owner.execute("select zone from people where person = %s", [person.rid]).fetchone()
    assert found == ("America/Chicago",)
