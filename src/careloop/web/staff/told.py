"""What happens at the door goes into the audit trail: signing in, failing, factors, devices. Numbers, no names."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from django.http import HttpRequest

from careloop.access import Actor, Scope, system_actor
from careloop.accounts.models import User
from careloop.actions.note_event import note, noted
from careloop.web.staff.reader import now_of


def tell(request: HttpRequest, what: str, user: User | None = None) -> None:
    """user: who did it, where nobody was signed in before. What can't be written down is not done (503)."""
    note(_scope(request, user), what, (), now_of(request))


def telling(request: HttpRequest, user: User | None = None) -> AbstractContextManager[Callable[[str], None]]:
    """What is done inside commits with what is said of it, or not at all."""
    return noted(_scope(request, user), now_of(request))


def _scope(request: HttpRequest, user: User | None) -> Scope:
    scope: Scope | None = getattr(request, "scope", None)
    if user is None and scope is not None:
        return scope
    number = request.request_id  # type: ignore[attr-defined]  # set by server.middleware.RequestId
    return Scope(_actor(user) if user else system_actor("accounts"), "page", "operations", number)


def _actor(user: User) -> Actor:
    return Actor(user.principal_id, "staff", user.name, frozenset(user.roles))
