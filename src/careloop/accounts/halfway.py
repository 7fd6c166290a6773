"""Between the password and the second factor: nobody is signed in yet, the session only remembers who is on the way.

Ends after ten minutes, and with anything that changes the account in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib.auth import login
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from careloop.accounts import second_step, sessions
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import SignedIn

KEY: Final = "halfway"
LASTS: Final = timedelta(minutes=10)
BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


@dataclass(frozen=True)
class Halfway:
    """methods: what was shown so far. onward: where she wanted to go."""

    user: User
    methods: tuple[str, ...]
    onward: str


def begin(request: HttpRequest, user: User, methods: Sequence[str], onward: str, now: datetime) -> None:
    sessions.leave(request, now)
    request.session[KEY] = {
        "user": user.pk,
        "account": user.get_session_auth_hash(),
        "methods": list(methods),
        "onward": onward,
        "until": (now + LASTS).timestamp(),
    }


def of(request: HttpRequest, now: datetime) -> Halfway | None:
    said = request.session.get(KEY)
    if not said or now > datetime.fromtimestamp(said["until"], UTC):
        return None
    user = User.objects.select_related("principal").filter(pk=said["user"], is_active=True).first()
    if user is None or not constant_time_compare(said["account"], user.get_session_auth_hash()):
        return None
    return Halfway(user, tuple(said["methods"]), said["onward"])


def enter(request: HttpRequest, user: User, methods: Sequence[str], now: datetime) -> SignedIn | None:
    """Signs in when that is enough; None when a second factor is still to come. Nothing of the session before stays."""
    if not second_step.is_enough(user, methods):
        return None
    sessions.leave(request, now)
    login(request, user, backend=BACKEND)
    return sessions.begin(request, user.principal_id, methods, now)
