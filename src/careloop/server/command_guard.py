"""Commands about what may leave, and whether this installation is safe to open; joined to `careloop` by command.py."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from careloop.server.checks import Place


@click.group()
def destination() -> None:
    """Addresses outside that Careloop may call; it calls no other."""


@destination.command("create")
@click.argument("name")
@click.argument("origin")
@click.option(
    "--inside", "is_inside", is_flag=True, help="It lies in your own network (private or loopback)."
)
@click.option("--plain", "is_plain", is_flag=True, help="Without TLS: only where the way there is protected.")
def destination_create(name: str, origin: str, is_inside: bool, is_plain: bool) -> None:
    """Declare a server, e.g. careloop destination create payer https://fhir.payer.example."""
    _ready()
    from careloop.server.destinations import create_destination

    create_destination(name, origin, is_inside=is_inside, is_plain=is_plain)


@destination.command("list")
def destination_list() -> None:
    """Which there are, and what went wrong last."""
    _ready()
    from careloop.server.destinations import list_destinations

    list_destinations()


@destination.command("disable")
@click.argument("name")
def destination_disable(name: str) -> None:
    """Call it no longer."""
    _ready()
    from careloop.server.destinations import change_destination

    change_destination(name, is_active=False)


@destination.command("enable")
@click.argument("name")
def destination_enable(name: str) -> None:
    """Call it again, after it was disabled or in trouble."""
    _ready()
    from careloop.server.destinations import change_destination

    change_destination(name, is_active=True)


@click.command()
@click.option("--deploy", is_flag=True, help="Look at what must be right before real people are in it.")
@click.option(
    "--hl7-host", default="127.0.0.1", show_default=True, help="Where the MLLP listener will listen."
)
@click.option("--hl7-port", default=0, help="Its port, when there will be one.")
def check(deploy: bool, hl7_host: str, hl7_port: int) -> None:
    """Look whether this installation is well; with --deploy, whether it is safe to open."""
    _ready()
    from careloop.server import checks

    asked = checks.CHECKS if deploy else (checks.migrations, checks.consents_read, checks.heads_writable)
    found = checks.findings(here((hl7_host, hl7_port)), asked)
    if found:
        click.echo(checks.told(found), err=True)
        click.echo(f"{len(found)} to put right. What each means: docs/security/deploy.md", err=True)
        sys.exit(1)
    click.echo(
        "Nothing to put right." if deploy else "All is well. Before real people: careloop check --deploy"
    )


def here(hl7: tuple[str, int]) -> Place:
    """This installation, as its settings and its environment say now."""
    from django.conf import settings

    from careloop.kernel.clock import system_clock
    from careloop.server.checks import Place

    return Place(settings, os.environ, system_clock(), hl7)


def refuse_unsafe(hl7: tuple[str, int]) -> None:
    """With CARELOOP_ENV=production nothing starts that is not safe to open. Raises NotSafe."""
    if os.environ.get("CARELOOP_ENV") == "production":
        from careloop.server import checks

        checks.refuse_unsafe(here(hl7))


def _ready() -> None:
    from careloop.server.command import ready

    ready()
