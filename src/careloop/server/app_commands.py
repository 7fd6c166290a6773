"""`careloop app`: programs that may ask people here to be let in; joined to `careloop` by command.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.group()
def app() -> None:
    """Apps by SMART on FHIR: asked for, approved, suspended."""


@app.command("register")
@click.argument("name")
@click.option("--publisher", required=True, help="Who makes it; people read this before they allow anything.")
@click.option("--scope", "scopes", multiple=True, required=True, help="The most it may ask for; repeat.")
@click.option("--redirect", "redirects", multiple=True, help="Where it comes back to, exactly; repeat.")
@click.option("--launch-url", default="", help="Where it is opened from a person's page.")
@click.option("--about", default="", help="What it is for, in one sentence.")
@click.option(
    "--way",
    type=click.Choice(["public", "secret", "keys"]),
    default="public",
    show_default=True,
    help="How it proves itself.",
)
@click.option("--keys", type=click.Path(exists=True, path_type=Path), help="A file with its JWKS.")
@click.option("--keys-url", default="", help="Where its JWKS is; declare it: careloop destination create.")
@click.option("--backend", "is_backend", is_flag=True, help="It acts for itself, without a user.")
@click.option("--families", "is_for_families", is_flag=True, help="For patients and families.")
@click.option("--staff/--no-staff", "is_for_staff", default=True, show_default=True, help="For staff.")
def app_register(name: str, scopes: tuple[str, ...], keys: Path | None, way: str, **said: Any) -> None:
    """Ask for an app; nothing works before it is approved."""
    _ready()
    from careloop.accounts.smart_apps import BadApp
    from careloop.server.apps import register_app

    try:
        given = json.loads(keys.read_text()) if keys else {}
    except ValueError:
        raise BadApp("Its keys are no JSON.") from None
    way = "keys" if said["is_backend"] else way
    register_app(name=name, scopes=" ".join(" ".join(scopes).split()), keys=given, way=way, **said)


@app.command("approve")
@click.argument("name")
def app_approve(name: str) -> None:
    """Let it ask. NAME: as registered, or its client id."""
    _judge(name, "approved", "")


@app.command("suspend")
@click.argument("name")
@click.option("--why", required=True, help="Who asks for its return reads it.")
def app_suspend(name: str, why: str) -> None:
    """Stop it: whatever it holds ends with its next request."""
    _judge(name, "suspended", why)


@app.command("list")
def app_list() -> None:
    """Names, state, scopes; never a secret."""
    _ready()
    from careloop.server.apps import list_apps

    list_apps()


@app.command("rotate-key")
def app_rotate_key() -> None:
    """A new key signs identity tokens; the one before stays published until the next time."""
    _ready()
    from careloop.server.apps import rotate_key

    rotate_key()


def _judge(name: str, state: str, why: str) -> None:
    _ready()
    from careloop.server.apps import judge_app

    judge_app(name, state, why)


def _ready() -> None:
    from careloop.server.command import ready

    ready()
