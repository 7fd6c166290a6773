"""The clock jumps a day ahead, or is set back: nothing fires twice or is forgotten, nobody stays signed in by it, and
the trail keeps its order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from careloop import store
from careloop.access import Scope
from careloop.accounts import sessions
from careloop.accounts.models import Principal
from careloop.accounts.sign_in_models import SignedIn
from careloop.store import timers, verify
from careloop.store.connection import keeper
from tests.store.people import maria

DAY = timedelta(days=1)
JUMPS = pytest.mark.parametrize("jump", [DAY, -DAY], ids=["ahead", "back"])


def fire(scope: Scope, now: datetime) -> list[str]:
    with store.open(scope, now=now) as unit:
        due = timers.due(unit)
        for timer in due:
            timers.done(unit, timer)
    return [timer.key for timer in due]


@JUMPS
def test_a_timer_fires_once_whatever_the_clock_does(
    record: None, scope: Scope, now: datetime, jump: timedelta
) -> None:
    with store.open(scope, now=now) as unit:
        unit.set_timer(1, "silence", "in an hour", now + timedelta(hours=1))
    fired = [fire(scope, at) for at in (now + jump, now, now + timedelta(hours=2), now + jump, now + 2 * DAY)]
    assert [key for keys in fired for key in keys] == ["in an hour"]
    assert fired[0] == (["in an hour"] if jump > timedelta() else [])


@JUMPS
def test_a_session_does_not_outlive_the_jump(record: None, now: datetime, jump: timedelta) -> None:
    who = Principal.objects.create(kind="staff", name="Ana")
    SignedIn.objects.create(
        id="s",
        principal=who,
        began=now,
        seen=now,
        device="a browser",
        device_hash="d",
        methods="totp",
        strength=2,
    )
    assert sessions.is_live("s", now + timedelta(minutes=1))
    assert not sessions.is_live("s", now + jump)
    # And the right hour does not bring it back.
    assert not sessions.is_live("s", now + timedelta(minutes=2))


def test_the_trail_keeps_its_order_by_number(record: None, scope: Scope, now: datetime) -> None:
    for at in (now, now + DAY, now - DAY, now):
        with store.open(scope, now=at) as unit:
            unit.create(maria())
    cursor = keeper().cursor()
    rows = cursor.execute("select seq, at from audit order by lane, seq").fetchall()
    assert [seq for seq, _ in rows] == [1, 2, 3, 4]
    assert [at for _, at in rows] == [now, now + DAY, now - DAY, now]
    assert verify.whole(cursor).problems == []
