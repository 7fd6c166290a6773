"""What fails where nobody looks becomes an item in Review, and goes when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from careloop import store
from careloop.access import Actor, Scope
from careloop.projections import rooms
from careloop.server import watch, wiring
from careloop.server.backup import State
from careloop.server.wiring import Station
from careloop.store import timers

BACKED_UP = {"base": "2026-11-23T08:00:00+00:00", "log": "2026-11-23T14:58:00+00:00"}


@pytest.fixture
def home(record: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.HOME = tmp_path
    monkeypatch.setenv("CARELOOP_BACKUP_DIR", str(tmp_path / "backups"))
    monkeypatch.setattr(watch, "is_embedded", lambda: True)
    return tmp_path


def in_review(now: datetime) -> list[str]:
    """As a coordinator sees it, who is at no site in particular."""
    reader = Actor(
        principal=3, kind="staff", name="Ana", roles=frozenset({"coordinator"}), sites=frozenset({99})
    )
    with store.open(Scope(reader, "page", "coordination"), now=now) as unit:
        return [item.because for item in rooms.in_review(unit)]


def test_backups_that_stopped_are_seen_and_gone_when_they_go_on(home: Path, now: datetime) -> None:
    State(**BACKED_UP).write(home)
    watch.tell(now, {})
    assert in_review(now) == []
    later = now + timedelta(minutes=6)
    watch.tell(later, {})
    watch.tell(later, {})
    assert in_review(later) == ["The log of the database has not been saved for more than five minutes."]
    State(fault="A backup failed: the disk is away.", since=now.isoformat()).write(home)
    watch.tell(later, {})
    assert in_review(later) == ["A backup failed: the disk is away."]
    State(base=BACKED_UP["base"], log=later.isoformat()).write(home)
    watch.tell(later, {})
    assert in_review(later) == []


def test_who_never_had_a_backup_is_told_and_who_wants_none_is_not(
    home: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watch.backup_problem(now) == "No backup has been taken yet."
    monkeypatch.delenv("CARELOOP_BACKUP_DIR")
    assert watch.backup_problem(now) == ""


def test_the_hourly_sweep_that_fails_is_an_item(home: Path, now: datetime, scope: Scope) -> None:
    State(base=BACKED_UP["base"], log=now.isoformat()).write(home)
    with store.open(scope, now=now) as unit:
        unit.set_timer(0, "find-unwatched", "all", now)
    for _ in range(3):
        with store.open(scope, now=now) as unit:
            (timer,) = timers.due(unit, lasting={"find-unwatched"})
            timers.failed(unit, timer, "A fault in Careloop (KeyError).")
        watch.tell(now, {})
    assert in_review(now) == ["The hourly look for people whom nobody hears from failed three times or more."]
    with store.open(scope, now=now) as unit:
        unit.set_timer(0, "find-unwatched", "all", now + timedelta(hours=1))
    watch.tell(now, {})
    assert in_review(now) == []


def test_a_station_that_keeps_failing_is_an_item(home: Path, now: datetime) -> None:
    State(base=BACKED_UP["base"], log=(now + timedelta(minutes=6)).isoformat()).write(home)
    broken = [True]

    def work(at: datetime) -> int:
        if broken[0]:
            raise LookupError("Maria Duarte")
        return 0

    station = Station("outbox", work)
    station.turn(now)
    station._next = 0.0
    station.turn(now + timedelta(minutes=6))
    failing = wiring._failing([station])
    assert failing == {"outbox": now}
    watch.tell(now + timedelta(minutes=6), failing)
    assert in_review(now) == ["It has failed for five minutes or more: outbox."]
    broken[0], station._next = False, 0.0
    station.turn(now + timedelta(minutes=7))
    assert wiring._failing([station]) == {}


def test_while_reactions_pause_after_a_failure_the_loop_does_not_spin(
    home: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(at: datetime) -> int:
        raise LookupError

    monkeypatch.setattr(wiring.feed, "lag", lambda name, most: 1)
    station = Station("reactions", fail)
    assert wiring._is_settling([station])
    station.turn(now)
    assert not wiring._is_settling([station])


def test_readyz_says_it_without_a_word_about_anybody(home: Path, now: datetime, client: Client) -> None:
    State(base=now.isoformat(), log=now.isoformat()).write(home)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.content.decode().splitlines()[0] == "database: ok"
    (home / "backup-state.json").unlink()
    assert "backup: look" in client.get("/readyz").content.decode()
