"""The acts on a to-do as pages and as sheets: each works without scripts, says what it saw, and loses nothing typed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import extension, instant
from careloop.store import drafts
from tests.actions.test_work import a_colleague
from tests.web.desk import HTMX, Desk, at_the_desk, undo_of

TALK = {"outcome": "reached", "minutes": "12", "channel": "phone", "note": "Has all her pills.", "sign": "1"}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def test_done_with_its_outcome_then_back_to_the_list_then_taken_back(desk: Desk) -> None:
    assert "How did it end?" in desk.page("/work/ride/done")
    desk.post("/work/ride/done", {"outcome": "done", "words": "Lucía drives", "version": "1"})
    assert desk.ward.task("ride")["statusReason"]["text"] == "Lucía drives"
    page = desk.page("/today")
    assert "Done: Find a ride." in page
    assert "Just done" in page
    desk.post("/work/undo", {"change": undo_of(page)})
    assert desk.ward.task("ride")["status"] == "accepted"
    page = desk.page("/today")
    assert "Taken back. It is as it was." in page
    assert "Just done" not in page


def test_an_end_that_needs_a_reason_keeps_what_was_chosen(desk: Desk) -> None:
    page = desk.post("/work/ride/done", {"outcome": "not-possible", "words": " ", "version": "1"}, 422)
    assert 'value="not-possible" checked' in page
    assert "Say why in a few words" in page
    assert "data-focus" in page


def test_undo_ends_after_ten_minutes_and_belongs_to_who_did_it(desk: Desk) -> None:
    desk.post("/work/ride/done", {"outcome": "done", "version": "1"})
    change = undo_of(desk.page("/today"))
    desk.post("/work/undo", {"change": change + "x"})
    assert "can’t be undone any more" in desk.page("/today")
    desk.later(minutes=11)
    desk.post("/work/undo", {"change": change})
    page = desk.page("/today")
    assert "can’t be undone any more" in page
    assert "Just done" not in page
    assert desk.ward.task("ride")["status"] == "completed"


def test_snoozed_until_an_hour_with_a_reason(desk: Desk) -> None:
    page = desk.page("/work/ride/snooze")
    assert "Tomorrow morning" in page
    assert "2 pm today" in page
    page = desk.post("/work/ride/snooze", {"until": "2026-11-24T08:00", "reason": "", "version": "1"}, 422)
    assert 'value="2026-11-24T08:00" checked' in page
    desk.post(
        "/work/ride/snooze", {"until": "2026-11-24T08:00", "reason": "office is closed", "version": "1"}
    )
    woken = instant(extension(desk.ward.task("ride"), uris.WAKE))
    assert woken == datetime.fromisoformat("2026-11-24T14:00:00+00:00")
    page = desk.page("/today")
    assert "Put away: Find a ride." in page
    assert "back tomorrow 8 am" in page


def test_a_rules_deadline_is_not_slept_through(desk: Desk) -> None:
    typed = {"until": "other", "other": "2026-11-30T08:00", "reason": "later", "version": "1"}
    page = desk.post("/work/call/snooze", typed, 422)
    assert "deadline falls before that hour" in page
    assert 'value="2026-11-30T08:00"' in page


def test_what_is_past_its_deadline_does_not_rest_for_weeks(desk: Desk) -> None:
    desk.later(hours=31)
    typed = {"until": "other", "other": "2026-12-15T08:00", "reason": "later", "version": "1"}
    page = desk.post("/work/call/snooze", typed, 422)
    assert "until the end of the next business day, no longer" in page
    assert 'value="2026-12-15T08:00"' in page
    desk.post("/work/call/snooze", {**typed, "other": "2026-11-25T16:00"})


def test_urgent_work_is_closed_with_words_and_the_field_asks_for_them(desk: Desk) -> None:
    page = desk.post("/work/urgent/done", {"outcome": "done", "words": " ", "version": "1"}, 422)
    assert 'id="words-error">This is about somebody’s safety: say in a few words what was done' in page
    silent = {**TALK, "note": "", "sign": "0", "is_done": "on", "version": "1"}
    page = desk.post("/work/urgent/contact", silent, 422)
    assert "say in a few words what was done and how the person is" in page
    assert desk.version("urgent") == "1"


def test_handed_to_a_colleague_with_a_note(desk: Desk) -> None:
    a_colleague(desk.ward)
    assert "Ben Osei" in desk.page("/work/ride/hand-off")
    page = desk.post("/work/ride/hand-off", {"to": "Practitioner/ben", "note": "", "version": "1"}, 422)
    assert 'value="Practitioner/ben" selected' in page
    desk.post(
        "/work/ride/hand-off", {"to": "Practitioner/ben", "note": "You know the driver", "version": "1"}
    )
    assert desk.ward.task("ride")["owner"]["reference"] == "Practitioner/ben"
    assert (
        "Find a ride"
        not in desk.page("/today").partition("Just done")[0].partition("</h1>")[2].partition("toast")[0]
    )


def test_taken_from_the_pile_once(desk: Desk) -> None:
    desk.post("/work/free/claim", {"version": "1"})
    assert desk.ward.task("free")["owner"]["reference"] == "Practitioner/ana"
    desk.change_behind_her_back("free", owner={"reference": "Practitioner/ben"})
    desk.post("/work/free/claim", {"version": "2"})
    assert "A colleague took this a moment before you." in desk.page("/today")


@pytest.mark.parametrize(
    ("address", "typed"),
    [
        ("done", {"outcome": "done", "words": "my very words"}),
        ("snooze", {"until": "2026-11-24T08:00", "reason": "my very words"}),
        ("hand-off", {"to": "team", "note": "my very words"}),
        ("contact", {**TALK, "note": "my very words"}),
    ],
)
def test_a_change_by_somebody_else_is_shown_and_nothing_typed_is_lost(
    desk: Desk, address: str, typed: dict[str, str]
) -> None:
    note = {"text": "The clinic called back", "time": "2026-11-23T15:00:00Z"}
    desk.change_behind_her_back(
        "ride", note=[note], owner={"reference": "Practitioner/ben", "display": "Ben Osei"}
    )
    page = desk.post(f"/work/ride/{address}", {**typed, "version": "1"}, 412)
    assert "Someone changed this while you had it open." in page
    assert "It now belongs to Ben Osei." in page
    assert "The clinic called back" in page
    assert "my very words" in page
    assert 'name="version" value="2"' in page
    desk.post(f"/work/ride/{address}", {**typed, "version": "2"})
    assert desk.version("ride") == "3"


def test_safety_is_not_snoozed_declined_or_undone(desk: Desk) -> None:
    assert "can’t be snoozed" in desk.page("/work/urgent/snooze")
    typed = {"until": "2026-11-24T08:00", "reason": "x", "version": "1"}
    assert "can’t be snoozed" in desk.post("/work/urgent/snooze", typed, 409)
    assert "No longer needed" not in desk.page("/work/urgent/done")
    desk.post("/work/urgent/done", {"outcome": "not-needed", "words": "x", "version": "1"}, 409)
    desk.post("/work/urgent/done", {"outcome": "done", "words": "Safe, with her sister", "version": "1"})
    page = desk.page("/today")
    assert "Done: Call her now." in page
    assert 'name="change"' not in page


# --- calls


def test_a_call_with_its_minutes_its_signed_note_and_what_was_promised(desk: Desk) -> None:
    promise = {"promise": "Call about the food card", "promise_until": "2026-11-24T14:00"}
    desk.post("/work/call/contact", {**TALK, **promise, "is_done": "on", "version": "1"})
    assert desk.ward.task("call")["status"] == "completed"
    page = desk.page("/today")
    assert "Call logged, and done." in page
    assert "Call about the food card" in page
    assert "a promise, made Monday" in page
    with desk.ward.open() as unit:
        (note,) = unit.search("DocumentReference", {"patient": "Patient/maria"}).entries
    read = desk.page(f"/notes/{note.id}")
    assert "Has all her pills." in read
    assert "Signed by Ana Reyes" in read
    assert "Copy for EHR" in read
    desk.post(f"/notes/{note.id}/addendum", {"text": "Her daughter called back."})
    assert "Her daughter called back." in desk.page(f"/notes/{note.id}")
    desk.post(f"/notes/{note.id}/addendum", {"text": "  "}, 422)


def test_a_note_that_was_taken_back_is_nobodys_word(desk: Desk) -> None:
    desk.post("/work/call/contact", {**TALK, "version": "1"})
    with desk.ward.open() as unit:
        (note,) = unit.search("DocumentReference", {"patient": "Patient/maria"}).entries
    desk.post("/work/undo", {"change": undo_of(desk.page("/today"))})
    assert desk.client.get(f"/notes/{note.id}").status_code == 404


def test_two_attempts_may_satisfy_a_rule_and_the_call_stays_open(desk: Desk) -> None:
    for version in ("1", "2"):
        desk.post("/work/call/contact", {**TALK, "outcome": "no-answer", "note": "", "version": version})
    page = desk.page("/today")
    assert "the billing rule may be satisfied; the call stays open" in page
    assert "tried 2 times" in page


def test_what_is_missing_from_a_call_is_asked_for_and_the_rest_is_kept(desk: Desk) -> None:
    typed = {"minutes": "0", "note": "She said…", "sign": "1", "version": "1", "with_whom": "Lucía"}
    page = desk.post("/work/call/contact", typed, 422)
    assert "Choose how it went." in page
    assert "Minutes are a whole number from 1 to 600." in page
    assert "She said…" in page
    assert 'value="Lucía"' in page


def test_the_timer_starts_with_the_call_and_goes_on_after_leaving(desk: Desk) -> None:
    """The draft keeps the hour at which the sheet was opened; coming back within the hour goes on from there."""
    began = desk.clock().isoformat()
    page = desk.page("/work/call/contact")
    assert 'data-timer="0"' in page
    answer = desk.client.post("/work/call/contact/draft", {"note": "Has her pills", "started": began})
    assert answer.content.decode() == "Saved 9 am"
    desk.later(minutes=7)
    page = desk.page("/work/call/contact")
    assert 'data-timer="420"' in page
    assert "Has her pills" in page
    desk.later(hours=2)
    page = desk.page("/work/call/contact")
    assert 'data-timer="0"' in page
    assert "Has her pills" in page


def test_sign_later_waits_on_today_and_is_kept_while_it_is_written(desk: Desk) -> None:
    desk.post("/work/call/contact", {**TALK, "note": "Has her pills", "sign": "0", "version": "1"})
    page = desk.page("/today")
    assert "1 note waits for your signature" in page
    with desk.ward.open(desk.ward.actor) as unit:
        assert drafts.listed(unit) == []  # another principal's
    draft = page.partition("/notes/draft/")[2].partition('"')[0]
    assert "Has her pills" in desk.page(f"/notes/draft/{draft}")
    desk.client.post(f"/notes/draft/{draft}/keep", {"text": "Has her pills. Daughter"})
    assert "Has her pills. Daughter" in desk.page(f"/notes/draft/{draft}")
    desk.post(f"/notes/draft/{draft}", {"text": " "}, 422)
    desk.post(f"/notes/draft/{draft}", {"text": "Has her pills. Daughter drives."})
    assert "waits for your signature" not in desk.page("/today")


def test_a_promise_by_itself(desk: Desk) -> None:
    assert "I will" in desk.page("/people/maria/promise")
    page = desk.post("/people/maria/promise", {"what": "Call Tuesday", "until": "2026-11-20T14:00"}, 422)
    assert "still to come" in page
    assert 'value="Call Tuesday"' in page
    desk.post("/people/maria/promise", {"what": "Call Tuesday", "until": "2026-11-24T14:00"})
    assert "Promise recorded." in desk.page("/today")


# --- as sheets


def test_a_sheet_answers_with_a_toast_and_asks_the_list_again(desk: Desk) -> None:
    answer = desk.client.post("/work/ride/done", {"outcome": "done", "version": "1"}, headers=HTMX)
    assert answer.status_code == 200
    assert "work-changed" in answer["HX-Trigger"]
    assert "Undo" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_a_sheet_with_a_problem_stays_in_its_dialog(desk: Desk) -> None:
    answer = desk.client.post("/work/ride/done", {"outcome": "not-needed", "version": "1"}, headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#dialog")


def test_one_to_do_tells_why_it_is_here_and_what_was_done_with_it(desk: Desk) -> None:
    desk.post("/work/ride/snooze", {"until": "2026-11-24T08:00", "reason": "line is busy", "version": "1"})
    page = desk.page("/work/ride")
    assert "Snoozed: line is busy" in page
    assert "it was agreed" in page
    desk.post("/work/ride/done", {"outcome": "not-needed", "words": "Lucía drives", "version": "2"})
    page = desk.page("/work/ride")
    assert "Lucía drives" in page
    assert "/work/ride/done" not in page


def test_work_of_somebody_else_is_not_there(desk: Desk) -> None:
    for address in ("", "/done", "/snooze", "/hand-off", "/contact"):
        desk.page(f"/work/walters{address}", 404)
    desk.post("/work/walters/done", {"outcome": "done"}, 404)
    desk.post("/work/walters/claim", {}, 404)


def test_a_promise_is_kept_only_with_the_call_it_was_made_in(desk: Desk) -> None:
    """What was promised stands or falls with the contact: a stale call records neither."""
    desk.change_behind_her_back("call", priority="urgent")
    typed = {**TALK, "promise": "Call again", "promise_until": "2026-11-24T14:00", "version": "1"}
    desk.post("/work/call/contact", typed, 412)
    assert [row for row in desk.ward.today().rows if row.klass is WorkClass.PROMISE] == []


def test_undoing_a_call_takes_its_promise_back_too(desk: Desk) -> None:
    typed = {
        **TALK,
        "promise": "Call again",
        "promise_until": "2026-11-24T14:00",
        "is_done": "on",
        "version": "1",
    }
    desk.post("/work/call/contact", typed)
    desk.post("/work/undo", {"change": undo_of(desk.page("/today"))})
    assert [row for row in desk.ward.today().rows if row.klass is WorkClass.PROMISE] == []
    assert desk.ward.task("call")["status"] == "accepted"


def test_ten_minutes_are_counted_from_the_act(desk: Desk) -> None:
    desk.post("/work/ride/done", {"outcome": "done", "version": "1"})
    change = undo_of(desk.page("/today"))
    desk.later(minutes=9, seconds=59)
    desk.post("/work/undo", {"change": change})
    assert desk.ward.task("ride")["status"] == "accepted"
    assert desk.clock() - desk.ward.now < timedelta(minutes=10)


def test_who_interpreted_stands_on_the_contact_and_in_the_story(desk: Desk) -> None:
    assert 'name="interpreter_way"' in desk.page("/work/call/contact")
    through = {"interpreter_way": "phone", "interpreter_name": "Rosa Lima, ID 4471"}
    desk.post("/work/call/contact", {**TALK, **through, "version": "1"})
    told = desk.page("/people/maria/story")
    assert "In Spanish, through an interpreter (Rosa Lima, ID 4471, on the phone)" in told


def test_an_attempt_that_reached_nobody_had_no_interpreter(desk: Desk) -> None:
    through = {"interpreter_way": "phone", "interpreter_name": "Rosa Lima"}
    desk.post("/work/call/contact", {**TALK, **through, "outcome": "no-answer", "version": "1"})
    assert "interpreter (Rosa" not in desk.page("/people/maria/story")
