"""`careloop destination`: the addresses outside that Careloop may call, and nothing else (TRUST 18)."""

from __future__ import annotations

import click

from careloop.accounts.models import Destination
from careloop.connect.origins import parse
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError, NotFound


class BadDestination(CareError):
    """This destination can't be declared."""

    code, status = "bad-destination", 422


def create_destination(name: str, url: str, *, is_inside: bool, is_plain: bool) -> None:
    """Raises BadAddress, BadDestination."""
    target = parse(url)
    if target.path != "/":
        raise BadDestination(f"Give the server alone, without what stands behind it: {target.origin}")
    if target.scheme == "http" and not is_plain:
        raise BadDestination(
            "It is not encrypted. Use https, or say --plain when the way there is protected."
        )
    if (
        Destination.objects.filter(name=name).exists()
        or Destination.objects.filter(origin=target.origin).exists()
    ):
        raise BadDestination("There is one of this name or address already: careloop destination list.")
    Destination.objects.create(
        name=name, origin=target.origin, is_inside=is_inside, is_plain=is_plain, created_at=system_clock()
    )
    click.echo(f"Careloop may call {target.origin} from now on, as “{name}”.")


def list_destinations() -> None:
    found = Destination.objects.order_by("name")
    click.echo("\n".join(map(_said, found)) or "Careloop calls nobody: careloop destination create --help.")


def _said(one: Destination) -> str:
    how = [word for word, is_so in (("inside", one.is_inside), ("not encrypted", one.is_plain)) if is_so]
    state = "may be called" if one.is_active else "disabled"
    if one.trouble and one.trouble_at:
        state += f"; error since {one.trouble_at:%Y-%m-%d %H:%M} UTC: {one.trouble}"
    return f"{one.name}  {one.origin}  {', '.join([*how, state])}"


def change_destination(name: str, *, is_active: bool) -> None:
    """Raises NotFound."""
    if not Destination.objects.filter(name=name).update(is_active=is_active, trouble="", trouble_at=None):
        raise NotFound(f"There is no destination “{name}”.")
    click.echo(f"“{name}” {'may be called again' if is_active else 'is no longer called, from now on'}.")
