"""Thirty days without a word is work, until somebody has heard from her."""

from __future__ import annotations

from careloop import store
from careloop.actions.complete_work import complete_work
from careloop.actions.log_contact import Contact, log_contact
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import codeable
from careloop.reactions.follow import NAME
from careloop.store import feed
from tests.projections import builders as b
from tests.stories.ward import HOUSE, StoryWard, due, settle


def joins(ward: StoryWard, status: str = "active", since: str = "2026-11-01") -> None:
    told = b.episode("e-maria", "maria", status) | {
        "type": [codeable(uris.PROGRAM, "chronic-care", "Chronic care")],
        "period": {"start": since},
    }
    ward.write(told)
    ward.react()


def heard(ward: StoryWard, on: str) -> None:
    """The last word from her that is on record."""
    ward.write(b.contact(f"heard-{on}", "maria", ward.at(f"{on} 08:00")))


def test_after_thirty_days_there_is_one_check_in_and_a_word_withdraws_it(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    heard(ward, "2026-11-01")
    joins(ward)
    assert ward.fire() == 2  # who is in a program: for silence, and for risk scores
    ward.wait(days=7)
    ward.fire()
    assert ward.worklist() == []
    ward.wait(days=1)
    ward.fire()
    assert ward.worklist() == [due("Wed", "Check in")]
    row = ward.row("Check in")
    assert (row.klass, row.owner_name, row.due) == (WorkClass.SILENCE, "Ana Reyes", row.target)
    assert row.because == ("Not heard from since Sun Nov 1: 30 days without a word (silence, 2026)")
    ward.wait(days=3)
    ward.fire()
    assert len(ward.rows()) == 1
    log_contact(ana, Contact("reached", 9, "All well."), ward.now, person="maria")
    ward.react()
    assert ward.worklist() == []
    assert ward.reasons() == {"Withdrawn: Heard from again."}
    ward.wait(days=31)
    ward.fire()
    assert ward.titles() == ["Check in"]
    assert len(ward.tasks()) == 2


def test_an_attempt_is_no_word(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    heard(ward, "2026-10-01")
    joins(ward, since="2026-10-01")
    assert ward.titles() == ["Check in"]
    log_contact(ana, Contact("no-answer", 1), ward.now, task=ward.rows()[0].task_id)
    ward.react()
    assert ward.titles() == ["Check in"]


def test_a_check_in_that_somebody_closed_is_asked_again_after_as_long(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    heard(ward, "2026-10-01")
    joins(ward, since="2026-10-01")
    complete_work(ana, ward.rows()[0].task_id, "not-needed", ward.now, words="Travels until Christmas.")
    ward.react()
    ward.fire()
    assert ward.worklist() == []
    ward.wait(days=29)
    ward.fire()
    assert ward.worklist() == []
    ward.wait(days=1)
    ward.fire()
    assert ward.titles() == ["Check in"]


def test_who_is_paused_left_or_died_is_left_alone(ward: StoryWard) -> None:
    heard(ward, "2026-10-01")
    joins(ward, since="2026-10-01")
    joins(ward, "onhold", since="2026-10-01")
    assert ward.worklist() == []
    joins(ward, since="2026-10-01")
    assert ward.titles() == ["Check in"]
    ward.dies()
    ward.react()
    assert ward.titles() == ["Bereavement contact with the family"]
    before = ward.versions()
    ward.wait(days=40)
    ward.fire()
    assert ward.versions() == before


def test_who_asked_for_a_check_in_by_hand_gets_no_second_one(ward: StoryWard) -> None:
    ward.write(b.task("hand", "maria", ward.now, kind="check-in", title="Find out how he is"))
    heard(ward, "2026-10-01")
    joins(ward, since="2026-10-01")
    assert ward.titles() == ["Find out how he is"]


def test_a_panel_imported_today_is_not_silent_at_once(ward: StoryWard) -> None:
    joins(ward, since="2026-01-15")
    assert ward.worklist() == []
    ward.wait(days=29)
    ward.fire()
    assert ward.worklist() == []
    ward.wait(days=1)
    ward.fire()
    assert ward.row("Check in").because == (
        "No word from this person on record since Mon Nov 23: 30 days without a word (silence, 2026)"
    )


def test_whom_no_change_brought_here_is_found_by_the_sweep(ward: StoryWard) -> None:
    heard(ward, "2026-10-01")
    ward.write(b.episode("e-maria", "maria"))
    settle()
    with store.open(HOUSE, now=ward.now) as unit:
        feed.advance(unit, NAME, feed.read(NAME, 1_000)[-1])
    assert ward.rows() == []
    ward.fire()
    assert ward.titles() == ["Check in"]
    before = ward.versions()
    ward.wait(hours=2)
    ward.fire()
    assert ward.versions() == before
