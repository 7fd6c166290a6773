"""Those who come without a valid token. Each refusal is a row of the audit trail; who sends very many from one address
is told to wait instead, so that nobody can fill the trail or keep the disk busy. Valid tokens are never slowed down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.http import HttpRequest

from careloop.accounts import devices
from careloop.kernel.errors import CareError

REFUSALS: Final = 30  # of one address within WINDOW; the next ones wait
WINDOW: Final = timedelta(minutes=1)
_MOST_ADDRESSES: Final = 5_000


class TooMany(CareError):
    """Too many requests without a valid token came from this address. Wait, then send a valid one."""

    code, status, issue_type = "too-many", 429, "throttled"


class Strangers:
    """Counted in this process alone: several processes let through as many times more, which is still few."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[datetime, int]] = {}

    def forget(self) -> None:
        self._seen.clear()

    def refused(self, request: HttpRequest) -> TooMany | None:
        """Counts one more refusal of this address; None while it is few enough to be written down each."""
        now: datetime = request.now  # type: ignore[attr-defined]  # by server.middleware
        address = devices.address_of(request)  # behind a proxy, not the proxy's
        began, count = self._seen.get(address, (now, 0))
        if not began <= now < began + WINDOW:
            began, count = now, 0
        if len(self._seen) >= _MOST_ADDRESSES:
            self._seen.clear()
        self._seen[address] = (began, count + 1)
        if count < REFUSALS:
            return None
        left = began + WINDOW - now
        return TooMany(seconds=max(1, round(left.total_seconds())))


strangers = Strangers()
