"""The heads outside the database: signed by a key of their own, told in a second place as well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from careloop.store import heads_key, lane_heads
from careloop.store.errors import AuditUnavailable
from tests.store.people import maria


@pytest.fixture
def home(record: None, settings: Any, tmp_path: Path, scope: Scope, now: datetime) -> Iterator[Path]:
    """A place of its own, with one commit and its heads signed."""
    lane_heads.forget()
    settings.HOME = tmp_path / "home"
    with store.open(scope, now=now) as unit:
        unit.create(maria())
    lane_heads.sign_heads(now)
    yield tmp_path / "home"
    lane_heads.forget()


def wrong() -> list[str]:
    return lane_heads.read()[2]


def test_the_key_is_nobody_else_s_and_not_the_secret_key(home: Path, settings: Any) -> None:
    path = home / "audit-key" / "signing.key"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    settings.SECRET_KEY = "another one altogether"
    assert wrong() == []


def test_after_a_rotation_old_and_new_lines_hold(home: Path, now: datetime) -> None:
    first = heads_key.known().last
    second = heads_key.rotate(now + timedelta(minutes=1))
    lane_heads.sign_heads(now + timedelta(minutes=2))
    assert heads_key.known().last == second != first
    assert wrong() == []
    lines = lane_heads.files()[0].read_text().splitlines()
    assert [line.rpartition(" ")[2].partition(":")[0] for line in lines if line.startswith("s ")] == [
        first,
        second,
    ]


def test_a_key_that_nobody_introduced_signs_nothing(home: Path, now: datetime, tmp_path: Path) -> None:
    """Somebody puts in a key of his own and signs with it."""
    heads_key.private_file().unlink()
    listed = heads_key.list_file().read_text()
    heads_key.list_file().unlink()
    lane_heads.sign_heads(now + timedelta(minutes=1))
    forged = heads_key.list_file().read_text()
    heads_key.list_file().write_text(listed + forged)
    found = wrong()
    assert "Line 2 of keys.log carries a wrong signature." in found
    assert any("heads" in sentence and "wrong signature" in sentence for sentence in found)


def test_a_key_that_is_gone_is_not_silently_followed_by_another(home: Path, now: datetime) -> None:
    heads_key.private_file().unlink()
    with pytest.raises(AuditUnavailable):
        lane_heads.sign_heads(now + timedelta(minutes=1))
    assert not heads_key.private_file().exists()


def test_what_was_told_elsewhere_can_t_be_forgotten_here(
    home: Path, scope: Scope, now: datetime, settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_HEADS = str(tmp_path / "away")
    before = lane_heads.files()[0].read_text()
    for minutes in (1, 2):
        with store.open(scope, now=now) as unit:
            unit.search("Patient")
        lane_heads.sign_heads(now + timedelta(minutes=minutes))
    heads, _, told = lane_heads.read()
    assert told == []
    lane_heads.files()[0].write_text(before)  # the file of before, whole and well signed
    again, _, told = lane_heads.read()
    assert told == [
        f"2 signed lines stand in {tmp_path / 'away'} and not in {home / 'audit'}.",
        f"The last signed line has not reached {tmp_path / 'away'}.",
    ]
    assert again == heads  # so that a chain cut off to fit is found


def test_a_second_place_that_is_away_is_said(
    home: Path, now: datetime, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "away").write_text("a file where a folder belongs")
    settings.AUDIT_HEADS = str(tmp_path / "away")
    with pytest.raises(AuditUnavailable):
        lane_heads.sign_heads(now + timedelta(minutes=1))
    settings.AUDIT_HEADS = str(tmp_path / "never")
    assert wrong() == [f"The last signed line has not reached {tmp_path / 'never'}."]
