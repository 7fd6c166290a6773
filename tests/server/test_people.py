"""Accounts made and changed by command: who is called for urgent work, who sees whom, who may sign in."""

from __future__ import annotations

from datetime import datetime

import pytest
from click.testing import CliRunner
from django.contrib.auth import authenticate
from django.test import Client, override_settings

from careloop import store
from careloop.access import Scope
from careloop.accounts import attempts
from careloop.accounts.models import User
from careloop.actions.urgent import roster
from careloop.kernel.errors import NotFound, UnknownZone
from careloop.server import command
from careloop.server.people import BadAccount, Change, UnknownPlace, change_user, create_user, disable_user
from tests.projections import builders as b

LONG = "a long sentence of one's own"
OTHER = "another sentence, also a long one"


@pytest.fixture
def bayview(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create_named(b.organization("bayview", "Bayview", "TX", "77002"))
        unit.create_named(b.organization("queens", "Queens", "NY", "11101"))


@pytest.fixture
def ana(bayview: None) -> User:
    create_user("ana@example.org", "Ana Reyes", ["coordinator"], ["bayview"], "RN", LONG)
    return User.objects.get()


def test_an_account_is_put_in_line_for_urgent_work_with_the_hour_on_its_wall(bayview: None) -> None:
    create_user("nine@example.org", "Sam Lee", ["supervisor"], ["bayview"], "", LONG, on_call=9)
    create_user(
        "one@example.org",
        "Mei Chen",
        ["clinician"],
        ["bayview"],
        "MD",
        LONG,
        zone="America/Chicago",
        on_call=1,
    )
    create_user("none@example.org", "Ana Reyes", ["coordinator"], ["bayview"], "RN", LONG)
    assert [each.name for each in roster("bayview")] == ["Mei Chen, MD", "Sam Lee"]
    assert roster("queens") == []
    assert User.objects.get(email="one@example.org").zone == "America/Chicago"


def test_a_zone_that_does_not_exist_is_refused(record: None) -> None:
    with pytest.raises(UnknownZone):
        create_user("one@example.org", "Mei Chen", ["clinician"], [], "", LONG, zone="Texas")
    assert not User.objects.exists()


def test_a_site_that_is_not_in_the_record_is_refused(bayview: None) -> None:
    with pytest.raises(UnknownPlace, match=r"“bayvew” is none. There are bayview \(Bayview\), queens"):
        create_user("one@example.org", "Mei Chen", ["clinician"], ["bayvew"], "", LONG)
    assert not User.objects.exists()


def test_an_empty_record_says_how_sites_come_in(record: None) -> None:
    with pytest.raises(UnknownPlace, match="careloop import fhir FILE"):
        create_user("one@example.org", "Mei Chen", ["clinician"], ["bayview"], "", LONG)


def test_only_what_is_said_changes(ana: User, scope: Scope, now: datetime) -> None:
    change_user("ANA@example.org", Change(roles=["clinician"], sites=["queens"], on_call=1, credentials="NP"))
    ana.refresh_from_db()
    assert (ana.roles, ana.sites, ana.on_call_rank, ana.credentials) == (["clinician"], ["queens"], 1, "NP")
    assert (ana.zone, ana.check_password(LONG)) == ("America/New_York", True)
    with store.open(scope, now=now) as unit:
        resource = unit.read("Practitioner", ana.practitioner).resource
    assert resource["qualification"] == [{"code": {"text": "NP"}}]
    change_user("ana@example.org", Change(zone="America/Chicago", on_call=0))
    ana.refresh_from_db()
    assert (ana.zone, ana.on_call_rank, ana.roles) == ("America/Chicago", 0, ["clinician"])


def test_a_new_password_is_asked_for_and_ends_sessions_and_waits(
    ana: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "ready", lambda **_: None)
    browser = Client()
    browser.force_login(ana)
    for _ in range(attempts.FREE_TRIES):
        attempts.failed(attempts.of_email(ana.email), now)
    typed = f"{OTHER}\n{OTHER}\n"
    answer = CliRunner().invoke(command.main, ["user", "change", ana.email, "--password"], input=typed)
    assert (answer.exit_code, OTHER in answer.output) == (0, False)
    assert authenticate(None, username=ana.email, password=OTHER) is not None
    assert authenticate(None, username=ana.email, password=LONG) is None
    assert attempts.seconds_to_wait(attempts.of_email(ana.email), now) == 0
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        assert browser.get("/today").headers["Location"].startswith("/sign-in")


def test_a_disabled_account_may_be_enabled_again(ana: User) -> None:
    disable_user(ana.email)
    assert authenticate(None, username=ana.email, password=LONG) is None
    change_user(ana.email, Change(is_enabled=True))
    assert authenticate(None, username=ana.email, password=LONG) is not None


@pytest.mark.parametrize(
    ("told", "error", "says"),
    [
        (Change(), BadAccount, "Say what is to change"),
        (Change(roles=["boss"]), BadAccount, "Unknown role boss; known: administrator"),
        (Change(password="short"), BadAccount, "15"),
        (Change(zone="Texas"), UnknownZone, "Texas"),
        (Change(sites=["nowhere"]), UnknownPlace, "“nowhere” is none"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_changes(
    ana: User, told: Change, error: type[Exception], says: str
) -> None:
    before = dict(User.objects.values().get())
    with pytest.raises(error, match=says):
        change_user(ana.email, told)
    assert User.objects.values().get() == before


def test_an_account_that_is_not_there_cannot_change(record: None) -> None:
    with pytest.raises(NotFound, match="careloop user list"):
        change_user("nobody@example.org", Change(on_call=1))
