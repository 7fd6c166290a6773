"""What a coordinator does with a to-do: done, called, put away, handed on, taken, taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from careloop.access import Scope
from careloop.accounts.models import Principal, User
from careloop.actions.claim_work import AlreadyClaimed, claim_work
from careloop.actions.complete_work import EndUntold, complete_work
from careloop.actions.hand_off_work import UnknownColleague, colleagues, hand_off_work
from careloop.actions.log_contact import STAYS_OPEN, BadContact, Contact, form_of, log_contact, note_form
from careloop.actions.record_promise import BadPromise, record_promise
from careloop.actions.sign_note import EmptyNote, NotANote, sign_note, text_of_note
from careloop.actions.snooze_work import AlreadyLate, BadSnooze, PastTheDeadline, snooze_work
from careloop.actions.undo import TooLate, undo
from careloop.actions.working import ProtectedWork, ReasonMissing, WorkEnded
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import extension, instant
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.store import drafts, outbox
from tests.projections import builders as b
from tests.projections.ward import Ward


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    found = Ward(now)
    found.has(
        b.task(
            "call",
            "maria",
            now,
            kind="call-after-discharge",
            due=now + timedelta(hours=30),
            klass=WorkClass.CLOCK,
            rule="tcm-contact@2026",
        ),
        b.task("ride", "maria", now, kind="ride", title="Find a ride", due=now),
        b.task("urgent", "maria", now, kind="urgent-self-harm", klass=WorkClass.DANGER, is_protected=True),
        b.task("free", "maria", now, owner=None),
        b.task("walters", "walter", now),
    )
    return found


def test_done_is_done_with_an_hour_and_leaves_today(ward: Ward) -> None:
    result = complete_work(ward.scope, "ride", "done", ward.now, version=1)
    task = ward.task("ride")
    assert (task["status"], instant(task["executionPeriod"]["end"])) == ("completed", ward.now)
    assert "Find a ride" not in [row.title for row in ward.today().rows]
    assert result.undo == "Task/ride@2"
    assert "Done" in ward.story()


def test_what_is_not_done_needs_a_reason(ward: Ward) -> None:
    with pytest.raises(ReasonMissing):
        complete_work(ward.scope, "ride", "not-needed", ward.now)
    complete_work(ward.scope, "ride", "not-needed", ward.now, words="Lucía drives her")
    assert ward.task("ride")["statusReason"]["text"] == "Lucía drives her"
    assert ward.task("ride")["status"] == "cancelled"


def test_a_call_that_reached_nobody_is_closed_with_a_reason_only(ward: Ward) -> None:
    with pytest.raises(ReasonMissing):
        complete_work(ward.scope, "call", "done", ward.now)
    log_contact(ward.scope, Contact("reached", 12, "Has her pills."), ward.now, task="call")
    complete_work(ward.scope, "call", "done", ward.now)
    assert ward.task("call")["status"] == "completed"


def test_nobody_writes_over_another_change(ward: Ward) -> None:
    snooze_work(ward.scope, "ride", ward.now + timedelta(hours=1), "busy line", ward.now, version=1)
    for act in (
        lambda: complete_work(ward.scope, "ride", "done", ward.now, version=1),
        lambda: snooze_work(ward.scope, "ride", ward.now + timedelta(hours=2), "x", ward.now, version=1),
        lambda: hand_off_work(ward.scope, "ride", "team", "x", ward.now, version=1),
        lambda: log_contact(ward.scope, Contact("no-answer", 1), ward.now, task="ride", version=1),
    ):
        with pytest.raises(StaleVersion):
            act()
    assert ward.task("ride")["meta"]["versionId"] == "2"


def test_what_has_ended_stays_ended(ward: Ward) -> None:
    complete_work(ward.scope, "ride", "done", ward.now)
    with pytest.raises(WorkEnded):
        complete_work(ward.scope, "ride", "done", ward.now)


def test_someone_elses_people_look_like_nobody(ward: Ward) -> None:
    with pytest.raises(NotFound):
        complete_work(ward.scope, "walters", "done", ward.now)
    with pytest.raises(NotFound):
        log_contact(ward.scope, Contact("no-answer", 1), ward.now, person="walter")


def test_snoozed_work_comes_back_by_itself(ward: Ward) -> None:
    snooze_work(ward.scope, "ride", ward.now + timedelta(hours=2), "line is busy", ward.now)
    assert "Find a ride" in [r.title for r in ward.today().of("later")]
    back = ward.today(at=ward.now + timedelta(hours=2))
    assert "Find a ride" in [r.title for r in back.of("today")]
    assert ward.task("ride")["note"][-1]["text"] == "Snoozed: line is busy"


@pytest.mark.parametrize(
    ("hours", "reason", "error"), [(-1, "x", BadSnooze), (24 * 91, "x", BadSnooze), (1, "  ", ReasonMissing)]
)
def test_a_snooze_needs_an_hour_to_come_and_a_reason(
    ward: Ward, hours: int, reason: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        snooze_work(ward.scope, "ride", ward.now + timedelta(hours=hours), reason, ward.now)


def test_a_rules_deadline_is_not_slept_through(ward: Ward) -> None:
    with pytest.raises(PastTheDeadline):
        snooze_work(ward.scope, "call", ward.now + timedelta(hours=31), "later", ward.now)


def test_what_is_past_its_deadline_rests_until_the_end_of_the_next_business_day(ward: Ward) -> None:
    """Wednesday before Thanksgiving: the next business day is Friday, in Houston, where she lives."""
    wednesday = ward.now + timedelta(days=2)
    end = datetime(2026, 11, 27, 23, 59, tzinfo=ZoneInfo("America/Chicago"))
    late = {"klass": WorkClass.CLOCK, "due": wednesday - timedelta(hours=1), "zone": "America/New_York"}
    ward.has(b.task("late", "maria", wednesday, **late))
    for until in (end + timedelta(minutes=1), wednesday + timedelta(days=89)):
        with pytest.raises(AlreadyLate):
            snooze_work(ward.scope, "late", until, "later", wednesday)
    snooze_work(ward.scope, "late", end, "the office is closed", wednesday)
    assert instant(extension(ward.task("late"), uris.WAKE)) == end


def test_late_work_that_no_rule_asks_for_may_rest_longer(ward: Ward) -> None:
    snooze_work(ward.scope, "ride", ward.now + timedelta(days=30), "in Mexico", ward.now)
    assert ward.task("ride")["meta"]["versionId"] == "2"


def test_safety_is_never_snoozed_declined_undone_or_left_to_a_pile(ward: Ward) -> None:
    for act in (
        lambda: snooze_work(ward.scope, "urgent", ward.now + timedelta(hours=1), "x", ward.now),
        lambda: complete_work(ward.scope, "urgent", "not-needed", ward.now, words="x"),
        lambda: hand_off_work(ward.scope, "urgent", "team", "x", ward.now),
    ):
        with pytest.raises(ProtectedWork):
            act()
    assert complete_work(ward.scope, "urgent", "done", ward.now, words="safe, with her sister").undo == ""
    with pytest.raises(ProtectedWork):
        undo(ward.scope, "Task/urgent@2", ward.now)


def a_colleague(ward: Ward, practitioner: str = "ben", site: str = "bayview", **more: Any) -> None:
    principal = Principal.objects.create(kind="staff", name=practitioner)
    User.objects.create(
        principal=principal,
        email=f"{practitioner}@example.org",
        name="Ben Osei",
        practitioner=practitioner,
        roles=["coordinator"],
        sites=[site] if site else [],
        **more,
    )


def test_handing_off_tells_who_and_why(ward: Ward) -> None:
    a_colleague(ward)
    a_colleague(ward, "quin", "queens")
    assert [c.reference for c in colleagues(ward.scope, "bayview")] == ["Practitioner/ben"]
    hand_off_work(ward.scope, "ride", "Practitioner/ben", "you know the driver", ward.now)
    task = ward.task("ride")
    assert task["owner"]["reference"] == "Practitioner/ben"
    assert task["note"][-1]["text"] == "Handed to Ben Osei: you know the driver"
    assert "Find a ride" not in [r.title for r in ward.today().rows]
    with pytest.raises(UnknownColleague):
        hand_off_work(ward.scope, "call", "Practitioner/quin", "x", ward.now)


def test_work_about_nobody_yet_is_handed_on_within_its_own_site(ward: Ward) -> None:
    a_colleague(ward)
    a_colleague(ward, "quin", "queens")
    ward.has(
        b.task("who", None, ward.now, title="Decide who this is", owner=None, site="Organization/bayview")
    )
    with pytest.raises(UnknownColleague):
        hand_off_work(ward.scope, "who", "Practitioner/quin", "x", ward.now)
    hand_off_work(ward.scope, "who", "Practitioner/ben", "you know the hospital", ward.now)
    assert ward.task("who")["owner"]["reference"] == "Practitioner/ben"


def test_urgent_work_that_nobody_had_says_so_no_longer_once_somebody_has_it(ward: Ward) -> None:
    a_colleague(ward)
    alone = {
        "klass": WorkClass.DANGER,
        "is_protected": True,
        "owner": None,
        "waiting_on": "Nobody is on call.",
    }
    ward.has(b.task("alone", "maria", ward.now, title="Call her now", **alone))
    hand_off_work(ward.scope, "alone", "Practitioner/ben", "please call her", ward.now)
    assert extension(ward.task("alone"), uris.WAITING) is None


def test_nobody_is_handed_work_that_she_could_not_open(ward: Ward) -> None:
    """An account without sites is shown nobody, and an administrator no chart."""
    a_colleague(ward, "new", "")
    a_colleague(ward, "it")
    User.objects.filter(practitioner="it").update(roles=["administrator"])
    assert colleagues(ward.scope, "bayview") == []
    for to in ("new", "it"):
        with pytest.raises(UnknownColleague):
            hand_off_work(ward.scope, "urgent", f"Practitioner/{to}", "x", ward.now)


def test_whoever_leads_her_may_be_given_her_work_from_any_site(ward: Ward) -> None:
    a_colleague(ward, "ana", "queens")
    a_colleague(ward)
    ben = replace(ward.actor, practitioner="Practitioner/ben", practitioner_rid=ward.ben, name="Ben Osei")
    hand_off_work(Scope(ben, "page", "coordination"), "ride", "Practitioner/ana", "yours again", ward.now)
    assert ward.task("ride")["owner"]["reference"] == "Practitioner/ana"


def test_of_a_person_without_a_site_only_who_leads_her_may_have_the_work(ward: Ward) -> None:
    a_colleague(ward)
    a_colleague(ward, "ana")
    ward.has(b.patient("lone", "Lena", "Ortiz", None), b.team("team-lone", "lone", "ana"))
    ward.has(b.task("lones", "lone", ward.now))
    with pytest.raises(UnknownColleague):
        hand_off_work(ward.scope, "lones", "Practitioner/ben", "x", ward.now)


def test_urgent_work_is_not_done_without_a_word(ward: Ward) -> None:
    for empty in ("", "  \n"):
        with pytest.raises(EndUntold):
            complete_work(ward.scope, "urgent", "done", ward.now, words=empty)
    silent = Contact("reached", 5, signs_later=True, is_done=True)
    with pytest.raises(EndUntold):
        log_contact(ward.scope, silent, ward.now, task="urgent")
    assert ward.task("urgent")["meta"]["versionId"] == "1"
    assert "Reached by phone" not in ward.story()
    log_contact(ward.scope, replace(silent, note="Safe, with her sister."), ward.now, task="urgent")
    assert ward.task("urgent")["status"] == "completed"


def test_of_sixteen_who_claim_at_once_one_gets_it(ward: Ward) -> None:
    def claim(_: int) -> str:
        from django.db import connection

        try:
            claim_work(Scope(ward.actor, "page", "coordination"), "free", ward.now)
            return "got it"
        except (AlreadyClaimed, StaleVersion) as lost:
            return lost.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(claim, range(16)))
    assert ward.task("free")["meta"]["versionId"] == "2"
    assert "got it" in told


def test_a_claimed_one_says_who_has_it(ward: Ward) -> None:
    ward.has(b.task("free", "maria", ward.now, owner="Practitioner/ben"))
    with pytest.raises(AlreadyClaimed):
        claim_work(ward.scope, "free", ward.now)


def test_an_attempt_counts_keeps_the_call_open_and_says_so(ward: Ward) -> None:
    first = log_contact(ward.scope, Contact("no-answer", 2), ward.now, task="call", version=1)
    second = log_contact(ward.scope, Contact("left-message", 3), ward.now, task="call", version=2)
    assert (first.hint, second.hint) == ("", STAYS_OPEN)
    row = next(r for r in ward.today("mine").rows if r.task_id == "call")
    assert row.attempts == 2
    assert {"Called, no answer", "Called, left a message"} <= set(ward.story())


def test_a_talk_that_is_done_ends_the_call_and_its_note_is_signed(ward: Ward) -> None:
    result = log_contact(
        ward.scope,
        Contact("reached", 12, "She has all her pills.\nDaughter drives.", is_done=True),
        ward.now,
        task="call",
    )
    assert ward.task("call")["status"] == "completed"
    encounter, note = result.made
    assert extension(encounter.resource, uris.MINUTES) == 12
    assert text_of_note(note.resource) == "She has all her pills.\nDaughter drives."
    assert note.resource["authenticator"]["reference"] == "Practitioner/ana"
    with ward.open() as unit:
        signed = unit.search("Provenance", {"target": note.reference}).entries
        assert [p.resource["signature"][0]["who"]["reference"] for p in signed] == ["Practitioner/ana"]


def test_a_talk_without_words_keeps_a_note_to_sign_and_forgets_the_sheet(ward: Ward) -> None:
    with ward.open() as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid
        drafts.save(unit, rid, form_of("call"), {"note": ""})
    (encounter,) = log_contact(ward.scope, Contact("reached", 12), ward.now, task="call").made
    with ward.open() as unit:
        (kept,) = drafts.listed(unit)
    assert kept.form == note_form(encounter)
    with pytest.raises(EmptyNote):
        sign_note(ward.scope, "maria", " ", ward.now, encounter=encounter.reference, draft=kept.id)
    sign_note(ward.scope, "maria", "All well.", ward.now, encounter=encounter.reference, draft=kept.id)
    with pytest.raises(NotFound):  # pressed twice
        sign_note(ward.scope, "maria", "All well.", ward.now, encounter=encounter.reference, draft=kept.id)
    with ward.open() as unit:
        assert drafts.listed(unit) == []


@pytest.mark.parametrize(
    "contact",
    [
        Contact("reached", 0),
        Contact("reached", 601),
        Contact("maybe", 1),
        Contact("reached", 1, channel="owl"),
    ],
)  # type: ignore[arg-type]
def test_a_contact_that_makes_no_sense_is_refused(ward: Ward, contact: Contact) -> None:
    with pytest.raises(BadContact):
        log_contact(ward.scope, contact, ward.now, task="call")


def test_a_signed_note_is_added_to_and_never_changed(ward: Ward) -> None:
    note = sign_note(ward.scope, "maria", "First.", ward.now)
    added = sign_note(ward.scope, "maria", "And second.", ward.now, appends=note.id)
    assert added.resource["relatesTo"] == [{"code": "appends", "target": {"reference": note.reference}}]
    with ward.open() as unit:
        assert unit.read("DocumentReference", note.id).version == 1
    with pytest.raises(EmptyNote):
        sign_note(ward.scope, "maria", "  \n ", ward.now)
    with pytest.raises(NotANote):
        sign_note(ward.scope, "maria", "x", ward.now, appends="somebody-elses")


def test_a_promise_is_work_of_its_own_class(ward: Ward) -> None:
    record_promise(ward.scope, "maria", "Call about the food card", ward.now + timedelta(days=1), ward.now)
    (row,) = [r for r in ward.today().rows if r.kind == "promise"]
    assert (row.klass, row.because, row.zone) == (
        WorkClass.PROMISE,
        "a promise, made Monday",
        "America/Chicago",
    )
    assert "Promised" in ward.story()
    with pytest.raises(BadPromise):
        record_promise(ward.scope, "maria", "Call", ward.now, ward.now)


# --- undo


def state(ward: Ward, id: str) -> dict[str, Any]:
    return {k: v for k, v in ward.task(id).items() if k not in ("meta",)}


def test_undo_brings_back_what_was(ward: Ward) -> None:
    before = state(ward, "ride")
    result = complete_work(ward.scope, "ride", "done", ward.now)
    undo(ward.scope, result.undo, ward.now + timedelta(minutes=9))
    assert state(ward, "ride") == before
    assert ward.task("ride")["meta"]["versionId"] == "3"
    assert "Done" not in ward.story()


def test_undoing_a_contact_gives_back_the_words(ward: Ward) -> None:
    result = log_contact(ward.scope, Contact("reached", 5, "She said…", is_done=True), ward.now, task="call")
    undo(ward.scope, result.undo, ward.now)
    assert ward.task("call")["status"] == "accepted"
    assert "Reached by phone" not in ward.story()
    with ward.open() as unit:
        (draft,) = drafts.listed(unit)
        assert (draft.form, draft.answers) == (form_of("call"), {"note": "She said…"})


def test_undoing_a_contact_takes_back_its_promise_and_the_note_that_waited(ward: Ward) -> None:
    contact = Contact(
        "reached",
        5,
        "Not signed yet",
        signs_later=True,
        promise="Call Tuesday",
        promised_for=ward.now + timedelta(days=1),
    )
    result = log_contact(ward.scope, contact, ward.now, task="call")
    assert [r.title for r in ward.today().rows if r.klass is WorkClass.PROMISE] == ["Call Tuesday"]
    undo(ward.scope, result.undo, ward.now)
    assert [r for r in ward.today().rows if r.klass is WorkClass.PROMISE] == []
    with ward.open() as unit:
        (draft,) = drafts.listed(unit)
        assert draft.form == form_of("call")
        assert draft.answers == {"note": "Not signed yet", "promise": "Call Tuesday"}


def test_undo_ends_after_ten_minutes(ward: Ward) -> None:
    result = complete_work(ward.scope, "ride", "done", ward.now)
    with pytest.raises(TooLate):
        undo(ward.scope, result.undo, ward.now + timedelta(minutes=10, seconds=1))


def test_undo_ends_when_somebody_went_on(ward: Ward) -> None:
    first = snooze_work(ward.scope, "ride", ward.now + timedelta(hours=1), "x", ward.now)
    complete_work(ward.scope, "ride", "done", ward.now)
    with pytest.raises(TooLate):
        undo(ward.scope, first.undo, ward.now)


def test_undo_ends_when_a_letter_has_left_and_stops_one_that_has_not(ward: Ward) -> None:
    held = complete_work(ward.scope, "ride", "done", ward.now)
    with ward.open() as unit:
        unit.send(held.undo, "mail", "partner", {"a": 1}, due=ward.now + timedelta(seconds=30))
    undo(ward.scope, held.undo, ward.now)
    gone = complete_work(ward.scope, "ride", "done", ward.now)
    with ward.open() as unit:
        unit.send(gone.undo, "mail", "partner", {"a": 2}, due=ward.now)
    with ward.open() as unit:
        letters = outbox.take(unit, unit.now + timedelta(minutes=5))
        assert [letter.key for letter in letters] == [gone.undo]
        outbox.sent(unit, letters[0])
    with pytest.raises(TooLate):
        undo(ward.scope, gone.undo, ward.now)


@pytest.mark.parametrize("token", ["", "Patient/maria@1", "Task/ride@x", "Task/ride", "Task/walters@1"])
def test_a_made_up_token_undoes_nothing(ward: Ward, token: str) -> None:
    with pytest.raises((TooLate, NotFound)):
        undo(ward.scope, token, ward.now)
