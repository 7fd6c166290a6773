"""The hospital joins two of its records: carried out where nothing speaks against it, else a person is asked."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from careloop import projections, reactions, store
from careloop.actions.joining import Decided
from careloop.actions.unmerge_people import part
from careloop.fhir.elements import ref
from careloop.library import load
from careloop.store import feed
from tests.conftest import empty_the_record
from tests.connect.hl7v2.messages import HOUSE, Hospital, adt
from tests.store.rows import rows

SYSTEM = "urn:careloop:sender:stlukes:id:stl"
MRG = "MRG|815^^^STL^MR"


def a40(**more: Any) -> bytes:
    return adt("A40", **{"mrn": "4711", "visit": "", "extra": MRG, **more})


def second_record(hospital: Hospital, **more: Any) -> str:
    """Somebody registered Maria twice: the same person under her other number."""
    made = {
        "resourceType": "Patient",
        "id": "second",
        "identifier": [{"system": SYSTEM, "value": "815"}],
        "name": [{"family": "Duarte", "given": ["Maria"]}],
        "birthDate": "1959-03-04",
        "gender": "female",
        "managingOrganization": ref("Organization/bayview"),
        **more,
    }
    with hospital.house() as unit:
        unit.update(made, create=True)
    return "second"


def standing(hospital: Hospital) -> list[dict[str, Any]]:
    return [p for p in hospital.all("Patient") if p.get("active", True)]


def test_two_records_of_one_person_are_joined(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    second_record(hospital)
    hospital.tell(a40())
    (one,) = standing(hospital)
    assert {each["value"] for each in one["identifier"]} >= {"4711", "815"}
    (gone,) = [p for p in hospital.all("Patient") if p["id"] == "second"]
    assert gone["link"] == [{"other": ref(f"Patient/{one['id']}"), "type": "replaced-by"}]
    assert hospital.tasks("review-merge") == []
    assert rows("select principal from merges") == [(-1,)]


def test_what_comes_late_under_the_old_number_is_hers(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    second_record(hospital)
    hospital.tell(a40(), adt("A01", mrn="815", visit="V9", said="Nov 21 10:00", came="Nov 21 09:00"))
    (one,) = standing(hospital)
    assert {stay["subject"]["reference"] for stay in hospital.all("Encounter")} == {f"Patient/{one['id']}"}
    assert len(hospital.all("Encounter")) == 2


def test_told_twice_it_ends_the_same(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    second_record(hospital)
    hospital.tell(a40())
    before = hospital.all("Patient")
    hospital.tell(a40(said="Nov 22 08:00"), a40(said="Nov 22 09:00", control="other"))
    assert hospital.all("Patient") == before
    assert hospital.tasks("review-merge") == []


@pytest.mark.parametrize("event", ["A18", "A30", "A34"])
def test_the_older_words_for_it_mean_the_same(hospital: Hospital, event: str) -> None:
    hospital.tell(adt("A01"))
    second_record(hospital)
    hospital.tell(adt(event, visit="", extra=MRG))
    assert len(standing(hospital)) == 1


def test_where_only_one_is_known_both_numbers_are_hers(hospital: Hospital) -> None:
    hospital.tell(adt("A01"), a40(), adt("A03", mrn="815", left="Nov 20 16:20", to="01"))
    one = hospital.one("Patient")
    assert {each["value"] for each in one["identifier"]} >= {"4711", "815"}
    assert len(hospital.all("Encounter")) == 1


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"birthDate": "1961-01-01"}, "Another birth date."),
        ({"name": [{"family": "Lee", "given": ["Rosa"]}]}, "Another name."),
        ({"deceasedBoolean": True}, "has died"),
        ({"managingOrganization": ref("Organization/stlukes")}, "They belong to two sites."),
    ],
)
def test_what_speaks_against_it_is_for_a_person_and_nothing_changes(
    hospital: Hospital, changed: dict[str, Any], because: str
) -> None:
    hospital.tell(adt("A01"))
    second_record(hospital, **changed)
    before = hospital.all("Patient")
    hospital.tell(a40())
    (task,) = hospital.tasks("review-merge")
    assert because in task["reasonCode"]["text"]
    assert hospital.all("Patient") == before
    assert rows("select count(*) from merges") == [(0,)]


def test_what_a_person_took_apart_no_message_joins_again(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    second_record(hospital)
    hospital.tell(a40())
    ((number,),) = rows("select id from merges")
    with hospital.house() as unit:
        part(unit, number, Decided({"display": "Ana"}, "Two sisters"))
    hospital.now += timedelta(seconds=1)
    hospital.tell(a40(said="Nov 22 08:00"))
    (task,) = hospital.tasks("review-merge")
    assert "taken these two apart before" in task["reasonCode"]["text"]
    assert len(standing(hospital)) == 2


def test_more_than_one_pair_and_a_merge_without_a_number_are_listed(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    hospital.tell(a40(extra=f"{MRG}\rMRG|99^^^STL^MR"), a40(extra="MRG|", said="Nov 22 08:00"))
    assert (
        sorted(str(each.error)[:30] for each in hospital.inbox("review"))
        == [
            "It does not say which record n",
            "It joins more than two records",
        ]
        or len(hospital.inbox("review")) == 2
    )
    assert len(hospital.all("Patient")) == 1


def test_in_every_order_it_ends_with_one_person_or_with_a_question(record: None, now: Any) -> None:
    events = (
        adt("A01", mrn="815", visit="V1"),
        adt("A03", mrn="815", visit="V1", left="Nov 20 16:20", to="01", said="Nov 20 17:00"),
        a40(said="Nov 21 08:00"),
        adt("A08", mrn="4711", visit="V1", said="Nov 21 09:00"),
    )
    ends = set()
    for order in permutations(events):
        empty_the_record()
        hospital = Hospital(now)
        hospital.tell(*order)
        is_one = len(standing(hospital)) == 1 and len(hospital.all("Encounter")) == 1
        is_asked = bool(hospital.tasks("review-merge") or hospital.tasks("resolve-match"))
        assert is_one or is_asked
        ends.add(is_asked)
    assert False in ends


def test_what_an_api_writes_to_the_old_record_is_carried_over_by_the_next_round(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    second_record(hospital)
    hospital.tell(a40())
    visit = {
        "resourceType": "Encounter",
        "id": "late",
        "status": "planned",
        "class": {"code": "AMB"},
        "subject": ref("Patient/second"),
    }
    observed = {
        "resourceType": "Observation",
        "id": "weight",
        "status": "final",
        "code": {"text": "Weight"},
        "subject": ref("Patient/second"),
    }
    with store.open(HOUSE, now=hospital.now, projectors=projections.ALL) as unit:
        unit.update(visit, create=True)
        unit.update(observed, create=True)
    for _ in range(3):
        assert feed.wait_until_settled(60)
        while reactions.run(hospital.now, load()):
            pass
    (one,) = standing(hospital)
    for found in (
        hospital.all("Observation")[0],
        next(e for e in hospital.all("Encounter") if e["id"] == "late"),
    ):
        assert found["subject"] == ref(f"Patient/{one['id']}")
