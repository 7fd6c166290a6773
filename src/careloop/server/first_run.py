"""What is said where Careloop is started while nobody has an account: how to make the first one."""

from __future__ import annotations

import click
from django.conf import settings
from django.db import ProgrammingError

from careloop.actions import set_up
from careloop.kernel.clock import system_clock


def announce(address: str = "") -> None:
    """address: where it answers, when known. Silent once somebody has an account, and for the demonstration."""
    if settings.DEMO:
        return
    try:
        code = set_up.announce(system_clock())
    except ProgrammingError:
        click.echo("The tables are not there yet: run careloop migrate.", err=True)
        return
    if code is not None:
        click.echo(
            f"Nobody has an account yet. Open {address}/set-up and give this code; it works once, for a day:\n"
            f"  {code.token}"
        )
