"""Single sign-on from the command line, and its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

import click

from careloop.access import Scope, system_actor
from careloop.accounts import sealing, sso
from careloop.accounts.models import Destination
from careloop.accounts.sign_in_models import Provider
from careloop.actions.note_event import note
from careloop.connect import outbound
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError, NotFound


class BadProvider(CareError):
    """This provider can't be set up so."""

    code, status = "bad-provider", 422


def fetch(
    method: str, address: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> tuple[int, bytes]:
    """By the one way out: declared, checked, without redirects."""
    scope = Scope(system_actor("accounts"), "page", "operations")
    bounds = outbound.Bounds(seconds=5, bytes=262_144)
    answer = outbound.call(
        scope,
        cast(outbound.Method, method),
        address,
        now=now,
        headers=headers,
        body=body,
        bounds=bounds,
    )
    return answer.status, answer.body


def add_provider(
    name: str,
    *,
    label: str,
    issuer: str,
    client_id: str,
    secret: str,
    domains: Sequence[str],
    proves_twice: bool,
    is_inside: bool,
    is_plain: bool,
) -> None:
    """Declares what it is reached at as destinations. Raises BadProvider."""
    if Provider.objects.filter(name=name).exists():
        raise BadProvider("There is one of this name: careloop sso remove, or choose another name.")
    if not domains:
        raise BadProvider("Name the domains of the e-mail addresses it speaks for: --domain clinic.example.")
    now = system_clock()
    provider = Provider(
        name=name,
        label=label or name,
        issuer=issuer,
        client_id=client_id,
        sealed_secret=sealing.seal(secret) if secret else "",
        domains=sorted({domain.lower().lstrip("@") for domain in domains}),
        proves_twice=proves_twice,
    )
    declared = _declare(name, issuer, now, is_inside=is_inside, is_plain=is_plain)
    try:
        place = sso.discover(provider, fetch, now)
    except CareError as silent:
        Destination.objects.filter(pk=declared).delete()
        raise BadProvider(f"Its own description could not be read at {issuer}: {silent.sentence}") from silent
    for each in (place.token, place.keys):
        _declare(name, each, now, is_inside=is_inside, is_plain=is_plain)
    provider.save()
    note(_scope(), f"sso provider added: {name}", (), now)
    called = ", ".join(
        Destination.objects.filter(name__startswith=f"sso-{name}").values_list("origin", flat=True)
    )
    click.echo(f"Careloop may call {called or 'it already'}.")
    click.echo(f"“{provider.label}” stands on the sign-in page. Register there, exactly so, the address")
    click.echo(f"  https://YOUR-ADDRESS/sign-in/back/{name}")


def _declare(name: str, address: str, now: datetime, *, is_inside: bool, is_plain: bool) -> int:
    """The key of the new destination; 0 where it was declared before."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not is_plain:
        raise BadProvider(f"{address} is not encrypted; use https.")
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    if Destination.objects.filter(origin=origin).exists():
        return 0
    taken = Destination.objects.filter(name__startswith=f"sso-{name}").count()
    made = Destination.objects.create(
        name=f"sso-{name}" + (f"-{taken + 1}" if taken else ""),
        origin=origin,
        is_inside=is_inside,
        is_plain=is_plain,
        created_at=now,
    )
    return made.pk


def list_providers() -> None:
    for one in Provider.objects.order_by("name"):
        state = "on the sign-in page" if one.is_active else "removed"
        twice = "asks for a second factor itself" if one.proves_twice else "our second step follows"
        click.echo(f"{one.name}  {one.issuer}  {', '.join(one.domains)}  {twice}  {state}")


def remove_provider(name: str) -> None:
    """Raises NotFound."""
    if not Provider.objects.filter(name=name).update(is_active=False):
        raise NotFound(f"There is no provider “{name}”.")
    note(_scope(), f"sso provider removed: {name}", (), system_clock())
    click.echo(f"“{name}” lets nobody in any more.")


def _scope() -> Scope:
    return Scope(system_actor("accounts"), "command", "operations")
