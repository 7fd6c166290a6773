"""Ana at her desk: signed in at Bayview, with Maria’s work before her; pages as a browser without scripts gets them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop.accounts.models import User
from careloop.care.work import WorkClass
from careloop.kernel.clock import MovableClock
from careloop.server import middleware
from tests.projections import builders as b
from tests.projections.ward import Ward

HTMX = {"HX-Request": "true"}
PASSWORD = "a quiet Monday morning"


class Desk:
    """page, post: the text of the answer, whose status must be as told. clock: of every request."""

    def __init__(self, ward: Ward, clock: MovableClock) -> None:
        self.ward, self.clock = ward, clock
        self.user = User.objects.create_user(
            "ana@example.org",
            PASSWORD,
            "Ana Reyes",
            roles=["coordinator"],
            sites=["bayview"],
            practitioner="ana",
            programs=["transitions"],
            zone="America/Chicago",
        )
        self.client = Client()
        self.client.force_login(self.user)

    def page(self, address: str, status: int = 200, **headers: str) -> str:
        answer = self.client.get(address, headers=headers)
        assert answer.status_code == status, answer.content.decode()[:500]
        return words(answer.content.decode())

    def post(
        self, address: str, typed: dict[str, Any] | None = None, status: int = 302, **headers: str
    ) -> str:
        answer = self.client.post(address, typed or {}, headers=headers)
        assert answer.status_code == status, answer.content.decode()[:2_000]
        return words(answer.content.decode())

    def later(self, **how_long: float) -> None:
        self.clock.move(**how_long)

    def version(self, task: str) -> str:
        return str(self.ward.task(task)["meta"]["versionId"])

    def change_behind_her_back(self, task: str, **fields: Any) -> None:
        self.ward.has({**self.ward.task(task), **fields})


def words(html: str) -> str:
    """As a person reads it: white space is one space."""
    return re.sub(r"\s+", " ", html)


def undo_of(html: str) -> str:
    found = re.search(r'name="change" value="([^"]+)"', html)
    assert found, "nothing to take back"
    return found.group(1)


@contextmanager
def at_the_desk(now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    clock = MovableClock(now)
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    ward = Ward(now)
    ward.has(
        b.task(
            "call",
            "maria",
            now,
            kind="call-after-discharge",
            title="Call after discharge",
            because="she went home Friday from St. Luke’s",
            due=now + timedelta(hours=30),
            target=now + timedelta(hours=8),
            klass=WorkClass.CLOCK,
            rule="tcm-contact@2026",
            source="Medicare TCM, 2026",
            zone="America/Chicago",
        ),
        b.task("ride", "maria", now, kind="ride", title="Find a ride", due=now + timedelta(hours=2)),
        b.task(
            "urgent",
            "maria",
            now,
            kind="urgent-self-harm",
            title="Call her now",
            klass=WorkClass.DANGER,
            is_protected=True,
        ),
        b.task("free", "maria", now, owner=None, title="Send the papers", due=now),
        b.task("walters", "walter", now, title="Not for Ana", due=now),
    )
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield Desk(ward, clock)
