"""kill -9 of everything, PostgreSQL too, while writes are in flight: nothing acknowledged is lost, all is whole.

CARELOOP_CRASH_ROUNDS sets how often (3 unless said; CI says 50).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from careloop.store import embedded
from tests.crash.rounds import Tally, one_round, prepare, problems_of, run, what_is_wrong, yard

ROUNDS = int(os.environ.get("CARELOOP_CRASH_ROUNDS", "3"))


@pytest.fixture
def home() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="careloop-crash-"))
    yield place / "home"
    embedded.stop(place / "home" / "postgres")
    shutil.rmtree(place)


@pytest.mark.crash
def test_nothing_acknowledged_is_lost_and_all_is_whole(home: Path) -> None:
    prepare(home)
    tally = Tally()
    with yard(home) as ours:
        for _ in range(ROUNDS):
            one_round(ours, 0.3, tally)
        assert tally.problems == []
        assert len(tally.acknowledged) >= 4 * ROUNDS
        assert max(tally.ready_seconds) < 10
        # Heads that the writers appended are all in the chains; what is derived is what the versions give.
        said = run(home, "rebuild", "--check").stdout
        assert "work: 0 rows" not in said
        assert "story: 0 rows" not in said
        assert what_is_wrong(home) == []


@pytest.mark.crash
def test_the_gate_can_fail(home: Path) -> None:
    """The control: what was acknowledged but is not there is called lost."""
    prepare(home)
    tally = Tally(acknowledged={"Patient/never-written": 1})
    with psycopg.connect(embedded.url_for(home / "postgres")) as connection:
        assert len(problems_of(connection, tally)) == 1


@pytest.mark.crash
def test_a_projection_that_lost_a_row_is_found(home: Path) -> None:
    """The control of the second half: one row of the worklist is gone, one body was changed."""
    prepare(home)
    with yard(home) as ours:
        one_round(ours, 0.3, Tally())
        with psycopg.connect(embedded.url_for(home / "postgres"), autocommit=True) as connection:
            connection.execute("delete from work where task = (select max(task) from work)")
            connection.execute(
                "update versions set op = 2 where (rid, version) = (select max(rid), 1 from versions)"
            )
        assert run(home, "verify").returncode == 1
        assert run(home, "rebuild", "--check").returncode == 1
