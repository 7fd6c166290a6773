"""Over a community whose stories hold together: every index row can be made again from the versions, by either way,
and comes out the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope, system_actor
from careloop.server.demo.load import load
from careloop.store import index
from careloop.store.reindex import rebuild_index, reindex
from careloop.store.verify import whole
from tests.conftest import owner_connection
from tests.store.rows import one

REBUILD = Scope(system_actor("rebuild"), "command", "maintenance")


@pytest.fixture
def community(record: None, now: datetime) -> int:
    demo = Scope(system_actor("demo"), "command", "maintenance")
    return load(lambda: store.open(demo, now=now), 6, 7, today=now.date(), now=now, is_quiet=True)


def index_rows() -> dict[str, list[tuple[Any, ...]]]:
    with owner_connection() as owner:
        return {
            table: sorted(owner.execute(f"select * from index_{table}".encode()).fetchall(), key=repr)
            for table in index.COLUMNS
        }


def change(statement: str) -> None:
    with owner_connection() as owner:
        owner.execute(statement.encode())


def test_rows_come_out_the_same_by_either_way(community: int, now: datetime) -> None:
    before = index_rows()
    assert sum(map(len, before.values())) > 5 * community
    assert rebuild_index(REBUILD, now=now, check=True).is_whole

    for table in index.COLUMNS:
        change(f"truncate index_{table}")
    assert rebuild_index(REBUILD, now=now, check=True).missing == sum(map(len, before.values()))
    rebuild_index(REBUILD, now=now)
    assert index_rows() == before

    change("update heads set iv = 0")
    change("delete from index_token where rid % 2 = 0")
    change("update index_string set norm = 'x' where rid % 3 = 0")
    assert reindex(REBUILD, now=now) == one("select count(*) from heads where state = 1")
    assert index_rows() == before
    with owner_connection() as owner:
        assert whole(owner.cursor()).problems == []
