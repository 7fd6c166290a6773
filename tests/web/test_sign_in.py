"""The door: password, second step, links that work once, the first set-up, her own account; and each denied."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings

from careloop import store
from careloop.access import Actor, Scope, system_actor
from careloop.accounts import attempts, factors, sealing, sessions, tickets, totp
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Authenticator, SignedIn, Standing, Ticket
from careloop.actions import keep_accounts, set_up
from careloop.actions.keep_accounts import Change, NotYours, Told
from careloop.kernel.clock import MovableClock
from careloop.server import middleware
from careloop.store import bodies
from careloop.store.errors import AuditUnavailable
from careloop.web.staff import landing
from tests.conftest import owner_connection
from tests.projections import builders as b

PASSWORD = "seven quiet pelicans wait"
FAST = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ANA = "ana@example.org"


class Door:
    """A browser at the door. page: the text of the last answer."""

    def __init__(self, clock: MovableClock, agent: str = "Firefox/140.0 Linux") -> None:
        self.clock, self.client = clock, Client(headers={"user-agent": agent})

    def get(self, address: str, **headers: str) -> Any:
        return self.client.get(address, headers=headers)

    def post(self, address: str, **typed: Any) -> Any:
        return self.client.post(address, typed)

    def password(self, email: str = ANA, password: str = PASSWORD, **more: str) -> Any:
        return self.post("/sign-in", email=email, password=password, **more)

    def digits(self, secret: str) -> str:
        return totp.code_at(secret, totp.step_of(self.clock()))

    def sees(self) -> int:
        return int(self.get("/account").status_code)


@pytest.fixture
def door(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    clock = MovableClock(now)
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    with override_settings(ALLOWED_HOSTS=["testserver"], PASSWORD_HASHERS=FAST):
        yield Door(clock)


@pytest.fixture
def ana(door: Door, scope: Scope, now: datetime) -> User:
    with store.open(scope, now=now) as unit:
        unit.create_named(b.organization("bayview", "Bayview", "TX", "77002"))
        unit.create_named(b.organization("queens", "Queens", "NY", "11101"))
    return account(now, ANA, "Ana Reyes", "coordinator")


def account(now: datetime, email: str, name: str, role: str, *sites: str) -> User:
    system = Scope(system_actor("accounts"), "command", "operations")
    told = Told(email, name, [role], sites or ("bayview",))
    return keep_accounts.create(system, told, PASSWORD, now)


@pytest.fixture
def app(ana: User, now: datetime) -> str:
    return with_app(ana, now)


def with_app(user: User, now: datetime) -> str:
    secret = totp.new_secret()
    Authenticator.objects.create(
        principal_id=user.principal_id, name="Phone", sealed=sealing.seal(secret), last_step=0, added_at=now
    )
    return secret


def enter(door: Door, secret: str, email: str = ANA) -> Door:
    door.clock.move(seconds=30)
    door.password(email)
    assert door.post("/sign-in/second", code=door.digits(secret)).status_code == 302
    return door


def said(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def trail() -> list[str]:
    """What the audit trail says was done, in the order of its rows."""
    with connection.cursor() as cursor:
        cursor.execute("select detail from audit where detail is not null order by lane, seq")
        rows = [bodies.decode(zlib.decompress(bytes(row[0]))) for row in cursor.fetchall()]
    return [detail[1] for row in rows for detail in row if detail[0] == "E"]


# --- password and second step


def test_a_password_alone_shows_nothing_and_signs_nobody_in(door: Door, app: str) -> None:
    assert door.password()["Location"] == "/sign-in/second"
    for address in ("/today", "/account", "/people", "/sign-in/start/app"):
        assert door.get(address).status_code == 302
        assert "Bayview" not in said(door.get(address))
    assert not SignedIn.objects.exists()
    answer = door.post("/sign-in/second", code=door.digits(app))
    assert (answer.status_code, answer["Location"]) == (302, "/today")
    row = SignedIn.objects.get()
    assert (row.methods, row.strength, row.device) == ("password totp", 2, "Firefox on Linux")


def test_capitals_of_the_address_do_not_matter_and_its_cookies_are_guarded(door: Door, app: str) -> None:
    with override_settings(SESSION_COOKIE_SECURE=True):
        assert door.password("ANA@Example.ORG ")["Location"] == "/sign-in/second"
        answer = door.post("/sign-in/second", code=door.digits(app))
    for name in ("sessionid", "__Host-careloop-device"):
        cookie = answer.cookies[name]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (
            True,
            True,
            "Lax",
            "/",
        )
        assert not cookie["domain"]


def test_the_key_of_the_session_changes_at_each_step_and_the_old_ones_are_dead(door: Door, app: str) -> None:
    door.get("/join/nothing")  # gives a browser a session before it signs in
    keys = [door.client.session.session_key]
    door.password()
    keys.append(door.client.session.session_key)
    door.post("/sign-in/second", code=door.digits(app))
    keys.append(door.client.session.session_key)
    assert len(set(keys)) == 3
    assert not Session.objects.filter(session_key__in=keys[:2]).exists()


def test_the_same_digits_do_not_work_twice_not_even_in_another_browser(door: Door, app: str) -> None:
    digits = door.digits(app)
    door.password()
    door.post("/sign-in/second", code=digits)
    other = Door(door.clock)
    other.password()
    answer = other.post("/sign-in/second", code=digits)
    assert (answer.status_code, other.sees()) == (422, 302)
    assert "Each code works once" in said(answer)


def test_after_ten_wrong_codes_the_right_one_waits_in_every_browser(door: Door, app: str) -> None:
    door.password()
    for _ in range(attempts.FREE_TRIES):
        assert door.post("/sign-in/second", code="wrong").status_code == 422
    other = Door(door.clock)
    other.password()
    answer = other.post("/sign-in/second", code=door.digits(app))
    assert (answer.status_code, "Please wait 1 minute" in said(answer)) == (422, True)
    door.clock.move(seconds=31)
    assert other.post("/sign-in/second", code=door.digits(app)).status_code == 302


def test_the_second_step_must_come_within_ten_minutes_and_before_the_account_changes(
    door: Door, ana: User, app: str
) -> None:
    door.password()
    door.clock.move(minutes=11)
    assert door.post("/sign-in/second", code=door.digits(app))["Location"] == "/sign-in"
    door.password()
    ana.set_password("another sentence, also a long one")
    ana.save()
    assert door.post("/sign-in/second", code=door.digits(app))["Location"] == "/sign-in"
    assert not SignedIn.objects.exists()


def test_known_unknown_and_disabled_addresses_are_hashed_alike_and_answered_alike(
    door: Door, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(door.clock(), "off@example.org", "Ben Off", "coordinator")
    User.objects.filter(email="off@example.org").update(is_active=False)
    hashed: list[str] = []
    hasher = type(hashers.get_hasher())
    encode = hasher.encode
    monkeypatch.setattr(
        hasher, "encode", lambda self, password, salt: hashed.append(salt) or encode(self, password, salt)
    )
    pages, counts = [], []
    for email in (ANA, "nobody@example.org", "off@example.org"):
        hashed.clear()
        answer = Door(door.clock).password(email, "not the right words at all")
        pages.append((answer.status_code, re.sub(r'value="[^"]*"', "", said(answer)).replace(email, "")))
        counts.append(len(hashed))
    assert counts == [1, 1, 1]
    assert pages[0] == pages[1] == pages[2]
    assert "don’t go together" in pages[0][1]
    hashed.clear()
    for email in (ANA, "nobody@example.org"):
        for _ in range(attempts.FREE_TRIES):
            attempts.failed(attempts.of_email(email), door.clock())
        assert "Too many tries" in said(Door(door.clock).password(email))
    assert not hashed  # who has to wait costs nothing, known or not


@pytest.mark.parametrize(
    "trick", ["kı@example.org", "ſue@example.org", "ki@example.org\u00a0", "ｋi@example.org"]
)
def test_letters_that_a_database_takes_for_plain_ones_open_no_fresh_tries(
    door: Door, ana: User, trick: str
) -> None:
    """Ten tries an account, however its address is written; the odd writing finds nobody, with the right password."""
    email = "sue@example.org" if "ue" in trick else "ki@example.org"
    account(door.clock(), email, "Kim Sue", "coordinator")
    assert door.password(email)["Location"].startswith("/sign-in/")
    door.client.cookies.clear()
    for writing in (email.upper(), trick, trick.upper()) if trick.strip() != email else (email,):
        found = User.objects.called(writing)
        assert found is None or attempts.of_email(writing) == attempts.of_email(found.email)
    assert (User.objects.called(trick) is None) is (trick.strip() != email)
    for turn in range(attempts.FREE_TRIES):
        assert "Please wait" not in said(door.password((email, email.upper())[turn % 2], "wrong"))
    assert "Please wait" in said(door.password(email))
    assert door.password(trick).status_code == 422
    assert not SignedIn.objects.exists()


def test_nobody_else_keeps_her_out_of_the_browser_she_always_uses(door: Door, app: str) -> None:
    enter(door, app)
    door.post("/sign-out")
    stranger = Door(door.clock)
    for _ in range(attempts.FREE_TRIES + 1):
        stranger.password(password="a guess")
    assert "Too many tries" in said(stranger.password())
    assert enter(door, app).sees() == 200
    door.post("/sign-out")
    for _ in range(attempts.FREE_TRIES):
        door.password(password="a guess")
    assert "Too many tries" in said(door.password())  # that browser has no more tries than any other


def test_one_address_that_tries_many_accounts_is_slowed_and_colleagues_there_are_not(
    door: Door, app: str
) -> None:
    enter(door, app)
    door.post("/sign-out")
    sprayer = Door(door.clock)
    for number in range(attempts.ADDRESS.free):
        sprayer.password(f"user{number}@example.org", "a quiet Tuesday evening")
    assert "Too many tries" in said(sprayer.password("fresh@example.org"))
    elsewhere = Client(REMOTE_ADDR="198.51.100.4")
    assert "don’t go together" in said(
        elsewhere.post("/sign-in", {"email": "x@example.org", "password": "x"})
    )
    assert enter(door, app).sees() == 200


# --- the first time


def test_the_first_sign_in_sets_up_an_app_and_shows_recovery_codes_once(door: Door, ana: User) -> None:
    assert door.password(next="/today?view=team")["Location"] == "/sign-in/second"
    assert door.get("/sign-in/second")["Location"] == "/sign-in/start"
    assert "Authenticator app" in said(door.get("/sign-in/start"))
    page = said(door.get("/sign-in/start/app"))
    secret = re.search(r"<p class=\"num secret\">([A-Z2-7 ]+)</p>", page)[1].replace(" ", "")
    assert '<svg class="qr"' in page
    assert door.post("/sign-in/start/app", code="12").status_code == 422
    assert door.sees() == 302
    answer = door.post("/sign-in/start/app", code=door.digits(secret), name="My phone")
    codes = re.findall(r"<li>(\w\w-\w{4}-\w{4}-\w{4})</li>", said(answer))
    assert len(codes) == 10
    assert 'href="/today?view=team"' in said(answer)
    assert door.sees() == 200
    assert "My phone" in said(door.get("/account"))
    assert codes[0] not in said(door.get("/account"))
    lost = Door(door.clock)
    lost.password()
    assert lost.post("/sign-in/second", code=codes[0]).status_code == 302
    again = Door(door.clock)
    again.password()
    assert again.post("/sign-in/second", code=codes[0]).status_code == 422


def test_who_has_a_factor_can_not_set_up_another_with_the_password_alone(door: Door, app: str) -> None:
    door.password()
    for address in ("/sign-in/start", "/sign-in/start/app", "/sign-in/start/passkey"):
        assert door.get(address)["Location"] == "/sign-in/second"
        assert door.post(address, code=door.digits(app))["Location"] == "/sign-in/second"


def test_only_made_up_people_are_exempt_and_only_under_the_flag(door: Door, ana: User) -> None:
    made_up = account(door.clock(), "ana.reyes@careloop.example", "Mara Made-up", "coordinator")
    with override_settings(DEMO=True):
        assert door.password()["Location"] == "/sign-in/second"
        assert door.password(made_up.email)["Location"] == "/today"
        assert door.sees() == 200
    assert door.sees() == 302  # without the flag the session of one factor counts no more
    assert door.password(made_up.email)["Location"] == "/sign-in/second"
    assert settings.DEMO is False


# --- sessions


def test_a_fragment_and_polling_look_at_the_same_limits(door: Door, app: str) -> None:
    enter(door, app)
    for _ in range(7):
        door.clock.move(minutes=2)
        assert door.get("/today", **{"X-Careloop-Poll": "1", "HX-Request": "true"}).status_code in (200, 304)
    door.clock.move(minutes=2)
    assert door.get("/today", **{"X-Careloop-Poll": "1", "HX-Request": "true"}).status_code == 401


@pytest.mark.parametrize("what", ["disable", "change", "end", "reset"])
def test_what_an_administrator_does_ends_her_sessions_at_once(
    door: Door, ana: User, app: str, what: str
) -> None:
    boss = account(door.clock(), "boss@example.org", "Bo Administrator", "administrator")
    enter(door, app)
    desk = enter(Door(door.clock), with_app(boss, door.clock()), boss.email)
    typed = {"roles": ["clinician"], "sites": ["bayview"], "zone": "America/Chicago"}
    assert desk.post(f"/accounts/{ana.principal_id}/{what}", **typed).status_code == 302
    assert door.sees() == 302
    assert sessions.of_principal(ana.principal_id, door.clock()) == []
    assert Standing.objects.filter(principal=ana.principal_id).exists() is (what != "end")


def test_signing_out_ends_the_row_so_that_a_stolen_cookie_is_worth_nothing(door: Door, app: str) -> None:
    enter(door, app)
    stolen = door.client.cookies["sessionid"].value
    door.post("/sign-out")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/account").status_code == 302
    assert SignedIn.objects.get().why_ended == "signed out"


def test_who_signs_in_again_leaves_no_session_behind_and_a_link_ends_none(door: Door, app: str) -> None:
    enter(door, app)
    enter(door, app)
    assert [row.ended is None for row in SignedIn.objects.order_by("began")] == [False, True]
    door.get("/join/from-a-picture-on-another-site")
    assert door.sees() == 200


def test_a_session_of_django_alone_is_nobody(door: Door, ana: User) -> None:
    enter(door, with_app(ana, door.clock()))
    session = door.client.session
    del session[sessions.KEY]
    session.save()
    assert door.sees() == 302


# --- her own account


def test_devices_are_listed_signed_out_one_by_one_and_everywhere_else(
    door: Door, ana: User, app: str
) -> None:
    enter(door, app)
    phone = enter(Door(door.clock, "Safari/604.1 iPhone"), app)
    tablet = enter(Door(door.clock, "Safari/604.1 iPad"), app)
    enter(door, app)
    door.post("/account/new-device", was="me")
    page = said(door.get("/account"))
    assert "Safari on iPhone" in page
    row = SignedIn.objects.get(device="Safari on iPhone")
    stranger = account(door.clock(), "ben@example.org", "Ben Other", "coordinator")
    ben = enter(Door(door.clock), with_app(stranger, door.clock()), stranger.email)
    assert ben.post(f"/account/devices/{row.id}/end").status_code == 404
    assert door.post(f"/account/devices/{row.id}/end").status_code == 302
    assert (phone.sees(), tablet.sees(), door.sees()) == (302, 200, 200)
    door.post("/account/devices/others/end")
    assert (tablet.sees(), door.sees(), ben.sees()) == (302, 200, 200)


def test_a_new_device_is_told_at_the_next_sign_in_once(door: Door, ana: User, app: str) -> None:
    enter(door, app)
    thief = enter(Door(door.clock, "Chrome/140 Windows"), app)
    door.post("/sign-out")
    door.clock.move(seconds=30)
    door.password(next="/people")
    assert door.post("/sign-in/second", code=door.digits(app))["Location"] == "/account/new-device"
    assert "Chrome on Windows" in said(door.get("/account/new-device"))
    assert thief.sees() == 200
    assert door.post("/account/new-device", was="other")["Location"] == "/account/password"
    assert thief.sees() == 302
    assert door.get("/account/new-device").status_code == 302


def test_a_new_password_needs_a_fresh_step_and_the_old_one_and_ends_the_others(
    door: Door, ana: User, app: str
) -> None:
    other = enter(Door(door.clock), app)
    enter(door, app)
    new = "nine loud herons left"
    door.clock.move(minutes=11)
    assert door.get("/account/password")["Location"] == "/account/prove?next=%2Faccount%2Fpassword"
    assert door.post("/account/password", password=PASSWORD, new=new).status_code == 302
    assert not User.objects.get(pk=ana.pk).check_password(new)
    assert door.post("/account/prove", code="000000", next="/account/password").status_code == 422
    answer = door.post("/account/prove", code=door.digits(app), next="/account/password")
    assert answer["Location"] == "/account/password"
    assert door.post("/account/password", password="not it", new=new).status_code == 422
    assert door.post("/account/password", password=PASSWORD, new="Ana Reyes 2026!").status_code == 422
    assert door.post("/account/password", password=PASSWORD, new=new).status_code == 302
    assert (door.sees(), other.sees()) == (200, 302)
    assert sessions.is_void(ana.principal_id, door.clock() - (door.clock() - door.clock().replace(minute=0)))


def test_factors_change_only_after_a_fresh_step_and_the_last_one_stays(
    door: Door, ana: User, app: str
) -> None:
    enter(door, app)
    row = Authenticator.objects.get()
    door.post(f"/account/factors/app/{row.pk}/remove")
    assert factors.has_app(ana.principal_id)
    page = said(door.get("/account/app"))
    secret = re.search(r"<p class=\"num secret\">([A-Z2-7 ]+)</p>", page)[1].replace(" ", "")
    assert len(re.findall(r"<li>\w\w-\w{4}", said(door.post("/account/app", code=door.digits(secret))))) == 10
    door.clock.move(minutes=11)
    for act in (f"/account/factors/app/{row.pk}/remove", "/account/codes"):
        assert door.post(act)["Location"].startswith("/account/prove")
    assert len(factors.apps_of(ana.principal_id)) == 2
    door.post("/account/prove", code=door.digits(secret))
    door.post(f"/account/factors/app/{row.pk}/remove")
    assert [each.pk for each in factors.apps_of(ana.principal_id)] != [row.pk]
    assert len(factors.apps_of(ana.principal_id)) == 1


# --- links


def opened(door: Door, kind: str, token: str) -> Any:
    assert door.get(f"/{kind}/{token}")["Location"] == "/link"
    return door.get("/link")


def test_an_invitation_is_opened_checked_and_used_once(door: Door, ana: User) -> None:
    boss = account(door.clock(), "boss@example.org", "Bo Administrator", "administrator")
    desk = enter(Door(door.clock), with_app(boss, door.clock()), boss.email)
    typed = {"name": "Cora Cole", "email": "cora@example.org", "roles": ["coordinator"], "sites": ["bayview"]}
    letter = said(desk.post("/accounts/invite", **typed, zone="America/Chicago"))
    token = re.search(r"/join/([\w-]{43})<", letter)[1]
    spoken = re.search(r'<p class="spoken">(\d{6})<', letter)[1]
    assert token not in "".join(Ticket.objects.values_list("token_hash", flat=True))
    cora = User.objects.get(email="cora@example.org")
    assert (cora.is_active, door.password(cora.email).status_code) == (False, 422)
    for _ in range(3):  # a GET never consumes it
        assert "six digits" in said(opened(door, "join", token))
    assert token not in said(door.get("/link"))
    assert door.post("/link", new="seven quiet pelicans").status_code == 422  # the digits come first
    assert door.post("/link", spoken="000000" if spoken != "000000" else "1").status_code == 422
    assert door.post("/link", spoken=spoken)["Location"] == "/link"
    assert "Use at least 15" in said(door.post("/link", new="short"))
    second = Door(door.clock)
    opened(second, "join", token)
    second.post("/link", spoken=spoken)
    assert door.post("/link", new="eight brown owls at noon")["Location"] == "/sign-in/start"
    assert "no longer works" in said(second.post("/link", new="eight other owls at noon"))
    cora.refresh_from_db()
    assert cora.check_password("eight brown owls at noon")
    assert cora.is_active


def test_unknown_used_late_and_void_links_get_one_and_the_same_page(door: Door, ana: User) -> None:
    pages = [said(opened(door, "join", "x" * 43))]
    late = tickets.issue(tickets.INVITE, ana.principal_id, 0, door.clock())
    void = tickets.issue(tickets.PASSWORD, ana.principal_id, 0, door.clock())
    wrong_kind = tickets.issue(tickets.PASSWORD, ana.principal_id, 0, door.clock())
    pages += [said(opened(door, "new-password", void.token)), said(opened(door, "join", wrong_kind.token))]
    door.clock.move(days=8)
    pages.append(said(opened(door, "join", late.token)))
    assert len(set(pages)) == 1
    assert "This link no longer works" in pages[0]
    assert door.get("/link").status_code == 410


def test_a_new_password_by_link_asks_for_the_digits_and_for_the_second_step_she_has(
    door: Door, ana: User, app: str
) -> None:
    boss = account(door.clock(), "boss@example.org", "Bo Administrator", "administrator")
    system = Scope(system_actor("accounts"), "command", "operations")
    other = enter(Door(door.clock), app)
    link = keep_accounts.new_password_link(system, ana, door.clock())
    opened(door, "new-password", link.token)
    for _ in range(attempts.FREE_TRIES):
        door.post("/link", spoken="12")
    assert "Please wait" in said(door.post("/link", spoken=link.spoken))
    door.clock.move(seconds=31)
    door.post("/link", spoken=link.spoken)
    assert door.post("/link", new="oak plum")["Location"] == "/sign-in/second"
    assert (other.sees(), door.sees()) == (302, 302)
    assert door.post("/sign-in/second", code=door.digits(app)).status_code == 302
    assert door.sees() == 200
    assert boss.is_active


# --- set-up


def test_an_empty_installation_is_set_up_once_with_the_code_from_the_terminal(
    door: Door, scope: Scope
) -> None:
    code = set_up.announce(door.clock())
    assert code is not None
    typed = {
        **{"site": "Bayview", "state": "TX", "zip": "77002", "zone": "America/Chicago"},
        **{"name": "Bo Administrator", "email": "bo@example.org", "password": "seven quiet pelicans wait"},
        **{"supervisor": "Sam Lee", "supervisor_email": "sam@example.org"},
    }
    assert "not the code" in said(door.post("/set-up", code="guess", **typed))
    assert "15 characters" in said(door.post("/set-up", code=code.token, **{**typed, "password": "short"}))
    assert not User.objects.exists()
    page = said(door.post("/set-up", code=code.token, **typed))
    token = re.search(r"/join/([\w-]{43})<", page)[1]
    assert door.get("/sign-in/start").status_code == 200
    assert {user.email: user.is_active for user in User.objects.all()} == {
        "bo@example.org": True,
        "sam@example.org": False,
    }
    with store.open(scope, now=door.clock()) as unit:
        (site,) = unit.search("Organization").entries
    assert User.objects.get(email="sam@example.org").sites == [site.id]
    assert door.get("/set-up").status_code == 404
    assert door.post("/set-up", code=code.token, **typed).status_code == 404
    assert set_up.announce(door.clock()) is None
    assert "six digits" in said(opened(Door(door.clock), "join", token))


def test_the_code_of_the_set_up_is_guessed_no_more_than_ten_times(door: Door) -> None:
    code = set_up.announce(door.clock())
    typed = {
        **{"site": "B", "zone": "America/Chicago", "name": "Bo Li", "email": "bo@example.org"},
        **{"password": PASSWORD, "supervisor": "Sam Lee", "supervisor_email": "sam@example.org"},
    }
    for _ in range(attempts.FREE_TRIES):
        door.post("/set-up", code="guess", **typed)
    assert "Too many tries" in said(door.post("/set-up", code=code.token, **typed))
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("roles", "first"),
    [
        (["coordinator"], "/today"),
        (["coordinator", "administrator"], "/today"),
        (["administrator"], "/accounts"),
        (["auditor"], "/audit"),
        (["privacy-officer", "auditor"], "/audit"),
        ([], "/account"),
    ],
)
def test_everybody_begins_where_there_is_work_for_them(roles: list[str], first: str) -> None:
    assert landing.onward(roles, "/today?view=team") == (first if first != "/today" else "/today?view=team")
    assert landing.onward(roles, "/people") == "/people"


# --- who keeps accounts


def test_an_administrator_begins_with_the_accounts_and_sees_no_clinical_page(door: Door, ana: User) -> None:
    boss = account(door.clock(), "boss@example.org", "Bo Administrator", "administrator")
    secret = with_app(boss, door.clock())
    door.password(boss.email)
    assert door.post("/sign-in/second", code=door.digits(secret))["Location"] == "/accounts"
    page = said(door.get("/accounts"))
    assert "Ana Reyes" in page
    assert "Today" not in page
    assert door.get("/")["Location"] == "/accounts"
    for address in ("/today", "/people", "/review", "/front-door"):
        assert door.get(address).status_code in (302, 403)


def test_a_supervisor_keeps_those_who_give_care_at_her_sites_and_nobody_else(door: Door, ana: User) -> None:
    boss = account(door.clock(), "sam@example.org", "Sam Lee", "supervisor")
    far = account(door.clock(), "far@example.org", "Fay Far", "coordinator", "queens")
    admin = account(door.clock(), "admin@example.org", "Ada Min", "administrator")
    enter(door, with_app(boss, door.clock()), boss.email)
    page = said(door.get("/accounts"))
    assert "Ana Reyes" in page
    assert "Fay Far" not in page
    assert "Ada Min" not in page
    for user in (far, admin, boss):
        assert door.get(f"/accounts/{user.principal_id}").status_code == 404
        assert door.post(f"/accounts/{user.principal_id}/disable").status_code == 404
    raised = {"roles": ["administrator"], "sites": ["bayview"], "zone": "America/Chicago"}
    door.post(f"/accounts/{ana.principal_id}/change", **raised)
    typed = {"name": "Eve Evil", "email": "eve@example.org", "zone": "America/Chicago"}
    for roles, sites in (
        (["administrator"], ["bayview"]),
        (["coordinator"], ["queens"]),
        (["coordinator"], []),
    ):
        assert door.post("/accounts/invite", **typed, roles=roles, sites=sites).status_code == 422
    ana.refresh_from_db()
    assert ana.roles == ["coordinator"]
    assert not User.objects.filter(email="eve@example.org").exists()


def test_a_coordinator_keeps_no_accounts(door: Door, app: str, ana: User) -> None:
    enter(door, app)
    for address in ("/accounts", "/accounts/invite", f"/accounts/{ana.principal_id}"):
        assert door.get(address).status_code == 403
    assert door.post(f"/accounts/{ana.principal_id}/disable").status_code == 403


# --- audit


def test_what_happens_at_the_door_is_written_down_without_names(door: Door, ana: User, app: str) -> None:
    door.password(password="wrong")
    door.password()
    door.post("/sign-in/second", code="wrong")
    enter(door, app)
    door.post("/account/codes")
    door.post("/sign-out")
    enter(door, app)
    door.clock.move(minutes=16)
    assert door.sees() == 302
    told = trail()
    for what in (
        f"denied sign-in, password: {ana.principal_id}",
        f"denied sign-in, second step: {ana.principal_id}",
        "sign-in, password totp",
        "recovery codes made",
        "sign-out",
        f"session ended, idle: {ana.principal_id}",
    ):
        assert what in told
    assert not any("ana" in what.lower().replace("managed", "") or "reyes" in what.lower() for what in told)


def test_without_a_trail_nobody_gets_in(door: Door, app: str) -> None:
    door.password()
    with owner_connection() as owner:
        owner.execute("revoke insert on audit from careloop_app")
        try:
            answer = door.post("/sign-in/second", code=door.digits(app))
        finally:
            owner.execute("grant insert on audit to careloop_app")
    assert answer.status_code == 503
    assert not SignedIn.objects.exists()
    assert door.sees() == 302
    assert enter(door, app).sees() == 200


@contextmanager
def trail_is_shut() -> Iterator[None]:
    with owner_connection() as owner:
        owner.execute("revoke insert on audit from careloop_app")
        try:
            yield
        finally:
            owner.execute("grant insert on audit to careloop_app")


def test_her_own_account_changes_only_with_its_row_of_the_trail(door: Door, ana: User, app: str) -> None:
    enter(door, app)
    door.clock.move(minutes=11)
    digits = door.digits(app)
    with trail_is_shut():
        assert door.post("/account/prove", code=digits).status_code == 503
    assert door.client.get("/account/password")["Location"].startswith("/account/prove"), "no fresh factor"
    door.clock.move(seconds=60)
    assert door.post("/account/prove", code=door.digits(app)).status_code == 302
    before = User.objects.get(pk=ana.pk).password
    row = Authenticator.objects.get(principal=ana.principal_id)
    with trail_is_shut():
        answer = door.post("/account/password", password=PASSWORD, new="a very quiet evening walk")
        assert answer.status_code == 503
        assert door.post(f"/account/factors/app/{row.pk}/remove").status_code == 503
    assert User.objects.get(pk=ana.pk).password == before
    assert factors.has_app(ana.principal_id)
    assert door.sees() == 200, "she is still in"
    answer = door.post("/account/password", password=PASSWORD, new="a very quiet evening walk")
    assert answer.status_code == 302
    assert User.objects.get(pk=ana.pk).password != before
    assert door.sees() == 200
    told = trail()
    assert told.count("password changed") == told.count("second factor shown again") == 1


def test_what_can_not_be_written_down_is_not_done_to_an_account(
    door: Door, ana: User, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AuditUnavailable

    system, at = Scope(system_actor("accounts"), "command", "operations"), door.clock()
    told = Told("new@example.org", "New One", ["coordinator"], ("bayview",))
    enter(door, app)
    before = User.objects.get(pk=ana.pk)
    monkeypatch.setattr(keep_accounts, "note", full)
    acts: list[Any] = [
        lambda: keep_accounts.create(system, told, PASSWORD, at),
        lambda: keep_accounts.change(system, ana, Change(["supervisor"], credentials="RN"), at),
        lambda: keep_accounts.disable(system, ana, at),
        lambda: keep_accounts.end_sessions(system, ana, at),
        lambda: keep_accounts.new_password_link(system, before, at),
        lambda: keep_accounts.reset_factors(system, ana, at),
    ]
    for act in acts:
        with pytest.raises(AuditUnavailable):
            act()
    made = User.objects.get(email="new@example.org")
    assert (made.is_active, made.has_usable_password()) == (False, False)
    with pytest.raises(AuditUnavailable):
        keep_accounts.invite_again(system, made, at)
    now = User.objects.get(pk=ana.pk)
    assert (now.roles, now.credentials, now.is_active) == (before.roles, before.credentials, True)
    with store.open(system, now=at) as unit:
        assert "qualification" not in unit.read("Practitioner", ana.practitioner).resource
    assert factors.has_app(ana.principal_id)
    assert not Ticket.objects.exists()
    assert door.sees() == 200


def test_who_may_not_make_the_change_changes_no_practitioner_either(door: Door, ana: User) -> None:
    boss = account(door.clock(), "boss@example.org", "Bo Boss", "supervisor")
    scope = Scope(Actor(boss.principal_id, "staff", boss.name, frozenset(boss.roles)), "page", "operations")
    with pytest.raises(NotYours):
        keep_accounts.change(scope, ana, Change(["administrator"], credentials="MD"), door.clock())
    with store.open(Scope(system_actor("accounts"), "command", "operations"), now=door.clock()) as unit:
        assert "qualification" not in unit.read("Practitioner", ana.practitioner).resource
