"""Who needs a second factor: all staff and partners with an account (TRUST 11).

The one exemption is the demonstration's made-up people, under a flag that `careloop demo` sets and prints, and that
`careloop check --deploy` refuses."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from careloop.accounts import factors, sessions
from careloop.accounts.models import User


def is_exempt(user: User) -> bool:
    """Addresses under .example can belong to nobody (RFC 2606)."""
    return bool(settings.DEMO) and user.email.endswith(".example")


def is_enough(user: User, methods: Sequence[str]) -> bool:
    """Whether she is in with what she showed. Made-up people who set up a factor are asked for it like anyone."""
    if sessions.strength_of(methods) >= 2:
        return True
    return is_exempt(user) and not factors.has_any(user.principal_id)
