"""A discharge becomes work: each way to leave a hospital, and what takes the work back."""

from __future__ import annotations

import pytest

from tests.stories.ward import HOME_WORK, StoryWard, due


def test_a_friday_discharge_asks_for_a_call_by_tuesday(ward: StoryWard) -> None:
    ward.discharge(at="Fri 16:20", to="01")
    assert ward.worklist() == [
        due("Tue", "Call after discharge"),
        due("Fri", "Reconcile medications"),
        due("Fri", "Visit after discharge"),
    ]
