"""Silence, decided from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from careloop.care.monitor import Joined, SilenceFacts, heard_at, on_silence
from careloop.care.stay import Outstanding
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant
from careloop.library import load

LIBRARY = load()
JOINED = datetime(2026, 10, 1, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MARIA = SilenceFacts(
    "Patient/maria",
    joined=(Joined("chronic-care", JOINED),),
    zone="America/Chicago",
    lead="Practitioner/ana",
)


def asked(facts: SilenceFacts, now: datetime) -> list[str]:
    return [work.dedupe for work in on_silence(facts, LIBRARY, now).proposal.work]


def test_the_thirtieth_day_is_the_first() -> None:
    begins = JOINED + 30 * DAY
    watch = on_silence(MARIA, LIBRARY, begins - timedelta(seconds=1))
    assert (watch.proposal.work, watch.look_again) == ((), begins)
    (work,) = on_silence(MARIA, LIBRARY, begins).proposal.work
    assert work.target == datetime(2026, 11, 2, 23, 0, tzinfo=UTC)  # Monday 5 pm in Houston
    assert (work.due, work.rule, work.program) == (None, "silence@2026", "chronic-care")


def test_the_shortest_of_her_programs_counts() -> None:
    both = replace(MARIA, joined=(*MARIA.joined, Joined("transitions", JOINED)))
    (work,) = on_silence(both, LIBRARY, JOINED + 7 * DAY).proposal.work
    assert (work.program, work.rule) == ("transitions", "silence-transitions@2026")


def test_without_a_zone_no_local_hour_is_made_up() -> None:
    (work,) = on_silence(replace(MARIA, zone=None), LIBRARY, JOINED + 40 * DAY).proposal.work
    assert work.target == JOINED + 31 * DAY


def test_the_same_facts_give_the_same_work_on_any_later_day() -> None:
    first = on_silence(MARIA, LIBRARY, JOINED + 30 * DAY)
    assert on_silence(MARIA, LIBRARY, JOINED + 55 * DAY) == first


def test_in_no_program_nobody_is_silent_and_what_was_asked_goes() -> None:
    hers = Outstanding("silence:Patient/maria:2026-10-01T1500", "check-in", "open")
    watch = on_silence(replace(MARIA, joined=(), work=(hers,)), LIBRARY, JOINED + 60 * DAY)
    assert (watch.proposal.work, watch.look_again) == ((), None)
    assert [each.because for each in watch.proposal.withdraw] == ["No program asks for it any more."]


def test_an_older_check_in_goes_when_a_new_silence_begins() -> None:
    old = Outstanding("silence:Patient/maria:2026-10-01T1500", "check-in", "open")
    again = replace(MARIA, heard=JOINED + 31 * DAY, work=(old,))
    now = JOINED + 70 * DAY
    assert [each.dedupe for each in on_silence(again, LIBRARY, now).proposal.withdraw] == [old.dedupe]
    assert asked(again, now) == ["silence:Patient/maria:2026-11-01T1500"]


def contact(outcome: str, at: datetime, **more: str) -> dict[str, object]:
    concept = codeable(uris.CONTACT_OUTCOME, outcome)
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "extension": [{"url": uris.OUTCOME, "valueCodeableConcept": concept}],
        "period": {"end": fhir_instant(at)},
        **more,
    }


def response(status: str, at: datetime) -> dict[str, object]:
    return {"resourceType": "QuestionnaireResponse", "status": status, "authored": fhir_instant(at)}


def call(kind: str, at: datetime) -> dict[str, object]:
    return {
        "resourceType": "Task",
        "status": "completed",
        "executionPeriod": {"end": fhir_instant(at)},
        "output": [{"type": codeable(uris.TASK_IO, kind)}],
    }


@pytest.mark.parametrize(
    ("resource", "is_heard"),
    [
        (contact("reached", JOINED), True),
        (contact("declined", JOINED), True),
        (contact("no-answer", JOINED), False),
        (contact("left-message", JOINED), False),
        (contact("reached", JOINED, status="entered-in-error"), False),
        (response("completed", JOINED), True),
        (response("in-progress", JOINED), False),
        (call("contact", JOINED), True),
        (call("attempt", JOINED), False),
        (
            {"resourceType": "Encounter", "status": "finished", "period": {"end": "2026-10-01T15:00:00Z"}},
            False,
        ),
    ],
)
def test_what_counts_as_heard(resource: dict[str, object], is_heard: bool) -> None:
    assert heard_at([resource]) == (JOINED if is_heard else None)
