"""`careloop protocols`: which are there, a dry run over everybody, on and off; joined to `careloop` by command.py."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import click


@click.group()
def protocols() -> None:
    """Monitoring protocols: tried over everybody, switched on and off."""


@protocols.command("list")
def protocols_list() -> None:
    """Each with whether it is on, and whether somebody answers for it."""
    _ready()
    from careloop import library
    from careloop.actions.protocols_on import those_on

    content = library.load()
    switches = _switches()
    on = those_on(switches, content)
    for protocol in content.protocols.values():
        state = "off" if protocol.id not in on else "on"
        review = on[protocol.id].review if protocol.id in on else protocol.review
        said = f"reviewed, {review.owner}" if review else "not reviewed: it only proposes"
        click.echo(f"{protocol.id:<28} {state:<4} {said}")


@protocols.command("dry-run")
@click.argument("protocol")
@click.option("--days", type=click.IntRange(1, 400), default=90, show_default=True)
@click.option("--list", "is_listed", is_flag=True, help="The people too, by reference.")
def protocols_dry_run(protocol: str, days: int, is_listed: bool) -> None:
    """What it would have said in the last days, over everybody. Changes nothing."""
    _ready()
    from careloop import library
    from careloop.actions.dry_run_protocol import dry_run
    from careloop.kernel.clock import system_clock

    began = time.monotonic()
    found = dry_run(
        _scope(), protocol, library.load(), system_clock(), days=days, listed=1_000_000 if is_listed else 0
    )
    took = time.monotonic() - began
    click.echo(
        f"{protocol}: would have fired for {found.people} people, {found.times} times in {days} days "
        f"(looked at {found.looked} in {took:.1f} s)"
    )
    for branch, count in found.branches.most_common():
        click.echo(f"  {branch}: {count} people")
    for would in found.listed:
        click.echo(f"  {would.reference} {would.fired[-1].at:%Y-%m-%d} {would.fired[-1].branch}")


@protocols.command("on")
@click.argument("protocol")
@click.option("--because", required=True, help="Why; it is kept.")
@click.option(
    "--review",
    "review",
    help="JSON: owner, approved, days [mon…], opens, closes, path (next-opening, on-call), after_hours {en, es}.",
)
def protocols_on(protocol: str, because: str, review: str | None) -> None:
    """Switch it on for the whole house. Without a review it proposes, and pages nobody."""
    _ready()
    _switch(protocol, because, is_on=True, review=_read(review))


@protocols.command("off")
@click.argument("protocol")
@click.option("--because", required=True, help="Why; it is kept.")
def protocols_off(protocol: str, because: str) -> None:
    """Switch it off. What it raised before stays open."""
    _ready()
    _switch(protocol, because, is_on=False, review=None)


def _read(review: str | None) -> Mapping[str, Any] | None:
    if review is None:
        return None
    try:
        found = json.loads(review)
    except ValueError:
        sys.exit("The review is no JSON.")
    from careloop.kernel.clock import system_clock

    today = system_clock().date().isoformat()
    return {"approved": today, **found} if isinstance(found, dict) else {}


def _switch(protocol: str, because: str, *, is_on: bool, review: Mapping[str, Any] | None) -> None:
    from careloop import library
    from careloop.actions.switch_protocol import switch_protocol
    from careloop.kernel.clock import system_clock
    from careloop.kernel.errors import CareError
    from careloop.library.reviewing import review_from

    given = review_from(review)
    if review is not None and given is None:
        sys.exit(
            "The review is not whole: owner, days, opens, closes, path, after_hours in English and Spanish."
        )
    try:
        switch_protocol(
            _scope(),
            protocol,
            is_on=is_on,
            because=because,
            library=library.load(),
            now=system_clock(),
            review=given,
        )
    except CareError as refused:
        sys.exit(str(refused) or (type(refused).__doc__ or "").strip())
    click.echo(f"{protocol} is {'on' if is_on else 'off'}.")


def _switches() -> Any:
    from careloop import store
    from careloop.actions.switch_protocol import switches
    from careloop.kernel.clock import system_clock

    with store.open(_scope(), now=system_clock()) as unit:
        return switches(unit)


def _scope() -> Any:
    from careloop.access import Scope, system_actor

    return Scope(system_actor("rebuild"), "command", "operations")


def _ready() -> None:
    from careloop.server.command import ready

    ready()
