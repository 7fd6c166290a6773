"""Whoever changes what was written is found out."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from careloop.store import audit, lane_heads, verify
from careloop.store.errors import AuditUnavailable
from tests.conftest import owner_connection
from tests.store.people import maria, reading
from tests.store.rows import rows


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


def lane() -> int:
    """Where the history stands: the lowest that no other connection of this process held."""
    with owner_connection() as owner:
        [(found,)] = owner.execute("select distinct lane from audit").fetchall()
    return int(found)


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
    assert check().problems == [f"Lane {lane()}, row 10: not the one that the files of heads tell."]


def test_a_forged_file_of_heads_carries_no_signature(history: str, now: datetime) -> None:
    (path,) = lane_heads.files()
    path.write_text(path.read_text().replace("s [", "s  [", 1))
    assert any("signature" in problem for problem in check().problems)


def test_a_signed_line_that_was_taken_out_is_missed(history: str, scope: Scope, now: datetime) -> None:
    for minutes in (1, 2):
        with store.open(scope, now=now) as unit:
            unit.read("Patient", history)
        lane_heads.sign_heads(now + timedelta(minutes=minutes))
    assert check().is_whole
    (path,) = lane_heads.files()
    lines = path.read_text().splitlines(keepends=True)
    signed = [line for line in lines if line.startswith("s ")]
    path.write_text("".join(line for line in lines if line != signed[1]))
    assert any("lines are missing" in problem for problem in check().problems)


def test_a_week_of_files_is_kept_and_tells_of_lanes_that_are_silent_since(
    history: str, scope: Scope, now: datetime
) -> None:
    days = 12
    for day in range(1, days + 1):
        lane_heads.sign_heads(now + timedelta(days=day))
    assert len(lane_heads.files()) == 7
    heads, _, wrong = lane_heads.read()
    assert (heads[lane()][0], wrong) == (10, [])
    assert check().is_whole
    at = lane()
    tamper("delete from audit where seq > 8")
    assert check().problems[0] == f"Lane {at} ends at 8; the files of heads tell 10. Its end was cut off."
    with store.open(scope, now=now + timedelta(days=days)) as unit:
        unit.read("Patient", history)
    assert len(lane_heads.files()) == 7


def test_a_folder_that_can_t_be_written_serves_nobody(
    history: str, scope: Scope, now: datetime, settings: Any, tmp_path: Path
) -> None:
    lane_heads.forget()
    (tmp_path / "home").write_text("a file where a folder belongs")
    settings.HOME = tmp_path / "home"
    with pytest.raises(AuditUnavailable), store.open(scope, now=now) as unit:
        unit.read("Patient", history)


def test_who_looked_is_added_up_once_a_row(history: str, scope: Scope, now: datetime) -> None:
    """By day, person and actor; run again, nothing is counted twice; what comes later is added."""
    from django.db import connection, transaction

    def digest(limit: int) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            return audit.digest_people(cursor, limit)

    assert [digest(4), digest(4), digest(4), digest(4)] == [4, 4, 2, 0]
    looked = "select action, first, last, times from audit_person order by action"
    assert rows(looked) == [("C", 1, 10, 2), ("R", 2, 9, 8)]
    with store.open(scope, now=now + timedelta(hours=1)) as unit:
        unit.read("Patient", history)
    assert digest(100) == 1
    assert rows(looked)[1] == ("R", 2, 11, 9)


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
