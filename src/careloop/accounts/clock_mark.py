"""The latest moment that this house has seen, kept in the database: by it a clock that was set back is found out.

What lasts until a moment would last longer after that, by as much as the clock went back. So when now lies before the
mark, whatever lasts for a time is shortened by the difference, and access tokens end outright: an app gets a new one by
refreshing. The mark moves with what is handed out, every ten seconds with what is used, and each minute with
`careloop work`. A minute is what the clocks of two machines may differ by, and nobody minds.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from careloop.accounts.sign_in_models import ClockMark, SignedIn
from careloop.accounts.smart_models import (
    AccessToken,
    Authorization,
    AuthorizationCode,
    LaunchContext,
    RefreshToken,
)

TOLERATED: Final = timedelta(seconds=60)
MOVED_EVERY: Final = timedelta(seconds=10)
_ONLY: Final = 1

log = logging.getLogger("careloop.clock")


def keep(now: datetime) -> bool:
    """Moves the mark. Whether the clock was set back since, and what was given for a time is shortened."""
    return heed(ClockMark.objects.filter(pk=_ONLY).values_list("at", flat=True).first(), now)


def heed(mark: datetime | None, now: datetime) -> bool:
    """As keep, for whoever has read the mark already."""
    if mark is None:
        ClockMark.objects.get_or_create(pk=_ONLY, defaults={"at": now})
    elif now - mark > MOVED_EVERY:
        ClockMark.objects.filter(pk=_ONLY, at__lt=now).update(at=now)
    elif mark - now > TOLERATED:
        return _set_back(now)
    return False


def _set_back(now: datetime) -> bool:
    with transaction.atomic():
        mark = ClockMark.objects.select_for_update().get(pk=_ONLY)
        by = mark.at - now
        if by <= TOLERATED:  # somebody else was first
            return True
        AccessToken.objects.filter(ended=None).update(ended=now)
        for kind in (AuthorizationCode, LaunchContext, RefreshToken, Authorization):
            kind.objects.update(until=F("until") - by)
        SignedIn.objects.filter(ended=None).update(began=F("began") - by, seen=F("seen") - by)
        mark.at = now
        mark.save(update_fields=["at"])
    log.warning("the clock was set back by %d s: access tokens ended, sessions shortened", by.total_seconds())
    return True
