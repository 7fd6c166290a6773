"""The power goes: every byte that no fsync had reached is lost, half of the time sector by sector. Nothing acknowledged
is lost, nothing is corrupt, and the files of heads do not cry wolf.

CARELOOP_CRASH_ROUNDS sets how often (3 unless said; CI says 50).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from careloop.store import embedded
from tests.crash.power import Disk, missing
from tests.crash.rounds import Tally, one_round, prepare, what_is_wrong, yard

ROUNDS = int(os.environ.get("CARELOOP_CRASH_ROUNDS", "3"))
# So that many pages of tables and indexes are on their way to the disk, not yet safe, whenever the power goes.
BUSY: Final = (
    "shared_buffers = '1MB'",
    "bgwriter_delay = '10ms'",
    "bgwriter_lru_maxpages = 1000",
    "checkpoint_timeout = '30s'",
)
CONTROL_ROUNDS: Final = 6

pytestmark = [pytest.mark.crash, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be played")]


@pytest.fixture
def disk() -> Iterator[Disk]:
    place = Path(tempfile.mkdtemp(prefix="careloop-power-"))
    yield Disk.under(place)
    embedded.stop(place / "home" / "postgres")
    shutil.rmtree(place)


def played(disk: Disk, rounds: int, *settings: str) -> Tally:
    """Ends at the first round in which something was lost."""
    prepare(disk.root, *BUSY, *settings)
    tally = Tally()
    with yard(disk.root, disk) as ours:
        for _ in range(rounds):
            one_round(ours, 0.3, tally)
            if tally.problems:
                break
        else:
            tally.problems += what_is_wrong(disk.root)
    return tally


def test_nothing_acknowledged_is_lost_and_nothing_is_corrupt(disk: Disk) -> None:
    tally = played(disk, ROUNDS)
    assert tally.problems == []
    assert len(tally.acknowledged) >= 4 * ROUNDS
    assert max(tally.ready_seconds) < 10
    # The disk did forget: otherwise this proves nothing.
    assert sum(lost.sectors for lost in disk.losses) > 10 * ROUNDS


def test_commits_that_do_not_wait_for_the_disk_are_lost(disk: Disk) -> None:
    """The control: synchronous_commit=off acknowledges what is not yet written."""
    tally = played(disk, CONTROL_ROUNDS, "synchronous_commit = off")
    assert any("was acknowledged" in problem for problem in tally.problems)


def test_a_database_without_fsync_is_lost_by_power_though_not_by_a_kill(disk: Disk) -> None:
    """The control of the control: kill -9 leaves to the kernel what was written, so it can't show this weakness."""
    weak = "fsync = off"
    prepare(disk.root, *BUSY, weak)
    killed = Tally()
    with yard(disk.root) as ours:
        for _ in range(2):
            one_round(ours, 0.2, killed)
    assert killed.problems == []
    assert is_lost(disk)


def is_lost(disk: Disk) -> bool:
    """Within a few rounds something acknowledged is gone, or the database does not even start."""
    lost = Tally()
    with yard(disk.root, disk) as ours:
        try:
            while not lost.problems and lost.rounds < CONTROL_ROUNDS:
                one_round(ours, 0.2, lost)
        except (embedded.CannotStart, psycopg.Error):
            return True
    return bool(lost.problems)
