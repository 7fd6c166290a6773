"""Index rows are what the bodies say: after every kind of change, after a new index version, after a fault."""

from __future__ import annotations

from datetime import datetime

from careloop import store
from careloop.access import Scope, system_actor
from careloop.fhir import index
from careloop.store.reindex import rebuild_index, reindex
from tests.conftest import owner_connection
from tests.store.people import maria, reading
from tests.store.rows import one

REBUILD = Scope(actor=system_actor("rebuild"), door="command", purpose="maintenance")


def change(statement: str) -> None:
    with owner_connection() as owner:
        owner.execute(statement)  # type: ignore[call-overload]  # written in the test


def test_rows_follow_creates_updates_moves_and_deletes(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        home = unit.create(maria()).reference
        other = unit.create(maria()).reference
        moved = unit.create(reading(home))
        gone = unit.create(reading(home))
    with store.open(scope, now=now) as unit:
        patient = unit.read(*home.split("/")).resource
        unit.update({**patient, "name": [{"family": "Duarte-Lopez"}], "birthDate": "1958-03"})
        unit.update({**moved.resource, "subject": {"reference": other}})
        unit.delete("Observation", gone.id)
    found = rebuild_index(REBUILD, now=now, check=True)
    assert found.is_whole, found.where
    assert found.resources == 3


def test_a_new_index_version_reaches_old_rows_in_batches(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        home = unit.create(maria()).reference
        for _ in range(6):
            unit.create(reading(home))
    change("update heads set iv = 0")
    change("delete from index_token where n = 0")
    batches: list[int] = []
    assert reindex(REBUILD, now=now, batch=3, progress=batches.append) == 7
    assert batches == [3, 3, 1]
    assert one("select count(*) from heads where iv <> %s", index.VERSION) == 0
    assert rebuild_index(REBUILD, now=now, check=True).is_whole
    assert reindex(REBUILD, now=now) == 0


def test_a_wrong_a_lost_and_an_orphaned_row_are_found_and_mended(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(reading(unit.create(maria()).reference))
    change("update index_date set low = low - 1")
    change("delete from index_quantity")
    change("insert into index_uri(person, rid, param, n, g, uri) values (0, 999999, 1, 0, 0, 'urn:nobody')")
    broken = rebuild_index(REBUILD, now=now, check=True)
    dates, quantities = one("select count(*) from index_date"), 2
    assert (broken.missing, broken.surplus) == (dates + quantities, dates + 1)
    assert rebuild_index(REBUILD, now=now, check=True).missing, "checking changes nothing"
    rebuild_index(REBUILD, now=now)
    assert rebuild_index(REBUILD, now=now, check=True).is_whole
