"""A timer that fails: urgent work and the sweep are tried for ever, the others stop, and each is seen by somebody."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop import reactions, store
from careloop.actions.complete_work import complete_work
from careloop.actions.follow_person import SILENCE
from careloop.actions.urgent import TIMER
from careloop.care.work import WorkClass
from careloop.projections.worklist import Row
from careloop.reactions import timers
from careloop.store.timers import due_at, stuck
from tests.projections import builders as b
from tests.stories.ward import HOUSE, LIBRARY, StoryWard

PASSED_ON = "See that somebody has the urgent work of this person: it could not be passed on"
QUIET = "Look at this record: silence could not be looked at"


@pytest.fixture
def ward(record: None, now: datetime) -> StoryWard:
    found = StoryWard(now)
    found.react()
    return found


class Broken:
    """Stands for what a timer does; counts, and fails while `is_broken`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        self.calls, self.is_broken, self.real = 0, True, timers.FIRE[kind]
        monkeypatch.setitem(timers.FIRE, kind, self)

    def __call__(self, *told: Any) -> None:
        self.calls += 1
        if self.is_broken:
            raise TypeError("Duarte")
        self.real(*told)


def sets(ward: StoryWard, kind: str, key: str) -> int:
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        unit.set_timer(rid, kind, key, ward.now)
    return rid


def alarm(ward: StoryWard) -> None:
    ward.staff("Mei Chen", "chen", "clinician", rank=1)
    more = {"title": "Is she safe?", "klass": WorkClass.DANGER, "is_protected": True, "owner": None}
    ward.write(b.task("alarm", "maria", ward.now, **more))
    sets(ward, TIMER, "Task/alarm")


def told(ward: StoryWard) -> list[Row]:
    return [row for row in ward.rows() if row.kind == "review-failure"]


def rounds(ward: StoryWard, count: int, **pause: float) -> None:
    for _ in range(count):
        reactions.run_timers(ward.now, LIBRARY)
        ward.wait(**pause)


def test_urgent_work_is_never_given_up_it_pauses_longer_each_time(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, began = Broken(monkeypatch, TIMER), ward.now
    alarm(ward)
    waits = []
    for _ in range(8):
        assert reactions.run_timers(ward.now, LIBRARY) > 0
        assert reactions.run_timers(ward.now, LIBRARY) == 0
        with store.open(HOUSE, now=ward.now) as unit:
            rid = unit.rid_of("Patient/maria")
            assert rid is not None
            again = due_at(unit, rid, TIMER, "Task/alarm")
        assert again is not None
        waits.append((again - ward.now).total_seconds())
        ward.now = again
    assert (broken.calls, waits) == (8, [30, 60, 120, 240, 300, 300, 300, 300])
    broken.is_broken = False
    ward.fire()
    assert ward.row("Is she safe?").owner_name == "Mei Chen"
    assert ward.now - began < timedelta(minutes=30)


def test_urgent_work_that_is_not_passed_on_is_told_once_and_only_its_own_success_takes_that_away(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(monkeypatch, TIMER)
    alarm(ward)
    rounds(ward, 2, minutes=5)
    assert told(ward) == []
    rounds(ward, 3, minutes=5)
    (item,) = told(ward)
    assert (item.title, item.owner_name) == (PASSED_ON, "Ana Reyes")
    assert "A fault in Careloop (TypeError). Careloop tries again every few minutes" in item.because
    assert "Duarte" not in item.because
    ward.discharge()  # what follows from her stays works: that says nothing about the alarm
    sets(ward, SILENCE, "Patient/maria")
    ward.fire()
    assert [row.title for row in told(ward)] == [PASSED_ON]
    broken.is_broken = False
    ward.wait(minutes=5)
    ward.fire()
    assert told(ward) == []
    assert "Withdrawn: It was done after all." in ward.reasons()


def test_who_closed_the_item_hears_of_it_again_another_day(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    Broken(monkeypatch, TIMER)
    alarm(ward)
    rounds(ward, 3, minutes=5)
    (item,) = told(ward)
    complete_work(
        ward.staff("Ana Reyes", "ana", "coordinator"), item.task_id, "done", ward.now, words="Phoned."
    )
    rounds(ward, 3, minutes=5)
    assert told(ward) == []
    ward.wait(days=1)
    rounds(ward, 1)
    assert [row.title for row in told(ward)] == [PASSED_ON]


def test_another_timer_stops_after_three_times_and_leaves_an_item(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(monkeypatch, SILENCE)
    rid = sets(ward, SILENCE, "Patient/maria")
    rounds(ward, 5, minutes=5)
    assert broken.calls == 3
    assert [row.title for row in told(ward)] == [QUIET]
    with store.open(HOUSE, now=ward.now) as unit:
        assert [(each.person, each.kind) for each in stuck(unit)] == [(rid, SILENCE)]
    broken.is_broken = False
    sets(ward, SILENCE, "Patient/maria")  # as the next change of her record does
    ward.fire()
    assert told(ward) == []


def test_what_stuck_gets_another_try_the_next_day(ward: StoryWard, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(monkeypatch, SILENCE)
    sets(ward, SILENCE, "Patient/maria")
    rounds(ward, 5, hours=1)
    assert (broken.calls, len(told(ward))) == (3, 1)
    broken.is_broken = False
    ward.wait(days=1, hours=1)
    ward.fire()
    assert (broken.calls, told(ward)) == (4, [])


def test_a_timer_that_sticks_does_not_take_the_item_of_a_change_away(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with timers.record.begin(timers.scope(), ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        timers.trouble.tell(unit, rid, "Encounter/x, version 1", "Encounter/x@1", "A fault.")
    sets(ward, SILENCE, "Patient/maria")
    reactions.run_timers(ward.now, LIBRARY)
    assert len(told(ward)) == 1


def test_the_sweep_is_never_given_up_and_says_so_where_the_house_looks(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken(monkeypatch, timers.SWEEP)
    with caplog.at_level(logging.ERROR, "careloop.timers"):
        rounds(ward, 6, minutes=5)
    assert broken.calls == 6
    assert "find-unwatched" in caplog.text
    assert "Duarte" not in caplog.text
    broken.is_broken = False
    ward.write(b.episode("e-maria", "maria"))
    rounds(ward, 1)
    with store.open(HOUSE, now=ward.now) as unit:
        assert stuck(unit) == []


def test_when_nobody_can_be_told_the_others_still_fire(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> None:
        raise KeyError

    broken = Broken(monkeypatch, TIMER)
    monkeypatch.setattr(timers.trouble, "tell_timer", cannot)
    alarm(ward)
    rounds(ward, 4, minutes=5)
    assert broken.calls == 4
    sets(ward, SILENCE, "Patient/maria")
    assert reactions.run_timers(ward.now, LIBRARY) == 2
