"""What changed in a plan since it went to somebody is told of lines that may go now, and of nothing else; a line that a
reader may not see is in no version she is told of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from careloop import library, projections, store
from careloop.actions.disclose import Composition, Recipient, compose, disclose
from careloop.projections import disclosures
from careloop.projections.plan_history import active_plan_of, plan_now, plan_then, what_changed
from tests.projections import builders as b
from tests.projections.ward import HOUSE
from tests.store.rows import rows
from tests.web.desk import Desk, at_the_desk

CONTENT = library.load()
PANTRY = Recipient("Food pantry", "pantry")
MARIA = {"reference": "Patient/maria"}
PART2 = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]}


def goal(id: str, text: str, value: int, **more: Any) -> dict[str, Any]:
    quantity = {"value": value, "comparator": "<", "unit": "kg"}
    return {
        "resourceType": "Goal",
        "id": id,
        "lifecycleStatus": "active",
        "description": {"text": text},
        "subject": MARIA,
        "target": [{"measure": {"text": "weight"}, "detailQuantity": quantity}],
        **more,
    }


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        put(
            desk,
            b.organization("pantry", "Food pantry"),
            goal("weight", "Keep the weight steady", 84),
            goal("food", "Eat enough", 90),
            goal("drink", "Drink less", 91, meta=PART2),
            {
                "resourceType": "CarePlan",
                "id": "plan",
                "status": "active",
                "intent": "plan",
                "subject": MARIA,
                "goal": [{"reference": "Goal/weight"}, {"reference": "Goal/food"}],
            },
            {
                "resourceType": "ServiceRequest",
                "id": "food",
                "status": "active",
                "intent": "order",
                "subject": MARIA,
                "performer": [{"reference": "Organization/pantry"}],
            },
        )
        yield desk


def put(desk: Desk, *resources: dict[str, Any]) -> None:
    with store.open(HOUSE, now=desk.clock(), projectors=projections.ALL) as unit:
        for each in resources:
            unit.update(each, create=True)


def composed(desk: Desk) -> Composition:
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        return compose(unit, "maria", PANTRY, "treatment", CONTENT)


def send(desk: Desk, *lines: str, language: str = "en") -> tuple[str, ...]:
    number = disclose(
        desk.ward.scope,
        "maria",
        PANTRY,
        "treatment",
        "hand",
        lines,
        desk.clock(),
        CONTENT,
        key=f"test:{desk.clock()}",
        language=language,
    )
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        return disclosures.one(unit, rid, number).content.changes


def told(made: Composition) -> list[str]:
    return [each.says.en for each in made.since.changes] if made.since else ["nothing went before"]


def test_the_first_time_nothing_has_changed_for_them(desk: Desk) -> None:
    assert told(composed(desk)) == ["nothing went before"]
    assert send(desk, "Goal/weight", "Goal/food") == ()


def test_the_second_time_it_says_what_is_another_and_only_of_what_goes(desk: Desk) -> None:
    send(desk, "Goal/weight", "Goal/food")
    desk.clock.move(hours=1)
    put(desk, goal("weight", "Keep the weight steady", 82), goal("food", "Eat enough, low in salt", 90))
    desk.clock.move(hours=1)
    weight = "Goal changed: Keep the weight steady: weight under 82 kg (was weight under 84 kg)"
    food = "Goal changed: Eat enough, low in salt (before: Eat enough)"
    assert told(composed(desk)) == [weight, food]
    assert send(desk, "Goal/weight", language="es") == (
        "Cambió la meta: Keep the weight steady: weight menos de 82 kg (antes: weight menos de 84 kg)",
    )
    desk.clock.move(hours=1)
    assert send(desk, "Goal/weight", "Goal/food") == (
        "New goal: Eat enough, low in salt (weight under 90 kg)",
    )
    desk.clock.move(hours=1)
    assert send(desk, "Goal/food", language="") == ()


def test_what_was_told_and_is_over_is_said_to_be_over(desk: Desk) -> None:
    send(desk, "Goal/weight", "Goal/food")
    desk.clock.move(hours=1)
    put(desk, goal("food", "Eat enough", 90, lifecycleStatus="cancelled", statusReason="Our own business"))
    assert told(composed(desk)) == ["Goal ended: Eat enough"]


def test_a_line_under_a_label_is_in_no_version_for_whoever_may_not_see_it(desk: Desk) -> None:
    put(
        desk,
        {
            "resourceType": "CarePlan",
            "id": "plan",
            "status": "active",
            "intent": "plan",
            "subject": MARIA,
            "goal": [{"reference": "Goal/weight"}],
        },
    )
    before = desk.clock()
    desk.clock.move(hours=1)
    put(desk, goal("drink", "Drink nothing", 92, meta=PART2))
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        patient = unit.read("Patient", "maria")
        plan = active_plan_of(unit, patient.rid)
        assert plan is not None
        assert "Goal/drink" not in plan_now(unit, patient.rid).lines
        assert "Goal/drink" not in plan_then(unit, patient.rid, before, plan.id).lines
        assert what_changed(unit, patient, plan, before, "coordinator") == ()
        assert unit.withholds(patient.rid)
    with store.open(HOUSE, now=desk.clock()) as unit:
        patient = unit.read("Patient", "maria")
        plan = active_plan_of(unit, patient.rid)
        assert plan is not None
        (change,) = what_changed(unit, patient, plan, before, "coordinator")
    assert change.reference == "Goal/drink"


def test_the_composer_shows_it_and_the_paper_says_it(desk: Desk) -> None:
    send(desk, "Goal/weight", "Goal/food")
    desk.clock.move(minutes=5)
    put(desk, goal("weight", "Keep the weight steady", 82))
    desk.clock.move(minutes=5)
    form = {"to": "Food pantry", "basis": "treatment", "purpose": "A food box", "method": "hand"}
    shown = desk.post("/people/maria/disclose", form, 200)
    assert "In the plan since it went there on Nov 23, 2026" in shown
    assert "weight under 82 kg (was weight under 84 kg)" in shown
    sent = {**form, "act": "send", "key": "once", "line": ["Goal/weight"], "changes": "yes"}
    desk.post("/people/maria/disclose", sent)
    number = rows("select max(id) from disclosures")[0][0]
    paper = desk.page(f"/people/maria/disclosures/{number}")
    assert "What changed in the plan since you got it last" in paper
    assert "weight under 82 kg (was weight under 84 kg)" in paper
    pdf = desk.client.get(f"/people/maria/disclosures/{number}.pdf")
    assert pdf["Content-Type"] == "application/pdf"
    assert "it went to Food pantry, Nov 23, 2026" in desk.page("/people/maria/plan/changes")
