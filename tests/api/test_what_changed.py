"""CarePlan/$what-changed: versions of a plan compared, in words, for who asks; what may not be seen is not told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from careloop.kernel.clock import MovableClock
from careloop.server import middleware

MARIA = {"reference": "Patient/maria"}


def goal(value: int) -> dict[str, Any]:
    quantity = {"value": value, "comparator": "<", "unit": "kg"}
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "Keep the weight steady"},
        "subject": MARIA,
        "target": [{"measure": {"text": "weight"}, "detailQuantity": quantity}],
    }


class Plan:
    """Maria's plan with one goal, as a program keeps it."""

    def __init__(self, door: Any, clock: MovableClock) -> None:
        self.door, self.clock = door, clock
        assert door.ask("PUT", "Patient/maria", {"resourceType": "Patient", "id": "maria"}).status_code == 201
        self.goal = self.post(goal(84))
        self.id = self.post(
            {
                "resourceType": "CarePlan",
                "identifier": [
                    {"system": "urn:careloop:id:dedupe", "value": "plan"}
                ],  # ours, not another house's
                "status": "active",
                "intent": "plan",
                "subject": MARIA,
                "goal": [{"reference": f"Goal/{self.goal}"}],
            }
        )

    def post(self, body: dict[str, Any]) -> str:
        self.clock.move(minutes=1)
        answer = self.door.ask("POST", body["resourceType"], body)
        assert answer.status_code == 201, answer.content
        return str(json.loads(answer.content)["id"])

    def weighs(self, value: int, version: int) -> None:
        self.clock.move(minutes=1)
        body = {**goal(value), "id": self.goal}
        answer = self.door.ask("PUT", f"Goal/{self.goal}", body, If_Match=f'W/"{version}"')
        assert answer.status_code == 200, answer.content

    def asked(self, query: str = "", status: int = 200) -> dict[str, Any]:
        answer = self.door.ask("GET", f"CarePlan/{self.id}/$what-changed{query}")
        assert answer.status_code == status, answer.content
        found: dict[str, Any] = json.loads(answer.content)
        return found


def sentences(body: dict[str, Any]) -> list[str]:
    found = [each for each in body["parameter"] if each["name"] == "change"]
    return [part["valueString"] for each in found for part in each["part"] if part["name"] == "text"]


@pytest.fixture
def plan(door: Any, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(middleware, "clock", clock)
    return Plan(door, clock)


def test_a_change_is_told_in_words_in_both_languages(plan: Plan) -> None:
    assert sentences(plan.asked("?since=1")) == []
    plan.weighs(82, 1)
    told = plan.asked("?since=1")
    assert sentences(told) == [
        "Goal changed: Keep the weight steady: weight under 82 kg (was weight under 84 kg)"
    ]
    assert "Cambió la meta" in json.dumps(told, ensure_ascii=False)
    assert "note" not in {each["name"] for each in told["parameter"]}


def test_since_may_be_a_day_or_an_instant_and_the_person_is_found_too(plan: Plan) -> None:
    before = plan.clock.at
    plan.weighs(82, 1)
    assert len(sentences(plan.asked(f"?since={before.astimezone().isoformat().replace('+', '%2B')}"))) == 1
    assert sentences(plan.asked("?since=2026-11-01")) == [
        "New goal: Keep the weight steady (weight under 82 kg)"
    ]
    answer = plan.door.ask("GET", "CarePlan/$what-changed?patient=Patient/maria&since=1&audience=person")
    assert sentences(json.loads(answer.content)) == [
        "Changed: Keep the weight steady: weight under 82 kg (was weight under 84 kg)"
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [("?since=never", 400), ("?since=99", 400), ("?audience=everybody", 400), ("?whatever=1", 400)],
)
def test_what_can_t_be_read_is_refused_plainly(plan: Plan, query: str, status: int) -> None:
    assert plan.asked(query, status)["resourceType"] == "OperationOutcome"


def test_a_program_without_the_plan_is_told_nothing(plan: Plan, issue_token: Any) -> None:
    from tests.api.conftest import Door

    plan.weighs(82, 1)
    stranger = Door(issue_token("observations", "system/Observation.rs system/Patient.rs")[1])
    assert stranger.ask("GET", f"CarePlan/{plan.id}/$what-changed?since=1").status_code == 403
    narrow = Door(issue_token("plans", "system/CarePlan.rs system/Patient.rs")[1])
    told = json.loads(narrow.ask("GET", f"CarePlan/{plan.id}/$what-changed?since=1").content)
    assert sentences(told) == []
    assert any(each.get("valueString") == "This list may be incomplete." for each in told["parameter"])
