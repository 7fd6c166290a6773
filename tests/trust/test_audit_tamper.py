"""A thousand ways to change what was written down, each alone: every one is found (TRUST 10)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from careloop import store
from careloop.access import Scope
from careloop.store import audit, lane_heads, verify
from tests.conftest import owner_connection
from tests.store.people import maria, reading

TRIES = 1_000
COLUMNS = (
    "actor = actor + 1",
    "behalf = 4",
    "action = 'D'",
    "outcome = 4",
    "why = why || 'x'",
    "door = 'file'",
    "request = 'another'",
    "type = coalesce(type, 0) + 1",
    "rid = coalesce(rid, 0) + 1",
    "people = coalesce(people, ''::bytea) || '\\x01'::bytea",
    "people = case when people is null then '\\x05'::bytea end",
    "detail = '\\x00'::bytea",
    "written = case when written is null then '\\x00'::bytea end",
    "at = at + interval '1 second'",
    "hash = sha256(hash)",
)


@pytest.fixture
def chain(record: None, scope: Scope, now: datetime) -> Iterator[tuple[psycopg.Connection[Any], int, int]]:
    """The owner's connection, the lane, and how many rows stand there."""
    with store.open(scope, now=now) as unit:
        patient = unit.create(maria())
    for number in range(28):
        with store.open(scope, now=now + timedelta(minutes=number)) as unit:
            unit.read("Patient", patient.id)
    with store.open(scope, now=now + timedelta(hours=1)) as unit:
        unit.create(reading(patient.reference))
    lane_heads.sign_heads(now + timedelta(hours=1))
    with owner_connection() as owner:
        [(lane, rows)] = owner.execute("select lane, count(*) from audit group by lane").fetchall()
        yield owner, lane, rows


def tamperings(rows: int, dice: random.Random) -> Iterator[str]:
    while True:
        one, other = dice.sample(range(1, rows + 1), 2)
        yield dice.choice(
            (
                f"update audit set {dice.choice(COLUMNS)} where seq = {one}",
                f"delete from audit where seq = {one}",
                f"delete from audit where seq >= {one}",
                f"update audit set seq = -1 where seq = {one}; update audit set seq = {one} where seq = {other}; "
                f"update audit set seq = {other} where seq = -1",
                f"update audit a set people = b.people, actor = a.actor + 1 from audit b where a.seq = {one} "
                f"and b.seq = {other}",
                f"insert into audit select lane, {rows + 1}, at, actor + 1, behalf, action, outcome, why, door, "
                f"request, type, rid, people, detail, written, hash from audit where seq = {one}",
            )
        )


def problems(owner: psycopg.Connection[Any]) -> list[str]:
    report = verify.Report()
    heads, _, wrong = lane_heads.read()
    verify._walk(owner, report, heads, lambda done: None)
    return [*wrong, *report.problems]


def test_a_thousand_tamperings_are_all_found(chain: tuple[psycopg.Connection[Any], int, int]) -> None:
    owner, _, rows = chain
    assert problems_in_a_look(owner) == []
    asked = tamperings(rows, random.Random(10))
    missed = []
    for _ in range(TRIES):
        statement = next(asked)
        with owner.transaction(force_rollback=True):
            owner.execute(statement.encode())
            if not problems(owner):
                missed.append(statement)
    assert missed == []


def test_a_verifier_that_does_not_hash_finds_less(
    chain: tuple[psycopg.Connection[Any], int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the hashes, changed rows pass, and the thousand would show it."""
    owner, _, rows = chain
    monkeypatch.setattr(verify, "_is_linked", lambda before, row: True, raising=True)
    asked, missed = tamperings(rows, random.Random(10)), 0
    for _ in range(60):
        with owner.transaction(force_rollback=True):
            owner.execute(next(asked).encode())
            missed += not problems(owner)
    assert missed > 5


def problems_in_a_look(owner: psycopg.Connection[Any]) -> list[str]:
    with owner.transaction(force_rollback=True):
        return problems(owner)


def test_a_row_that_the_owner_of_the_database_changed_is_named(
    chain: tuple[psycopg.Connection[Any], int, int],
) -> None:
    owner, lane, _ = chain
    owner.execute("update audit set actor = actor + 1 where seq = 7")
    report = verify.whole(owner.cursor())
    assert report.problems == [f"Lane {lane}, row 7: it was changed, or the row before it was."]
    assert audit.COLUMNS.startswith("lane, seq")
