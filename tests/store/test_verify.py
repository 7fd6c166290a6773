"""Whoever changes what was written is found out."""

from __future__ import annotations

from datetime import datetime

import pytest

from careloop import store
from careloop.access import Scope
from careloop.store import lane_heads, verify
from tests.conftest import owner_connection
from tests.store.people import maria, reading


@pytest.fixture
def history(record: None, scope: Scope, now: datetime) -> str:
    """Ten commits in one lane; returns a patient's id."""
    with store.open(scope, now=now) as unit:
        patient = unit.create(maria())
    for _ in range(8):
        with store.open(scope, now=now) as unit:
            unit.read("Patient", patient.id)
    with store.open(scope, now=now) as unit:
        unit.create(reading(patient.reference))
    lane_heads.sign_heads(now)
    return patient.id


def check() -> verify.Report:
    with owner_connection() as owner:
        return verify.whole(owner.cursor())


def tamper(statement: str) -> None:
    with owner_connection() as owner:
        owner.execute(statement.encode())


def test_an_untouched_record_is_whole(history: str) -> None:
    report = check()
    assert report.problems == []
    assert (report.rows, report.lanes) == (10, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = 77 where seq = 4",
        "update audit set people = null where seq = 4",
        "update audit set at = at + interval '1 microsecond' where seq = 10",
        "delete from audit where seq = 5",
        "delete from audit where seq > 8",
        "delete from audit",
        "update audit set seq = 100 where seq = 3; update audit set seq = 3 where seq = 4; "
        "update audit set seq = 4 where seq = 100",
        "update versions set body = replace(convert_from(body, 'utf8'), 'female', 'male')::bytea where codec = 0",
        "update versions set op = 2",
        "delete from versions where version = 1 and rid = (select max(rid) from versions)",
        "delete from index_token where ctid = (select min(ctid) from index_token); delete from heads",
        "delete from feed",
    ],
)
def test_every_tampering_is_found(history: str, statement: str) -> None:
    tamper(statement)
    assert not check().is_whole


def test_a_chain_written_anew_does_not_fit_the_signed_file(history: str) -> None:
    """A forger who hashes everything again is betrayed by the heads outside the database."""
    with owner_connection() as owner:
        before = b""
        rows = owner.execute(f"select {verify.audit.COLUMNS} from audit order by seq").fetchall()
        for row in rows:
            forged = list(row)
            forged[3] = 77
            before = verify.audit.hash_of(before, forged)
            owner.execute("update audit set actor = 77, hash = %s where seq = %s", [before, row[1]])
    assert check().problems == ["Lane 0, row 10: not the one that the file of heads tells."]


def test_a_forged_file_of_heads_carries_no_signature(history: str, now: datetime) -> None:
    text = lane_heads.path().read_text().replace("s [", "s  [", 1)
    lane_heads.path().write_text(text)
    assert any("signature" in problem for problem in check().problems)


def test_random_edits_are_all_found(history: str) -> None:
    """Each alone, in a transaction that is rolled back."""
    import itertools
    import random

    pick = random.Random(7)
    columns = [
        "actor = actor + 1",
        "why = why || 'x'",
        "outcome = 8",
        "request = ''",
        "detail = '\\x00'::bytea",
    ]
    edits = [f"update audit set {c} where seq = {s}" for c, s in itertools.product(columns, range(1, 11))]
    edits += [f"delete from audit where seq = {s}" for s in range(1, 11)]
    edits += [f"delete from audit where seq >= {s}" for s in range(1, 11)]
    for statement in pick.sample(edits, 40):
        with owner_connection() as owner:
            with owner.transaction(force_rollback=True):
                owner.execute(statement.encode())
                report = verify.Report()
                heads, _, _ = lane_heads.read()
                verify._walk(owner, report, heads, lambda done: None)
            assert report.problems, statement
