"""From a referral to a program and out of it again, on a real record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop import library, store
from careloop.actions import enroll_person
from careloop.actions.answer_referrer import BadAnswer, answer_referrer, letter_left
from careloop.actions.enroll_person import Enrollment, newest_enrollment
from careloop.actions.log_contact import Contact, log_contact
from careloop.actions.referral_loop import stage_of
from careloop.actions.take_referral import BadReferral, Referral, Taken, take_referral
from careloop.actions.undo import TooLate, undo
from careloop.care.enroll import Consented, DoesNotFit, NotYet, UnknownReason
from careloop.care.register import Told
from careloop.care.work import work_of
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.store import outbox
from tests.projections.ward import HOUSE, Ward

LIBRARY = library.load()
PROGRAM = "community-support"
YES = Consented(True, "person", "verbal", told=3)
REFERRED = Referral(
    PROGRAM, "Dr. Wei Chen, Bayview", "Runs out of food at the end of the month", answer_to="(713) 555-0114"
)


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def refer(ward: Ward, **changes: Any) -> Taken:
    return take_referral(ward.scope, REFERRED, LIBRARY, ward.now, **({"person": "maria"} | changes))


def standing(ward: Ward, person: str = "maria") -> Enrollment:
    with store.open(HOUSE, now=ward.now) as unit:
        found = newest_enrollment(unit, unit.read("Patient", person), LIBRARY.programs[PROGRAM])
    assert found is not None
    return found


def judged(ward: Ward, taken: Taken) -> Enrollment:
    enroll_person.judge_fit(ward.scope, taken.episode.id, True, "", LIBRARY, ward.now)
    return standing(ward)


def test_a_referral_is_work_with_an_hour_and_an_enrollment_on_its_way(ward: Ward) -> None:
    taken = refer(ward)
    work = work_of(taken.task.resource)
    assert (work.kind, work.program, work.owner) == ("referral", PROGRAM, "Practitioner/ana")
    assert work.due is not None
    assert "Dr. Wei Chen" in work.because
    assert standing(ward).where.step == "referred"
    assert "Referral: see whether Community support fits" in [row.title for row in ward.today().rows]


def test_referring_twice_makes_one_enrollment_and_two_loops_to_close(ward: Ward) -> None:
    first, second = refer(ward), refer(ward)
    assert first.episode.id == second.episode.id
    assert first.task.id != second.task.id
    enroll_person.judge_fit(ward.scope, first.episode.id, True, "", LIBRARY, ward.now)
    assert {stage_of(ward.task(each.task.id)) for each in (first, second)} == {"outreach"}


def test_somebody_new_is_registered_with_the_referral(ward: Ward) -> None:
    told = Told(
        given="Rosa", family="Gutiérrez", birth_date="1971-05-02", phone="713 555 0199", postal_code="77011"
    )
    taken = refer(ward, person="", told=told, site="bayview")
    assert taken.patient.resource["name"][0]["family"] == "Gutiérrez"
    assert taken.patient.resource["managingOrganization"] == {"reference": "Organization/bayview"}


def test_what_is_missing_is_said_by_field(ward: Ward) -> None:
    with pytest.raises(BadReferral) as refused:
        take_referral(
            ward.scope,
            Referral(PROGRAM, " ", "", received=(ward.now + timedelta(days=2)).date()),
            LIBRARY,
            ward.now,
            person="maria",
        )
    assert set(refused.value.problems) == {"by", "reason", "received"}


def test_nobody_elses_people_can_be_referred(ward: Ward) -> None:
    with pytest.raises(NotFound):
        refer(ward, person="walter")


def test_the_whole_way_in_and_the_answer_to_who_referred(ward: Ward) -> None:
    taken = refer(ward)
    found = judged(ward, taken)
    assert (found.where.step, found.standing.judgment and found.standing.judgment.by) == (
        "outreach",
        "Practitioner/ana",
    )
    assert work_of(ward.task(taken.task.id)).waiting_on == "an answer to our call"
    assert found.outreach is not None
    log_contact(ward.scope, Contact("no-answer", 1), ward.now, task=found.outreach.id)
    tried = standing(ward)
    assert (tried.where.attempts, tried.where.next_try) == (1, ward.now + timedelta(days=3))
    assert work_of(ward.task(found.outreach.id)).wake == ward.now + timedelta(days=3)
    log_contact(ward.scope, Contact("reached", 9, "Would like help."), ward.now, task=found.outreach.id)
    assert standing(ward).where.step == "consent"
    enroll_person.record_consent(ward.scope, taken.episode.id, YES, LIBRARY, ward.now)
    assert standing(ward).where.step == "enroll"
    enroll_person.enroll(ward.scope, taken.episode.id, ("Practitioner/ana", "Ana Reyes"), LIBRARY, ward.now)
    joined = standing(ward)
    assert joined.where.step == "enrolled"
    assert [each["status"] for each in joined.episode.resource["statusHistory"]] == [
        "planned",
        "waitlist",
        "active",
    ]
    assert joined.consent is not None
    assert joined.consent.resource["performer"] == [{"reference": "Patient/maria"}]
    assert "Which organizations we may tell, and what." in joined.consent.resource["policyRule"]["text"]
    assert ward.task(found.outreach.id)["status"] == "completed"
    task = ward.task(taken.task.id)
    assert (stage_of(task), task["businessStatus"]["text"]) == ("answer", "joined Community support")
    assert "Joined the program" in ward.story()


def test_a_referral_of_somebody_who_is_in_asks_for_an_answer_at_once(ward: Ward) -> None:
    taken = refer(ward)
    judged(ward, taken)
    enroll_person.record_consent(ward.scope, taken.episode.id, YES, LIBRARY, ward.now)
    enroll_person.enroll(ward.scope, taken.episode.id, ("Practitioner/ana", "Ana Reyes"), LIBRARY, ward.now)
    again = refer(ward)
    assert stage_of(again.task.resource) == "answer"


def test_going_on_without_a_known_need_wants_a_reason(ward: Ward) -> None:
    episode = enroll_person.start_enrollment(ward.scope, "maria", "heart-failure", LIBRARY, ward.now)
    with pytest.raises(DoesNotFit):
        enroll_person.judge_fit(ward.scope, episode.id, True, "", LIBRARY, ward.now)
    saved = enroll_person.judge_fit(ward.scope, episode.id, True, "Her doctor called", LIBRARY, ward.now)
    assert saved.resource["status"] == "waitlist"


def test_what_does_not_fit_ends_and_is_told(ward: Ward) -> None:
    taken = refer(ward)
    enroll_person.judge_fit(ward.scope, taken.episode.id, False, "Lives in Dallas now", LIBRARY, ward.now)
    assert standing(ward).where.step == "ended"
    assert "Lives in Dallas now" in ward.task(taken.task.id)["businessStatus"]["text"]


def test_a_no_ends_it_and_is_kept(ward: Ward) -> None:
    taken = refer(ward)
    found = judged(ward, taken)
    enroll_person.record_consent(
        ward.scope, taken.episode.id, Consented(False, "person", ""), LIBRARY, ward.now
    )
    after = standing(ward)
    assert (after.where.step, after.episode.resource["status"]) == ("ended", "cancelled")
    assert found.outreach is not None
    assert ward.task(found.outreach.id)["status"] == "cancelled"
    assert ward.task(taken.task.id)["businessStatus"]["text"] == (
        "did not join Community support: Does not want it any more"
    )
    anew = enroll_person.start_enrollment(
        ward.scope, "maria", PROGRAM, LIBRARY, ward.now + timedelta(days=90)
    )
    assert anew.id != taken.episode.id
    assert standing(ward).standing.consent == ""


def test_pause_resume_and_leave_with_a_reason(ward: Ward) -> None:
    taken = refer(ward)
    judged(ward, taken)
    with pytest.raises(NotYet):
        enroll_person.pause(ward.scope, taken.episode.id, "in-hospital", LIBRARY, ward.now)
    enroll_person.record_consent(ward.scope, taken.episode.id, YES, LIBRARY, ward.now)
    enroll_person.enroll(ward.scope, taken.episode.id, ("Practitioner/ana", "Ana Reyes"), LIBRARY, ward.now)
    with pytest.raises(UnknownReason):
        enroll_person.pause(ward.scope, taken.episode.id, "tired", LIBRARY, ward.now)
    enroll_person.pause(ward.scope, taken.episode.id, "in-hospital", LIBRARY, ward.now)
    assert standing(ward).where.step == "paused"
    enroll_person.resume(ward.scope, taken.episode.id, LIBRARY, ward.now)
    with pytest.raises(StaleVersion):
        enroll_person.end(ward.scope, taken.episode.id, "needs-met", LIBRARY, ward.now, version=1)
    enroll_person.end(ward.scope, taken.episode.id, "needs-met", LIBRARY, ward.now, words="SNAP card came")
    after = standing(ward)
    assert (after.episode.resource["status"], after.consent and after.consent.resource["status"]) == (
        "finished",
        "inactive",
    )
    assert "Left the program" in ward.story()


def test_the_answer_by_phone_closes_the_loop(ward: Ward) -> None:
    taken = refer(ward)
    with pytest.raises(BadAnswer):
        answer_referrer(ward.scope, taken.task.id, "phone", " ", ward.now)
    result = answer_referrer(ward.scope, taken.task.id, "phone", "She is in good hands.", ward.now)
    assert ward.task(taken.task.id)["status"] == "completed"
    assert result.made[0].resource["status"] == "completed"
    with store.open(HOUSE, now=ward.now) as unit:
        assert unit.read("ServiceRequest", taken.request.id).resource["status"] == "completed"


def test_a_letter_waits_half_a_minute_and_can_be_taken_back(ward: Ward) -> None:
    taken = refer(ward)
    result = answer_referrer(ward.scope, taken.task.id, "letter", "She joined.", ward.now)
    with store.open(HOUSE, now=ward.now) as unit:
        assert outbox.take(unit, unit.now + timedelta(minutes=5)) == []
    undo(ward.scope, result.undo, ward.now + timedelta(seconds=20))
    assert ward.task(taken.task.id)["status"] != "completed"
    with store.open(HOUSE, now=ward.now + timedelta(seconds=40)) as unit:
        assert outbox.take(unit, unit.now + timedelta(minutes=5)) == []
        assert unit.read("Communication", result.made[0].id).resource["status"] == "entered-in-error"
        assert unit.read("ServiceRequest", taken.request.id).resource["status"] == "active"


def test_a_letter_that_left_can_not_be_taken_back(ward: Ward) -> None:
    taken = refer(ward)
    result = answer_referrer(ward.scope, taken.task.id, "letter", "She joined.", ward.now)
    with store.open(HOUSE, now=ward.now + timedelta(seconds=31)) as unit:
        (letter,) = outbox.take(unit, unit.now + timedelta(minutes=5))
        assert letter.payload["text"] == "She joined."
        outbox.sent(unit, letter)
    left = letter_left(ward.scope, result.made[0].id, ward.now + timedelta(seconds=31))
    assert left.resource["status"] == "completed"
    with pytest.raises(TooLate):
        undo(ward.scope, result.undo, ward.now + timedelta(seconds=60))
