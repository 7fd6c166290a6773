"""From a principal to the actor that the policy judges, for what is asked in somebody's name without her browser: an
app's token. Read anew each time, so that a disabled account or an ended share counts with the next request."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from careloop.access import Actor
from careloop.access.smart_scope import read_scopes
from careloop.accounts import family_accounts, smart_tokens
from careloop.accounts.models import User
from careloop.accounts.smart_models import AccessToken, App
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
    held = smart_tokens.look(text, now)
    found = None if held is None else _actor(held, now)
    if found is None:
        raise Unauthenticated("The bearer token is missing, unknown, expired or revoked.")
    return found


def _actor(held: AccessToken, now: datetime) -> Actor | None:
    scopes = read_scopes(held.scopes).resources
    if held.authorization is None:
        return replace(actor_of_app(held.app), scopes=scopes)
    grant = held.authorization.grant
    user = actor_of_principal(grant.principal, now)
    if user is None:
        return None
    return replace(user, app=held.app.principal_id, scopes=scopes, context=grant.person or None)


def actor_of_app(app: App) -> Actor:
    """The program itself, for what it does on its own account."""
    return Actor(principal=app.principal_id, kind="client", name=app.name)
