"""What is written in the same moment in which somebody is denied, she does not see either."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import connection

from careloop.access import Scope
from careloop.access.labels import RESTRICTED
from careloop.actions import record
from careloop.actions.record_consent import record_consent
from careloop.fhir.elements import Resource
from careloop.store import turns
from tests.actions.test_consents import MAKER, ana, asked, make, task
from tests.conftest import owner_connection

pytestmark = pytest.mark.usefixtures("record")
__all__ = ["ana"]

WAITING = """
select count(*) from pg_locks where locktype = 'advisory' and classid = %s and not granted
  and database = (select oid from pg_database where datname = current_database())
"""


def consent() -> Resource:
    scope = "http://terminology.hl7.org/CodeSystem/consentscope"
    return {
        "resourceType": "Consent",
        "id": "nobody-here",
        "status": "active",
        "scope": {"coding": [{"system": scope, "code": "patient-privacy"}]},
        "category": [{"text": "privacy"}],
        "patient": {"reference": "Patient/maria"},
        "dateTime": "2026-01-01",
        "policyRule": {"text": "as she said"},
        "provision": {"type": "deny"},
    }


def beside(do: Callable[[], object]) -> Callable[[], None]:
    def alone() -> None:
        try:
            do()
        finally:
            connection.close()

    return alone


def done_or_waiting(other: Future[None]) -> bool:
    """Waits until it has either ended or stands before the lock. Whether it waits."""
    with owner_connection() as owner:
        until = time.monotonic() + 30
        while time.monotonic() < until and not other.done():
            (waiting,) = owner.execute(WAITING, [turns.TURN_LOCK]).fetchone() or (0,)
            if waiting:
                return True
            time.sleep(0.01)
    return False


def marked(id: str) -> bool:
    with owner_connection() as owner:
        found = owner.execute(
            "select h.labels from heads h join ids i on i.rid = h.rid where i.id = %s", [id]
        ).fetchone()
    assert found is not None
    return bool(found[0] & RESTRICTED)


def meanwhile(now: datetime, first: Resource, second: Callable[[], object]) -> bool:
    """first is written and not yet committed when second begins. Whether second waited for it."""
    with ThreadPoolExecutor(1) as other:
        with record.begin(MAKER, now) as unit:
            unit.create(first, id=first["id"])
            unit.flush()
            going = other.submit(beside(second))
            waited = done_or_waiting(going)
        going.result()
    return waited


def deny(ana: Scope, now: datetime) -> None:
    record_consent(
        ana, asked(is_denial=True, what=(), purpose="", by_whom="", recipients=("Organization/clinic",)), now
    )


def test_a_row_written_while_a_denial_commits_is_denied_too(ana: Scope, now: datetime) -> None:
    assert meanwhile(now, task("secret"), lambda: deny(ana, now))
    assert marked("secret")
    with record.begin(ana, now) as unit:
        assert unit.find("Task", "secret") is None


def test_a_row_written_before_the_denial_is_committed_waits_for_it(ana: Scope, now: datetime) -> None:
    assert meanwhile(now, consent(), lambda: make(now, task("secret")))
    assert marked("secret")


def test_two_who_write_about_one_person_do_not_wait_for_one_another(ana: Scope, now: datetime) -> None:
    assert not meanwhile(now, task("one"), lambda: make(now, task("two")))


def test_without_turns_the_row_would_be_seen(
    ana: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(turns, "take", lambda *_, **__: None)
    assert not meanwhile(now, task("secret"), lambda: deny(ana, now))
    assert not marked("secret")
