"""A clock that is set back makes nothing last longer: neither an app's tokens nor a session."""

from __future__ import annotations

from datetime import timedelta

import pytest

from careloop.accounts import clock_mark, sessions, smart_tokens
from careloop.accounts.sign_in_models import ClockMark, SignedIn
from careloop.accounts.smart_models import AccessToken, Authorization
from tests.api.smart.conftest import SCOPES

ONLINE = "openid fhirUser launch/patient online_access patient/Patient.rs"


def opens(world, token):
    return world.get("Patient/maria", token).status_code == 200


@pytest.mark.parametrize("back", [120, 280, 3600, 86_400 * 400])
def test_an_access_token_does_not_outlive_a_clock_that_was_set_back(world, back):
    app = world.app()
    token = world.exchange(app, world.code(app)).json()["access_token"]
    world.clock.move(seconds=200)
    assert opens(world, token)
    world.clock.move(seconds=-back)
    assert not opens(world, token)
    world.clock.move(seconds=90)
    assert not opens(world, token)


def test_it_ends_for_an_app_that_acts_for_itself_too(world):
    app = world.backend()
    token = world.by_itself(world.assertion(app)).json()["access_token"]
    assert smart_tokens.held(token, world.now) is not None
    world.clock.move(seconds=-120)
    assert smart_tokens.held(token, world.now) is None


def test_refreshed_after_that_the_app_goes_on_and_no_longer_than_it_was_allowed_to(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    until = Authorization.objects.get().until
    world.clock.move(hours=-5)
    fresh = world.refresh(app, said["refresh_token"]).json()
    assert opens(world, fresh["access_token"])
    assert Authorization.objects.get().until == until - timedelta(hours=5)
    world.clock.move(seconds=301)
    assert not opens(world, fresh["access_token"])


def test_two_machines_may_differ_by_a_minute(world):
    app = world.app()
    token = world.exchange(app, world.code(app)).json()["access_token"]
    for seconds in (30, -45, 20, -20):
        world.clock.move(seconds=seconds)
        assert opens(world, token)


def test_the_mark_moves_with_what_is_used_and_never_back_by_itself(world):
    app = world.app()
    token = world.exchange(app, world.code(app)).json()["access_token"]
    world.clock.move(seconds=200)
    assert opens(world, token)
    assert ClockMark.objects.get().at == world.now
    clock_mark.keep(world.now - timedelta(seconds=30))
    assert ClockMark.objects.get().at == world.now


def test_a_session_is_as_old_as_before(world):
    clock_mark.keep(world.now)
    world.clock.move(minutes=10)
    clock_mark.keep(world.now)  # careloop work does, each minute
    world.clock.move(minutes=-4)
    clock_mark.keep(world.now)
    session = SignedIn.objects.get(pk=world.session.id)
    assert world.now - session.seen == timedelta(minutes=10)
    world.clock.move(minutes=6)
    assert not sessions.is_live(session.id, world.now)


def test_work_keeps_the_mark(world):
    from careloop import library
    from careloop.server import wiring

    (station,) = (each for each in wiring.stations(library.load()) if each.name == "clock")
    station.run(world.now)
    assert ClockMark.objects.get().at == world.now
    assert station.every <= 60


def test_one_look_is_enough_for_a_token_of_staff(world):
    """Token, app, family, grant, account and session in one statement; what was given to her by name in another."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from careloop.actions.acting import actor_of_app_token

    app = world.app(scopes=f"{SCOPES} online_access")
    token = world.exchange(app, world.code(app, ONLINE)).json()["access_token"]
    actor_of_app_token(token, world.now)
    with CaptureQueriesContext(connection) as asked:  # Django's own; the one look is not Django's
        actor_of_app_token(token, world.now)
    assert ["grants" in each["sql"] for each in asked.captured_queries] == [True]
    assert AccessToken.objects.count() == 1
