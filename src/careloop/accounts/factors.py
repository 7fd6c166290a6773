"""Second factors of a principal: authenticator apps, passkeys (see passkeys.py) and recovery codes.

Tries are counted for each principal over all sessions and processes; a code of an app is taken once, also when two
processes see it at the same moment.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Q

from careloop.accounts import attempts, sealing, totp
from careloop.accounts.sign_in_models import Authenticator, Passkey, RecoveryCode

# Without letters and digits that look alike.
LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
HOW_MANY_CODES: Final = 10
REST_LENGTH: Final = 12


@dataclass(frozen=True)
class Tried:
    """method: totp or recovery, empty when nothing fitted. wait: seconds, after too many tries."""

    method: str = ""
    wait: int = 0


def has_any(principal: int) -> bool:
    """Recovery codes alone are no second factor: they stand in for one that is lost."""
    return has_app(principal) or has_passkey(principal)


def has_app(principal: int) -> bool:
    return Authenticator.objects.filter(principal=principal).exists()


def has_passkey(principal: int) -> bool:
    return Passkey.objects.filter(principal=principal).exists()


def try_code(principal: int, typed: str, now: datetime) -> Tried:
    """Six digits of an app, or a recovery code. A right one can't be used again."""
    who = f"second:{principal}"
    if wait := attempts.take(who, now):
        return Tried(wait=wait)
    text = "".join(each for each in typed.lower() if each.isalnum())
    method = (
        "totp"
        if _takes_digits(principal, text, now)
        else "recovery"
        if _takes_recovery(principal, text, now)
        else ""
    )
    if method:
        attempts.forget(who)
    return Tried(method)


def _takes_digits(principal: int, typed: str, now: datetime) -> bool:
    if len(typed) != totp.DIGITS or not (typed.isascii() and typed.isdecimal()):
        return False
    for app in Authenticator.objects.filter(principal=principal):
        step = totp.matching_step(sealing.unseal(app.sealed), typed, now)
        if step is not None and _first_to_use(app, step, now):
            return True
    return False


def _first_to_use(app: Authenticator, step: int, now: datetime) -> bool:
    """The database decides who was first; a step before the last one used is as stale as that one."""
    rows = Authenticator.objects.filter(pk=app.pk, last_step__lt=step)
    return bool(rows.update(last_step=step, used_at=now))


def _takes_recovery(principal: int, typed: str, now: datetime) -> bool:
    if len(typed) != 2 + REST_LENGTH:
        return False
    row = RecoveryCode.objects.filter(principal=principal, prefix=typed[:2], used_at=None).first()
    if row is None or not check_password(typed[2:], row.rest_hash):
        return False
    return bool(RecoveryCode.objects.filter(pk=row.pk, used_at=None).update(used_at=now))


def add_app(principal: int, secret: str, typed: str, name: str, now: datetime) -> Tried:
    """Kept once its first code was typed right; that code is used up. Tries are counted here, too."""
    who = f"second:{principal}"
    if wait := attempts.take(who, now):
        return Tried(wait=wait)
    step = totp.matching_step(
        secret, "".join(each for each in typed if each.isascii() and each.isdecimal()), now
    )
    if step is None:
        return Tried()
    attempts.forget(who)
    Authenticator.objects.create(
        principal_id=principal, name=name[:60], sealed=sealing.seal(secret), last_step=step, added_at=now
    )
    return Tried("totp")


def new_codes(principal: int, now: datetime) -> list[str]:
    """Ten codes, shown this once, `7k-abcd-efgh-jkmn`; those before no longer work."""
    prefixes = secrets.SystemRandom().sample([a + b for a in LETTERS for b in LETTERS], HOW_MANY_CODES)
    codes = [(prefix, "".join(secrets.choice(LETTERS) for _ in range(REST_LENGTH))) for prefix in prefixes]
    rows = [
        RecoveryCode(principal_id=principal, prefix=prefix, rest_hash=make_password(rest), made_at=now)
        for prefix, rest in codes
    ]
    with transaction.atomic():
        RecoveryCode.objects.filter(principal=principal).delete()
        RecoveryCode.objects.bulk_create(rows)
    return ["-".join((prefix, rest[:4], rest[4:8], rest[8:])) for prefix, rest in codes]


def codes_left(principal: int) -> int:
    return RecoveryCode.objects.filter(principal=principal, used_at=None).count()


def apps_of(principal: int) -> list[Authenticator]:
    return list(Authenticator.objects.filter(principal=principal).order_by("added_at"))


def passkeys_of(principal: int) -> list[Passkey]:
    return list(Passkey.objects.filter(principal=principal).order_by("added_at"))


def remove(principal: int, kind: str, pk: int, *, may_be_last: bool) -> bool:
    """kind: app or passkey. The last factor stays unless may_be_last."""
    model = Authenticator if kind == "app" else Passkey
    with transaction.atomic():
        rows = [
            *Authenticator.objects.select_for_update().filter(principal=principal).values_list("pk"),
            *Passkey.objects.select_for_update().filter(principal=principal).values_list("pk"),
        ]
        if len(rows) < 2 and not may_be_last:
            return False
        return bool(model.objects.filter(Q(pk=pk) & Q(principal=principal)).delete()[0])


def remove_all(principal: int) -> int:
    """Lost everything: she sets up a new one at her next sign-in."""
    with transaction.atomic():
        gone = Authenticator.objects.filter(principal=principal).delete()[0]
        gone += Passkey.objects.filter(principal=principal).delete()[0]
        return gone + RecoveryCode.objects.filter(principal=principal).delete()[0]
