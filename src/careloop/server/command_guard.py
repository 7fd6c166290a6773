"""Commands about what may leave, and whether this installation is safe to open; joined to `careloop` by command.py."""

from __future__ import annotations

import click


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


def _ready() -> None:
    from careloop.server.command import ready

    ready()
