"""Sessions: one row each, looked at on every request; ended from anywhere, extended only by a hand on the page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from careloop.accounts import devices, sessions, tokens
from careloop.accounts.models import Principal
from careloop.accounts.sign_in_models import SignedIn

CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def ana(record: None) -> int:
    return Principal.objects.create(kind="staff", name="Ana").pk


def asked(agent: str = CHROME, cookie: str = "") -> HttpRequest:
    request = HttpRequest()
    request.session = SessionStore()
    request.META["HTTP_USER_AGENT"] = agent
    if cookie:
        request.COOKIES[devices.cookie_name()] = cookie
    return request


def test_the_key_of_the_browser_changes_when_she_signs_in(ana: int, now: datetime) -> None:
    request = asked()
    request.session["before"] = "kept"
    request.session.save()
    known_to_an_attacker = request.session.session_key
    row = sessions.begin(request, ana, ("password", "totp"), now)
    request.session.save()
    assert request.session.session_key != known_to_an_attacker
    assert not SessionStore().exists(known_to_an_attacker)
    assert request.session[sessions.KEY] == row.id
    assert (row.strength, row.device, row.proved_at) == (2, "Chrome on Windows", now)


@pytest.mark.parametrize(
    ("methods", "strength"),
    [(["password"], 1), (["code"], 1), (["sso"], 1), (["passkey"], 2), (["password", "totp"], 2)],
)
def test_how_many_factors_were_shown(methods: list[str], strength: int) -> None:
    assert sessions.strength_of(methods) == strength


def test_idle_and_absolute_limits_and_polling_that_extends_nothing(ana: int, now: datetime) -> None:
    row = sessions.begin(asked(), ana, ("password",), now)
    at = now
    for _ in range(7):
        at += timedelta(minutes=2)
        assert sessions.look(row.id, at, is_polling=True)[0] is not None
    assert sessions.look(row.id, now + timedelta(minutes=15, seconds=1), is_polling=False) == (None, "idle")
    assert SignedIn.objects.get().why_ended == "idle"
    row, at = sessions.begin(asked(), ana, ("password",), now), now
    while at <= now + timedelta(hours=11, minutes=50):
        at += timedelta(minutes=10)
        assert sessions.look(row.id, at, is_polling=False)[0] is not None
    assert sessions.look(row.id, now + timedelta(hours=12, seconds=1), is_polling=False) == (None, "absolute")


def test_what_ended_stays_ended_and_others_go_on(ana: int, now: datetime) -> None:
    here, there, family = (sessions.begin(asked(), ana, ("password",), now) for _ in range(3))
    assert sessions.end(there.id, now)
    assert not sessions.end(there.id, now)
    assert {row.id for row in sessions.of_principal(ana, now)} == {here.id, family.id}
    assert sessions.end_all(ana, now, but=here.id) == 1
    assert sessions.is_live(here.id, now)
    assert sessions.look(family.id, now, is_polling=False) == (None, "gone")
    assert sessions.look("nothing", now, is_polling=False) == (None, "gone")


def test_a_new_password_voids_what_was_granted_before(ana: int, now: datetime) -> None:
    other = Principal.objects.create(kind="staff", name="Ben").pk
    sessions.begin(asked(), ana, ("password",), now)
    assert not sessions.is_void(ana, now)
    later = now + timedelta(hours=1)
    assert sessions.void(ana, later, "password") == 1
    assert sessions.is_void(ana, now)
    assert not sessions.is_void(ana, later)
    assert not sessions.is_void(other, now)


def test_a_new_device_is_noticed_and_a_known_one_is_not(ana: int, now: datetime) -> None:
    cookie, _ = tokens.fresh()
    assert not sessions.begin(asked(cookie=cookie), ana, ("password",), now).is_new_device  # the very first
    assert not sessions.begin(asked(cookie=cookie), ana, ("password",), now).is_new_device
    phone = sessions.begin(asked(PHONE), ana, ("password",), now)
    assert (phone.is_new_device, phone.device) == (True, "Safari on iPhone")
    forged = asked(cookie="x")
    assert sessions.begin(forged, ana, ("password",), now).is_new_device
    assert devices.words_of("curl/8") == "another device"


def test_a_token_is_256_bits_and_only_its_hash_is_kept() -> None:
    token, kept = tokens.fresh()
    assert len(token) == 43
    assert kept == tokens.digest(token) != token
    assert tokens.fresh()[0] != token
