"""`careloop app`: asked for, approved, suspended, listed; and how keys of apps are fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner

from careloop.access import Scope, system_actor
from careloop.accounts.models import Destination
from careloop.accounts.smart_apps import BadApp
from careloop.accounts.smart_models import App
from careloop.connect import outbound
from careloop.server import app_commands, apps

REGISTER = (
    *("register", "Growth Chart", "--publisher", "Example Apps", "--way", "secret"),
    *("--scope", "openid fhirUser launch patient/Patient.rs", "--redirect", "https://app.example/after"),
)


@pytest.fixture
def careloop(record: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(app_commands, "_ready", lambda: None)
    return lambda *said: CliRunner().invoke(app_commands.app, said)


def test_an_app_is_asked_for_approved_listed_and_suspended(careloop: Any) -> None:
    made = careloop(*REGISTER)
    assert made.exit_code == 0, made.output
    assert "waits for an approval" in made.output
    secret = made.output.rsplit("Secret, shown once: ", 1)[1].strip()
    app = App.objects.get()
    assert (app.state, app.is_for_families) == ("asked", False)
    assert secret not in (app.secret_hash, str(app.__dict__))
    assert "approved" in careloop("approve", "Growth Chart").output
    listed = careloop("list").output
    assert "Growth Chart  approved" in listed
    assert secret not in listed
    assert "suspended" in careloop("suspend", app.client_id, "--why", "Not used").output
    app.refresh_from_db()
    assert (app.state, app.why) == ("suspended", "Not used")


def test_what_can_not_be_registered_is_said(careloop: Any) -> None:
    said = careloop(*REGISTER, "--redirect", "http://app.example/after")
    assert isinstance(said.exception, BadApp)
    assert "has to begin with https" in said.exception.sentence
    assert App.objects.count() == 0


def test_a_new_key_signs_and_the_one_before_stays_published(careloop: Any) -> None:
    from careloop.api.smart import signing

    before = signing.keys()[0].kid
    assert "signs from now on" in careloop("rotate-key").output
    assert [key["kid"] for key in signing.published()["keys"]][1] == before


def test_keys_are_fetched_only_from_where_an_administrator_declared(
    record: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = Scope(system_actor("accounts"), "fhir", "operations")
    with pytest.raises(outbound.NotAllowed):
        apps.fetch_keys(scope, "https://registry.example/jwks.json", now)
    Destination.objects.create(name="registry", origin="https://registry.example", created_at=now)
    answers = iter([outbound.Answer(200, {}, b"{}"), outbound.Answer(404, {}, b"")])
    monkeypatch.setattr(outbound, "_exchange", lambda call, destination: next(answers))
    assert apps.fetch_keys(scope, "https://registry.example/jwks.json", now) == b"{}"
    with pytest.raises(BadApp):
        apps.fetch_keys(scope, "https://registry.example/jwks.json", now)
