"""Apps from the command line, and how their keys are fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from careloop.access import Scope, system_actor
from careloop.accounts import smart_apps
from careloop.accounts.smart_apps import BadApp, Told
from careloop.accounts.smart_models import App
from careloop.actions.note_event import note
from careloop.api.smart import signing
from careloop.connect import outbound
from careloop.kernel.clock import system_clock


def fetch_keys(scope: Scope, url: str, now: datetime) -> bytes:
    """By the one way out: declared, checked, without redirects. Raises BadApp and what that raises."""
    bounds = outbound.Bounds(seconds=5, bytes=65_536)
    answer = outbound.call(scope, "GET", url, now=now, headers={"Accept": "application/json"}, bounds=bounds)
    if answer.status != 200:
        raise BadApp(f"At the address of its keys the answer was {answer.status}.")
    return answer.body


def register_app(**said: Any) -> None:
    """Raises BadApp, BadScope."""
    app, secret = smart_apps.register(Told(**said), 0, system_clock())
    _note(f"app asked for: app {app.pk}")
    click.echo(f"“{app.name}” waits for an approval: careloop app approve “{app.name}”.")
    click.echo(f"Client id: {app.client_id}")
    if secret:
        click.echo(f"Secret, shown once: {secret}")


def judge_app(name: str, state: str, why: str) -> None:
    """Raises NotFound."""
    app = smart_apps.named(name)
    _note(f"app {state}: app {app.pk}")
    smart_apps.decide(app, state, 0, system_clock(), why)
    click.echo(f"“{app.name}” is {state}.")


def list_apps() -> None:
    for app in App.objects.order_by("name"):
        click.echo(f"{app.name}  {app.state}  {app.client_id}  {app.way}  {app.scopes}")


def rotate_key() -> None:
    _note("identity key rotated")
    click.echo(f"The key {signing.rotate()} signs from now on.")


def _note(what: str) -> None:
    note(Scope(system_actor("accounts"), "command", "operations"), what, (), system_clock())
