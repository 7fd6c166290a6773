"""Two records of one person through the pages: compared, joined, found in the story, taken apart, divided."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop.fhir.elements import ref
from tests.connect.hl7v2.messages import Hospital, adt
from tests.connect.hl7v2.test_merging import MRG, SYSTEM, second_record
from tests.projections import builders as b
from tests.web.test_review import signed_in, text


@pytest.fixture
def hospital(record: None, now: Any) -> Hospital:
    found = Hospital(now)
    with found.house() as unit:
        unit.create_named(b.practitioner("ana", "Ana", "Reyes"))
        unit.create_named(b.organization("ranch", "Ranch"))
    found.tell(adt("A01"))
    second_record(found)
    return found


@pytest.fixture
def ana(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Any:
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield signed_in(hospital, monkeypatch, "bayview", "coordinator")


def first_of(hospital: Hospital) -> str:
    return str(next(p["id"] for p in hospital.all("Patient") if p["id"] != "second"))


def form_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(version-[^"]+)" value="(\d+)"', page))


def join(ana: Client, maria: str, **more: str) -> Any:
    page = text(ana.get(f"/people/{maria}/merge/second"))
    given = {**form_of(page), "stays": maria, "reason": "Asked her", "is_confirmed": "1", **more}
    return ana.post(f"/people/{maria}/merge/second", given)


def test_the_two_are_found_compared_and_joined(ana: Client, hospital: Hospital) -> None:
    maria = first_of(hospital)
    assert f"/people/{maria}/merge" in text(ana.get(f"/people/{maria}/story"))
    assert f"/people/{maria}/merge/second" in text(ana.get(f"/people/{maria}/merge"))
    page = text(ana.get(f"/people/{maria}/merge/second"))
    assert "Contacts and stays" in page
    assert "There may be more that you may not see" in page
    answer = join(ana, maria)
    assert answer["Location"] == f"/people/{maria}/story"
    told = text(ana.get(answer["Location"]))
    assert "Two records were joined" in told
    assert "Asked her" in told
    assert "This record was joined into another one." in text(ana.get("/people/second/story"))


def test_what_is_missing_is_said_beside_what_was_typed_and_nothing_is_joined(
    ana: Client, hospital: Hospital
) -> None:
    maria = first_of(hospital)
    nameless = join(ana, maria, reason=" ")
    assert nameless.status_code == 422
    assert "Say why in a few words" in text(nameless)
    neither = join(ana, maria, stays="somebody", reason="Typed words")
    assert neither.status_code == 422
    assert "Typed words" in text(neither)
    stale = join(ana, maria, **{"version-second": "7"})
    assert stale.status_code == 412
    assert "Compare them again" in text(stale)
    assert len([p for p in hospital.all("Patient") if p.get("active", True)]) == 2


def test_what_speaks_against_it_has_to_be_confirmed(ana: Client, hospital: Hospital) -> None:
    with hospital.house() as unit:
        unit.update({**unit.read("Patient", "second").resource, "birthDate": "1961-01-01"})
    maria = first_of(hospital)
    assert "This speaks against it" in text(ana.get(f"/people/{maria}/merge/second"))
    unsure = join(ana, maria, is_confirmed="")
    assert unsure.status_code == 422
    assert "Something speaks against it" in text(unsure)
    assert join(ana, maria).status_code == 302


def test_somebody_elses_record_is_no_candidate(ana: Client, hospital: Hospital) -> None:
    with hospital.house() as unit:
        stored = unit.read("Patient", "second").resource
        unit.update({**stored, "managingOrganization": ref("Organization/ranch")})
    maria = first_of(hospital)
    assert "merge/second" not in text(ana.get(f"/people/{maria}/merge"))
    assert ana.get(f"/people/{maria}/merge/second").status_code == 404
    assert ana.post(f"/people/{maria}/merge/second", {"stays": maria, "reason": "x"}).status_code == 404


def test_from_the_story_they_are_taken_apart_and_what_came_meanwhile_is_divided(
    ana: Client, hospital: Hospital
) -> None:
    maria = first_of(hospital)
    join(ana, maria)
    link = re.search(r'href="(/merges/told/[^"]+)"', text(ana.get(f"/people/{maria}/story")))
    assert link is not None
    place = ana.get(link[1])["Location"]
    hospital.now += timedelta(seconds=5)
    hospital.tell(
        adt(
            "A01",
            mrn="815",
            visit="V8",
            said="Nov 22 10:00",
            came="Nov 22 09:00",
            dg1="DG1|1||I10^Hypertension^I10",
        )
    )
    assert ana.post(place, {"reason": ""}).status_code == 422
    assert ana.post(place, {"reason": "Her sister"})["Location"] == place
    page = text(ana.get(place))
    assert "Whose is it?" in page
    theirs = re.findall(r'name="theirs" value="(Encounter/[^"]+)"', page)
    assert len(theirs) == 1
    assert ana.post(f"{place}/divide", {"theirs": theirs}).status_code == 302
    stays = {e["id"]: e["subject"]["reference"] for e in hospital.all("Encounter")}
    assert stays[theirs[0].partition("/")[2]] == "Patient/second"
    assert sorted(stays.values()) == sorted(["Patient/second", f"Patient/{maria}"])
    assert "815" not in str([p["identifier"] for p in hospital.all("Patient") if p["id"] == maria])


def test_the_hospitals_question_leads_to_the_comparison_and_is_answered_by_it(
    ana: Client, hospital: Hospital
) -> None:
    with hospital.house() as unit:
        unit.update({**unit.read("Patient", "second").resource, "birthDate": "1961-01-01"})
    hospital.tell(adt("A40", visit="", extra=MRG))
    (task,) = hospital.tasks("review-merge")
    page = text(ana.get(f"/review/{task['id']}"))
    maria = first_of(hospital)
    assert f"/people/{maria}/merge/second?task={task['id']}" in page
    assert f'name="task" value="{task["id"]}"' in text(
        ana.get(f"/people/{maria}/merge/second?task={task['id']}")
    )
    assert join(ana, maria, task=task["id"]).status_code == 302
    assert hospital.tasks("review-merge")[0]["status"] == "completed"
    assert SYSTEM in str(hospital.all("Patient"))


def test_no_page_of_a_merge_is_open_to_whoever_may_not_change_the_record(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = first_of(hospital)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        ranch = signed_in(hospital, monkeypatch, "ranch", "coordinator")
        biller = signed_in(hospital, monkeypatch, "bayview", "biller")
        for client in (ranch, biller):
            for place in (f"/people/{maria}/merge", f"/people/{maria}/merge/second", "/merges/1"):
                assert client.get(place).status_code in (403, 404), place
