"""Accounts from the command line: members of staff and API clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import click
from django.db import transaction

from careloop.access import Scope, SmartScope, system_actor
from careloop.access.roles import CARE_ROLES
from careloop.accounts import sessions
from careloop.accounts.models import ApiClient, User
from careloop.accounts.tickets import INVITE, Issued, open_for
from careloop.actions import keep_accounts
from careloop.actions.keep_accounts import BadAccount, Change, NameTaken, Told, UnknownPlace
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import NotFound

__all__ = ["BadAccount", "Change", "NameTaken", "Told", "UnknownPlace"]


def _scope() -> Scope:
    return Scope(system_actor("accounts"), "command", "operations")


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
    told = Told(email, name, roles, sites, credentials, zone, on_call)
    user = keep_accounts.create(_scope(), told, password, system_clock())
    click.echo(f"{name} may sign in as {user.email}, and sets up a second factor then.")
    _warn_without_site(user)


def invite_user(told: Told, address: str) -> None:
    """address: where Careloop answers, for the link. Raises as create_user."""
    invited = keep_accounts.invite(_scope(), told, system_clock())
    click.echo(_letter(invited.user.name, f"{address.rstrip('/')}/join/{invited.link.token}", invited.link))
    _warn_without_site(invited.user)


def _warn_without_site(user: User) -> None:
    if not user.sites and CARE_ROLES & set(user.roles):
        click.echo(
            f"Without a site {user.name} sees nobody: careloop user change {user.email} --site ORGANIZATION-ID."
        )


def _letter(name: str, link: str, issued: Issued) -> str:
    return (
        f"Send {name} this link, which works once, until {issued.until:%Y-%m-%d %H:%M} UTC:\n  {link}\n"
        f"Say these digits to {name} yourself, in person or by phone; never in the same letter:\n  {issued.spoken}"
    )


def change_user(email: str, told: Change) -> None:
    """A new password, other roles and other sites end the sessions that were open; a password also whatever wait too
    many tries had brought. Raises BadAccount, NotFound, UnknownPlace, UnknownZone."""
    user = _called(email)
    keep_accounts.change(_scope(), user, told, system_clock())
    click.echo(f"Changed.\n{_said(user, system_clock())}")


def _called(email: str) -> User:
    user = User.objects.called(email)
    if user is None:
        raise NotFound(f"There is no account {email}; careloop user list names them.")
    return user


def link_user(email: str, address: str) -> None:
    """A new link for somebody who forgot the password, or whose invitation ran out."""
    user, now = _called(email), system_clock()
    if user.is_active:
        issued, page = keep_accounts.new_password_link(_scope(), user, now), "new-password"
    else:
        issued, page = keep_accounts.invite_again(_scope(), user, now).link, "join"
    click.echo(_letter(user.name, f"{address.rstrip('/')}/{page}/{issued.token}", issued))


def reset_factors(email: str) -> None:
    user = _called(email)
    keep_accounts.reset_factors(_scope(), user, system_clock())
    click.echo(f"{user.name} sets up a new second factor at the next sign-in; all sessions ended.")


def list_users() -> None:
    now = system_clock()
    for user in User.objects.order_by("email"):
        click.echo(_said(user, now))


def _said(user: User, now: datetime) -> str:
    told = [user.email, str(user), ", ".join(user.roles), ", ".join(user.sites) or "no site", user.zone]
    told += [f"on call {user.on_call_rank}"] if user.on_call_rank else []
    if at := sessions.last_seen([user.principal_id]).get(user.principal_id):
        told.append(f"last seen {at:%Y-%m-%d %H:%M} UTC")
    return "  ".join(told + ([] if user.is_active else [_why_not(user, now)]))


def _why_not(user: User, now: datetime) -> str:
    if until := open_for(INVITE, [user.principal_id], now).get(user.principal_id):
        return f"invited until {until:%Y-%m-%d}"
    return "disabled" if user.has_usable_password() else "invitation ran out"


def disable_user(email: str) -> None:
    """Sessions, links and tokens of apps end at once."""
    user = User.objects.called(email)
    if user is not None:
        keep_accounts.disable(_scope(), user, system_clock())
    click.echo(f"{email} can no longer sign in." if user else f"There is no account {email}.")
