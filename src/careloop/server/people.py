"""Accounts from the command line: members of staff and API clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import click
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from careloop.access import Scope, SmartScope, system_actor
from careloop.access.policy import STAFF_ROLES
from careloop.accounts.models import ApiClient, User
from careloop.actions.record import begin
from careloop.fhir import uris
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError, Conflict


class BadAccount(CareError):
    """This account can't be made."""

    code, status = "bad-account", 422


def create_client(name: str, scopes: Sequence[str], days: int) -> None:
    parsed = [SmartScope.parse(text) for chunk in scopes for text in chunk.split()]
    if ApiClient.objects.filter(name=name).exists():
        raise Conflict(f"There is a client “{name}” already; revoke it or choose another name.")
    now = system_clock()
    with transaction.atomic():
        _, token = ApiClient.issue(name, " ".join(map(str, parsed)), now, now + timedelta(days=days))
    click.echo(f"Bearer token of “{name}”, shown once:\n{token}")


def list_clients() -> None:
    for client in ApiClient.objects.order_by("name"):
        state = "active" if client.is_active else "revoked"
        click.echo(f"{client.name}  {state}  until {client.expires_at:%Y-%m-%d}  {client.scopes}")


def revoke_client(name: str) -> None:
    changed = ApiClient.objects.filter(name=name).update(is_active=False)
    click.echo(f"“{name}” may no longer call." if changed else f"There is no client “{name}”.")


def create_user(
    email: str,
    name: str,
    roles: Sequence[str],
    sites: Sequence[str],
    credentials: str,
    password: str,
    *,
    zone: str = "America/New_York",
    on_call: int = 0,
) -> None:
    """on_call: the place in line for urgent work, 0 for none. Raises BadAccount, Conflict, UnknownZone."""
    zone_called(zone)
    if unknown := set(roles) - STAFF_ROLES:
        raise BadAccount(
            f"Unknown role {', '.join(sorted(unknown))}; known: {', '.join(sorted(STAFF_ROLES))}."
        )
    if User.objects.filter(email__iexact=email).exists():
        raise Conflict(f"{email} has an account already.")
    try:
        validate_password(password)
    except ValidationError as weak:
        raise BadAccount(" ".join(weak.messages)) from weak
    practitioner = _practitioner(email, name, credentials)
    with transaction.atomic():
        User.objects.create_user(
            email,
            password,
            name,
            credentials=credentials,
            roles=list(roles),
            sites=list(sites),
            practitioner=practitioner,
            zone=zone,
            on_call_rank=on_call,
        )
    click.echo(f"{name} may sign in as {email}.")


def _practitioner(email: str, name: str, credentials: str) -> str:
    *given, family = name.split()
    resource = {
        "resourceType": "Practitioner",
        "identifier": [{"system": uris.STAFF, "value": email.lower()}],
        "active": True,
        "name": [{"family": family, **({"given": given} if given else {}), "text": name}],
    }
    if credentials:
        resource["qualification"] = [{"code": {"text": credentials}}]
    scope = Scope(system_actor("accounts"), "command", "operations")
    with begin(scope, system_clock()) as unit:
        return unit.create(resource, if_none_exist=[("identifier", f"{uris.STAFF}|{email.lower()}")]).id


def list_users() -> None:
    for user in User.objects.order_by("email"):
        state = "" if user.is_active else "  disabled"
        click.echo(f"{user.email}  {user}  {', '.join(user.roles)}{state}")


def disable_user(email: str) -> None:
    """A disabled account's sessions end with their next request: the sign-in backend answers nobody for them."""
    changed = User.objects.filter(email__iexact=email).update(is_active=False)
    click.echo(f"{email} can no longer sign in." if changed else f"There is no account {email}.")
