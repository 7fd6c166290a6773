"""What a plan lacks becomes work; plans of others stay apart; a conflict is worked on, or looked at with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Actor, Scope
from careloop.actions.activate_plan import activate_plan
from careloop.actions.complete_assessment import propose_from
from careloop.actions.propose_plan import active_plan, standing
from careloop.actions.record_copy import NoPlanYet, SayHow, record_copy
from careloop.actions.settle_conflict import (
    ConflictGone,
    WorkedOn,
    look_again,
    look_at_conflict,
    make_conflict_work,
)
from careloop.actions.watch_plan import TIMER, watch_plan
from careloop.actions.working import ReasonMissing
from careloop.care.assess import score
from careloop.care.completeness import KIND, completeness
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, ref
from careloop.fhir.validate import problems
from careloop.kernel.errors import NotFound
from careloop.library import load
from careloop.projections.chart_plan import plan_of
from careloop.projections.plan_evidence import shown_of
from careloop.projections.plans_beside import beside_of
from careloop.store import Stored
from tests.web.proposing import Bayview, bayview

LIBRARY = load()


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime) -> Bayview:
    return bayview(scope, now)


def at_page(ward: Bayview) -> Scope:
    actor: Actor = replace(
        ward.scope.actor,
        kind="staff",
        name=ward.user.name,
        roles=frozenset({"coordinator"}),
        sites=frozenset({ward.site.rid}),
        practitioner=f"Practitioner/{ward.user.practitioner}",
    )
    return replace(ward.scope, actor=actor)


def write(ward: Bayview, *resources: Resource) -> list[Stored]:
    with ward.open() as unit:
        return [unit.create(each) for each in resources]


def join(ward: Bayview, program: str, on: datetime) -> Stored:
    return write(
        ward,
        {
            "resourceType": "EpisodeOfCare",
            "status": "active",
            "type": [codeable(uris.PROGRAM, program)],
            "patient": ref(ward.person.reference),
            "managingOrganization": ref(ward.site.reference),
            "period": {"start": on.isoformat()},
        },
    )[0]


def watch(ward: Bayview, now: datetime) -> tuple[Stored, ...]:
    with store.open(ward.scope, now=now, projectors=projections.ALL) as unit:
        return watch_plan(unit, ward.person.rid, LIBRARY)


def tasks(ward: Bayview, kind: str) -> list[Resource]:
    with ward.open() as unit:
        held = unit.of_person(ward.person.rid, ["Task"])
    return [s.resource for s in held if code_in(s.resource.get("code"), uris.WORK_CODE) == kind]


def judged(ward: Bayview, standard: str, now: datetime | None = None) -> Any:
    with ward.open() as unit:
        shown = shown_of(unit, unit.read("Patient", ward.person.id), LIBRARY)
    return next(e for e in completeness(shown, LIBRARY, now or ward.now) if e.standard.id == standard)


def met(found: Any) -> set[str]:
    return {each.element.id for each in found.elements if each.is_met}


# --- completeness


def test_somebody_in_no_program_is_left_alone(ward: Bayview, now: datetime) -> None:
    assert watch(ward, now) == ()
    join(ward, "chronic-care", now)
    assert watch(ward, now) == ()  # its gaps are shown; no law sets an hour
    assert tasks(ward, KIND) == []


def test_a_new_resident_has_a_baseline_due_in_48_hours(ward: Bayview, now: datetime) -> None:
    join(ward, "long-term-care", now)
    watch(ward, now)
    found = {each["extension"][0] and each["description"]: each for each in tasks(ward, KIND)}
    assert set(found) == {
        "Complete the plan: Nursing home baseline care plan",
        "Complete the plan: Nursing home comprehensive care plan",
    }
    baseline = found["Complete the plan: Nursing home baseline care plan"]
    assert baseline["restriction"]["period"]["end"].startswith("2026-11-25T15:00")
    assert "42 CFR 483.21(a)" in str(baseline["extension"])
    assert "initial goals" in baseline["reasonCode"]["text"]
    assert problems(baseline) == []
    again = watch(ward, now + timedelta(hours=1))
    assert again == ()  # asked twice it writes nothing


def test_the_work_names_less_when_something_is_there_and_goes_when_all_is(
    ward: Bayview, now: datetime
) -> None:
    join(ward, "long-term-care", now)
    watch(ward, now)
    write(
        ward,
        {
            "resourceType": "NutritionOrder",
            "status": "active",
            "intent": "order",
            "patient": ref(ward.person.reference),
            "dateTime": now.isoformat(),
            "oralDiet": {"type": [{"text": "Regular diet"}]},
        },
    )
    assert "diet" in met(judged(ward, "nf-baseline"))
    [changed] = watch(ward, now)
    assert "dietary orders" not in changed.resource["reasonCode"]["text"]


def test_leaving_the_program_takes_the_work_back(ward: Bayview, now: datetime) -> None:
    episode = join(ward, "hospice", now)
    watch(ward, now)
    assert tasks(ward, KIND)
    with ward.open() as unit:
        left = {**episode.resource, "status": "finished"}
        left["period"] = {**left["period"], "end": now.isoformat()}
        unit.update(left, if_match=episode.version)
    watch(ward, now)
    assert {each["status"] for each in tasks(ward, KIND)} == {"cancelled"}


def test_answers_meet_what_they_say_they_cover_with_who_and_when(ward: Bayview, now: datetime) -> None:
    join(ward, "chronic-care", now)
    write(
        ward,
        {
            "resourceType": "Condition",
            "subject": ref(ward.person.reference),
            "code": {"text": "Heart failure"},
            "clinicalStatus": codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
            "recordedDate": "2026-10-01",
        },
    )
    ward.answered("phq-2", {"interest": "not-at-all", "mood": "not-at-all"})
    found = judged(ward, "ccm")
    assert met(found) >= {"problem-list"}
    [problem] = [each for each in found.elements if each.element.id == "problem-list"]
    assert problem.met_by[0].text == "Heart failure"
    assert problem.met_by[0].at.date().isoformat() == "2026-10-01"


def test_the_hospice_review_comes_round_by_a_timer(ward: Bayview, now: datetime) -> None:
    join(ward, "hospice", now - timedelta(days=30))
    instrument = LIBRARY.instruments["hospice-review"]
    write(
        ward,
        {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": instrument.canonical,
            "status": "completed",
            "subject": ref(ward.person.reference),
            "authored": (now - timedelta(days=1)).isoformat(),
            "item": [_first_answer("hospice/review")],
        },
    )
    watch(ward, now)
    with ward.open() as unit:
        row = unit.cursor().execute(
            "select due from timers where person = %s and kind = %s", [ward.person.rid, TIMER]
        )
        [due] = row.fetchone()
    assert due == now + timedelta(days=14)


def _first_answer(covered: str) -> Resource:
    """An item of the hospice review that serves this element, with its first choice."""
    questions = LIBRARY.instruments["hospice-review"].questions
    asked = next(q for q in questions if covered in q.covers and q.choices and q.parent is None)
    options = next(
        item["answerOption"]
        for item in LIBRARY.instruments["hospice-review"].questionnaire["item"]
        if item["linkId"] == asked.id
    )
    value = {k: options[0]["valueCoding"][k] for k in ("system", "code")}
    return {"linkId": asked.id, "answer": [{"valueCoding": value}]}


# --- plans of others


def theirs(ward: Bayview, goal: str | None = None, **more: Any) -> Resource:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "title": "Heart clinic plan",
        "identifier": [{"system": "https://lakeside.example/plans", "value": "77"}],
        "subject": ref(ward.person.reference),
        "author": {"display": "Lakeside Cardiology"},
        **({"goal": [ref(goal)]} if goal else {}),
        **more,
    }


def pressure(ward: Bayview, below: int, **more: Any) -> Resource:
    quantity = {"value": below, "comparator": "<", "unit": "mmHg"}
    measure = {**codeable(uris.LOINC, "8480-6"), "text": "Systolic blood pressure"}
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": f"Systolic below {below}"},
        "subject": ref(ward.person.reference),
        "target": [{"measure": measure, "detailQuantity": quantity, "dueDate": "2027-01-31"}],
        **more,
    }


def two_targets(ward: Bayview) -> tuple[Stored, Stored]:
    """Ours says below 130, Lakeside's below 150."""
    mine, other = write(ward, pressure(ward, 130), pressure(ward, 150))
    proposal = ward.proposal()
    ward.decide_all(proposal)
    activate_plan(at_page(ward), proposal.id, ward.now)
    with ward.open() as unit:
        plan = active_plan(unit.of_person(ward.person.rid, ["CarePlan"]))
        assert plan is not None
        goals = [*plan.resource.get("goal", ()), ref(mine.reference)]
        unit.update({**plan.resource, "goal": goals}, if_match=plan.version)
    write(ward, theirs(ward, other.reference))
    return mine, other


def test_their_plan_is_never_ours(ward: Bayview) -> None:
    [goal] = write(ward, pressure(ward, 150))
    [plan] = write(ward, theirs(ward, goal.reference))
    with ward.open() as unit:
        held = unit.of_person(ward.person.rid, ["CarePlan", "Goal", "Condition", "Task"])
        assert active_plan(held) is None
        assert standing(held).goals == ()
        page = plan_of(unit, unit.read("Patient", ward.person.id), LIBRARY.parents)
        assert page.id is None
        assert page.goals == ()
        [beside] = beside_of(unit, ward.person, LIBRARY).theirs
    assert beside.id == plan.id
    assert beside.who.en == "Lakeside Cardiology"
    assert [line.text for line in beside.goals] == ["Systolic below 150"]


def test_a_plan_is_made_beside_theirs_and_not_into_it(ward: Bayview) -> None:
    mine, other = two_targets(ward)
    with ward.open() as unit:
        plan = active_plan(unit.of_person(ward.person.rid, ["CarePlan"]))
        assert plan is not None
        goals = {each["reference"] for each in plan.resource["goal"]}
    assert mine.reference in goals
    assert other.reference not in goals


# --- conflicts


def named(ward: Bayview) -> list[Any]:
    with ward.open() as unit:
        return list(beside_of(unit, unit.read("Patient", ward.person.id), LIBRARY).named)


def test_one_click_makes_it_work_once(ward: Bayview, now: datetime) -> None:
    two_targets(ward)
    [found] = named(ward)
    made = make_conflict_work(at_page(ward), ward.person.id, found.conflict.key, LIBRARY, now).task
    assert made is not None
    assert problems(made.resource) == []
    assert made.resource["reasonCode"]["text"] == found.conflict.because.en
    assert "Lakeside Cardiology" in made.resource["note"][0]["text"]
    with pytest.raises(WorkedOn):
        make_conflict_work(at_page(ward), ward.person.id, found.conflict.key, LIBRARY, now)
    assert named(ward)[0].work == made.id


def test_looked_at_needs_a_reason_says_who_and_comes_back_when_a_side_changes(
    ward: Bayview, now: datetime
) -> None:
    _, other = two_targets(ward)
    [found] = named(ward)
    key = found.conflict.key
    with pytest.raises(ReasonMissing):
        look_at_conflict(at_page(ward), ward.person.id, key, "  ", LIBRARY, now)
    made = make_conflict_work(at_page(ward), ward.person.id, key, LIBRARY, now).task
    result = look_at_conflict(at_page(ward), ward.person.id, key, "Dr. Chen: ours holds", LIBRARY, now)
    [issue] = result.made
    assert problems(issue.resource) == []
    assert {each["reference"] for each in issue.resource["implicated"]} == set(found.conflict.references)
    [after] = named(ward)
    assert after.looked.reason == "Dr. Chen: ours holds"
    assert after.looked.who
    assert made is not None
    assert [t["status"] for t in tasks(ward, "plan-conflict")] == ["completed"]
    with ward.open() as unit:
        unit.update({**pressure(ward, 145), "id": other.id}, if_match=other.version)
    [changed] = named(ward)
    assert changed.conflict.key != key
    assert changed.is_open


def test_it_can_be_looked_at_again(ward: Bayview, now: datetime) -> None:
    two_targets(ward)
    key = named(ward)[0].conflict.key
    [issue] = look_at_conflict(at_page(ward), ward.person.id, key, "Asked", LIBRARY, now).made
    look_again(at_page(ward), ward.person.id, issue.id, now)
    assert named(ward)[0].is_open
    once_more = look_at_conflict(at_page(ward), ward.person.id, key, "Asked again", LIBRARY, now).made[0]
    assert [m["action"]["text"] for m in once_more.resource["mitigation"]] == ["Asked", "Asked again"]


def test_what_is_no_conflict_any_more_is_said_so(ward: Bayview, now: datetime) -> None:
    with pytest.raises(ConflictGone):
        make_conflict_work(at_page(ward), ward.person.id, "goals-0000", LIBRARY, now)
    with pytest.raises(NotFound):
        look_again(at_page(ward), ward.person.id, "nothing", now)


# --- a copy


def test_a_copy_given_names_the_version(ward: Bayview, now: datetime) -> None:
    with pytest.raises(NoPlanYet):
        record_copy(at_page(ward), ward.person.id, "", "hand", now)
    two_targets(ward)
    with pytest.raises(SayHow):
        record_copy(at_page(ward), ward.person.id, "", "pigeon", now)
    [told] = record_copy(at_page(ward), ward.person.id, "her daughter", "hand", now).made
    assert problems(told.resource) == []
    assert "/_history/" in told.resource["about"][0]["reference"]
    join(ward, "long-term-care", now)
    assert "summary" in met(judged(ward, "nf-baseline"))


# --- one proposal for the whole plan


@pytest.mark.parametrize(("asked", "is_whole"), [("intake", True), ("phq-2", False)])
def test_the_intake_of_a_program_is_looked_at_with_all_that_is_known(
    ward: Bayview, now: datetime, asked: str, is_whole: bool
) -> None:
    join(ward, "chronic-care", now)
    illness: Resource = {
        "resourceType": "Condition",
        "subject": ref(ward.person.reference),
        "code": {**codeable(uris.ICD10CM, "I50.9"), "text": "Heart failure"},
        "clinicalStatus": codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
    }
    write(ward, illness)
    kept = ward.answered("phq-2", {"interest": "not-at-all", "mood": "not-at-all"})
    instrument = LIBRARY.instruments[asked]
    with ward.open() as unit:
        patient = unit.read("Patient", ward.person.id)
        made = propose_from(unit, patient, LIBRARY, instrument, score(instrument, {}), kept.id, now)
    keys = set(ward.lines(made)) if made else set()
    assert ("need:heart-failure" in keys) is is_whole
