"""Those who come without a valid token. Each refusal is a row of the audit trail; who sends very many from one address
is told to wait instead, so that nobody can fill the trail or keep the disk busy. Valid tokens are never slowed down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from careloop.kernel.errors import CareError

if TYPE_CHECKING:
    from careloop.api.exchange import Exchange

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

    def refused(self, exchange: Exchange) -> TooMany | None:
        """Counts one more refusal of this address; None while it is few enough to be written down each."""
        address = str(exchange.request.META.get("REMOTE_ADDR", ""))
        began, count = self._seen.get(address, (exchange.now, 0))
        if not began <= exchange.now < began + WINDOW:
            began, count = exchange.now, 0
        if len(self._seen) >= _MOST_ADDRESSES:
            self._seen.clear()
        self._seen[address] = (began, count + 1)
        if count < REFUSALS:
            return None
        left = began + WINDOW - exchange.now
        return TooMany(seconds=max(1, round(left.total_seconds())))


strangers = Strangers()
