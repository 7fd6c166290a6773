"""Instants as they come from the database: the same ones as by the driver’s own way, whatever they look like."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import Format

from careloop import store
from careloop.access import Scope
from careloop.store.connection import Moment

DRIVERS = psycopg.types.datetime.TimestamptzLoader


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_is_read_as_the_driver_reads_it(at: datetime) -> None:
    sent = at.isoformat(" ").replace("+00:00", "+00")
    if "." in sent:  # as PostgreSQL sends it: no zeros at the end
        sent = sent.replace("+00", "").rstrip("0") + "+00"
    read = Moment(1184).load(sent.encode())
    assert read == at == DRIVERS(1184).load(sent.encode())
    assert read.tzinfo is UTC


def test_one_of_another_zone_is_the_same_instant() -> None:
    read = Moment(1184).load(memoryview(b"2026-11-24 02:00:00+05:30"))
    assert read == datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "beyond", ["infinity", "-infinity", "12026-01-01 00:00:00+00", "0044-03-15 00:00:00+00 BC"]
)
def test_what_python_has_no_instant_for_is_refused_as_before(beyond: str) -> None:
    with pytest.raises(psycopg.DataError):
        Moment(1184).load(beyond.encode())


def test_the_record_and_the_accounts_read_by_it(record: None, scope: Scope, now: datetime) -> None:
    from django.db import connection

    with store.open(scope, now=now) as unit:
        (read,) = unit.cursor().execute("select %s::timestamptz", [now]).fetchone() or ()
    assert read == now
    assert read.tzinfo is UTC
    with connection.cursor() as cursor:
        cursor.execute("select %s::timestamptz", [now])
        assert cursor.fetchone() == (now,)
        assert cursor.cursor.adapters.get_loader(1184, Format.TEXT) is Moment
