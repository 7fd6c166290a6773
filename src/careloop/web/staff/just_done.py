"""What was done in the last ten minutes and can be taken back. Kept in the session; no names of people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.http import HttpRequest

from careloop.actions.undo import WITHIN

KEY, SALT, MOST = "just_done", "careloop.undo", 8


@dataclass(frozen=True)
class Done:
    said: str
    change: str
    at: datetime


def signed(request: HttpRequest, token: str) -> str:
    """What the page carries: only the one who did it may take it back."""
    actor: Any = getattr(request, "actor", None)
    return signing.dumps([actor.principal, token], salt=SALT, compress=True) if token else ""


def opened(request: HttpRequest, change: str) -> str:
    """The token; empty for a stranger's, an old or a made-up one."""
    actor: Any = getattr(request, "actor", None)
    try:
        principal, token = signing.loads(change, salt=SALT, max_age=WITHIN + timedelta(minutes=1))
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(token) if principal == actor.principal else ""


def remember(request: HttpRequest, said: str, change: str, now: datetime) -> None:
    kept = [[said, change, now.isoformat()], *request.session.get(KEY, [])]
    request.session[KEY] = kept[:MOST]


def forget(request: HttpRequest, change: str) -> None:
    request.session[KEY] = [each for each in request.session.get(KEY, []) if each[1] != change]


def recent(request: HttpRequest, now: datetime) -> list[Done]:
    found = [
        Done(said, change, datetime.fromisoformat(at)) for said, change, at in request.session.get(KEY, [])
    ]
    return [done for done in found if now - done.at < WITHIN]
