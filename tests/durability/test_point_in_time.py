"""The log is kept up beside the backups: a restore reaches its end, or any moment before it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from careloop.server.backup import LATE_AFTER, Settings, State
from careloop.store import backup, embedded, wal
from tests.durability.house import REPO, House

# One house for the whole file: its tests stay with one worker.
pytestmark = pytest.mark.xdist_group("point-in-time")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="careloop-pitr-"))
    found.chmod(0o755)
    yield found
    for folder in found.glob("*/postgres"):
        embedded.stop(folder)
    shutil.rmtree(found)


@pytest.fixture(scope="module")
def lost(place: Path) -> tuple[House, dict[str, str]]:
    """A house that kept its log up until it was lost: anna before the first backup, maria after it, rosa last."""
    house = House(place / "home", place / "backups")
    house.settle_in()
    at = {"anna": house.lives("people", "anna")}
    keeper = subprocess.Popen(
        [sys.executable, "-m", "careloop.server", "backup", "keep"],
        env=house.environment
        | {"CARELOOP_BACKUP_DIR": str(house.target), "CARELOOP_BACKUP_LOG_SECONDS": "1"},
        cwd=REPO,
    )
    try:
        until(lambda: bool(backup.backups_in(house.target)))
        at["maria"] = house.lives("people", "maria")
        time.sleep(0.2)
        at["rosa"] = house.lives("people", "rosa")
        told = datetime.fromisoformat(at["rosa"])
        until(lambda: State.read(house.home).log > told.isoformat() and not State.read(house.home).fault, 60)
    finally:
        keeper.terminate()
        keeper.wait(20)
    at["record"] = house.say("verify", "--digest")
    house.stop()
    return house, at


def until(is_so: object, seconds: float = 40) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def test_to_the_end_of_the_log_nothing_is_missing(lost: tuple[House, dict[str, str]], place: Path) -> None:
    house, at = lost
    said = house.say("restore", str(house.target), "--to", str(place / "end"), "--no-compare")
    assert at["record"].strip() in said
    new = house.moved_to(place / "end")
    assert new.lives("look")["people"] == ["anna", "maria", "rosa"]
    assert "whole." in new.say("verify")


def test_to_a_moment_what_came_later_is_not_there(lost: tuple[House, dict[str, str]], place: Path) -> None:
    house, at = lost
    house.say("restore", str(house.target), "--to", str(place / "then"), "--until", at["maria"])
    new = house.moved_to(place / "then")
    assert new.lives("look")["people"] == ["anna", "maria"]
    assert "whole." in new.say("verify")
    # Life goes on there, and its own log begins a line of its own.
    new.lives("people", "later")
    assert new.lives("look")["people"] == ["anna", "later", "maria"]


def test_moments_that_can_t_be_reached_are_refused(lost: tuple[House, dict[str, str]], place: Path) -> None:
    house, at = lost
    to = ("restore", str(house.target), "--to", str(place / "never"), "--until")
    assert "offset from UTC" in house.refuses(*to, "2026-11-23T09:00")
    assert "no backup" in house.refuses(*to, "2020-01-01T00:00:00+00:00")
    later = datetime.fromisoformat(at["rosa"]) + timedelta(days=1)
    assert "ends before that moment" in house.refuses(*to, later.isoformat())
    assert not (place / "never" / "postgres").exists()


def test_a_changed_segment_ends_the_log_there(lost: tuple[House, dict[str, str]], place: Path) -> None:
    house, _ = lost
    (found,) = backup.backups_in(house.target)
    target = place / "changed"
    shutil.copytree(house.target, target)
    whole = wal.sealed(target, "0" * 24, house.key)
    assert whole
    path, _ = whole[-1]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert wal.sealed(target, "0" * 24, house.key) == whole[:-1]
    assert found.exists()


def test_the_log_is_never_older_than_what_may_be_lost() -> None:
    """RPO: said late before five minutes are over."""
    assert timedelta(minutes=5) >= LATE_AFTER
    now = datetime.now(UTC)
    state = State(base=now.isoformat(), log=(now - timedelta(minutes=5, seconds=1)).isoformat())
    assert "five minutes" in state.problem(now, Settings(None), is_embedded=True)
    assert state.problem(now, Settings(None), is_embedded=False) == ""
