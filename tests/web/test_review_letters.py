"""What could not be sent stands in Review until it was sent after all, or somebody closes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop import store
from careloop.accounts.models import User
from careloop.jobs import outbox as jobs
from careloop.jobs.outbox import HOLD, NotSent
from careloop.server import middleware
from careloop.store.outbox import MOST_TRIES, Letter
from tests.stories.ward import HOUSE, StoryWard

TITLE = "This could not be sent"


def refuses(letter: Letter) -> None:
    raise NotSent


@pytest.fixture
def ward(record: None, now: datetime) -> StoryWard:
    """A letter about Maria that was given up."""
    ward = StoryWard(now)
    with store.open(HOUSE, now=now) as unit:
        unit.send(
            "Task/1@2", "answer", "Dr. Chen", {"text": "Seen."}, person=unit.rid_of("Patient/maria") or 0
        )
    for _ in range(MOST_TRIES):
        ward.now += timedelta(hours=3)
        assert jobs.run(ward.now, {"answer": refuses}) == 1
    return ward


def signed_in(practitioner: str, site: str) -> Client:
    email = f"{practitioner}@example.org"
    user = User.objects.create_user(
        email,
        "a quiet Monday morning",
        practitioner,
        roles=["coordinator"],
        sites=[site],
        practitioner=practitioner,
    )
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def ana(ward: StoryWard, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(middleware, "clock", lambda: ward.now)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield signed_in("ana", "bayview")


def text(response: Any) -> str:
    return str(response.content.decode())


def test_it_is_listed_tried_again_and_gone_once_it_was_sent(ana: Client, ward: StoryWard) -> None:
    assert TITLE in text(ana.get("/review"))
    (row,) = ward.rows()
    place = f"/review/{row.task_id}"
    assert f'formaction="{place}/send-again"' in text(ana.get(place))
    said = text(ana.post(f"{place}/send-again", follow=True))
    assert "It is being tried again." in said
    assert TITLE in said
    assert "Tried again." in text(ana.get(place))
    assert "This is being sent already" in text(ana.post(f"{place}/send-again", follow=True))
    sent: list[str] = []
    ward.now += HOLD + timedelta(seconds=1)
    assert jobs.run(ward.now, {"answer": lambda letter: sent.append(letter.key)}) == 1
    assert sent == ["Task/1@2"]
    assert TITLE not in text(ana.get("/review"))
    assert "It is being tried again." not in text(ana.post(f"{place}/send-again", follow=True))


def test_who_may_not_see_her_can_try_nothing(ana: Client, ward: StoryWard) -> None:
    (row,) = ward.rows()
    assert signed_in("chen", "queens").post(f"/review/{row.task_id}/send-again").status_code == 404
    with store.open(HOUSE, now=ward.now) as unit:
        assert unit.cursor().execute("select state from outbox").fetchone() == ("dead",)
