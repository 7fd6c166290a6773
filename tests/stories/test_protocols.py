"""Weight that jumps, depression that does not get better, silence: what protocols make of it, over simulated weeks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from careloop.actions import run_protocols
from careloop.actions.activate_plan import activate_plan, take_back_plan
from careloop.actions.adjust_protocol import adjust_protocol, ask_again
from careloop.actions.complete_work import complete_work
from careloop.actions.decide_line import decide_line
from careloop.actions.dry_run_protocol import dry_run
from careloop.actions.log_contact import Contact, log_contact
from careloop.actions.propose_plan import line_key, lines_of
from careloop.actions.switch_protocol import SwitchedAlready, switch_protocol
from careloop.actions.urgent import TIMER as ESCALATE
from careloop.care.firing import because_in, evidence_in, is_open
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, response
from careloop.kernel.errors import Forbidden
from careloop.library.protocols import Review
from careloop.library.reviewing import review_from
from careloop.store.timers import due_at
from tests.projections import builders as b
from tests.stories.ward import HOUSE, LIBRARY, StoryWard

WEIGHT, DEPRESSION = "heart-failure-weight", "depression-treat-to-target"
CALL = "Call about the weight: breath, swelling, salt, water pills"
REVIEW = {
    "owner": "Dr. Mei Chen",
    "approved": "2026-11-01",
    "days": ["mon", "tue", "wed", "thu", "fri"],
    "opens": "08:00",
    "closes": "17:00",
    "path": "next-opening",
    "after_hours": {"en": "Call 911 for the person.", "es": "Llame al 911."},
}


def turn_on(ward: StoryWard, protocol: str, review: Review | None = None) -> None:
    switch_protocol(
        HOUSE, protocol, is_on=True, because="tried for a month", library=LIBRARY, now=ward.now, review=review
    )
    ward.fire()


def weighs(ward: StoryWard, kilos: float, *, key: str = "", person: str = "maria", unit: str = "kg") -> None:
    """As a scale sends it, through the same door as any Observation."""
    name = key or f"w-{person}-{ward.now:%Y%m%d%H%M}"
    ward.write(
        {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": codeable(uris.LOINC, "29463-7", "Body weight"),
            "subject": ref(f"Patient/{person}"),
            "effectiveDateTime": fhir_instant(ward.now),
            "valueQuantity": {
                "value": Decimal(str(kilos)),
                "unit": unit,
                "system": "http://unitsofmeasure.org",
                "code": unit,
            },
        }
    )
    ward.react()


def has_heart_failure(ward: StoryWard, person: str = "maria") -> None:
    ward.write(
        {
            "resourceType": "Condition",
            "id": f"hf-{person}",
            "clinicalStatus": codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
            "verificationStatus": codeable(
                "http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"
            ),
            "code": codeable(uris.ICD10CM, "I50.9", "Heart failure"),
            "subject": ref(f"Patient/{person}"),
        }
    )
    ward.react()


def answers_phq(ward: StoryWard, score: int, person: str = "maria") -> None:
    """Nine answers that add up to it."""
    items = LIBRARY.instruments["phq-9"].scoring.items
    words = ("not-at-all", "several", "more-than-half", "nearly-every-day")
    codes = {choice.value: choice.code for choice in LIBRARY.instruments["phq-9"].by_id[items[0]].choices}
    assert set(codes) == set(range(len(words)))
    left, told = score, {}
    for item in items:
        give = min(3, left) if item != "thoughts" else 0
        told[item] = Answer((codes[give],))
        left -= give
    assert left == 0
    told["difficulty"] = Answer(("somewhat",)) if score else Answer(("not",))
    form = LIBRARY.instruments["phq-9"].form
    about = About(f"Patient/{person}", ward.now, heard_from="")
    made = response(form, {k: v for k, v in told.items() if k != "difficulty"}, about, status="completed")
    ward.write({**made, "id": f"phq-{ward.now:%Y%m%d%H%M}"})
    ward.react()


def issues(ward: StoryWard, person: str = "maria") -> list[dict[str, Any]]:
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of(f"Patient/{person}")
        assert rid is not None
        return [stored.resource for stored in unit.of_person(rid, ["DetectedIssue"])]


def plans(ward: StoryWard) -> list[store.Stored]:
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        return unit.of_person(rid, ["CarePlan"])


def lines(ward: StoryWard, plan: store.Stored) -> dict[str, str]:
    with store.open(HOUSE, now=ward.now) as unit:
        return {line_key(s.resource): s.reference for s in unit.get(lines_of(plan.resource)).values()}


# --- weight


def test_two_kilos_in_two_days_stand_on_today_with_why_and_a_proposal(ward: StoryWard) -> None:
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    weighs(ward, 80)
    assert ward.titles() == []
    ward.wait(days=2)
    weighs(ward, 82.1)
    row = ward.row(CALL)
    assert "Weight is up 2.1 kg: 80 kg on Nov 23, 2026, 82.1 kg on Nov 25, 2026" in row.because
    assert row.owner_name == "Ana Reyes"
    assert row.klass is WorkClass.ROUTINE
    assert row.rule == f"{WEIGHT}@1"
    assert row.reason
    assert row.reason.startswith("DetectedIssue/")
    [issue] = issues(ward)
    assert is_open(issue)
    assert issue["reference"] == f"urn:careloop:protocol:{WEIGHT}|1"
    assert set(evidence_in(issue)) == {"Observation/w-maria-202611230900", "Observation/w-maria-202611250900"}
    assert because_in(issue).es.startswith("El peso subió 2.1 kg")
    [proposal] = plans(ward)
    assert (proposal.resource["status"], proposal.resource["intent"]) == ("draft", "proposal")
    assert set(lines(ward, proposal)) == {
        "need:heart-failure-fluid",
        "goal:weight-steady",
        "action:clinician-fluid",
        "action:weigh-each-morning",
        "action:call-about-weight-again",
    }


def test_a_new_value_changes_the_same_alert_and_asking_again_changes_nothing(ward: StoryWard) -> None:
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 82.2)
    ward.wait(hours=5)
    weighs(ward, 83)
    assert "Weight is up 3 kg" in ward.row(CALL).because
    [issue] = issues(ward)
    assert len(evidence_in(issue)) == 3
    [task] = [each for each in ward.tasks() if each["description"] == CALL]
    assert "Changed since it came up. Before: Weight is up 2.2 kg" in task["note"][0]["text"]
    before = ward.versions()
    ask_again(HOUSE, "maria", WEIGHT, LIBRARY, ward.now)
    ward.react()
    assert ward.versions() == before
    assert issues(ward)[0]["meta"]["versionId"] == issue["meta"]["versionId"]


def test_whom_it_leaves_alone(ward: StoryWard) -> None:
    turn_on(ward, WEIGHT)
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 84)
    assert ward.titles() == []
    assert issues(ward) == []


def test_what_is_off_says_nothing_and_once_on_it_looks_at_everybody(ward: StoryWard) -> None:
    has_heart_failure(ward)
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 82.5)
    assert issues(ward) == []
    turn_on(ward, WEIGHT)
    assert ward.titles() == [CALL]
    switch_protocol(HOUSE, WEIGHT, is_on=False, because="too many", library=LIBRARY, now=ward.now)
    with pytest.raises(SwitchedAlready):
        switch_protocol(HOUSE, WEIGHT, is_on=False, because="again", library=LIBRARY, now=ward.now)
    ward.wait(hours=2)
    weighs(ward, 84)
    assert "82.5 kg" in ward.row(CALL).because


def test_a_coordinator_does_not_switch_and_a_clinician_does(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    chen = ward.staff("Mei Chen", "chen", "clinician")
    with pytest.raises(Forbidden):
        switch_protocol(ana, WEIGHT, is_on=True, because="why not", library=LIBRARY, now=ward.now)
    switch = switch_protocol(chen, WEIGHT, is_on=True, because="winter", library=LIBRARY, now=ward.now)
    assert (switch.name, switch.why, switch.version) == ("Mei Chen", "winter", 1)


def test_ended_by_a_person_it_rests_until_there_is_something_new(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 82.5)
    complete_work(
        ana, ward.row(CALL).task_id, "done", ward.now, words="Took two water pills, comes in tomorrow."
    )
    ward.react()
    assert ward.titles() == []
    [issue] = issues(ward)
    assert not is_open(issue)
    assert issue["mitigation"][0]["author"]["reference"] == "Practitioner/ana"
    ward.wait(hours=3)
    weighs(ward, 82.6)
    assert ward.titles() == []
    ward.wait(days=1, hours=1)
    weighs(ward, 84.8)
    assert ward.titles() == [CALL]
    assert len(issues(ward)) == 2


def test_another_number_for_her_and_off_for_a_week_with_a_reason(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    adjust_protocol(
        ana,
        "maria",
        WEIGHT,
        LIBRARY,
        ward.now,
        values={"gain": Decimal(4), "week_gain": Decimal(5)},
        because="Her doctor allows four kilos after dialysis",
    )
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 83)
    assert ward.titles() == []
    adjust_protocol(
        ana, "maria", WEIGHT, LIBRARY, ward.now, values={"gain": None}, because="dialysis is over"
    )
    ward.react()
    assert ward.titles() == [CALL]
    assert "2 kg within 2 days counts" in ward.row(CALL).because
    complete_work(ana, ward.row(CALL).task_id, "done", ward.now, words="all well")
    until = ward.now + timedelta(days=7)
    adjust_protocol(ana, "maria", WEIGHT, LIBRARY, ward.now, off_until=until, because="in the hospital")
    ward.wait(days=2)
    weighs(ward, 87)
    assert ward.titles() == []
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        [group] = unit.of_person(rid, ["RequestGroup"])
    assert group.resource["status"] == "on-hold"
    assert group.resource["author"]["reference"] == "Practitioner/ana"
    assert group.resource["reasonCode"] == [{"text": "in the hospital"}]


def test_urgent_pages_nobody_before_somebody_answers_for_it(ward: StoryWard) -> None:
    ward.staff("Ana Reyes", "ana", "coordinator", rank=1)
    has_heart_failure(ward)
    turn_on(ward, "blood-pressure")
    pressure(ward, 190, 100)
    row = ward.rows()[0]
    assert row.klass is WorkClass.ROUTINE
    assert not row.is_protected


def test_reviewed_it_calls_whoever_is_on_call_in_hours_and_waits_out_of_hours(ward: StoryWard) -> None:
    ward.staff("Ana Reyes", "ana", "coordinator", rank=1)
    turn_on(ward, "blood-pressure", review_from(REVIEW))
    pressure(ward, 190, 100)
    row = ward.rows()[0]
    assert row.klass is WorkClass.DANGER
    assert row.is_protected
    ward.wait(days=5, hours=6)  # Saturday
    pressure(ward, 186, 100, person="maria")
    ward.write(b.patient("rosa", "Rosa", "Luz"))
    pressure(ward, 186, 100, person="rosa")
    [other] = ward.rows("rosa")
    assert other.klass is WorkClass.ROUTINE
    assert other.target is not None
    assert f"{other.target.astimezone(ward.now.tzinfo):%a %H:%M}" == "Mon 08:00"


def pressure(ward: StoryWard, upper: int, lower: int, person: str = "maria") -> None:
    def part(code: str, value: int) -> dict[str, Any]:
        quantity = {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
        return {"code": codeable(uris.LOINC, code), "valueQuantity": quantity}

    ward.write(
        {
            "resourceType": "Observation",
            "id": f"bp-{person}-{ward.now:%Y%m%d%H%M}",
            "status": "final",
            "code": codeable(uris.LOINC, "85354-9", "Blood pressure"),
            "subject": ref(f"Patient/{person}"),
            "effectiveDateTime": fhir_instant(ward.now),
            "component": [part("8480-6", upper), part("8462-4", lower)],
        }
    )
    ward.react()


# --- depression


def test_depression_over_twelve_weeks(ward: StoryWard) -> None:
    """Week 0: 18. Week 4: 16, too little. Week 8: 12, less than half. Week 12: 4, left alone. Then a relapse."""
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    chen = ward.staff("Mei Chen", "chen", "clinician")
    turn_on(ward, DEPRESSION)
    answers_phq(ward, 18)
    agree(ward, ana)  # the plan: PHQ-9 below 5, and its steps
    assert [each["description"] for each in alerts(ward)] == []

    ward.wait(weeks=4)
    ward.fire()
    assert [each["description"] for each in alerts(ward)] == ["Call and ask PHQ-9 again"]
    answers_phq(ward, 16)
    assert [each["description"] for each in alerts(ward)] == [
        "Review depression treatment: dose, side effects, what gets in the way"
    ]
    proposal = open_proposal(ward)
    assert {key for key in lines(ward, proposal) if not key.startswith("change:")} >= {
        "action:review-treatment-mood"
    }
    end_alert(ward, ana)

    ward.wait(weeks=4)
    ward.fire()
    answers_phq(ward, 12)
    [alert] = alerts(ward)
    assert alert["description"] == "Psychiatric review of depression treatment"
    assert "a fall of 33.3 %" in alert["reasonCode"]["text"]
    keys = lines(ward, open_proposal(ward))
    assert "action:psychiatric-review" in keys
    assert any(key.startswith("end:Task/") for key in keys)
    assert any(key.startswith("change:Goal/") for key in keys)
    made = agree(ward, ana)
    goal, step = changed_lines(ward, keys)
    assert goal["target"][0]["dueDate"] == "2027-03-15"
    assert step["status"] == "cancelled"
    assert "tried for 8 weeks" in step["statusReason"]["text"]
    end_alert(ward, ana)
    assert made is not None

    ward.wait(weeks=4)
    ward.fire()
    answers_phq(ward, 4)
    assert alerts(ward) == []

    ward.wait(weeks=10)  # in remission: left alone
    ward.fire()
    assert alerts(ward) == []

    answers_phq(ward, 11)
    [alert] = alerts(ward)
    assert alert["description"].startswith("Relapse of depression")
    assert "rose from 4 to 11" in alert["reasonCode"]["text"]
    assert chen.actor.name == "Mei Chen"


def alerts(ward: StoryWard) -> list[dict[str, Any]]:
    """Open work that a protocol asked for."""
    return [
        task
        for task in ward.tasks()
        if task["identifier"][0]["value"].startswith("protocol:")
        and task["intent"] == "order"
        and task["status"] in ("requested", "accepted")
    ]


def end_alert(ward: StoryWard, who: Scope) -> None:
    for task in alerts(ward):
        complete_work(who, task["id"], "done", ward.now, words="Talked about it with Dr. Chen.")
    ward.react()
    assert alerts(ward) == []


def open_proposal(ward: StoryWard) -> store.Stored:
    [found] = [each for each in plans(ward) if each.resource["status"] == "draft"]
    return found


def agree(ward: StoryWard, who: Scope) -> store.Stored:
    proposal = next((p for p in plans(ward) if p.resource["status"] == "draft"), None)
    if proposal is None:
        proposal = proposed_from_answers(ward, who)
    for reference in lines(ward, proposal).values():
        decide_line(who, proposal.id, reference, "accepted", ward.now)
    made = activate_plan(who, proposal.id, ward.now)
    ward.react()
    return made.plan


def proposed_from_answers(ward: StoryWard, who: Scope) -> store.Stored:
    from careloop.actions.propose_from_known import propose_from_known

    made = propose_from_known(who, "maria", LIBRARY, ward.now)
    assert made is not None
    return made


def changed_lines(ward: StoryWard, keys: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    goal = next(key for key in keys if key.startswith("change:Goal/")).removeprefix("change:")
    step = next(key for key in keys if key.startswith("end:Task/")).removeprefix("end:")
    with store.open(HOUSE, now=ward.now) as unit:
        found = unit.get([goal, step])
    return found[goal].resource, found[step].resource


def test_a_change_that_was_made_is_taken_back_whole(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    turn_on(ward, DEPRESSION)
    answers_phq(ward, 18)
    agree(ward, ana)
    ward.wait(weeks=8)
    answers_phq(ward, 14)
    proposal = open_proposal(ward)
    keys = lines(ward, proposal)
    agree(ward, ana)
    goal, step = changed_lines(ward, keys)
    assert step["status"] == "cancelled"
    take_back_plan(ana, proposal.id, ward.now + timedelta(minutes=3))
    again, back = changed_lines(ward, keys)
    assert back["status"] in ("requested", "accepted")
    assert again["target"][0]["dueDate"] != goal["target"][0]["dueDate"]
    assert open_proposal(ward).id == proposal.id


# --- bad input and the dry run


def test_a_protocol_that_goes_round_is_stopped_and_somebody_is_told(ward: StoryWard) -> None:
    """One that somebody wrote without any rest: each new value sets it off again."""
    known = LIBRARY.protocols["blood-pressure"]
    restless = replace(known, branches=tuple(replace(each, rest_days=0) for each in known.branches))
    library = replace(LIBRARY, protocols=MappingProxyType({known.id: restless}))
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    turn_on(ward, known.id)
    for _ in range(5):
        pressure(ward, 190, 100)
        ask_again(HOUSE, "maria", known.id, library, ward.now)
        for task in alerts(ward):
            complete_work(ana, task["id"], "done", ward.now, words="measured wrongly")
        ward.react()
        ward.wait(minutes=10)
    assert ward.titles() == ["A protocol keeps saying the same of this person: it was stopped"]
    assert len(issues(ward)) == 3
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        [group] = unit.of_person(rid, ["RequestGroup"])
    assert group.resource["status"] == "on-hold"
    assert group.resource["author"]["display"] == "Careloop"


def test_what_goes_round_is_as_urgent_as_it_was_when_it_is_stopped(ward: StoryWard) -> None:
    known = LIBRARY.protocols["blood-pressure"]
    restless = replace(known, branches=tuple(replace(each, rest_days=0) for each in known.branches))
    library = replace(LIBRARY, protocols=MappingProxyType({known.id: restless}))
    ana = ward.staff("Ana Reyes", "ana", "coordinator", rank=1)
    turn_on(ward, known.id, review_from(REVIEW))
    for _ in range(4):
        pressure(ward, 190, 100)
        ask_again(HOUSE, "maria", known.id, library, ward.now)
        for task in alerts(ward):
            complete_work(ana, task["id"], "done", ward.now, words="measured wrongly")
        ward.react()
        ward.wait(minutes=10)
    [row] = ward.rows()
    assert row.title == "A protocol keeps saying the same of this person: it was stopped"
    assert (row.klass, row.is_protected, row.owner_name) == (WorkClass.DANGER, True, "Ana Reyes")
    assert "190" in row.because
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        assert due_at(unit, rid, ESCALATE, f"Task/{row.task_id}") is not None


def test_one_alert_too_many_waits_and_what_is_urgent_never_does(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_protocols, "MOST_FOR_ONE", 0)
    ward.staff("Ana Reyes", "ana", "coordinator", rank=1)
    turn_on(ward, WEIGHT)
    turn_on(ward, "blood-pressure", review_from(REVIEW))
    has_heart_failure(ward)
    for kilos in (84, 86.2):
        ward.wait(days=1)
        weighs(ward, kilos)
    assert issues(ward) == []
    assert ward.titles() == ["Look at this person: more alerts in a day than anybody can follow"]
    pressure(ward, 190, 100)
    assert [issue["severity"] for issue in issues(ward)] == ["high"]
    assert ward.rows()[0].klass is WorkClass.DANGER


def test_a_dry_run_says_of_how_many_and_writes_nothing(ward: StoryWard) -> None:
    has_heart_failure(ward)
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 83)
    ward.wait(days=20)
    found = dry_run(HOUSE, WEIGHT, LIBRARY, ward.now)
    assert (found.people, found.looked, found.is_whole) == (1, 1, True)
    assert dict(found.branches) == {"gain-2-days": 1}
    assert found.listed[0].reference == "Patient/maria"
    assert "83 kg" in found.listed[0].fired[0].because.en
    assert issues(ward) == []
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    assert dry_run(ana, WEIGHT, LIBRARY, ward.now).people == 1
    stranger = ward.staff("Zoe Far", "zoe", "coordinator")
    far = Scope(
        stranger.actor.__class__(**{**stranger.actor.__dict__, "sites": frozenset()}), "page", "treatment"
    )
    assert dry_run(far, WEIGHT, LIBRARY, ward.now).looked == 0


def test_a_reading_that_is_not_believed_sets_nothing_off(ward: StoryWard) -> None:
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 180)
    assert issues(ward) == []


def test_no_contact_comes_by_itself_and_goes_with_a_word(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    since = {
        "period": {"start": "2026-10-01"},
        "type": [codeable(uris.PROGRAM, "chronic-care", "Chronic care")],
    }
    ward.write(b.episode("e1", "maria") | since)
    ward.write(b.contact("c1", "maria", ward.now - timedelta(days=5)))
    ward.react()
    quiet = {"quiet_days": Decimal(10)}
    adjust_protocol(ana, "maria", "no-contact", LIBRARY, ward.now, values=quiet, because="lives alone")
    turn_on(ward, "no-contact")
    assert alerts(ward) == []
    ward.wait(days=5, minutes=2)
    ward.fire()
    assert [each["description"] for each in alerts(ward)] == ["Check in: nobody has spoken with the person"]
    log_contact(ana, Contact("reached", 9, "All well."), ward.now, person="maria")
    ward.react()
    assert alerts(ward) == []
    assert "Withdrawn: It does not hold any more." in ward.reasons()
