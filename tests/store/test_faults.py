"""What the database refuses for good is a fault of that one thing; only a record that is away is an outage."""

from __future__ import annotations

from datetime import datetime

import pytest

from careloop import store
from careloop.access import Scope
from careloop.reactions.trouble import is_outage
from careloop.store.errors import RecordFault, RecordUnavailable


@pytest.mark.parametrize(
    "asked", ["select 1/0", "select '2026-02-30'::date", "insert into names values (1, null)"]
)
def test_what_would_be_refused_again_is_a_fault(
    record: None, scope: Scope, now: datetime, asked: str
) -> None:
    with pytest.raises(RecordFault) as told, store.open(scope, now=now) as unit:
        unit.cursor().execute(asked)
    assert not is_outage(told.value)


@pytest.mark.parametrize(
    "asked", ["select pg_terminate_backend(pg_backend_pid())", "select * from not_migrated_yet"]
)
def test_a_lost_connection_or_a_missing_table_is_an_outage(
    record: None, scope: Scope, now: datetime, asked: str
) -> None:
    with pytest.raises(RecordUnavailable) as told, store.open(scope, now=now) as unit:
        unit.cursor().execute(asked)
    assert is_outage(told.value)
    with store.open(scope, now=now) as unit:
        assert unit.cursor().execute("select 1").fetchone() == (1,)
