"""Somebody's whole history is imported: nothing of long ago becomes work, and nothing in it is a fault."""

from __future__ import annotations

import os
from datetime import datetime

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.fhir import wire
from tests.corpora.corpora import synthea_bundles
from tests.store.rows import rows
from tests.stories.ward import StoryWard

IMPORT = Scope(system_actor("import"), "file", "operations")
PEOPLE = int(os.environ.get("CARELOOP_HISTORIES", "4"))


def test_imported_histories_ask_for_nothing_old(record: None, now: datetime) -> None:
    ward = StoryWard(now)
    for _, body in synthea_bundles()[: PEOPLE + 2]:
        with store.open(IMPORT, now=now, projectors=projections.ALL) as unit:
            unit.transaction(wire.loads(body))
    assert ward.react() > 100
    assert rows("select title, because from work") == []
    assert rows("select error from parked") == []
