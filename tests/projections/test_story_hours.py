"""Noon UTC is an hour like any other; a day without an hour is told without one."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.projections.story import story
from tests.projections import builders as b
from tests.store.rows import rows

HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")


def reading(id: str, at: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"text": id},
        "subject": {"reference": "Patient/maria"},
        "effectiveDateTime": at,
        "valueQuantity": {"value": 7},
    }


@pytest.fixture
def told(record: None, now: datetime) -> dict[str, bool]:
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        for one in (
            b.patient("maria", "Maria", "Duarte"),
            reading("weighed", "2026-11-20T12:00:00Z"),
            reading("written", "2026-11-20"),
        ):
            unit.update(one, create=True)
    with store.open(HOUSE, now=now) as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria is not None
        return {entry.title: entry.has_hour for entry in story(unit, maria)}


def test_only_what_says_no_hour_has_none(told: dict[str, bool]) -> None:
    assert told == {"weighed": True, "written": False}


def test_a_record_of_before_is_read_again(told: dict[str, bool]) -> None:
    hours = "select title, has_hour from story order by title"
    with connection.cursor() as cursor:
        cursor.execute("update story set has_hour = true")
    read_again = import_module("careloop.projections.migrations.0006_story_hours").read_again
    read_again(None, SimpleNamespace(connection=connection))
    assert rows(hours) == [("weighed", True), ("written", False)]
