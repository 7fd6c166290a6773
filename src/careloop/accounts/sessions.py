"""Sessions of whoever signs in: staff, partners, patients and families. One row each, looked at on every request.

The browser's cookie names a Django session; that session names the row here, and the row decides. So ending it works
from anywhere, at once: the device list, a new password, a disabled account, another process.
Idle 15 minutes, 12 hours at most (settings); looking without a hand on the page (polling) never extends it (TRUST 12).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest

from careloop.accounts import devices
from careloop.accounts.sign_in_models import SignedIn, Standing

KEY: Final = "signed-in"
# `seen` is written this often at most: pages come in bursts.
SEEN_EVERY: Final = timedelta(seconds=30)
SKEW: Final = timedelta(minutes=5)  # between two machines

# What counts as one factor each; a passkey that verified its owner is two (something she has, and is or knows).
TWICE: Final = frozenset({"passkey", "sso-twice"})
SECOND: Final = frozenset({"totp", "recovery", "passkey", "sso-twice"})

IDLE, ABSOLUTE, GONE = "idle", "absolute", "gone"


def strength_of(methods: Sequence[str]) -> int:
    return 2 if TWICE & set(methods) or len(set(methods)) > 1 else 1


def begin(request: HttpRequest, principal: int, methods: Sequence[str], now: datetime) -> SignedIn:
    """From now on this browser's session is this principal's. Its key changes, so that one who knew the old one (from
    before she signed in) knows nothing. methods: password, totp, passkey, recovery, sso, sso-twice, code.
    A page of the family needs nothing else; staff are also known to Django (`login` before this)."""
    device = devices.hash_of(request)
    others = SignedIn.objects.filter(principal=principal)
    is_new = others.exists() and not others.filter(device_hash=device).exists()
    request.session.cycle_key()
    row = SignedIn.objects.create(
        id=secrets.token_hex(16),
        principal_id=principal,
        began=now,
        seen=now,
        device=devices.words_of(request.headers.get("User-Agent", "")),
        device_hash=device,
        is_new_device=is_new,
        methods=" ".join(methods),
        strength=strength_of(methods),
        proved_at=now if SECOND & set(methods) else None,
    )
    request.session[KEY] = row.id
    request.signed_in = row  # type: ignore[attr-defined]  # as server.middleware sets it on the next request
    return row


def look(id: str, now: datetime, *, is_polling: bool) -> tuple[SignedIn | None, str]:
    """The session, if it still counts, else why not: idle, absolute or gone. Ends what ran out; extends what did not,
    unless the page only polls."""
    row = SignedIn.objects.select_related("principal").filter(pk=id, ended=None).first()
    if row is None:
        return None, GONE
    if why := over(row.began, row.seen, now):
        end(row.id, now, why)
        return None, why
    if not is_polling and now - row.seen > SEEN_EVERY:
        SignedIn.objects.filter(pk=row.id, ended=None, seen__lt=now).update(seen=now)
        row.seen = now
    return row, ""


def over(began: datetime, seen: datetime, now: datetime) -> str:
    """Why a session that nobody ended does not count any more, empty while it does."""
    # One that begins in the future outlives a clock that was set back: how long it has lasted can't be said any more.
    if now - began > timedelta(seconds=settings.SESSION_ABSOLUTE_SECONDS) or began - now > SKEW:
        return ABSOLUTE
    return IDLE if now - seen > timedelta(seconds=settings.SESSION_IDLE_SECONDS) else ""


def is_live(id: str, now: datetime) -> bool:
    """Whether this session still counts, for what hangs on it (an app's online access). Extends nothing."""
    return look(id, now, is_polling=True)[0] is not None


def principal_of(id: str) -> int:
    """Whose session it is or was; 0 for none."""
    return SignedIn.objects.filter(pk=id).values_list("principal_id", flat=True).first() or 0


def leave(request: HttpRequest, now: datetime) -> None:
    """Whoever used this browser before is out of it; nothing of that session stays."""
    if id := request.session.get(KEY):
        end(id, now)
    request.session.flush()


def end(id: str, now: datetime, why: str = "signed out") -> bool:
    """Whether there was something to end."""
    return bool(SignedIn.objects.filter(pk=id, ended=None).update(ended=now, why_ended=why))


def end_all(principal: int, now: datetime, why: str = "signed out", but: str | None = None) -> int:
    """How many ended. but: the one that stays, this browser's own."""
    rows = SignedIn.objects.filter(principal=principal, ended=None)
    if but is not None:
        rows = rows.exclude(pk=but)
    return rows.update(ended=now, why_ended=why)


def void(principal: int, now: datetime, why: str, but: str | None = None) -> int:
    """Ends all sessions, and whatever else was granted before now (tokens of apps): for a new password, a disabled
    account, changed roles. How many sessions ended."""
    Standing.objects.update_or_create(principal_id=principal, defaults={"void_before": now})
    return end_all(principal, now, why, but)


def is_void(principal: int, granted_at: datetime) -> bool:
    """Whether what was granted at this moment no longer counts: a new password, a disabled account, changed roles."""
    return Standing.objects.filter(principal=principal, void_before__gt=granted_at).exists()


def of_principal(principal: int, now: datetime) -> list[SignedIn]:
    """Those that still count, the latest used first."""
    rows = SignedIn.objects.filter(
        principal=principal,
        ended=None,
        seen__gte=now - timedelta(seconds=settings.SESSION_IDLE_SECONDS),
        began__gte=now - timedelta(seconds=settings.SESSION_ABSOLUTE_SECONDS),
    )
    return list(rows.order_by("-seen"))


def last_seen(principals: Sequence[int]) -> dict[int, datetime]:
    rows = SignedIn.objects.filter(principal__in=principals).values("principal").annotate(at=Max("seen"))
    return {row["principal"]: row["at"] for row in rows}


def untold(principal: int, but: str) -> list[SignedIn]:
    """Sessions that began on a device she was never on before, and that she was not told of yet."""
    rows = SignedIn.objects.filter(principal=principal, is_new_device=True, is_told=False).exclude(pk=but)
    return list(rows.order_by("-began")[:20])


def told(principal: int, but: str) -> None:
    SignedIn.objects.filter(principal=principal, is_new_device=True).exclude(pk=but).update(is_told=True)


def purge(now: datetime) -> int:
    """A year after they ended; until then a device is known again."""
    return SignedIn.objects.filter(seen__lt=now - timedelta(days=365)).delete()[0]
