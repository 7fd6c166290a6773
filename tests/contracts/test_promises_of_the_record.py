"""The store's share of the promises in TRUST, with a negative control beside each: what turns it red.

Runs on the embedded PostgreSQL, and with DATABASE_URL_TEST on any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import connection

from careloop import store
from careloop.access import Scope
from careloop.kernel.errors import Conflict, StaleVersion
from careloop.store import embedded, verify
from careloop.store.errors import AuditUnavailable
from tests.conftest import owner_connection
from tests.store.people import maria
from tests.store.rows import one, rows

RACERS = 32


def race(run: Callable[[int], Any]) -> list[Any]:
    """All at the same moment, each on a connection of its own; returns results and refusals."""
    start = Barrier(RACERS)

    def racer(number: int) -> Any:
        try:
            start.wait()
            return run(number)
        except Conflict as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(RACERS) as racers:
        return list(racers.map(racer, range(RACERS)))


@contextmanager
def weakened(weaker: str, restore: str) -> Iterator[None]:
    with owner_connection() as owner:
        owner.execute(weaker.encode())
    try:
        yield
    finally:
        with owner_connection() as owner:
            owner.execute(restore.encode())


# --- 6: durable, or not started


def test_6_a_durable_server_is_accepted_and_a_weaker_one_refused(record: None) -> None:
    with connection.cursor() as cursor:
        embedded.check_settings(cursor)
        cursor.execute("set synchronous_commit = off")
        try:
            with pytest.raises(embedded.NotDurable, match="synchronous_commit is off"):
                embedded.check_settings(cursor)
        finally:
            cursor.execute("reset synchronous_commit")


# --- 9: unique under 32 racers


def test_9_of_32_who_change_the_same_version_one_wins(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")

    def change(number: int) -> int:
        with store.open(scope, now=now) as unit:
            return unit.update(maria() | {"id": "maria", "multipleBirthInteger": number}, if_match=1).version

    results = race(change)
    assert [r for r in results if not isinstance(r, StaleVersion)] == [2]
    assert one("select count(*) from versions") == 2


def test_9_without_a_version_all_32_write_one_after_the_other(
    record: None, scope: Scope, now: datetime
) -> None:
    """The control: the same race without If-Match loses 31 changes to the last one."""
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")

    def change(number: int) -> int:
        with store.open(scope, now=now) as unit:
            return unit.update(maria() | {"id": "maria", "multipleBirthInteger": number}).version

    assert sorted(race(change)) == list(range(2, RACERS + 2))


def test_9_of_32_conditional_creates_one_makes_it(record: None, scope: Scope, now: datetime) -> None:
    def create(number: int) -> tuple[bool, str]:
        with store.open(scope, now=now) as unit:
            made = unit.create(maria(), if_none_exist=[("identifier", "urn:mrn|4711")])
            return made.is_new, made.id

    results = race(create)
    assert sum(is_new for is_new, _ in results) == 1
    assert len({id for _, id in results}) == 1


def test_9_of_32_plain_creates_all_make_one(record: None, scope: Scope, now: datetime) -> None:
    """The control: without the condition there are 32 of her."""

    def create(number: int) -> str:
        with store.open(scope, now=now) as unit:
            return unit.create(maria()).id

    assert len(set(race(create))) == RACERS


def test_9_of_32_who_put_the_same_new_address_one_creates_it(
    record: None, scope: Scope, now: datetime
) -> None:
    def put(number: int) -> bool:
        with store.open(scope, now=now) as unit:
            return unit.update(maria() | {"id": "maria"}, create=True).is_new

    assert sum(race(put)) == 1
    assert one("select count(*) from versions") == 1


def test_9_of_32_who_claim_a_task_one_gets_it(record: None, scope: Scope, now: datetime) -> None:
    def claim(number: int) -> bool:
        with store.open(scope, now=now) as unit:
            return unit.claim("task", "Task/1")

    assert sum(race(claim)) == 1


def test_9_of_32_who_mention_the_same_stranger_all_get_one_key(
    record: None, scope: Scope, now: datetime
) -> None:
    def mention(number: int) -> int:
        with store.open(scope, now=now) as unit:
            return unit.mention("Patient/stranger")

    assert len(set(race(mention))) == 1


# --- 10: audited before the answer, or not served


def test_10_every_read_of_every_racer_has_its_row_and_all_lanes_are_whole(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")

    def read(number: int) -> None:
        for _ in range(5):
            with store.open(scope, now=now) as unit:
                unit.read("Patient", "maria")

    race(read)
    assert one("select count(*) from audit where action = 'R'") == RACERS * 5
    assert one("select count(distinct lane) from audit") > 1
    with owner_connection() as owner:
        assert verify.whole(owner.cursor()).problems == []


def test_10_when_the_audit_trail_cant_be_written_nobody_is_shown(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")
    with weakened("revoke insert on audit from careloop_app", "grant insert on audit to careloop_app"):
        with pytest.raises(AuditUnavailable) as refused, store.open(scope, now=now) as unit:
            unit.read("Patient", "maria")
        assert refused.value.status == 503
        with pytest.raises(AuditUnavailable), store.open(scope, now=now) as unit:
            unit.create(maria(), id="other")
    assert rows("select id from ids where id = 'other'") == []
    with store.open(scope, now=now) as unit:
        assert unit.read("Patient", "maria").id == "maria"


def test_10_append_only_is_a_matter_of_grants(record: None, scope: Scope, now: datetime) -> None:
    """The control: with the grant the same statement passes, and the chain betrays it."""
    with store.open(scope, now=now) as unit:
        unit.create(maria())
    change = "update audit set actor = 77"
    with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied") as refused:
        cursor.execute(change)
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
    with (
        weakened("grant update on audit to careloop_app", "revoke update on audit from careloop_app"),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    with owner_connection() as owner:
        assert not verify.verify(owner.cursor()).is_whole
