"""Links and codes that work once, for one purpose, for a short time. Looking never consumes; using is one statement,
so that of two who use it at once one is refused (TRUST 14).

The second check goes another way than the link: six digits that whoever invites says aloud.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.hashers import check_password, make_password

from careloop.accounts import attempts, tokens
from careloop.accounts.sign_in_models import Spent, Ticket
from careloop.kernel.errors import CareError

INVITE, PASSWORD, SET_UP = "invite", "password", "set-up"
LASTS: Final = {INVITE: timedelta(days=7), PASSWORD: timedelta(hours=24), SET_UP: timedelta(days=1)}


class NoLongerWorks(CareError):
    """This link no longer works."""

    code, status, issue_type = "no-longer-works", 410, "expired"


@dataclass(frozen=True)
class Issued:
    """Shown once: token goes into the link, spoken is said aloud."""

    token: str = field(repr=False)
    spoken: str = field(repr=False)
    until: datetime


def issue(kind: str, principal: int | None, by: int, now: datetime) -> Issued:
    """Earlier ones of this kind for this principal no longer work."""
    void(kind, principal, now)
    token, kept = tokens.fresh()
    spoken = f"{secrets.randbelow(10**6):06d}"
    until = now + LASTS[kind]
    Ticket.objects.create(
        kind=kind,
        token_hash=kept,
        spoken_hash=make_password(spoken),
        principal_id=principal,
        made_by=by,
        made_at=now,
        until=until,
    )
    return Issued(token, spoken, until)


def void(kind: str, principal: int | None, now: datetime) -> None:
    Ticket.objects.filter(kind=kind, principal=principal, used_at=None).update(used_at=now)


def look(kind: str, token: str, now: datetime) -> Ticket:
    """Raises NoLongerWorks: unknown, used, void and late are the same."""
    rows = Ticket.objects.filter(kind=kind, token_hash=tokens.digest(token), used_at=None, until__gt=now)
    found = rows.first()
    if found is None:
        raise NoLongerWorks
    return found


def is_spoken(ticket: Ticket, typed: str, now: datetime) -> tuple[bool, int]:
    """Whether these are the six digits that were said; and seconds to wait after too many tries."""
    who = f"spoken:{ticket.pk}"
    if wait := attempts.take(who, now):
        return False, wait
    digits = "".join(each for each in typed if each.isascii() and each.isdecimal())
    if not check_password(digits, ticket.spoken_hash):
        return False, 0
    attempts.forget(who)
    return True, 0


def use(ticket: Ticket, now: datetime) -> None:
    """Once. Raises NoLongerWorks for whoever comes second."""
    if not Ticket.objects.filter(pk=ticket.pk, used_at=None, until__gt=now).update(used_at=now):
        raise NoLongerWorks


def open_for(kind: str, principals: list[int], now: datetime) -> dict[int, datetime]:
    """Who has one that still works, and until when."""
    rows = Ticket.objects.filter(kind=kind, principal__in=principals, used_at=None, until__gt=now)
    return dict(rows.values_list("principal_id", "until"))


def spend(text: str, until: datetime) -> bool:
    """Marks a challenge or a state as used, in all processes; False when it was before."""
    _, is_new = Spent.objects.get_or_create(digest=tokens.digest(text), defaults={"until": until})
    return is_new


def purge(now: datetime) -> int:
    """What is stale: nothing of it could be used again anyway."""
    gone = Spent.objects.filter(until__lt=now).delete()[0]
    return gone + Ticket.objects.filter(until__lt=now - timedelta(days=90)).delete()[0]
