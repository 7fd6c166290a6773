"""Options that more than one command takes."""

from __future__ import annotations

from collections.abc import Callable

import click


def describes_a_sender(*, is_new: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options that `create` and `change` share; a new one needs its site and its hospital."""
    codes = "repeat for more; CODE= takes one away."
    options = (
        click.option("--site", required=is_new, help="Organization id that new people belong to."),
        click.option("--hospital", required=is_new, help="Organization id of the hospital itself."),
        click.option("--peer", "peers", multiple=True, help="Address or CIDR it may connect from; repeat."),
        click.option("--application", help="What MSH-3 must begin with; any when not given."),
        click.option("--facility", help="What MSH-4 must begin with; any when not given."),
        click.option("--zone", help="Of its times without an offset, e.g. America/Chicago; never guessed."),
        click.option(
            "--disposition", "dispositions", multiple=True, help=f"Its own PV1-36, e.g. HHA=home; {codes}"
        ),
        click.option("--class", "classes", multiple=True, help=f"Its own PV1-2, e.g. P=IMP; {codes}"),
    )

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options
