"""Tries at a password, a code or a link's second check, counted in the database so that all processes count together
and a restart forgets nothing (TRUST 11).

A try is taken before anything is compared, and given back when it was right: so 32 that guess at once are no more than
ten tries. Kept by a hash of what was typed: known and unknown addresses are treated alike, and none is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import Final

from django.db import connection

from careloop.accounts.addresses import one_writing
from careloop.accounts.models import SignInFailures

FREE_TRIES: Final = 10
FIRST_WAIT: Final = 30
LONGEST_WAIT: Final = 3600
FORGOTTEN_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Limit:
    """free: tries without a wait; then first_wait seconds, doubling up to longest_wait."""

    free: int = FREE_TRIES
    first_wait: int = FIRST_WAIT
    longest_wait: int = LONGEST_WAIT
    forgotten_after: timedelta = FORGOTTEN_AFTER

    def wait_after(self, failures: int) -> int:
        if failures < self.free:
            return 0
        return int(min(self.first_wait * 2 ** min(failures - self.free, 20), self.longest_wait))


ACCOUNT: Final = Limit()
# Behind one address may sit a whole clinic: many failures are free, the waits are short, and devices that are known
# to the account pass (web/staff/sign_in.py).
ADDRESS: Final = Limit(free=60, first_wait=2, longest_wait=60, forgotten_after=timedelta(minutes=30))


def wait_after(failures: int) -> int:
    """Seconds: none for the first ten, then 30, 60, 120, … up to an hour."""
    return ACCOUNT.wait_after(failures)


# What is counted. Each is a counter of its own: what somebody types stands behind the name of its own kind, so that no
# address reads like the second step of principal 12.
KINDS: Final = frozenset(
    {
        *("email", "email-here", "address", "second", "spoken", "set-up"),
        *("family-code", "family-ask-from", "family-code-from"),
    }
)


def of_email(typed: str, device: str = "") -> str:
    """Tries at an account. device: its hash, on one that signed in to it before."""
    return f"email-here:{device}:{one_writing(typed)}" if device else f"email:{one_writing(typed)}"


def _key(who: str) -> str:
    kind, _, _ = who.partition(":")
    if kind not in KINDS:
        raise ValueError("name what is counted: one of KINDS, before a colon")
    return sha256(one_writing(who).encode()).hexdigest()


def take(who: str, now: datetime, limit: Limit = ACCOUNT) -> int:
    """who: `of_email`, or what else is guessed at, `second:12`. 0: try; it counts as failed until `forget` or
    `give_back`. Else seconds to wait, and nothing may be compared.
    One statement, so that parallel tries in many processes are counted one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE, {"key": _key(who), "now": now, "old": now - limit.forgotten_after, **_numbers(limit)}
        )
        if cursor.fetchone():
            return 0
    return max(seconds_to_wait(who, now, limit), 1)


_TAKE: Final = """
insert into accounts_signinfailures as f (key, failures, last_at) values (%(key)s, 1, %(now)s)
on conflict (key) do update
set last_at = excluded.last_at, failures = case when f.last_at < %(old)s then 1 else f.failures + 1 end
where f.last_at < %(old)s or f.failures < %(free)s
   or f.last_at + make_interval(secs => least(%(first)s * power(2, least(f.failures - %(free)s, 20)), %(longest)s))
      <= excluded.last_at
returning f.failures
"""


def _numbers(limit: Limit) -> dict[str, int]:
    return {"free": limit.free, "first": limit.first_wait, "longest": limit.longest_wait}


def seconds_to_wait(who: str, now: datetime, limit: Limit = ACCOUNT) -> int:
    found = SignInFailures.objects.filter(key=_key(who)).first()
    if found is None or now - found.last_at > limit.forgotten_after:
        return 0
    left = found.last_at + timedelta(seconds=limit.wait_after(found.failures)) - now
    return max(ceil(left.total_seconds()), 0)


def failed(who: str, now: datetime, limit: Limit = ACCOUNT) -> None:
    """Counts a failure for which no try was taken."""
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, {"key": _key(who), "now": now, "old": now - limit.forgotten_after})


_FAILED: Final = """
insert into accounts_signinfailures as f (key, failures, last_at) values (%(key)s, 1, %(now)s)
on conflict (key) do update
set last_at = excluded.last_at, failures = case when f.last_at < %(old)s then 1 else f.failures + 1 end
"""


def forget(who: str) -> None:
    """It was right: the failures before are forgotten."""
    SignInFailures.objects.filter(key=_key(who)).delete()


def give_back(who: str) -> None:
    """It was right; but whoever shares the address, and has an account of her own, must not clear what she failed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update accounts_signinfailures set failures = failures - 1 where key = %s and failures > 0",
            [_key(who)],
        )


def purge(now: datetime) -> int:
    return SignInFailures.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()[0]
