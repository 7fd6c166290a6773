"""Two figures over an installation: any change moves one of them, and looking moves only the trail's."""

from __future__ import annotations

from datetime import datetime

import pytest

from careloop import store
from careloop.access import Scope
from careloop.store.connection import keeper
from careloop.store.digest import digests
from tests.conftest import owner_connection
from tests.store.people import maria


@pytest.fixture
def figures(record: None, scope: Scope, now: datetime) -> tuple[str, str]:
    with store.open(scope, now=now) as unit:
        unit.create(maria())
    return digests(keeper().cursor())


def test_looking_moves_the_trail_and_not_the_record(
    figures: tuple[str, str], scope: Scope, now: datetime
) -> None:
    assert digests(keeper().cursor()) == figures
    with store.open(scope, now=now) as unit:
        unit.search("Patient")
    record, trail = digests(keeper().cursor())
    assert record == figures[0]
    assert trail != figures[1]


@pytest.mark.parametrize(
    "change",
    [
        "update versions set body = body || ' '",
        "update heads set labels = labels + 1",
        "update ids set id = id || 'x'",
        "delete from feed",
        "delete from members; delete from versions",
    ],
)
def test_a_change_behind_our_back_moves_the_record(figures: tuple[str, str], change: str) -> None:
    """As the application reads it, too: row-level security must not hide a body from the figure."""
    with owner_connection() as owner:
        owner.execute(change.encode())
    assert digests(keeper().cursor())[0] != figures[0]
