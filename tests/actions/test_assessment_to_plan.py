"""From the first answer to the plan, on the real record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest

from careloop import store
from careloop.access import Actor, Scope
from careloop.accounts.models import User
from careloop.actions.acknowledge_urgent import acknowledge_urgent, escalate_urgent
from careloop.actions.activate_plan import StalePlan, activate_plan
from careloop.actions.complete_assessment import IncompleteAssessment, complete_assessment
from careloop.actions.decide_line import Edit, ReasonNeeded, decide_line, lines_of
from careloop.actions.drafting import InvalidAnswer
from careloop.actions.propose_plan import line_key
from careloop.actions.record import begin
from careloop.actions.record_safety import record_safety
from careloop.actions.save_answer import save_answer
from careloop.actions.start_assessment import start_assessment
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.kernel.errors import Forbidden
from careloop.library import load
from careloop.store import Stored, timers

LIBRARY = load()
PHQ9 = {item: "more-than-half" for item in LIBRARY.instruments["phq-9"].scoring.items if item != "thoughts"}


@dataclass
class Ward:
    scope: Scope
    person: Stored
    now: datetime
    sites: frozenset[int]

    def answer(self, instrument: str, answers: dict[str, str]) -> int:
        draft = start_assessment(self.scope, self.person.id, instrument, LIBRARY, self.now).draft.id
        for item, said in answers.items():
            save_answer(self.scope, draft, item, [said], LIBRARY, self.now)
        return draft

    def held(self, kind: str) -> list[Stored]:
        with store.open(self.scope, now=self.now) as unit:
            return unit.of_person(self.person.rid, [kind])


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime) -> Ward:
    with begin(scope, now) as unit:
        site = unit.create_named({"resourceType": "Organization", "id": "bayview", "name": "Bayview"})
        person = unit.create(
            {
                "resourceType": "Patient",
                "name": [{"given": ["Maria"], "family": "Duarte"}],
                "address": [{"postalCode": "77002", "state": "TX"}],
                "managingOrganization": {"reference": site.reference},
            }
        )
    actor = Actor(2, "client", "Ana Reyes, RN", scopes=scope.actor.scopes, practitioner="Practitioner/ana")
    return Ward(Scope(actor, "page", "coordination"), person, now, frozenset({site.rid}))


def on_call(name: str, rank: int) -> None:
    User.objects.create_user(
        f"{name}@example.org",
        "a long enough passphrase",
        name,
        practitioner=name,
        on_call_rank=rank,
        roles=["clinician"],
        sites=["bayview"],
    )


def test_a_critical_answer_is_urgent_work_before_the_page_is_left(ward: Ward) -> None:
    on_call("chen", 1)
    ward.answer("phq-9", {"mood": "several-days", "thoughts": "several-days"})
    [task] = ward.held("Task")
    [response] = ward.held("QuestionnaireResponse")
    assert task.resource["owner"]["reference"] == "Practitioner/chen"
    assert extension(task.resource, uris.PROTECTED) is True
    assert "question 9" in task.resource["reasonCode"]["text"]
    assert response.resource["status"] == "in-progress"


def test_the_same_critical_answer_again_makes_no_second_task(ward: Ward) -> None:
    draft = ward.answer("phq-9", {"thoughts": "several-days"})
    save_answer(ward.scope, draft, "thoughts", ["nearly-every-day"], LIBRARY, ward.now)
    assert len(ward.held("Task")) == 1


def test_with_nobody_on_call_it_says_so(ward: Ward) -> None:
    ward.answer("phq-9", {"thoughts": "several-days"})
    [task] = ward.held("Task")
    assert "owner" not in task.resource
    assert "Nobody is on call" in str(extension(task.resource, uris.WAITING))


def test_unacknowledged_it_goes_to_the_next_then_the_supervisor_then_says_nobody(ward: Ward) -> None:
    for name, rank in (("chen", 1), ("ortiz", 2), ("boss", 9)):
        on_call(name, rank)
    ward.answer("phq-9", {"thoughts": "several-days"})
    [task] = ward.held("Task")
    owners = [
        escalate_urgent(ward.scope, task.id, ward.now + timedelta(minutes=15 * n)).resource.get("owner", {})
        for n in (1, 2, 3)
    ]
    assert [owner.get("reference") for owner in owners] == ["Practitioner/ortiz", "Practitioner/boss", None]


def test_acknowledged_it_stays_and_its_timer_stops(ward: Ward) -> None:
    on_call("chen", 1)
    ward.answer("phq-9", {"thoughts": "several-days"})
    [task] = ward.held("Task")
    acknowledge_urgent(ward.scope, task.id, ward.now)
    escalated = escalate_urgent(ward.scope, task.id, ward.now + timedelta(minutes=15))
    assert escalated.resource["owner"]["reference"] == "Practitioner/ana"
    with store.open(ward.scope, now=ward.now + timedelta(hours=1)) as unit:
        assert timers.due(unit) == []


def test_where_she_is_and_whether_she_is_safe_stands_in_the_urgent_work(ward: Ward) -> None:
    draft = ward.answer("phq-9", {"thoughts": "several-days"})
    record_safety(ward.scope, draft, "at home, kitchen", "(713) 555-0148", "unsure", LIBRARY, ward.now)
    [task] = ward.held("Task")
    said = task.resource["note"][0]["text"]
    assert said == "Where: at home, kitchen. Call back: (713) 555-0148. Safe now: not sure."


def test_an_answer_that_is_none_is_refused_and_the_one_before_kept(ward: Ward) -> None:
    draft = ward.answer("phq-9", {"mood": "several-days"})
    with pytest.raises(InvalidAnswer):
        save_answer(ward.scope, draft, "mood", ["always"], LIBRARY, ward.now)
    again = start_assessment(ward.scope, ward.person.id, "phq-9", LIBRARY, ward.now)
    assert again.state.answers["mood"].values == ("several-days",)


def test_a_missing_answer_keeps_the_draft_and_names_the_question(ward: Ward) -> None:
    draft = ward.answer("phq-2", {"mood": "several-days"})
    with pytest.raises(IncompleteAssessment, match="Little interest"):
        complete_assessment(ward.scope, draft, LIBRARY, ward.now)


def test_an_answer_given_last_week_is_dated_last_week(ward: Ward) -> None:
    draft = ward.answer("phq-2", {"mood": "not-at-all", "interest": "not-at-all"})
    last_week = ward.now - timedelta(days=7)
    done = complete_assessment(ward.scope, draft, LIBRARY, ward.now, answered_at=last_week)
    assert done.response.resource["authored"].startswith("2026-11-16")
    assert done.proposal is None


def test_phq_2_goes_on_with_phq_9_and_its_answers_come_along(ward: Ward) -> None:
    draft = ward.answer("phq-2", {"mood": "more-than-half", "interest": "several-days"})
    done = complete_assessment(ward.scope, draft, LIBRARY, ward.now)
    assert [each.instrument for each in done.score.next] == ["phq-9"]
    carried = start_assessment(
        ward.scope, ward.person.id, "phq-9", LIBRARY, ward.now, carry_from=done.response.id
    )
    assert carried.state.answers["mood"].values == ("more-than-half",)


def proposal(ward: Ward) -> Stored:
    draft = ward.answer("phq-9", {**PHQ9, "thoughts": "not-at-all", "difficulty": "very"})
    found = complete_assessment(ward.scope, draft, LIBRARY, ward.now).proposal
    assert found is not None
    return found


def as_staff(ward: Ward) -> Scope:
    """A coordinator of her site, at the page."""
    actor = replace(ward.scope.actor, kind="staff", roles=frozenset({"coordinator"}), sites=ward.sites)
    return replace(ward.scope, actor=actor)


def decide_all(ward: Ward, plan: Stored) -> None:
    """Decline the walk, give the call other words, accept the rest."""
    for line in lines_of(plan.resource):
        choice, edit = "accepted", None
        with store.open(ward.scope, now=ward.now) as unit:
            code = line_key(unit.get([line])[line].resource)
        if code == "action:one-good-thing":
            decide_line(ward.scope, plan.id, line, "declined", ward.now, reason="not-now")
            continue
        if code == "action:call-about-mood":
            edit = Edit(text="Call on Sunday after church", due=date(2026, 11, 29))
        decide_line(ward.scope, plan.id, line, choice, ward.now, edit=edit)


def test_accepted_lines_become_the_plan_the_edited_one_in_its_new_words_the_declined_one_not(
    ward: Ward,
) -> None:
    plan = proposal(ward)
    decide_all(ward, plan)
    made = activate_plan(as_staff(ward), plan.id, ward.now)
    assert (made.plan.resource["status"], made.plan.resource["intent"]) == ("active", "plan")
    tasks = {task.resource["description"]: task.resource for task in ward.held("Task")}
    assert tasks["Call on Sunday after church"]["intent"] == "plan"
    # 11:59:59 pm in Houston is the next morning in UTC.
    assert tasks["Call on Sunday after church"]["restriction"]["period"]["end"].startswith(
        "2026-11-30T05:59:59"
    )
    assert [t["status"] for name, t in tasks.items() if name.startswith("Choose one")] == ["rejected"]
    assert [goal.resource["lifecycleStatus"] for goal in ward.held("Goal")] == ["active"]
    assert [need.resource["clinicalStatus"]["coding"][0]["code"] for need in ward.held("Condition")] == [
        "active"
    ]


def test_asked_again_the_plan_is_not_doubled(ward: Ward) -> None:
    plan = proposal(ward)
    decide_all(ward, plan)
    activate_plan(as_staff(ward), plan.id, ward.now)
    draft = ward.answer("phq-9", {**PHQ9, "thoughts": "not-at-all", "difficulty": "very"})
    again = complete_assessment(ward.scope, draft, LIBRARY, ward.now).proposal
    assert again is not None  # the declined line is offered once more, and says that it was declined
    assert len(lines_of(again.resource)) == 1


def worried(ward: Ward) -> Stored:
    """What GAD-7 proposes."""
    draft = ward.answer("gad-7", dict.fromkeys(LIBRARY.instruments["gad-7"].scoring.items, "more-than-half"))
    found = complete_assessment(ward.scope, draft, LIBRARY, ward.now).proposal
    assert found is not None
    return found


def accept_all(ward: Ward, plan: Stored) -> None:
    for line in lines_of(plan.resource):
        decide_line(ward.scope, plan.id, line, "accepted", ward.now)


def test_what_is_proposed_next_joins_the_proposal_that_waits(ward: Ward) -> None:
    first = proposal(ward)
    accept_all(ward, first)
    second = worried(ward)
    assert second.id == first.id
    before, after = lines_of(first.resource), lines_of(second.resource)
    assert set(before) < set(after)
    assert "GAD-7" in extension(second.resource, uris.BECAUSE)
    assert extension(second.resource, uris.BECAUSE).startswith(extension(first.resource, uris.BECAUSE))
    for line in set(after) - set(before):
        decide_line(ward.scope, second.id, line, "accepted", ward.now)
    made = activate_plan(as_staff(ward), second.id, ward.now)
    assert len(made.plan.resource["addresses"]) == 2


def test_a_plan_changed_by_someone_else_meanwhile_is_refused_and_decisions_are_kept(ward: Ward) -> None:
    first = proposal(ward)
    accept_all(ward, first)
    made = activate_plan(as_staff(ward), first.id, ward.now)
    second = worried(ward)
    assert second.id != first.id
    accept_all(ward, second)
    with store.open(ward.scope, now=ward.now) as unit:
        changed = unit.update({**made.plan.resource, "title": "Her plan"}, if_match=made.plan.version)
    with pytest.raises(StalePlan):
        activate_plan(as_staff(ward), second.id, ward.now)
    joined = activate_plan(as_staff(ward), second.id, ward.now, over=changed.version)
    assert joined.plan.id == made.plan.id
    assert len(joined.plan.resource["addresses"]) == 2


def test_a_line_declined_without_a_reason_is_refused(ward: Ward) -> None:
    plan = proposal(ward)
    with pytest.raises(ReasonNeeded):
        decide_line(ward.scope, plan.id, lines_of(plan.resource)[0], "declined", ward.now)


def test_a_program_can_not_make_a_plan_active(ward: Ward) -> None:
    plan = proposal(ward)
    with pytest.raises(Forbidden, match="Only a person"):
        activate_plan(ward.scope, plan.id, ward.now)
