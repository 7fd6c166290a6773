"""What happens at the door goes into the audit trail: signing in, failing, factors, devices. Numbers, no names."""

from __future__ import annotations

from django.http import HttpRequest

from careloop.access import Actor, Scope, system_actor
from careloop.accounts.models import User
from careloop.actions.note_event import note
from careloop.web.staff.reader import now_of


def tell(request: HttpRequest, what: str, user: User | None = None) -> None:
    """user: who did it, where nobody was signed in before. What can't be written down is not done (503)."""
    scope = getattr(request, "scope", None)
    if user is not None or scope is None:
        number = request.request_id  # type: ignore[attr-defined]  # set by server.middleware.RequestId
        scope = Scope(_actor(user) if user else system_actor("accounts"), "page", "operations", number)
    note(scope, what, (), now_of(request))


def _actor(user: User) -> Actor:
    return Actor(user.principal_id, "staff", user.name, frozenset(user.roles))
