"""Programs ask what a plan lacks and what plans contradict, and settle it; what they hand in says whose it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from careloop.api.origin import SENDER
from careloop.fhir import uris
from careloop.fhir.elements import codeable, ref
from careloop.library import load
from tests.api.conftest import Door, text_of


@pytest.fixture
def maria(door: Door) -> str:
    told = {
        "resourceType": "Patient",
        "name": [{"family": "Duarte"}],
        "address": [{"state": "TX", "postalCode": "77002"}],
        "managingOrganization": ref("Organization/bayview"),
    }
    return made(door, told)["id"]


def made(door: Door, resource: dict[str, Any]) -> dict[str, Any]:
    answer = door.ask("POST", resource["resourceType"], resource)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def asked(door: Door, path: str) -> list[dict[str, Any]]:
    answer = door.ask("GET", path)
    assert answer.status_code == 200, answer.content
    body = json.loads(answer.content)
    assert body["resourceType"] == "Parameters"
    parameters: list[dict[str, Any]] = body.get("parameter", [])
    return parameters


def parts(parameter: dict[str, Any]) -> dict[str, Any]:
    return {
        each["name"]: next((v for k, v in each.items() if k.startswith("value")), each.get("part"))
        for each in parameter["part"]
    }


def join(door: Door, person: str, program: str) -> None:
    made(
        door,
        {
            "resourceType": "EpisodeOfCare",
            "status": "active",
            "type": [codeable(uris.PROGRAM, program)],
            "patient": ref(f"Patient/{person}"),
            "managingOrganization": ref("Organization/bayview"),
            "period": {"start": "2026-11-20T10:00:00-06:00"},
        },
    )


def goal(door: Door, person: str, below: int) -> str:
    quantity = {"value": below, "comparator": "<", "unit": "mmHg"}
    measure = {**codeable(uris.LOINC, "8480-6"), "text": "Systolic blood pressure"}
    told = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": f"Systolic below {below}"},
        "subject": ref(f"Patient/{person}"),
        "target": [{"measure": measure, "detailQuantity": quantity}],
    }
    return f"Goal/{made(door, told)['id']}"


def plan(person: str, goals: list[str], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": ref(f"Patient/{person}"),
        **({"goal": [ref(each) for each in goals]} if goals else {}),
        **more,
    }


def test_what_a_plan_lacks_with_rule_and_hour(door: Door, maria: str) -> None:
    assert asked(door, f"Patient/{maria}/$plan-completeness") == []
    join(door, maria, "long-term-care")
    found = {parts(each)["id"]: each for each in asked(door, f"Patient/{maria}/$plan-completeness")}
    assert set(found) == {"nf-baseline", "nf-comprehensive"}
    baseline = parts(found["nf-baseline"])
    assert (baseline["met"], baseline["of"]) == (0, 7)
    assert baseline["says"].startswith("0 of 7 for nursing home baseline")
    assert baseline["verified"] == "P"
    elements = [parts(each) for each in found["nf-baseline"]["part"] if each["name"] == "element"]
    orders = next(each for each in elements if each["id"] == "orders")
    assert orders["due"] == "2026-11-22T16:00:00.000Z"
    assert orders["late"] is True
    assert orders["rule"] == "nf-baseline@2026"
    assert "42 CFR 483.21(a)" in orders["rule-source"]


def test_one_standard_alone_and_one_that_is_none(door: Door, maria: str) -> None:
    join(door, maria, "long-term-care")
    [only] = asked(door, f"Patient/{maria}/$plan-completeness?standard=nf-baseline")
    assert parts(only)["id"] == "nf-baseline"
    answer = door.ask("GET", f"Patient/{maria}/$plan-completeness?standard=shoes")
    assert answer.status_code == 400
    assert "nf-baseline" in text_of(answer)
    assert door.ask("GET", f"Patient/{maria}/$plan-completeness?shoes=1").status_code == 400
    assert door.ask("GET", "Patient/nobody/$plan-completeness").status_code == 404


def test_a_plan_without_a_mark_gets_one_and_our_proposals_none(door: Door, maria: str) -> None:
    told = made(door, plan(maria, []))
    assert told["meta"]["source"] == f"{SENDER}everything"
    own = made(door, plan(maria, [], meta={"source": "https://lakeside.example"}))
    assert own["meta"]["source"] == "https://lakeside.example"
    draft = made(door, plan(maria, []) | {"status": "draft", "intent": "proposal"})
    assert "source" not in draft["meta"]


def test_a_conflict_is_told_made_work_and_looked_at(door: Door, maria: str) -> None:
    one, other = goal(door, maria, 130), goal(door, maria, 150)
    made(door, plan(maria, [one], author={"display": "Lakeside Cardiology"}, meta={"source": "urn:a:b"}))
    made(door, plan(maria, [other], author={"display": "Home health"}, meta={"source": "urn:c:d"}))
    [told] = asked(door, f"Patient/{maria}/$plan-conflicts")
    found = parts(told)
    assert found["rule"] == "goals"
    assert "Lakeside Cardiology" in found["because"]
    assert {parts(s)["reference"]["reference"] for s in told["part"] if s["name"] == "side"} == {one, other}

    def settle(action: str, **more: str) -> Any:
        said = [{"name": name, "valueString": value} for name, value in more.items()]
        body = [
            {"name": "conflict", "valueString": found["conflict"]},
            {"name": "action", "valueCode": action},
        ]
        parameters = {"resourceType": "Parameters", "parameter": [*body, *said]}
        return door.ask("POST", f"Patient/{maria}/$settle-conflict", parameters)

    answer = settle("work")
    assert answer.status_code == 200, answer.content
    assert json.loads(answer.content)["resourceType"] == "Task"
    assert settle("work").status_code == 409  # somebody is working on it
    assert settle("forget").status_code == 400
    [again] = asked(door, f"Patient/{maria}/$plan-conflicts")
    assert parts(again)["work"]["reference"].startswith("Task/")


def test_a_program_that_may_not_write_settles_nothing(door: Door, maria: str, issue_token: Any) -> None:
    one, other = goal(door, maria, 130), goal(door, maria, 150)
    made(door, plan(maria, [one], author={"display": "Lakeside"}, meta={"source": "urn:a:b"}))
    made(door, plan(maria, [other], author={"display": "Home health"}, meta={"source": "urn:c:d"}))
    reader = Door(issue_token("reader", "system/*.rs")[1])
    [told] = asked(reader, f"Patient/{maria}/$plan-conflicts")
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "conflict", "valueString": parts(told)["conflict"]},
            {"name": "action", "valueCode": "work"},
        ],
    }
    assert reader.ask("POST", f"Patient/{maria}/$settle-conflict", body).status_code == 403
    assert Door().ask("GET", f"Patient/{maria}/$plan-conflicts").status_code == 401


def test_who_may_not_see_goals_sees_no_conflict_of_goals(door: Door, maria: str, issue_token: Any) -> None:
    one, other = goal(door, maria, 130), goal(door, maria, 150)
    made(door, plan(maria, [one], author={"display": "Lakeside"}, meta={"source": "urn:a:b"}))
    made(door, plan(maria, [other], author={"display": "Home health"}, meta={"source": "urn:c:d"}))
    blind = Door(issue_token("blind", "system/Patient.rs system/CarePlan.rs")[1])
    assert [p for p in asked(blind, f"Patient/{maria}/$plan-conflicts") if p["name"] == "conflict"] == []


def test_every_rule_of_conflict_has_both_languages() -> None:
    for rule in load().clashes.rules:
        assert rule.because.es != rule.because.en
        assert rule.ask.es != rule.ask.en
