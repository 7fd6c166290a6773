"""Columns that we write as text are read by the server as what they were."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.store.arrays import instants, numbers, texts
from careloop.store.connection import keeper

QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def read(kind: str, array: str) -> Any:
    row = keeper().cursor().execute(f"select %s::{kind}[]".encode(), [array]).fetchone()
    assert row is not None
    return row[0]


def test_every_text_number_and_instant_comes_back(record: None) -> None:
    letters = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    odd = st.sampled_from(["", "NULL", "null", "{", "}", ",", '"', "\\", '\\"', "a b", "\n", "é", "𝄞"])

    @settings(max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)
    @given(
        st.lists(st.none() | letters | odd, max_size=6),
        st.lists(st.floats(allow_nan=False), max_size=4),
        st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    )
    def holds(words: list[str | None], floats: list[float], whole: list[int]) -> None:
        assert read("text", texts(words)) == words
        assert read("float8", numbers(floats)) == floats
        assert read("bigint", numbers(whole)) == whole

    holds()
    assert read("float8", numbers([math.inf, -math.inf])) == [math.inf, -math.inf]
    now = datetime(2026, 11, 23, 15, 0, 0, 123456, tzinfo=UTC)
    assert read("timestamptz", instants([now])) == [now]
