"""A word said in the evening in Houston is of that evening, although it is tomorrow in UTC."""

from __future__ import annotations

from datetime import date

import pytest

from careloop.projections.moments import day_where


@pytest.mark.parametrize(
    ("said", "lives", "on"),
    [
        ("2026-11-24T02:16:00Z", "America/Chicago", date(2026, 11, 23)),
        ("2026-11-23T20:16:00-06:00", "America/Chicago", date(2026, 11, 23)),
        ("2026-11-24T02:16:00Z", None, date(2026, 11, 24)),
        ("2026-11-24T02:16:00Z", "Nowhere/Land", date(2026, 11, 24)),
        ("2026-11-24", "America/Los_Angeles", date(2026, 11, 24)),
        (None, "America/Chicago", None),
    ],
)
def test_a_day_is_the_day_there(said: str | None, lives: str | None, on: date | None) -> None:
    assert day_where(said, lives) == on
