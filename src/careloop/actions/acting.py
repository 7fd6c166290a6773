"""From a principal to the actor that the policy judges, for what is asked in somebody's name without her browser: an
app's token. Read anew each time, so that a disabled account or an ended share counts with the next request."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from careloop.access import Actor, SmartScope
from careloop.access.smart_scope import read_scopes
from careloop.accounts import family_accounts, smart_tokens
from careloop.accounts.models import User
from careloop.accounts.smart_models import App
from careloop.accounts.smart_tokens import Held
from careloop.actions.family_actor import family_of
from careloop.actions.staff_actor import staff_actor
from careloop.kernel.errors import Unauthenticated


def actor_of_principal(principal: int, now: datetime) -> Actor | None:
    """None for an account that is disabled or closed, and for what is no person's account."""
    user = User.objects.filter(principal=principal, is_active=True).first()
    if user is not None:
        return staff_actor(user, now)
    family = family_of(principal, now)
    return family.actor if family is not None else None


def fhir_user_of(principal: int) -> str:
    """`Practitioner/…` of a member of staff, `Patient/…` or `RelatedPerson/…` of somebody at the family's door; empty
    where the record does not know her."""
    user = User.objects.filter(principal=principal, is_active=True).first()
    if user is not None:
        return f"Practitioner/{user.practitioner}" if user.practitioner else ""
    account = family_accounts.of_principal(principal)
    known = family_accounts.references_of(account) if account is not None else ()
    return next((own for own in known if own.startswith("Patient/")), next(iter(known), ""))


def actor_of_app_token(text: str, now: datetime) -> Actor:
    """Whom this access token stands for, today: her roles and grants are read anew, and the app's scopes only narrow
    them. Raises Unauthenticated, the same for every reason."""
    held = smart_tokens.held(text, now)
    found = None if held is None else _actor(held, now)
    if found is None:
        raise Unauthenticated("The bearer token is missing, unknown, expired or revoked.")
    return found


def _actor(held: Held, now: datetime) -> Actor | None:
    scopes = _resources(held.scopes)
    if not held.principal:
        return replace(_program(held.app, held.app_name), scopes=scopes)
    user = _acting_for(held, now)
    if user is None:
        return None
    return replace(user, app=held.app, scopes=scopes, context=held.person or None)


def _acting_for(held: Held, now: datetime) -> Actor | None:
    if held.user is not None:
        return staff_actor(held.user, now)
    family = family_of(held.principal, now)
    return family.actor if family is not None else None


@lru_cache(maxsize=500)
def _resources(scopes: str) -> tuple[SmartScope, ...]:
    return read_scopes(scopes).resources


def actor_of_app(app: App) -> Actor:
    """The program itself, for what it does on its own account."""
    return _program(app.principal_id, app.name)


def _program(principal: int, name: str) -> Actor:
    return Actor(principal=principal, kind="client", name=name)
