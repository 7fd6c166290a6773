"""Accounts of staff: invited, changed, disabled, helped in again; by administrators on a page, or by command.

An administrator keeps all accounts but her own; a supervisor invites and keeps those of the people who give care at her
sites. Every act is written down, without names, before it is done: what can't be written down is not done. It ends what
it must (sessions, links).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from careloop.access import Scope, system_actor
from careloop.access.roles import CARE_ROLES, STAFF_ROLES
from careloop.accounts import attempts, factors, sessions, tickets
from careloop.accounts.models import User
from careloop.accounts.tickets import Issued
from careloop.actions.note_event import note
from careloop.actions.record import begin
from careloop.fhir import uris
from careloop.fhir.elements import Resource
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import CareError, Forbidden
from careloop.store import Unit

# Whom a supervisor may invite and help: those who give care, none who has a say over others.
SUPERVISED: Final = (CARE_ROLES | {"advocacy", "volunteer", "biller"}) - {"supervisor"}


class BadAccount(CareError):
    """This account can't be made."""

    code, status = "bad-account", 422


class NameTaken(CareError):
    """There is one with this name already."""

    code, status = "name-taken", 409


class UnknownPlace(CareError):
    """This organization is not in the record."""

    code, status = "unknown-place", 422


class NotYours(Forbidden):
    """You may not change this account."""

    code = "not-your-account"


@dataclass(frozen=True, repr=False)
class Told:
    """Who it is for. sites: Organization ids. on_call: place in line for urgent work, 0 for none."""

    email: str
    name: str
    roles: Sequence[str]
    sites: Sequence[str] = ()
    credentials: str = ""
    zone: str = "America/New_York"
    on_call: int = 0


@dataclass(frozen=True, repr=False)
class Change:
    """What is to change; None or empty: nothing about it. sites and roles replace those before."""

    roles: Sequence[str] = ()
    sites: Sequence[str] = ()
    zone: str | None = None
    on_call: int | None = None
    credentials: str | None = None
    password: str | None = None
    is_enabled: bool = False
    drops_sites: bool = False


@dataclass(frozen=True, repr=False)
class Invited:
    user: User
    link: Issued = field(repr=False)


# --- who may


def may_keep(scope: Scope, roles: Iterable[str], sites: Iterable[str], principal: int | None) -> bool:
    """Whether the actor may keep an account with these roles and sites. principal: whose it is; None for a new one."""
    actor = scope.actor
    if actor.kind == "system":
        return True
    if principal == actor.principal:
        return False
    if "administrator" in actor.roles:
        return True
    own = User.objects.filter(principal=actor.principal).values_list("sites", flat=True).first() or []
    return "supervisor" in actor.roles and set(roles) <= SUPERVISED and bool(sites) and set(sites) <= set(own)


def _must_keep(scope: Scope, user: User) -> None:
    if not may_keep(scope, user.roles, user.sites, user.principal_id):
        raise NotYours


# --- new ones


def create(scope: Scope, told: Told, password: str, now: datetime) -> User:
    """With a password that was said elsewhere; the second factor is set up at the first sign-in.
    Raises BadAccount, NameTaken, UnknownPlace, UnknownZone, NotYours."""
    check_password(password, None, f"{told.name}", told.email)
    user = _add(scope, told, now)
    note(scope, f"account made: {user.principal_id}, {', '.join(user.roles)}", (), now)
    user.set_password(password)
    user.is_active = True
    user.save(update_fields=["password", "is_active"])
    return user


def invite(scope: Scope, told: Told, now: datetime) -> Invited:
    """An account that nobody can use before the link was. Raises as `create`."""
    user = _add(scope, told, now)
    return _invited(scope, user, now)


def invite_again(scope: Scope, user: User, now: datetime) -> Invited:
    """A new link; the one before no longer works. Raises BadAccount for an account that is in use, or was."""
    _must_keep(scope, user)
    if user.is_active or user.has_usable_password():
        raise BadAccount("It was set up already; give a link for a new password.")
    return _invited(scope, user, now)


def _invited(scope: Scope, user: User, now: datetime) -> Invited:
    note(scope, f"account invited: {user.principal_id}, {', '.join(user.roles)}", (), now)
    link = tickets.issue(tickets.INVITE, user.principal_id, scope.actor.principal, now)
    return Invited(user, link)


def _add(scope: Scope, told: Told, now: datetime) -> User:
    """Nobody can use it yet: its number has to be there before the trail can name it."""
    email = told.email.strip()
    check_email(email)
    if not told.name.strip():
        raise BadAccount("Say the name.")
    zone_called(told.zone)
    check_roles(told.roles)
    if User.objects.called(email) is not None:
        raise NameTaken("An account with this e-mail address exists.")
    places = known_organizations(told.sites, now)
    if not may_keep(scope, told.roles, places, None):
        raise NotYours
    practitioner = _practitioner(email, told.name.strip(), told.credentials, now)
    try:
        with transaction.atomic():
            return User.objects.create_user(
                email,
                None,
                told.name.strip(),
                credentials=told.credentials,
                roles=list(told.roles),
                sites=places,
                practitioner=practitioner,
                zone=told.zone,
                on_call_rank=told.on_call,
                is_active=False,
            )
    except IntegrityError as taken:
        raise NameTaken("An account with this e-mail address exists.") from taken


# --- what changes


def change(scope: Scope, user: User, told: Change, now: datetime) -> None:
    """Other roles or sites, and a new password, end what was open. Raises BadAccount, NotYours, UnknownPlace,
    UnknownZone."""
    _must_keep(scope, user)
    if told == Change():
        raise BadAccount("Say what is to change; careloop user change --help names what can be.")
    check_roles(told.roles)
    before = (set(user.roles), set(user.sites))
    user.roles = list(told.roles) or user.roles
    user.sites = [] if told.drops_sites else known_organizations(told.sites, now) or user.sites
    user.zone = zone_called(told.zone).key if told.zone is not None else user.zone
    user.on_call_rank = user.on_call_rank if told.on_call is None else told.on_call
    user.is_active = user.is_active or told.is_enabled
    if told.password is not None:
        check_password(told.password, user)
        user.set_password(told.password)
    if told.credentials is not None:
        user.credentials = told.credentials
    if not may_keep(scope, user.roles, user.sites, user.principal_id):
        raise NotYours
    note(scope, f"account changed: {user.principal_id}, {_changed(told)}", (), now)
    if told.credentials is not None:
        _say_credentials(user.practitioner, told.credentials, now)
    user.save()
    if told.password is not None:
        attempts.forget(attempts.of_email(user.email))
    if told.password is not None or before != (set(user.roles), set(user.sites)):
        sessions.void(user.principal_id, now, "account changed")


def _changed(told: Change) -> str:
    said = {
        "roles": told.roles,
        "sites": told.sites or told.drops_sites,
        "zone": told.zone,
        "on call": told.on_call is not None,
        "credentials": told.credentials is not None,
        "password": told.password,
        "enabled": told.is_enabled,
    }
    return ", ".join(name for name, value in said.items() if value)


def disable(scope: Scope, user: User, now: datetime) -> None:
    """At once: sessions, links and tokens of apps end."""
    _must_keep(scope, user)
    note(scope, f"account disabled: {user.principal_id}", (), now)
    User.objects.filter(pk=user.pk).update(is_active=False)
    sessions.void(user.principal_id, now, "disabled")
    for kind in (tickets.INVITE, tickets.PASSWORD):
        tickets.void(kind, user.principal_id, now)


def end_sessions(scope: Scope, user: User, now: datetime) -> int:
    _must_keep(scope, user)
    note(scope, f"sessions ended: {user.principal_id}", (), now)
    return sessions.end_all(user.principal_id, now, "ended for her")


def new_password_link(scope: Scope, user: User, now: datetime) -> Issued:
    """For somebody who forgot it; her second factor stays and is asked for. Raises BadAccount, NotYours."""
    _must_keep(scope, user)
    if not user.is_active:
        raise BadAccount("It is disabled or was never set up.")
    note(scope, f"password link given: {user.principal_id}", (), now)
    return tickets.issue(tickets.PASSWORD, user.principal_id, scope.actor.principal, now)


def reset_factors(scope: Scope, user: User, now: datetime) -> None:
    """For somebody who lost all of them: she sets up a new one at her next sign-in. Her sessions end."""
    _must_keep(scope, user)
    note(scope, f"second factors reset: {user.principal_id}", (), now)
    factors.remove_all(user.principal_id)
    sessions.void(user.principal_id, now, "factors reset")


# --- what is checked


def check_roles(roles: Sequence[str]) -> None:
    if unknown := set(roles) - STAFF_ROLES:
        raise BadAccount(
            f"Unknown role {', '.join(sorted(unknown))}; known: {', '.join(sorted(STAFF_ROLES))}."
        )


def check_password(password: str, user: User | None, name: str = "", email: str = "") -> None:
    """Raises BadAccount with what is wrong with it."""
    try:
        validate_password(password, user or User(email=email, name=name))
    except ValidationError as weak:
        raise BadAccount(" ".join(weak.messages)) from weak


def check_email(email: str) -> None:
    try:
        validate_email(email if email.strip().isascii() else "")
    except ValidationError as wrong:
        raise BadAccount("This is no e-mail address.") from wrong


def known_organizations(sites: Iterable[str], now: datetime) -> list[str]:
    """Their ids; “Organization/…” is one too. Raises UnknownPlace, which names what there is."""
    ids = list(dict.fromkeys(site.removeprefix("Organization/") for site in sites))
    with _house(now) as unit:
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


# --- the Practitioner behind the account


def _house(now: datetime) -> Unit:
    return begin(Scope(system_actor("accounts"), "command", "operations"), now)


def _practitioner(email: str, name: str, credentials: str, now: datetime) -> str:
    *given, family = name.split()
    resource = {
        "resourceType": "Practitioner",
        "identifier": [{"system": uris.STAFF, "value": email.lower()}],
        "active": True,
        "name": [{"family": family, **({"given": given} if given else {}), "text": name}],
    }
    with _house(now) as unit:
        made = unit.create(
            _credited(resource, credentials), if_none_exist=[("identifier", f"{uris.STAFF}|{email.lower()}")]
        )
        return made.id


def _credited(resource: Resource, credentials: str) -> Resource:
    bare = {key: value for key, value in resource.items() if key != "qualification"}
    return {**bare, **({"qualification": [{"code": {"text": credentials}}]} if credentials else {})}


def _say_credentials(practitioner: str, credentials: str, now: datetime) -> None:
    with _house(now) as unit:
        if practitioner and (found := unit.find("Practitioner", practitioner)):
            unit.update(_credited(found.resource, credentials))
