"""Finding people: by what somebody remembers of them, never more than she may see, always with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from careloop import store
from careloop.access import Actor, Scope
from careloop.projections.finder import Because, Finder, candidates, find, namesakes
from careloop.projections.finder_words import asked
from tests.store.rows import rows

TODAY = date(2026, 11, 23)


def patient(
    given: str, family: str, birth_date: str, mrn: str, phone: str, postal: str = "77011"
) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [
            {
                "type": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]
                },
                "system": "urn:mrn",
                "value": mrn,
            }
        ],
        "name": [{"use": "official", "family": family, "given": given.split()}],
        "telecom": [{"system": "phone", "value": phone}],
        "birthDate": birth_date,
        "address": [{"postalCode": postal, "state": "TX"}],
    }


EVERYONE = (
    patient("Maria", "Duarte", "1959-03-02", "80317", "(713) 555-0148"),
    patient("Dolores", "Rivera", "1955-04-12", "78455", "(713) 555-0171", "77003"),
    patient("Dolores", "Rivera", "1955-04-21", "78544", "(713) 555-0172", "77003"),
    patient("Rosa", "Gutiérrez", "1996-12-01", "0030877", "323-555-0143", "90033"),
    patient("Stanisław", "Kowalski", "1942-05-03", "60118", "773.555.0163", "60640"),
    patient("Marie-Claire", "Joseph", "1974-09-05", "20417", "718 555 0133", "10456"),
)


@pytest.fixture
def town(record: None, scope: Scope, now: datetime) -> Any:
    def open_unit(of: Scope = scope) -> Any:
        return store.open(of, now=now, projectors=(Finder(),))

    with open_unit() as unit:
        for one in EVERYONE:
            unit.create(one)
    return open_unit


def names(found: Any) -> list[str]:
    return [one.name for one in found]


@pytest.mark.parametrize(
    ("text", "name", "because"),
    [
        ("maria duarte", "Maria Duarte", Because.NAME),
        ("dua mar", "Maria Duarte", Because.NAME),
        ("Duerte", "Maria Duarte", Because.ALIKE),
        ("gutierrez", "Rosa Gutiérrez", Because.NAME),
        ("GUTIÉRRES", "Rosa Gutiérrez", Because.ALIKE),
        ("stanislaw", "Stanisław Kowalski", Because.NAME),
        ("claire", "Marie-Claire Joseph", Because.NAME),
        ("3/2/1959", "Maria Duarte", Because.BIRTH_DATE),
        ("1959-03-02", "Maria Duarte", Because.BIRTH_DATE),
        ("03021959", "Maria Duarte", Because.BIRTH_DATE),
        ("2 de marzo de 1959", "Maria Duarte", Because.BIRTH_DATE),
        ("713-555-0148", "Maria Duarte", Because.PHONE),
        ("555-0148", "Maria Duarte", Because.PHONE),
        ("+1 (713) 555 0148", "Maria Duarte", Because.PHONE),
        ("MRN 80317", "Maria Duarte", Because.MRN),
        ("30877", "Rosa Gutiérrez", Because.MRN),
    ],
)
def test_what_she_remembers_leads_to_the_person(town: Any, text: str, name: str, because: Because):
    with town() as unit:
        found = find(unit, text)
    assert names(found)[0] == name
    assert because in found[0].because


def test_a_birth_date_tells_two_of_one_name_apart(town: Any):
    with town() as unit:
        assert len(find(unit, "dolores rivera")) == 2
        only = find(unit, "dolores rivera 4/21/1955")
    assert [one.mrn for one in only] == ["78544"]
    assert only[0].because == (Because.BIRTH_DATE, Because.NAME)


def test_a_stranger_is_not_found(town: Any):
    with town() as unit:
        assert find(unit, "Xavier Quimby") == []
        assert find(unit, "   ") == []
        assert find(unit, "%") == []
        assert find(unit, "m") == []


def test_who_may_not_be_seen_is_not_found(town: Any, scope: Scope, now: datetime):
    elsewhere = Actor(
        principal=9,
        kind="staff",
        name="Nobody’s",
        roles=frozenset({"coordinator"}),
        sites=frozenset({987654}),
    )
    with town(replace(scope, actor=elsewhere)) as unit:
        assert find(unit, "maria duarte") == []
        assert find(unit, "80317") == []
        assert candidates(unit, mrns=["80317"]) == []


def test_namesakes_are_named(town: Any):
    with town() as unit:
        first, second = find(unit, "dolores rivera")
        assert [one.person for one in namesakes(unit, first.person)] == [second.person]
        assert namesakes(unit, find(unit, "maria duarte")[0].person) == []


def test_a_message_finds_who_it_could_mean(town: Any):
    with town() as unit:
        found = candidates(
            unit, names=["Rivera", "Delores"], birth_date=date(1955, 4, 1), postal="77003-1234"
        )
        assert sorted(one.mrn or "" for one in found) == ["78455", "78544"]


def test_a_new_name_and_a_deletion_are_followed(town: Any):
    with town() as unit:
        maria = unit.read("Patient", find(unit, "80317")[0].id).resource
        maria["name"].append({"use": "maiden", "family": "Sandoval"})
        unit.update(maria)
    with town() as unit:
        assert names(find(unit, "sandoval")) == ["Maria Duarte"]
        unit.delete("Patient", maria["id"])
    with town() as unit:
        assert find(unit, "sandoval") == []


def test_rebuilt_equals_incremental(town: Any):
    everything = "select * from finder order by person"
    before = rows(everything)
    with town() as unit:
        unit.cursor().execute("update finder set words = 'wrong'")
    with town() as unit:
        Finder().rebuild(unit)
    assert len(before) == len(EVERYONE)
    assert rows(everything) == before


def test_what_was_looked_up_is_in_the_audit_trail(town: Any):
    before = rows("select count(*) from audit where people is not null")[0][0]
    with town() as unit:
        find(unit, "maria")
    assert rows("select count(*) from audit where people is not null")[0][0] == before + 1


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3/2/59", date(1959, 3, 2)),
        ("3/2/19", date(2019, 3, 2)),
        ("25/12/1960", date(1960, 12, 25)),
        ("Mar 2, 1959", date(1959, 3, 2)),
    ],
)
def test_dates_are_read_as_births(text: str, day: date):
    assert asked(text, TODAY).dates == (day,)


def test_a_date_that_does_not_exist_is_no_date():
    assert asked("2/30/1959", TODAY).dates == ()
