"""Adding a person without making her twice, and putting right how to reach her."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from careloop import store
from careloop.actions.register_person import LooksLike, register_person
from careloop.actions.update_person import update_person
from careloop.care.register import NotAPerson, Told, problems, told_of
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.kernel.errors import Forbidden, StaleVersion
from careloop.projections.people import zone_of
from tests.projections.ward import HOUSE, Ward

ROSA = Told(
    given="Rosa",
    family="Gutiérrez",
    birth_date="1971-05-02",
    gender="female",
    mrn="80317",
    phone="(713) 555-0199",
    street="12 Elm",
    city="Houston",
    state="TX",
    postal_code="77011",
    language="es",
    interpreter=True,
    pronouns="she/her",
    reach="After 4 pm",
)
MRN = "urn:careloop:id:mrn:bayview"


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def patient(ward: Ward, id: str) -> dict[str, Any]:
    with store.open(HOUSE, now=ward.now) as unit:
        return unit.read("Patient", id).resource


def test_what_was_told_is_what_is_read_again(ward: Ward) -> None:
    rosa = register_person(ward.scope, ROSA, "bayview", ward.now, leads=True)
    assert told_of(patient(ward, rosa.id), MRN) == ROSA
    with store.open(HOUSE, now=ward.now) as unit:
        (team,) = unit.of_person(rosa.rid, ["CareTeam"])
        assert team.resource["participant"][0]["member"]["reference"] == "Practitioner/ana"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"phone": "7135550199", "mrn": ""}, "Same phone number."),
        ({"mrn": "", "family": "Gutierez"}, "Same first name, last names almost alike."),
        ({"given": "Rosita", "mrn": "080317"}, "Same record number."),
    ],
)
def test_whoever_looks_like_her_is_shown_with_the_reasons(
    ward: Ward, changes: dict[str, str], sentence: str
) -> None:
    rosa = register_person(ward.scope, ROSA, "bayview", ward.now)
    with pytest.raises(LooksLike) as looks:
        register_person(ward.scope, replace(ROSA, **changes), "bayview", ward.now)
    (alike,) = looks.value.alike
    assert alike.person.id == rosa.id
    assert sentence in alike.because


def test_somebody_decides_that_it_is_another_person_and_that_is_kept(ward: Ward) -> None:
    rosa = register_person(ward.scope, ROSA, "bayview", ward.now)
    other = replace(ROSA, mrn="80318", phone="7135550198")
    with pytest.raises(LooksLike):
        register_person(ward.scope, other, "bayview", ward.now)
    second = register_person(ward.scope, other, "bayview", ward.now, another_than=(rosa.id,))
    with store.open(HOUSE, now=ward.now) as unit:
        kept = unit.search("Provenance", [("target", second.reference)]).entries
    assert kept[0].resource["entity"][0]["what"]["reference"] == rosa.reference


def test_whom_one_may_not_see_is_not_shown_as_a_likeness(ward: Ward) -> None:
    told = Told(given="Walter", family="Nguyen", birth_date="1959-03-02", postal_code="77011")
    assert register_person(ward.scope, told, "bayview", ward.now).id != "walter"


def test_nobody_is_added_to_a_foreign_site(ward: Ward) -> None:
    with pytest.raises(Forbidden):
        register_person(ward.scope, ROSA, "queens", ward.now)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"family": ""}, "family"),
        ({"birth_date": "1971-02-30"}, "birth_date"),
        ({"birth_date": "2031-02-03"}, "birth_date"),
        ({"birth_date": "1801-02-03"}, "birth_date"),
        ({"phone": "555-0199"}, "phone"),
        ({"postal_code": "7701"}, "postal_code"),
        ({"postal_code": "00000"}, "postal_code"),
        ({"state": "XX"}, "state"),
        ({"email": "rosa"}, "email"),
        ({"gender": "f"}, "gender"),
        ({"mrn": "<80317>"}, "mrn"),
    ],
)
def test_each_fault_stands_at_its_field(said: dict[str, str], field: str) -> None:
    assert list(problems(replace(ROSA, **said), date(2026, 11, 23))) == [field]


def test_nothing_is_saved_of_a_faulty_form(ward: Ward) -> None:
    with pytest.raises(NotAPerson):
        register_person(ward.scope, replace(ROSA, phone="1"), "bayview", ward.now)


def test_a_move_keeps_the_old_address_and_moves_her_clock(ward: Ward) -> None:
    rosa = register_person(ward.scope, ROSA, "bayview", ward.now)
    moved = replace(
        ROSA, street="9 Beach", city="Los Angeles", state="CA", postal_code="90033", family="Ruiz"
    )
    update_person(ward.scope, rosa.id, moved, ward.now, version=1, add_flags=("Dog in the yard",))
    found = patient(ward, rosa.id)
    assert [each["use"] for each in found["address"]] == ["home", "old"]
    assert [each["use"] for each in found["name"]] == ["official", "old"]
    with store.open(HOUSE, now=ward.now) as unit:
        assert zone_of(unit, rosa.rid) == "America/Los_Angeles"


def test_what_the_form_does_not_ask_stays(ward: Ward) -> None:
    before = patient(ward, "maria")
    with store.open(HOUSE, now=ward.now) as unit:
        told = told_of(unit.read("Patient", "maria").resource, MRN)
    update_person(ward.scope, "maria", replace(told, reach="Mornings"), ward.now)
    after = patient(ward, "maria")
    assert extension(after, uris.REACH) == "Mornings"
    assert {k: after[k] for k in ("name", "address", "communication")} == {
        k: before[k] for k in ("name", "address", "communication")
    }


def test_nobody_writes_over_a_newer_form(ward: Ward) -> None:
    rosa = register_person(ward.scope, ROSA, "bayview", ward.now)
    update_person(ward.scope, rosa.id, replace(ROSA, reach="Mornings"), ward.now, version=1)
    with pytest.raises(StaleVersion):
        update_person(ward.scope, rosa.id, replace(ROSA, reach="Evenings"), ward.now, version=1)


def test_a_safety_flag_comes_and_goes(ward: Ward) -> None:
    rosa = register_person(ward.scope, ROSA, "bayview", ward.now)
    update_person(ward.scope, rosa.id, ROSA, ward.now, add_flags=("No voicemail", " ", "No voicemail"))
    with store.open(HOUSE, now=ward.now) as unit:
        (flag,) = unit.of_person(rosa.rid, ["Flag"])
    update_person(ward.scope, rosa.id, ROSA, ward.now, end_flags=(flag.id, "nothing"))
    with store.open(HOUSE, now=ward.now) as unit:
        assert unit.read("Flag", flag.id).resource["status"] == "inactive"
