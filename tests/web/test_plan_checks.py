"""The plan page says what it lacks and what contradicts; each gap one click from being filled; plans side by side."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from careloop.access import Scope
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, ref
from tests.web.proposing import Bayview, bayview


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime) -> Bayview:
    return bayview(scope, now)


def write(ward: Bayview, *resources: Resource) -> None:
    with ward.open() as unit:
        for each in resources:
            unit.create(each)


def join(ward: Bayview, program: str) -> None:
    write(
        ward,
        {
            "resourceType": "EpisodeOfCare",
            "status": "active",
            "type": [codeable(uris.PROGRAM, program)],
            "patient": ref(ward.person.reference),
            "managingOrganization": ref(ward.site.reference),
            "period": {"start": "2026-11-20T10:00:00-06:00"},
        },
    )


def their_plan(ward: Bayview, who: str, said: str) -> Resource:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "title": f"Plan of {who}",
        "identifier": [{"system": "https://example.org/plans", "value": who}],
        "subject": ref(ward.person.reference),
        "author": {"display": who},
        "activity": [{"detail": {"status": "in-progress", "description": said}}],
    }


def two_plans(ward: Bayview) -> None:
    write(
        ward,
        their_plan(ward, "Lakeside Cardiology", "Fluid restriction 1.5 liters"),
        their_plan(ward, "Home health", "Push fluids"),
    )


def page(ward: Bayview, path: str = "plan", language: str = "en") -> str:
    address = f"/people/{ward.person.id}/{path}"
    answer: Any = ward.client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.content[:300]
    return str(answer.content.decode())


def test_a_plan_in_no_program_says_nothing_of_requirements(ward: Bayview) -> None:
    assert "plan-standards" not in page(ward)


def test_the_plan_says_how_many_of_how_many_and_what_is_missing(ward: Bayview) -> None:
    join(ward, "chronic-care")
    said = page(ward)
    assert re.search(r"\d+ of 11", said)
    assert "for chronic care" in said
    assert "caregiver assessment" in said
    assert f"/people/{ward.person.id}/assess/intake" in said
    spanish = page(ward, language="es")
    assert "para cuidado crónico" in spanish
    assert "evaluación del cuidador" in spanish


def test_a_gap_with_a_law_says_when_and_links_to_the_rule(ward: Bayview) -> None:
    join(ward, "long-term-care")
    said = page(ward)
    assert "was due" in said
    assert "/library/rules/nf-baseline" in said
    assert f"/people/{ward.person.id}/assess/nursing-home-baseline" in said


def test_a_conflict_is_worked_on_from_the_page(ward: Bayview) -> None:
    two_plans(ward)
    said = page(ward)
    assert "How much to drink" in said
    assert "Lakeside Cardiology" in said
    [action] = re.findall(r'action="([^"]+/plan/conflicts/[^"]+/work)"', said)
    answer: Any = ward.client.post(action, {"next": f"/people/{ward.person.id}/plan"})
    assert answer.status_code == 302
    assert "being cleared up" in page(ward)
    again: Any = ward.client.post(action)
    assert again.status_code == 302  # says so, and makes nothing twice


def test_looked_at_asks_for_a_reason_and_shows_it_beside(ward: Bayview) -> None:
    two_plans(ward)
    [address] = set(re.findall(r'href="([^"]+/looked)"', page(ward)))
    sheet: Any = ward.client.get(address)
    assert "Why may it stand?" in sheet.content.decode()
    empty: Any = ward.client.post(address, {"reason": " "})
    assert empty.status_code == 422
    done: Any = ward.client.post(address, {"reason": "Dr. Chen: 1.5 liters hold"})
    assert done.status_code == 302
    assert "plan-conflicts" not in page(ward)
    side = page(ward, "plan/beside")
    assert "Dr. Chen: 1.5 liters hold" in side
    [back] = re.findall(r'action="([^"]+/again)"', side)
    assert ward.client.post(back).status_code == 302
    assert "plan-conflicts" in page(ward)


def test_plans_stand_side_by_side_in_both_languages(ward: Bayview) -> None:
    assert "No other organization has sent a plan" in page(ward, "plan/beside")
    two_plans(ward)
    said = page(ward, "plan/beside")
    assert "Plan of Home health" in said
    assert "Push fluids" in said
    assert "Our plan" in said
    spanish = page(ward, "plan/beside", "es")
    assert "Nuestro plan" in spanish
    assert "Cuánto beber" in spanish


def test_a_conflict_that_is_gone_is_said_and_not_a_fault(ward: Bayview) -> None:
    answer: Any = ward.client.post(f"/people/{ward.person.id}/plan/conflicts/fluids-0000/work")
    assert answer.status_code == 302
    sheet: Any = ward.client.get(f"/people/{ward.person.id}/plan/conflicts/fluids-0000/looked")
    assert sheet.status_code == 302


def test_a_copy_is_written_down(ward: Bayview) -> None:
    proposal = ward.proposal()
    ward.decide_all(proposal)
    ward.client.post(f"/proposals/{proposal.id}/activate")
    assert "To whom" in page(ward, "plan/copy")
    bad: Any = ward.client.post(f"/people/{ward.person.id}/plan/copy", {"how": "pigeon"})
    assert bad.status_code == 422
    good: Any = ward.client.post(f"/people/{ward.person.id}/plan/copy", {"how": "hand", "to": "Lucía"})
    assert good.status_code == 302
    with ward.open() as unit:
        [told] = unit.of_person(ward.person.rid, ["Communication"])
    assert told.resource["recipient"] == [{"display": "Lucía"}]


def test_a_usual_barrier_is_one_click_and_says_how_it_is_met(ward: Bayview) -> None:
    proposal = ward.proposal()
    ward.decide_all(proposal)
    ward.client.post(f"/proposals/{proposal.id}/activate")
    goal = next(line for key, line in ward.lines(proposal).items() if key.startswith("goal:"))
    said = page(ward, f"plan?add=barrier&under={goal.reference}")
    assert "Afraid of what others would say" in said
    assert "usual=stigma" in said
    chosen = page(ward, f"plan?add=barrier&under={goal.reference}&usual=stigma")
    assert ">Afraid of what others would say</textarea>" in chosen
    with ward.open() as unit:
        barrier = unit.create(
            {
                "resourceType": "Condition",
                "category": [codeable(uris.NEED, "barrier")],
                "code": {"text": "Afraid of what others would say"},
                "subject": ref(ward.person.reference),
            }
        )
        held = unit.read("Goal", goal.id)
        addressed = [*held.resource.get("addresses", ()), ref(barrier.reference)]
        unit.update({**held.resource, "addresses": addressed}, if_match=held.version)
    met = page(ward, f"plan?add=step&under={barrier.reference}")
    assert "Say how common it is" in met
