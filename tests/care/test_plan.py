"""What the templates propose, to whom, and whom they leave alone: every case from content/plans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from careloop.care.plan import DECLINE_REASONS, Measure, Standing, Told, line_resource, propose
from careloop.fhir import uris
from careloop.fhir.elements import codeable
from careloop.library import Case, PlanTemplate, load

LIBRARY = load()
CASES = [(plan, case) for plan in LIBRARY.plans.values() for case in plan.cases]
TODAY = date(2026, 11, 23)
MODERATE = Told(scores={"phq-9": Decimal(14)}, asked=frozenset({"phq-9"}))


def told(case: Case) -> Told:
    return Told(
        scores={name: Decimal(value) for name, value in case.answers.get("scores", {}).items()},
        findings=frozenset(case.answers.get("findings", ())),
        asked=frozenset(LIBRARY.instruments),
        facts=case.answers.get("facts", {}),
    )


@pytest.mark.parametrize(("plan", "case"), CASES, ids=[f"{plan.id}: {case.name}" for plan, case in CASES])
def test_golden(plan: PlanTemplate, case: Case) -> None:
    own = {need.code for need in plan.needs}
    lines = propose(LIBRARY, told(case), Standing(), TODAY).lines
    seen = {
        "needs": [line.code for line in lines if line.part == "need" and line.code in own],
        "goals": [line.code for line in lines if line.part == "goal"],
        "actions": [line.code for line in lines if line.part == "action"],
    }
    assert {key: seen[key] for key in case.expect} == case.expect


@pytest.mark.parametrize("plan", LIBRARY.plans.values(), ids=lambda plan: plan.id)
def test_every_template_has_a_person_it_leaves_alone(plan: PlanTemplate) -> None:
    assert any(case.expect == {"needs": []} for case in plan.cases)


def test_each_line_says_why_and_from_where() -> None:
    need, *_ = propose(LIBRARY, MODERATE, Standing(), TODAY).lines
    assert need.because.en.startswith("PHQ-9 is 14")
    assert need.because.es.startswith("El PHQ-9 es 14")
    assert "Kroenke" in need.source


def test_one_declined_answer_does_not_hide_a_score_that_is_high_anyway() -> None:
    partly = Told(scores={"phq-9": None}, at_least={"phq-9": Decimal(12)}, asked=frozenset({"phq-9"}))
    need, *_ = propose(LIBRARY, partly, Standing(), TODAY).lines
    assert need.because.en == "PHQ-9 is at least 12: not all was answered."


def test_what_stands_in_the_plan_is_shown_as_there_and_not_proposed_twice() -> None:
    task = {
        "status": "accepted",
        "intent": "order",
        "code": codeable(uris.WORK_CODE, "repeat-phq-9", "PHQ-9 again"),
    }
    lines = propose(LIBRARY, MODERATE, Standing(tasks=(task,)), TODAY).lines
    there = [line for line in lines if line.is_there]
    assert [line.key for line in there] == ["action:repeat-phq-9"]
    assert there[0].conflict is not None
    assert there[0].conflict.en == "Already in the plan: PHQ-9 again"


def test_another_target_for_the_same_measure_is_named_as_a_conflict() -> None:
    proposed = next(
        line for line in propose(LIBRARY, MODERATE, Standing(), TODAY).lines if line.part == "goal"
    )
    kept = line_resource(
        proposed,
        person="Patient/m",
        dedupe="x",
        recorder=None,
        measures={"phq-9": Measure("44261-6", "PHQ-9")},
    )
    kept["description"] = {"text": "PHQ-9 below 10"}
    kept["lifecycleStatus"] = "active"
    goal = next(
        line
        for line in propose(LIBRARY, MODERATE, Standing(goals=(kept,)), TODAY).lines
        if line.part == "goal"
    )
    assert goal.conflict is not None
    assert "PHQ-9 below 10" in goal.conflict.en


def test_what_she_declined_last_month_says_so() -> None:
    standing = Standing(declined={"action:one-good-thing": (date(2026, 10, 30), DECLINE_REASONS["not-now"])})
    lines = {line.key: line for line in propose(LIBRARY, MODERATE, standing, TODAY).lines}
    conflict = lines["action:one-good-thing"].conflict
    assert conflict is not None
    assert conflict.en == "Declined on Oct 30, 2026: Not now"
    assert conflict.es == "Se rechazó el 30 de oct de 2026: Ahora no"


def test_food_and_a_ride_in_one_proposal_never_name_a_line_twice() -> None:
    both = Told(
        findings=frozenset({"ahc-hrsn/transport", "transition-call/no-ride"}),
        asked=frozenset({"ahc-hrsn", "transition-call"}),
        facts={"days_since_discharge": 3},
    )
    keys = [line.key for line in propose(LIBRARY, both, Standing(), TODAY).lines]
    assert len(keys) == len(set(keys))
    assert "action:ride-next-visit" in keys


def test_what_was_written_by_hand_in_the_same_words_is_there_already() -> None:
    need = {"clinicalStatus": {}, "code": {"text": "Low mood that makes daily life harder"}}
    lines = propose(LIBRARY, MODERATE, Standing(needs=(need,)), TODAY).lines
    assert [line.key for line in lines if line.is_there] == ["need:depression"]
