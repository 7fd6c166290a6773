"""kill -9 of everything, PostgreSQL too, while writes are in flight: nothing acknowledged is lost, all is whole.

CARELOOP_CRASH_ROUNDS sets how often (3 unless said; CI says 20).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from careloop.store import embedded, lane_heads, verify
from tests.crash.rounds import Tally, one_round, prepare, problems_of

ROUNDS = int(os.environ.get("CARELOOP_CRASH_ROUNDS", "3"))


@pytest.fixture
def home() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="careloop-crash-"))
    yield place
    embedded.stop(place / "postgres")
    shutil.rmtree(place)


@pytest.mark.crash
def test_nothing_acknowledged_is_lost(home: Path, settings: object) -> None:
    prepare(home)
    tally = Tally()
    for _ in range(ROUNDS):
        one_round(home, 0.7, tally)
    assert tally.problems == []
    assert len(tally.acknowledged) > 20 * ROUNDS
    assert max(tally.ready_seconds) < 10
    settings.HOME = home  # type: ignore[attr-defined]  # pytest-django's
    lane_heads.forget()
    # The writers signed nothing; the heads they appended must all be in the chains.
    with psycopg.connect(embedded.url_for(home / "postgres"), autocommit=True) as connection:
        report = verify.whole(connection.cursor())
    assert report.problems == []
    assert report.rows > 0


@pytest.mark.crash
def test_the_gate_can_fail(home: Path) -> None:
    """The control: what was acknowledged but is not there is called lost."""
    prepare(home)
    tally = Tally(acknowledged={"Patient/never-written": 1})
    with psycopg.connect(embedded.url_for(home / "postgres")) as connection:
        assert len(problems_of(connection, tally)) == 1
