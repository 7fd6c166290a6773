"""A proposal from what is known: answers, a stay that just ended, what waits already, what stands already; and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from careloop.access import Scope
from careloop.actions.activate_plan import LinesUndecided, activate_plan, take_back_plan
from careloop.actions.decide_line import Edit, accept_rest, decide_line, parent_of
from careloop.actions.propose_from_known import NothingToProposeFrom, propose_from_known
from careloop.actions.propose_plan import days_since_discharge, lines_of, owners_of
from careloop.actions.translate_lines import translate_lines
from careloop.actions.undo import TooLate
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.fhir.translation import translated
from careloop.fhir.validate import problems
from careloop.kernel.errors import NotFound
from careloop.library import load
from careloop.store import Stored
from tests.web.proposing import Bayview, bayview

LIBRARY = load()
FOOD = {
    "living": "steady",
    "home-problems": "none-of-these",
    "food-worry": "often",
    "food-lasted": "sometimes",
    "rides": "no",
    "shut-off": "no",
}


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime) -> Bayview:
    return bayview(scope, now)


def staff(ward: Bayview) -> Scope:
    """A person at the page, who may write at this site."""
    actor = replace(
        ward.scope.actor, kind="staff", roles=frozenset({"coordinator"}), sites=frozenset({ward.site.rid})
    )
    return replace(ward.scope, actor=actor)


def stay(ward: Bayview, ended: str, disposition: str = "home", klass: str = "IMP") -> None:
    encounter: dict[str, Any] = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": uris.ACT_CODE, "code": klass},
        "subject": {"reference": ward.person.reference},
        "period": {"start": "2024-02-28T10:00:00Z", "end": ended},
        "hospitalization": {
            "dischargeDisposition": {"coding": [{"system": uris.DISCHARGE_DISPOSITION, "code": disposition}]}
        },
    }
    with ward.open() as unit:
        unit.create(encounter)


def test_the_days_count_from_the_stay_that_ended_last_and_observation_is_one(ward: Bayview) -> None:
    stay(ward, "2026-11-20T18:00:00Z", klass="OBSENC")
    stay(ward, "2024-03-02T18:00:00Z")  # of her history, written down afterwards
    with ward.open() as unit:
        assert days_since_discharge(unit, ward.person) == (ward.now.date() - date(2026, 11, 20)).days


def test_without_an_address_of_her_own_the_hours_are_those_of_her_site(ward: Bayview) -> None:
    with ward.open() as unit:
        patient = unit.read("Patient", ward.person.id).resource
        unit.update({name: value for name, value in patient.items() if name != "address"})
    plan = ward.proposal()
    accept_rest(
        ward.scope, plan.id, {each.reference: each.version for each in ward.lines(plan).values()}, ward.now
    )
    kept = activate_plan(staff(ward), plan.id, ward.now).lines
    zones = {extension(line.resource, uris.ZONE) for line in kept if line.type == "Task"}
    assert zones == {"America/Chicago"}


def propose(ward: Bayview) -> Stored | None:
    return propose_from_known(ward.scope, ward.person.id, LIBRARY, ward.now)


def test_a_stay_that_just_ended_at_home_is_enough_to_propose_from(ward: Bayview) -> None:
    stay(ward, "2026-11-20T18:00:00Z")
    made = propose(ward)
    assert made is not None
    assert "need:home-again" in ward.lines(made)
    assert extension(made.resource, uris.BECAUSE) == "Left the hospital on Nov 20, 2026."


def test_an_old_stay_is_not(ward: Bayview) -> None:
    stay(ward, "2026-10-01T18:00:00Z")
    with pytest.raises(NothingToProposeFrom):
        propose(ward)


def test_whoever_went_to_a_nursing_facility_gets_no_plan_for_home(ward: Bayview) -> None:
    stay(ward, "2026-11-20T18:00:00Z", "snf")
    assert propose(ward) is None


def test_every_line_is_valid_fhir_knows_its_parent_and_both_languages(ward: Bayview) -> None:
    ward.answered("ahc-hrsn", FOOD)
    made = propose(ward)
    assert made is not None
    lines = ward.lines(made)
    for line in (made, *lines.values()):
        assert problems(line.resource) == []
    assert parent_of(lines["goal:food-all-month"].resource) == lines["need:food"].reference
    assert parent_of(lines["action:snap"].resource) == lines["goal:food-all-month"].reference
    assert translated(lines["need:food"].resource["code"], "text", "es") == (
        "Algunas semanas no alcanza la comida"
    )


def test_steps_fall_to_whoever_leads_her_care(ward: Bayview) -> None:
    with ward.open() as unit:
        owners = owners_of(unit, ward.person)
    assert owners["coordinator"]["reference"] == f"Practitioner/{ward.user.practitioner}"
    assert owners["person"]["reference"] == ward.person.reference
    assert "clinician" not in owners  # she has no doctor who signs in here


def test_asked_twice_there_is_one_proposal_even_with_a_line_declined(ward: Bayview) -> None:
    ward.answered("ahc-hrsn", FOOD)
    first = propose(ward)
    assert first is not None
    line = ward.lines(first)["action:snap"]
    decide_line(ward.scope, first.id, line.reference, "declined", ward.now, reason="has-it")
    again = propose(ward)
    assert again is not None
    assert again.id == first.id
    assert lines_of(again.resource) == lines_of(first.resource)


def accepted(ward: Bayview) -> Stored:
    ward.answered("ahc-hrsn", FOOD)
    made = propose(ward)
    assert made is not None
    seen = {line.reference: line.version for line in ward.lines(made).values()}
    assert accept_rest(ward.scope, made.id, seen, ward.now) == len(seen)
    return made


def test_what_stands_in_the_plan_is_kept_in_the_next_proposal_as_there(ward: Bayview) -> None:
    activate_plan(staff(ward), accepted(ward).id, ward.now)
    ward.answered("gad-7", dict.fromkeys(LIBRARY.instruments["gad-7"].scoring.items, "more-than-half"))
    second = propose(ward)
    assert second is not None
    there = [each for each in second.resource["extension"] if each["url"] == uris.ALREADY]
    assert {extension(each, "line") for each in there} >= {"need:food", "goal:food-all-month", "action:snap"}
    assert "need:food" not in ward.lines(second)


def test_undecided_lines_are_named(ward: Bayview) -> None:
    ward.answered("ahc-hrsn", FOOD)
    made = propose(ward)
    assert made is not None
    with pytest.raises(LinesUndecided) as refused:
        activate_plan(staff(ward), made.id, ward.now)
    assert set(refused.value.lines) == set(lines_of(made.resource))


def test_taken_back_everything_is_as_it_was(ward: Bayview) -> None:
    made = accepted(ward)
    before = {line.reference: line.resource for line in ward.lines(made).values()}
    activate_plan(staff(ward), made.id, ward.now)
    back = take_back_plan(staff(ward), made.id, ward.now + timedelta(minutes=9))
    assert (back.resource["status"], back.resource["intent"]) == ("draft", "proposal")
    after = {line.reference: line.resource for line in ward.lines(made).values()}
    assert {r: {k: v for k, v in res.items() if k != "meta"} for r, res in after.items()} == {
        r: {k: v for k, v in res.items() if k != "meta"} for r, res in before.items()
    }


def test_once_somebody_went_on_from_it_it_stays(ward: Bayview) -> None:
    made = accepted(ward)
    activate_plan(staff(ward), made.id, ward.now)
    task = ward.lines(made)["action:snap"]
    with ward.open() as unit:
        unit.update({**task.resource, "status": "completed"})
    # The same instant does not hide it: it is another version than the one the plan wrote.
    with pytest.raises(TooLate):
        take_back_plan(staff(ward), made.id, ward.now + timedelta(minutes=1))


def test_words_in_spanish_leave_the_english_alone(ward: Bayview) -> None:
    made = accepted(ward)
    line = ward.lines(made)["action:snap"]
    said = {line.reference: "Llenar la solicitud de SNAP", made.reference: ""}
    assert translate_lines(ward.scope, ward.person.id, said, "es", ward.now) == 1
    now = ward.lines(made)["action:snap"].resource["code"]
    assert now["text"] == line.resource["code"]["text"]
    assert translated(now, "text", "es") == "Llenar la solicitud de SNAP"
    with pytest.raises(NotFound):
        translate_lines(ward.scope, ward.person.id, {"Task/none": "x"}, "es", ward.now)


def test_other_words_leave_no_old_spanish_behind(ward: Bayview) -> None:
    """The form sends both; whoever changed the English alone has not said the new in Spanish."""
    ward.answered("ahc-hrsn", FOOD)
    made = propose(ward)
    assert made is not None
    line = ward.lines(made)["action:snap"]
    old = translated(line.resource["code"], "text", "es")
    assert old
    edit = Edit(text="Ask the church for a box each Friday", spanish=old)
    decide_line(ward.scope, made.id, line.reference, "accepted", ward.now, edit=edit)
    assert not translated(ward.lines(made)["action:snap"].resource["code"], "text", "es")
    again = Edit(spanish="Pedir una caja a la iglesia cada viernes")
    decide_line(ward.scope, made.id, line.reference, "accepted", ward.now, edit=again)
    said = ward.lines(made)["action:snap"].resource["code"]
    assert translated(said, "text", "es") == "Pedir una caja a la iglesia cada viernes"
