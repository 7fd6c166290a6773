"""What a draft must never do: lose an answer, forget an alarm, or say words of somebody who is a stranger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connections

from careloop import store
from careloop.access import Actor, Scope
from careloop.actions import record
from careloop.actions.complete_assessment import (
    IncompleteAssessment,
    complete_assessment,
    stop_assessment,
)
from careloop.actions.drafting import AssessmentEnded, Circumstances, DraftState, OpenDraft, keep, opened
from careloop.actions.record_safety import SafetyMissing, record_safety
from careloop.actions.save_answer import AnsweredMeanwhile, save_answer
from careloop.actions.start_assessment import start_assessment
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.fhir.questionnaire import Answer, enabled
from careloop.kernel.errors import NotFound
from careloop.library import load
from careloop.store import Stored

LIBRARY = load()
PHQ = LIBRARY.instruments["phq-9"].scoring.items


@pytest.fixture
def mine(scope: Scope) -> Scope:
    actor = Actor(2, "client", "Ana", scopes=scope.actor.scopes, practitioner="Practitioner/ana")
    return Scope(actor, "page", "coordination")


@pytest.fixture
def maria(record: None, mine: Scope, now: datetime) -> Stored:
    with store.open(mine, now=now) as unit:
        return unit.create({"resourceType": "Patient", "name": [{"family": "Duarte"}]})


def held(scope: Scope, now: datetime, person: Stored, kind: str) -> list[Stored]:
    with store.open(scope, now=now) as unit:
        return unit.of_person(person.rid, [kind])


def test_answers_that_come_at_the_same_moment_are_all_kept(maria: Stored, mine: Scope, now: datetime) -> None:
    draft = start_assessment(mine, maria.id, "phq-9", LIBRARY, now).draft.id
    calm = [item for item in PHQ if item != "thoughts"]

    def answer(item: str) -> None:
        try:
            save_answer(mine, draft, item, ["several-days"], LIBRARY, now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(answer, calm))
    kept = start_assessment(mine, maria.id, "phq-9", LIBRARY, now).state
    assert set(kept.answers) == set(calm)


def test_an_answer_to_what_somebody_saw_before_it_changed_is_refused(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    draft = start_assessment(mine, maria.id, "phq-2", LIBRARY, now).draft.id
    save_answer(mine, draft, "mood", ["several-days"], LIBRARY, now, seen="")
    with pytest.raises(AnsweredMeanwhile):
        save_answer(mine, draft, "mood", ["nearly-every-day"], LIBRARY, now, seen="")
    save_answer(mine, draft, "mood", ["several-days"], LIBRARY, now, seen="")  # the same again is no conflict


def test_declining_a_question_on_suicide_is_a_refusal_and_the_fifth_is_asked(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    draft = start_assessment(mine, maria.id, "asq", LIBRARY, now).draft.id
    for item in ("better-off", "thoughts", "ever-tried"):
        save_answer(mine, draft, item, ["no"], LIBRARY, now)
    saved = save_answer(mine, draft, "wished-dead", [], LIBRARY, now, absent="declined")
    assert [alarm.critical.id for alarm in saved.alarms] == ["positive"]
    assert "right-now" in enabled(saved.found.instrument.form, saved.found.state.answers)
    record_safety(mine, draft, "at home", "713-555-0148", "yes", LIBRARY, now)
    with pytest.raises(IncompleteAssessment):
        complete_assessment(mine, draft, LIBRARY, now)


def carried(scope: Scope, draft: int, answers: dict[str, Answer], now: datetime) -> OpenDraft:
    """Answers that came along from elsewhere, without save_answer having looked at them."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, LIBRARY)
        return keep(unit, found, replace(found.state, answers=answers))


def test_a_critical_answer_that_came_along_is_urgent_at_the_latest_when_it_is_finished(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    draft = start_assessment(mine, maria.id, "phq-9", LIBRARY, now).draft.id
    carried(mine, draft, dict.fromkeys(PHQ, Answer(("several-days",))), now)
    complete_assessment(mine, draft, LIBRARY, now)
    assert len(held(mine, now, maria, "Task")) >= 1
    assert any(extension(task.resource, uris.PROTECTED) for task in held(mine, now, maria, "Task"))


def test_safety_is_asked_before_the_end_and_written_once(maria: Stored, mine: Scope, now: datetime) -> None:
    draft = start_assessment(mine, maria.id, "phq-9", LIBRARY, now).draft.id
    for item in PHQ:
        save_answer(mine, draft, item, ["several-days"], LIBRARY, now)
    with pytest.raises(SafetyMissing):
        complete_assessment(mine, draft, LIBRARY, now)
    with pytest.raises(SafetyMissing):
        record_safety(mine, draft, "home", "", "perhaps", LIBRARY, now)
    for _ in range(2):
        record_safety(mine, draft, "home", "", "yes", LIBRARY, now)
    [task] = held(mine, now, maria, "Task")
    assert [note["text"] for note in task.resource["note"]] == [
        "Where: home. Call back: not told. Safe now: yes."
    ]
    complete_assessment(mine, draft, LIBRARY, now)


def test_stopped_after_a_critical_answer_the_urgent_work_stays(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    draft = start_assessment(mine, maria.id, "phq-9", LIBRARY, now).draft.id
    save_answer(mine, draft, "thoughts", ["several-days"], LIBRARY, now)
    stopped = stop_assessment(mine, draft, LIBRARY, now)
    assert stopped is not None
    assert stopped.resource["status"] == "stopped"
    [task] = held(mine, now, maria, "Task")
    assert task.resource["status"] in ("requested", "accepted")
    with pytest.raises(AssessmentEnded):
        save_answer(mine, draft, "mood", ["several-days"], LIBRARY, now)


def test_nothing_answered_leaves_nothing(maria: Stored, mine: Scope, now: datetime) -> None:
    draft = start_assessment(mine, maria.id, "phq-9", LIBRARY, now).draft.id
    assert stop_assessment(mine, draft, LIBRARY, now) is None
    assert held(mine, now, maria, "QuestionnaireResponse") == []


def test_a_helper_is_named_only_when_she_belongs_to_the_person(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    with store.open(mine, now=now) as unit:
        other = unit.create({"resourceType": "Patient"})
        rosa, sam = (
            unit.create(
                {
                    "resourceType": "RelatedPerson",
                    "patient": {"reference": person.reference},
                    "name": [{"text": name}],
                    "relationship": [{"text": "Daughter"}],
                }
            )
            for person, name in ((maria, "Rosa"), (other, "Sam"))
        )

    def told(source: str) -> Circumstances:
        asked = Circumstances("es", source, "", "No. 4411")
        for instrument in ("phq-2",):
            draft = start_assessment(mine, maria.id, instrument, LIBRARY, now, asked=asked)
            stop_assessment(mine, draft.draft.id, LIBRARY, now)
        return draft.state.asked

    assert told(rosa.reference) == Circumstances("es", rosa.reference, "Rosa, daughter", "No. 4411")
    assert told(sam.reference).source is None


def test_who_said_it_stands_in_the_response(maria: Stored, mine: Scope, now: datetime) -> None:
    asked = Circumstances("es", None, "her neighbor", "an interpreter")
    draft = start_assessment(mine, maria.id, "phq-2", LIBRARY, now, asked=asked).draft.id
    for item in ("mood", "interest"):
        save_answer(mine, draft, item, ["not-at-all"], LIBRARY, now)
    done = complete_assessment(mine, draft, LIBRARY, now, answered_at=now - timedelta(days=2))
    resource = done.response.resource
    assert "source" not in resource
    assert extension(resource, uris.HEARD_FROM) == "her neighbor"
    assert extension(resource, uris.ASKED_IN) == "es"
    assert extension(resource, uris.INTERPRETED_BY) == "an interpreter"


def test_a_draft_kept_before_it_knew_who_answers_can_still_be_read() -> None:
    old = {
        "instrument": "phq-2",
        "version": 1,
        "person": "Patient/m",
        "answers": {"mood": {"values": ["several-days"], "absent": None}},
        "said_at": {},
        "response": None,
        "urgent": {},
        "safety": {},
        "heard_from": "person",
    }
    assert DraftState.read(old).answers["mood"] == Answer(("several-days",))


def test_only_the_same_persons_answers_of_the_same_day_come_along(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    draft = start_assessment(mine, maria.id, "phq-2", LIBRARY, now).draft.id
    for item in ("mood", "interest"):
        save_answer(mine, draft, item, ["more-than-half"], LIBRARY, now)
    done = complete_assessment(mine, draft, LIBRARY, now).response
    with store.open(mine, now=now) as unit:
        other = unit.create({"resourceType": "Patient"})
    with pytest.raises(NotFound):
        start_assessment(mine, other.id, "phq-9", LIBRARY, now, done.id)
    much_later = now + timedelta(days=3)
    assert start_assessment(mine, maria.id, "phq-9", LIBRARY, much_later, done.id).state.answers == {}
