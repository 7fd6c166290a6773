"""Accounts from the command line: members of staff and API clients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import click
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from careloop.access import Scope, SmartScope, system_actor
from careloop.access.policy import CARE_ROLES, STAFF_ROLES
from careloop.accounts import attempts
from careloop.accounts.models import ApiClient, User
from careloop.actions.record import begin
from careloop.fhir import uris
from careloop.fhir.elements import Resource
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError, NotFound
from careloop.store import Unit


class BadAccount(CareError):
    """This account can't be made."""

    code, status = "bad-account", 422


class NameTaken(CareError):
    """There is one with this name already."""

    code, status = "name-taken", 409


class UnknownPlace(CareError):
    """This organization is not in the record."""

    code, status = "unknown-place", 422


def create_client(name: str, scopes: Sequence[str], days: int) -> None:
    parsed = [SmartScope.parse(text) for chunk in scopes for text in chunk.split()]
    if ApiClient.objects.filter(name=name).exists():
        raise NameTaken(f"Choose another name for the client than “{name}”; a revoked one keeps its own.")
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
    """on_call: the place in line for urgent work, 0 for none.
    Raises BadAccount, NameTaken, UnknownPlace, UnknownZone."""
    zone_called(zone)
    _check_roles(roles)
    if User.objects.filter(email__iexact=email).exists():
        raise NameTaken(f"careloop user change {email} changes it.")
    _check_password(password)
    places = known_organizations(sites)
    practitioner = _practitioner(email, name, credentials)
    with transaction.atomic():
        User.objects.create_user(
            email,
            password,
            name,
            credentials=credentials,
            roles=list(roles),
            sites=places,
            practitioner=practitioner,
            zone=zone,
            on_call_rank=on_call,
        )
    click.echo(f"{name} may sign in as {email}.")
    if not places and CARE_ROLES & set(roles):
        click.echo(f"Without a site {name} sees nobody: careloop user change {email} --site ORGANIZATION-ID.")


@dataclass(frozen=True, repr=False)
class Change:
    """What the operator said; None or empty: nothing about it. sites and roles replace those before."""

    roles: Sequence[str] = ()
    sites: Sequence[str] = ()
    zone: str | None = None
    on_call: int | None = None
    credentials: str | None = None
    password: str | None = None
    is_enabled: bool = False


def change_user(email: str, told: Change) -> None:
    """A new password ends the sessions that were open, and whatever wait too many tries had brought.
    Raises BadAccount, NotFound, UnknownPlace, UnknownZone."""
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise NotFound(f"There is no account {email}; careloop user list names them.")
    if told == Change():
        raise BadAccount("Say what is to change; careloop user change --help names what can be.")
    _check_roles(told.roles)
    user.roles = list(told.roles) or user.roles
    user.sites = known_organizations(told.sites) or user.sites
    user.zone = zone_called(told.zone).key if told.zone is not None else user.zone
    user.on_call_rank = user.on_call_rank if told.on_call is None else told.on_call
    user.is_active = user.is_active or told.is_enabled
    if told.password is not None:
        _check_password(told.password)
        user.set_password(told.password)
    if told.credentials is not None:
        user.credentials = told.credentials
        _say_credentials(user.practitioner, told.credentials)
    user.save()
    if told.password is not None:
        attempts.forget(user.email)
    click.echo(f"Changed.\n{_said(user)}")


def known_organizations(sites: Iterable[str]) -> list[str]:
    """Their ids; “Organization/…” is one too. Raises UnknownPlace, which names what there is."""
    ids = list(dict.fromkeys(site.removeprefix("Organization/") for site in sites))
    with _house() as unit:
        for each in ids:
            if unit.find("Organization", each) is None:
                raise UnknownPlace(f"“{each}” is none. {_organizations(unit)}")
    return ids


def _organizations(unit: Unit) -> str:
    page = unit.search("Organization", [("_sort", "name"), ("_count", "20")])
    there = [f"{each.id} ({each.resource.get('name', 'without a name')})" for each in page.entries]
    if not there:
        return "There is no Organization yet: bring them in with careloop import fhir FILE."
    more = " and more" if page.next else ""
    return f"There are {', '.join(there)}{more}; careloop import fhir FILE brings in others."


def _check_roles(roles: Sequence[str]) -> None:
    if unknown := set(roles) - STAFF_ROLES:
        raise BadAccount(
            f"Unknown role {', '.join(sorted(unknown))}; known: {', '.join(sorted(STAFF_ROLES))}."
        )


def _check_password(password: str) -> None:
    try:
        validate_password(password)
    except ValidationError as weak:
        raise BadAccount(" ".join(weak.messages)) from weak


def _house() -> Unit:
    return begin(Scope(system_actor("accounts"), "command", "operations"), system_clock())


def _practitioner(email: str, name: str, credentials: str) -> str:
    *given, family = name.split()
    resource = {
        "resourceType": "Practitioner",
        "identifier": [{"system": uris.STAFF, "value": email.lower()}],
        "active": True,
        "name": [{"family": family, **({"given": given} if given else {}), "text": name}],
    }
    with _house() as unit:
        made = unit.create(
            _credited(resource, credentials), if_none_exist=[("identifier", f"{uris.STAFF}|{email.lower()}")]
        )
        return made.id


def _credited(resource: Resource, credentials: str) -> Resource:
    bare = {key: value for key, value in resource.items() if key != "qualification"}
    return {**bare, **({"qualification": [{"code": {"text": credentials}}]} if credentials else {})}


def _say_credentials(practitioner: str, credentials: str) -> None:
    with _house() as unit:
        if practitioner and (found := unit.find("Practitioner", practitioner)):
            unit.update(_credited(found.resource, credentials))


def list_users() -> None:
    for user in User.objects.order_by("email"):
        click.echo(_said(user))


def _said(user: User) -> str:
    told = [user.email, str(user), ", ".join(user.roles), ", ".join(user.sites) or "no site", user.zone]
    told += [f"on call {user.on_call_rank}"] if user.on_call_rank else []
    return "  ".join(told + ([] if user.is_active else ["disabled"]))


def disable_user(email: str) -> None:
    """A disabled account's sessions end with their next request: the sign-in backend answers nobody for them."""
    changed = User.objects.filter(email__iexact=email).update(is_active=False)
    click.echo(f"{email} can no longer sign in." if changed else f"There is no account {email}.")
