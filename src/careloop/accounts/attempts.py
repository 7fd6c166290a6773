"""Failed sign-ins, counted in the database so that all processes count together (TRUST 11).

Kept by the hash of what was typed, so that known and unknown addresses are treated alike and none is stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from django.db import connection

from careloop.accounts.models import SignInFailures

FREE_TRIES = 10
FIRST_WAIT = 30
LONGEST_WAIT = 3600
FORGOTTEN_AFTER = timedelta(hours=24)


def _key(email: str) -> str:
    return sha256(email.strip().lower().encode()).hexdigest()


def wait_after(failures: int) -> int:
    """Seconds: none for the first ten, then 30, 60, 120, … up to an hour."""
    if failures < FREE_TRIES:
        return 0
    return int(min(FIRST_WAIT * 2 ** min(failures - FREE_TRIES, 20), LONGEST_WAIT))


def seconds_to_wait(email: str, now: datetime) -> int:
    found = SignInFailures.objects.filter(key=_key(email)).first()
    if found is None or now - found.last_at > FORGOTTEN_AFTER:
        return 0
    left = found.last_at + timedelta(seconds=wait_after(found.failures)) - now
    return max(ceil(left.total_seconds()), 0)


def failed(email: str, now: datetime) -> None:
    """One statement, so that 32 processes guessing at once are 32 failures."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into accounts_signinfailures (key, failures, last_at) values (%(key)s, 1, %(now)s) "
            "on conflict (key) do update set last_at = excluded.last_at, failures = case when "
            "accounts_signinfailures.last_at < %(old)s then 1 else accounts_signinfailures.failures + 1 end",
            {"key": _key(email), "now": now, "old": now - FORGOTTEN_AFTER},
        )


def forget(email: str) -> None:
    SignInFailures.objects.filter(key=_key(email)).delete()
