"""Whoever appears in an answer of the FHIR door stands in that request's row of the audit trail (TRUST 10)."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope, system_actor
from careloop.server.demo.load import load
from careloop.store import people_sets
from careloop.store.audit import Trail
from tests.api.conftest import Door
from tests.store.rows import rows

# `make bench-trust` asks for 2,000 and more.
REQUESTS = int(os.environ.get("CARELOOP_AUDIT_RESPONSES", "150"))
KINDS = ("Patient", "Observation", "Task", "Encounter", "Condition", "CarePlan", "Goal", "Organization")


@pytest.fixture
def community(record: None, now: datetime) -> dict[str, int]:
    """Everything that is there: reference to whose it is."""
    demo = Scope(system_actor("demo"), "command", "maintenance")
    load(lambda: store.open(demo, now=now), 5, 7, today=now.date(), now=now, is_quiet=True)
    found = {}
    with store.open(demo, now=now) as unit:
        for kind in KINDS:
            for entry in unit.search(kind, {"_count": "200"}).entries:
                found[entry.reference] = entry.person
    return found


def requests(community: dict[str, int], dice: random.Random) -> Iterator[tuple[str, str, Any]]:
    while True:
        reference = dice.choice(sorted(community))
        kind = reference.partition("/")[0]
        reads = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"request": {"method": "GET", "url": dice.choice([reference, f"{kind}?_count=3"])}}
                for _ in range(3)
            ],
        }
        yield from (
            ("GET", reference, None),
            ("GET", f"{reference}/_history", None),
            ("GET", f"{reference}/_history/1", None),
            ("GET", f"{kind}?_count={dice.randint(1, 60)}&_sort=-_lastUpdated", None),
            ("POST", "", reads),
        )


def shown(body: Any) -> Iterator[str]:
    """References of every resource inside."""
    if isinstance(body, dict):
        if body.get("resourceType") in KINDS and "id" in body:
            yield f"{body['resourceType']}/{body['id']}"
        for value in body.values():
            yield from shown(value)
    elif isinstance(body, list):
        for value in body:
            yield from shown(value)


def missing(door: Door, community: dict[str, int], count: int) -> list[str]:
    """What was shown of somebody who does not stand in the row of that request."""
    found = []
    asks = requests(community, random.Random(7))
    for _ in range(count):
        response = door.ask(*next(asks))
        assert response.status_code == 200, response.content
        seen = rows("select people from audit where request = %s", response["X-Request-Id"])
        people = {person for (packed,) in seen for person in people_sets.unpack(bytes(packed or b""))}
        found += [
            reference
            for reference in shown(json.loads(response.content))
            if community[reference] and community[reference] not in people
        ]
    return found


def test_everybody_who_is_shown_is_written_down(community: dict[str, int], door: Door) -> None:
    assert missing(door, community, REQUESTS) == []


def test_a_dropped_call_is_missed(
    community: dict[str, int], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a trail that forgets whom it saw."""
    note = Trail.note
    monkeypatch.setattr(
        Trail, "note", lambda self, action, what, people=(), main=None: note(self, action, what)
    )
    assert missing(door, community, 10)
