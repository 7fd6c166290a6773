"""Odd access reaches the privacy officer; care given to the person makes no noise."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from careloop import library, projections, store
from careloop.access import Actor, Scope
from careloop.accounts.models import User
from careloop.actions import judge_access
from careloop.actions.note_event import note
from careloop.care.odd_access import Day, Known, Look, Relation, known_of, odd, odd_day
from careloop.kernel.errors import NotFound
from careloop.store import audit
from tests.projections import builders as b
from tests.projections.ward import HOUSE, Ward
from tests.store.rows import rows

CONTENT = library.load()
RULE = CONTENT.rule("odd-access", date(2026, 11, 23))
TODAY = date(2026, 11, 23)


class House(Ward):
    """Ana leads Maria at Bayview; Ben works there too."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.users = {
            who: User.objects.create_user(
                f"{who}@example.org",
                "a quiet Monday morning",
                name,
                roles=["coordinator"],
                sites=["bayview"],
                practitioner=who,
                zone="America/Chicago",
            )
            for who, name in (("ana", "Ana Reyes"), ("ben", "Ben Osei"))
        }

    def who(self, who: str) -> Actor:
        return Actor(
            principal=self.users[who].principal_id,
            kind="staff",
            name=self.users[who].name,
            roles=frozenset({"coordinator"}),
            sites=frozenset({self.site}),
            practitioner_rid=self.ana if who == "ana" else self.ben,
        )

    def looks(self, who: str, person: str, at: datetime | None = None) -> None:
        with store.open(Scope(self.who(who), "page", "coordination"), now=at or self.now) as unit:
            unit.read("Patient", person)

    def judge(self, at: datetime | None = None) -> list[tuple[str, list[str]]]:
        """(who, reasons) of every alert."""
        with transaction.atomic(), connection.cursor() as cursor:
            audit.digest_people(cursor)
        judge_access.run(at or self.now, CONTENT)
        names = {user.principal_id: who for who, user in self.users.items()}
        found = rows("select principal, told from alerts order by id")
        return [(names[principal], [code for code, _ in told]) for principal, told in found]

    def has_all(self, *resources: dict[str, Any]) -> None:
        with store.open(HOUSE, now=self.now, projectors=projections.ALL) as unit:
            for one in resources:
                unit.update(one, create=True)


@pytest.fixture
def house(record: None, now: datetime) -> House:
    return House(now)


def test_somebody_of_the_same_name_is_looked_at(house: House) -> None:
    house.has_all(b.patient("kwame", "Kwame", "Óseí"))
    house.looks("ben", "kwame")
    house.looks("ben", "maria")
    assert house.judge() == [("ben", ["same-surname"])]


def test_whoever_leads_her_may_have_her_name(house: House) -> None:
    """The control against false alarms: a treatment relation is quiet."""
    house.has_all(b.patient("rosa", "Rosa", "Reyes"), b.team("team-rosa", "rosa", "ana"))
    house.looks("ana", "rosa")
    house.looks("ana", "maria")
    assert house.judge() == []


def test_work_for_the_person_is_a_relation(house: House, now: datetime) -> None:
    house.has_all(b.patient("kwame", "Kwame", "Osei"))
    house.has(b.task("call", "kwame", now, owner="Practitioner/ben", title="Call him"))
    house.looks("ben", "kwame")
    assert house.judge() == []


def test_who_was_judged_is_not_judged_again(house: House, now: datetime) -> None:
    house.has_all(b.patient("kwame", "Kwame", "Osei"))
    house.looks("ben", "kwame")
    assert len(house.judge()) == 1
    assert judge_access.run(now, CONTENT) == 0
    house.looks("ben", "kwame", now + timedelta(minutes=5))
    assert len(house.judge()) == 1  # one a day
    house.looks("ben", "kwame", now + timedelta(days=1))
    assert len(house.judge(now + timedelta(days=1))) == 2


def test_her_own_record_is_odd_even_for_who_leads_it(house: House) -> None:
    ben = {**b.practitioner("ben", "Ben", "Osei"), "birthDate": "1959-03-02"}
    house.has_all(ben, b.patient("ben-himself", "Ben", "Osei"), b.team("team-ben", "ben-himself", "ben"))
    house.looks("ben", "ben-himself")
    assert house.judge() == [("ben", ["own-record"])]


def test_a_neighbor_and_somebody_who_died_long_ago(house: House) -> None:
    home = [{"use": "home", "line": ["1417 Oak Street Apt 3"], "postalCode": "77011-2201"}]
    near = [{"use": "home", "line": ["1421 Oak St."], "postalCode": "77011"}]
    house.has_all(
        {**b.practitioner("ben", "Ben", "Osei"), "address": home},
        {**b.patient("luis", "Luis", "Ortiz"), "address": near, "deceasedDateTime": "2020-02-01"},
    )
    house.looks("ben", "luis")
    assert house.judge() == [("ben", ["neighbor", "died-long-ago"])]


def test_a_try_at_a_record_of_another_site_is_told(house: House) -> None:
    with pytest.raises(NotFound):
        house.looks("ben", "walter")
    assert house.judge() == [("ben", ["no-relation"])]


def test_the_record_of_somebody_well_known(house: House) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    known = {**b.patient("star", "A", "Star"), "meta": {"security": [{"system": system, "code": "VIP"}]}}
    house.has_all(known, b.team("team-star", "star", "ana"))
    house.looks("ben", "star")
    house.looks("ana", "star")
    assert house.judge() == [("ben", ["vip"])]


def test_many_more_people_than_usual(house: House, now: datetime) -> None:
    people = [b.patient(f"p{n}", "P", f"Family{n}") for n in range(185)]
    house.has_all(*people)
    seen = [f"p{n}" for n in range(185)]
    with store.open(Scope(house.who("ben"), "page", "coordination"), now=now) as unit:
        unit.get([f"Patient/{id}" for id in seen])
    assert house.judge() == [("ben", ["volume"])]


def test_at_night_by_somebody_who_is_not_on_call(house: House, now: datetime) -> None:
    people = [f"n{n}" for n in range(6)]
    house.has_all(*(b.patient(id, "N", f"Other{id}") for id in people))
    night = now.replace(hour=23)
    for id in people:
        house.looks("ben", id, night)
    User.objects.filter(email="ana@example.org").update(on_call_rank=1)
    for id in people:
        house.looks("ana", id, night)
    assert house.judge(night) == [("ben", ["night"])]


def test_what_the_system_does_is_not_judged(house: House, now: datetime) -> None:
    note(HOUSE, "backup", [], now)
    assert house.judge() == []
    assert judge_access.run(now, CONTENT) == 0


# --- the rules themselves


OSEI = Known(families=frozenset({"osei"}))


@pytest.mark.parametrize(
    ("relation", "is_quiet"), [(each, each >= Relation.COVER) for each in Relation if each != Relation.NONE]
)
def test_the_same_name_is_odd_below_a_treatment_relation(relation: Relation, is_quiet: bool) -> None:
    assert (not odd(Look(relation), OSEI, OSEI, RULE, TODAY)) is is_quiet


def test_a_vip_and_somebody_she_must_never_see() -> None:
    found = odd(Look(Relation.SITE, is_barred=True), Known(), Known(is_vip=True), RULE, TODAY)
    assert [each.code for each in found] == ["barred", "vip"]
    assert odd(Look(Relation.LEAD), Known(), Known(is_vip=True), RULE, TODAY) == ()


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        (Day(people=70, usual=(20, 22, 19, 21, 20)), ["volume"]),
        (Day(people=55, usual=(10, 10, 10, 10, 10)), []),
        (Day(people=100, usual=(60, 58, 61, 55, 60)), []),
        (Day(people=100), []),  # new here: nothing to compare with
        (Day(people=5, night_people=9, nights=2), []),
        (Day(people=9, unrelated=8), ["unrelated"]),
    ],
)
def test_days_against_her_own_usual(day: Day, codes: list[str]) -> None:
    assert [each.code for each in odd_day(day, RULE)] == codes


def test_streets_are_compared_without_numbers_and_apartments() -> None:
    def streets(line: str, postal: str = "77011") -> frozenset[tuple[str, str]]:
        return known_of({"address": [{"line": [line], "postalCode": postal}]}).streets

    assert streets("12 North Main Street, Apt 4") == streets("98 N. Main St")
    assert streets("12 Main St") != streets("12 Main St", "77012")
    assert streets("PO Box 77") == frozenset()
