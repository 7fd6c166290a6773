"""A plan shows that it is there to everybody who sees plans, and tells in no word of its own what a line with a label
would. What follows from a thing that is kept from some, is kept from them as well: need, goal, step, alert, to-do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from careloop import store
from careloop.access import Actor, Scope, SmartScope, labels
from careloop.actions.activate_plan import activate_plan
from careloop.actions.combine_work import combine_work
from careloop.actions.decide_line import accept_rest
from careloop.actions.propose_from_known import propose_from_known
from careloop.actions.propose_plan import EACH_LINE_SAYS, lines_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, ref
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, response
from careloop.library import load
from careloop.projections.plan_history import active_plan_of, plan_then
from careloop.store import Stored
from tests.projections import builders as b
from tests.projections.test_registry import problem
from tests.projections.ward import HOUSE
from tests.trust.hidden import PART2, put, react, twins, watch, weight
from tests.web.desk import Desk, at_the_desk

LIBRARY = load()
DRINKS = {"frequency": "four-a-week", "amount": "seven-to-nine", "six-or-more": "weekly"}
MOOD = dict.fromkeys(LIBRARY.instruments["phq-9"].scoring.items, "more-than-half")
LINES = ("Condition", "Goal", "Task", "CarePlan", "DetectedIssue")


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        twins(desk)
        put(desk, b.episode("e-dora", "dora"))
        yield desk


def reader(desk: Desk, role: str) -> Scope:
    """Of Bayview; or, a helper with whom the plan is shared."""
    if role == "helper":
        with store.open(HOUSE, now=desk.clock()) as unit:
            dora = unit.rid_of("Patient/dora") or 0
        return Scope(
            Actor(200, "person", "Lucía", shares=frozenset({(dora, "plan")})), "family", "own record"
        )
    site = frozenset({desk.ward.site})
    return Scope(
        Actor(90, "staff", role, roles=frozenset({role}), sites=site, programs=frozenset({"transitions"})),
        "page",
        "coordination",
    )


def held(desk: Desk, scope: Scope) -> list[Stored]:
    with store.open(scope, now=desk.clock()) as unit:
        person = unit.rid_of("Patient/dora") or 0
        return unit.of_person(person, [kind for kind in LINES if unit.may_search(kind)])


def told(desk: Desk, scope: Scope) -> str:
    return " ".join(str(each.resource) for each in held(desk, scope))


def answered(desk: Desk, instrument: str, said: dict[str, str], **more: Any) -> Stored:
    form = LIBRARY.instruments[instrument].form
    answers = {item: Answer((code,)) for item, code in said.items()}
    made = response(form, answers, About("Patient/dora", desk.clock()), status="completed")
    with store.open(HOUSE, now=desk.clock(), projectors=()) as unit:
        return unit.create({**made, **more})


def proposed(desk: Desk) -> Stored:
    found = propose_from_known(desk.ward.scope, "dora", LIBRARY, desk.clock())
    assert found is not None
    return found


def agreed(desk: Desk, plan: Stored) -> None:
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        lines = unit.get(lines_of(unit.read("CarePlan", plan.id).resource))
    accept_rest(desk.ward.scope, plan.id, {key: line.version for key, line in lines.items()}, desk.clock())
    activate_plan(desk.ward.scope, plan.id, desk.clock())


@pytest.mark.parametrize("role", ["payer-manager", "helper"])
def test_drinking_is_told_by_no_word_of_the_plan(desk: Desk, role: str) -> None:
    """AUDIT-C is labeled substance use: whoever gives care sees it, a payer's manager and a helper do not."""
    answered(desk, "audit-c", DRINKS)
    plan = proposed(desk)
    assert "AUDIT-C is" in told(desk, desk.ward.scope), "the control: a coordinator reads why"
    for step in (lambda: None, lambda: agreed(desk, plan)):
        step()
        shown = held(desk, reader(desk, role))
        assert [each.type for each in shown] == ["CarePlan"], "that there is a plan, and nothing of it"
        text = told(desk, reader(desk, role))
        assert not any(word in text for word in ("AUDIT", "audit", "drink", "Drink", "alcohol"))
    assert "Drinks less" in told(desk, desk.ward.scope)


@pytest.mark.parametrize("role", ["payer-manager", "helper"])
def test_what_carries_no_label_is_told_as_before(desk: Desk, role: str) -> None:
    """The control of the sentence: mood is labeled nothing."""
    answered(desk, "phq-9", MOOD)
    plan = proposed(desk)
    agreed(desk, plan)
    text = told(desk, reader(desk, role))
    assert "PHQ-9, answered" in text
    assert EACH_LINE_SAYS.en not in text


def test_a_line_that_stands_already_takes_no_label_off_what_hangs_under_it(desk: Desk) -> None:
    """The need stands without a label, written by hand; the goal and the steps follow from the answers all the same."""
    need = problem("hand", "dora", "Z72.89", "Drinking that may do harm", "health-concern")
    plan: Resource = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": ref("Patient/dora"),
        "addresses": [ref("Condition/hand")],
    }
    put(desk, need, plan)
    answered(desk, "audit-c", DRINKS)
    proposed(desk)
    text = told(desk, reader(desk, "payer-manager"))
    assert "AUDIT-C" not in text
    assert "AUDIT-C" in told(desk, desk.ward.scope)


def test_a_diagnosis_of_a_program_makes_lines_of_that_program(desk: Desk) -> None:
    secret = {**problem("dm", "dora", "E11.9", "Type 2 diabetes canaryillness"), "meta": PART2}
    put(desk, secret)
    assert propose_from_known(HOUSE, "dora", LIBRARY, desk.clock()) is not None
    assert "canaryillness" in told(desk, HOUSE)
    assert [each.type for each in held(desk, desk.ward.scope)] == ["CarePlan"]
    assert "canaryillness" not in told(desk, desk.ward.scope)
    assert "diabetes" not in told(desk, desk.ward.scope).lower()


def test_one_that_others_wrote_down_too_makes_lines_for_everybody(desk: Desk) -> None:
    """The control: what our own record says without a label is not hidden by a program's saying it as well."""
    secret = {**problem("dm", "dora", "E11.9", "Type 2 diabetes"), "meta": PART2}
    put(desk, secret, problem("dm-ours", "dora", "E11.65", "Type 2 diabetes, ours"))
    proposed(desk)
    assert "diabetes" in told(desk, desk.ward.scope).lower()
    assert {each.type for each in held(desk, desk.ward.scope)} >= {"Condition", "Goal", "Task", "CarePlan"}


def test_an_alert_carries_the_label_of_whom_it_watches(desk: Desk) -> None:
    """Of the heart failure only a program knows; the weights are ours. That she is watched for it tells it."""
    watch(desk, "heart-failure-weight")
    now = desk.clock()
    for id in ("dora", "clara"):
        put(desk, weight(f"{id}-1", id, now - timedelta(days=1), "80"), weight(f"{id}-2", id, now, "83"))
    put(desk, {**problem("hf", "dora", "I50.9", "Heart failure"), "meta": PART2})
    put(desk, problem("hf-clara", "clara", "I50.9", "Heart failure"))
    react(desk)
    assert "DetectedIssue" in {each.type for each in held(desk, HOUSE)}, "the control: it spoke"
    assert held(desk, desk.ward.scope) == [] or {each.type for each in held(desk, desk.ward.scope)} == {
        "CarePlan"
    }
    assert "Weight" not in told(desk, desk.ward.scope)
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        assert unit.of_person(unit.rid_of("Patient/clara") or 0, ["DetectedIssue"]), "of Clara all see it"


def test_a_limit_that_is_hidden_is_told_by_no_alert(desk: Desk) -> None:
    watch(desk, "blood-pressure")
    from careloop.care.reading_limits import Limits, to_request

    kind, now = LIBRARY.readings["blood-pressure"], desk.clock()
    own = to_request(
        kind, Limits("blood-pressure", None, Decimal("126"), None, None), "Patient/dora", None, now, "why"
    )
    put(desk, {**own, "id": "limits", "meta": PART2})
    put(desk, *(pressure(f"bp-{n}", now - timedelta(days=n), 141) for n in range(4)))
    react(desk)
    assert "126" in told(desk, HOUSE), "the control: an alert or a to-do says it"
    assert "126" not in told(desk, desk.ward.scope)


def pressure(id: str, at: datetime, systolic: int) -> Resource:
    from tests.projections.test_readings import pressure as of_maria

    return {**of_maria(id, at, systolic, 70), "subject": ref("Patient/dora")}


def test_an_older_version_tells_no_more_than_its_own_label_lets(desk: Desk) -> None:
    """What a later version does not say any more, the older one still says."""
    goal: Resource = {
        "resourceType": "Goal",
        "id": "goal",
        "lifecycleStatus": "active",
        "subject": ref("Patient/dora"),
        "description": {
            "coding": [{"system": uris.ICD10CM, "code": "F11.20"}],
            "text": "Stay off canaryheroin",
        },
    }
    plan: Resource = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": ref("Patient/dora"),
        "goal": [ref("Goal/goal")],
    }
    put(desk, goal, plan)
    before = desk.clock()
    desk.later(minutes=1)
    with store.open(HOUSE, now=desk.clock(), projectors=()) as unit:
        unit.update({**goal, "description": {"text": "Walk each day"}})

    def then(scope: Scope) -> str:
        with store.open(scope, now=desk.clock()) as unit:
            person = unit.rid_of("Patient/dora") or 0
            active = active_plan_of(unit, person)
            assert active is not None
            return str([line.text.en for line in plan_then(unit, person, before, active.id).lines.values()])

    payer = reader(desk, "payer-manager")
    assert "Walk each day" in told(desk, payer), "the control: what it says now is for everybody"
    assert "canaryheroin" not in then(payer)
    assert "canaryheroin" in then(desk.ward.scope), "who gives care sees it"


def test_two_calls_put_together_are_kept_from_whom_either_is_kept(desk: Desk) -> None:
    now = desk.clock()
    put(
        desk,
        b.task("plain", "dora", now, kind="call", title="Call about the visit"),
        {**b.task("secret", "dora", now, kind="call", title="Call about canarymethadone"), "meta": PART2},
    )
    combine_work(HOUSE, "plain", ["secret"], now)
    with store.open(HOUSE, now=now) as unit:
        assert "canarymethadone" in str(unit.read("Task", "plain").resource)
        rows = unit.cursor().execute("select labels from work where task_id = 'plain'").fetchall()
    assert rows[0][0] & labels.PART2
    assert "canarymethadone" not in told(desk, desk.ward.scope)


def test_a_conflict_is_told_to_whoever_sees_both_sides(desk: Desk) -> None:
    """Work about it, and that somebody looked at it, carry the labels of both."""
    issue: Resource = {
        "resourceType": "DetectedIssue",
        "id": "clash",
        "status": "final",
        "patient": ref("Patient/dora"),
        "detail": "canarymethadone and another",
        "implicated": [ref("MedicationRequest/one"), ref("MedicationRequest/two")],
    }
    put(desk, medicine("one", "Something"), {**medicine("two", "canarymethadone"), "meta": PART2}, issue)
    assert "canarymethadone" in told(desk, HOUSE)
    assert "canarymethadone" not in told(desk, desk.ward.scope)


def medicine(id: str, words: str) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": id,
        "status": "active",
        "intent": "order",
        "subject": ref("Patient/dora"),
        "medicationCodeableConcept": {"text": words},
    }


def test_an_answer_taken_from_a_record_that_is_hidden_is_hidden_until_somebody_asked(desk: Desk) -> None:
    """Filled in by itself it is the word of the program; asked again it is hers of today."""
    secret = answered(desk, "phq-9", MOOD, meta=PART2)

    def filled(id: str, *parts: Resource) -> Resource:
        origin = {"url": "source", "valueReference": ref(secret.reference)}
        item: Resource = {
            "linkId": "mood",
            "extension": [{"url": uris.FROM_RECORD, "extension": [origin, *parts]}],
            "answer": [{"valueString": "canaryanswer"}],
        }
        return {
            "resourceType": "QuestionnaireResponse",
            "id": id,
            "status": "completed",
            "questionnaire": "urn:other|1",
            "subject": ref("Patient/dora"),
            "item": [{"linkId": "group", "item": [item]}],
        }

    put(desk, filled("silent"), filled("said", {"url": "confirmed", "valueDateTime": "2026-11-23T10:00:00Z"}))
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        person = unit.rid_of("Patient/dora") or 0
        assert [each.id for each in unit.of_person(person, ["QuestionnaireResponse"])] == ["said"]
    with store.open(HOUSE, now=desk.clock()) as unit:
        assert len(unit.of_person(person, ["QuestionnaireResponse"])) == 3, "the control"


def test_an_app_that_was_given_some_goals_reads_no_older_version_of_any(desk: Desk) -> None:
    """What a scope with a search lets through is decided by how a thing is now: its history is not told."""
    goal: Resource = {
        "resourceType": "Goal",
        "id": "goal",
        "lifecycleStatus": "active",
        "subject": ref("Patient/dora"),
        "description": {"text": "canaryolder"},
    }
    plan: Resource = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": ref("Patient/dora"),
        "goal": [ref("Goal/goal")],
    }
    put(desk, goal, plan)
    before = desk.clock()
    desk.later(minutes=1)
    put(desk, {**goal, "description": {"text": "Walk each day"}})

    def then(*scopes: str) -> str:
        app = replace(desk.ward.actor, app=7, scopes=tuple(SmartScope.parse(each) for each in scopes))
        with store.open(Scope(app, "fhir", "app"), now=desk.clock()) as unit:
            person = unit.rid_of("Patient/dora") or 0
            return str([line.text.en for line in plan_then(unit, person, before, "plan").lines.values()])

    assert "canaryolder" in then("user/CarePlan.rs", "user/Goal.rs"), (
        "the control: all of them, with their past"
    )
    assert "canaryolder" not in then("user/CarePlan.rs", "user/Goal.rs?lifecycle-status=active")
    assert "canaryolder" not in then("user/CarePlan.rs", "user/Goal.s")
