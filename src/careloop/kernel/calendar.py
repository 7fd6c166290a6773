"""Business days and local hours.

Deadlines are kept as an instant, a zone and a rule. A local hour that does not exist (spring forward) is taken
as the same wall time after the gap; one that comes twice (fall back) is taken the first time for a beginning
and the second time for an end, so that a deadline never arrives early.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from careloop.kernel.errors import UnknownZone


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises UnknownZone; an empty name is unknown too."""
    try:
        if not name:
            raise UnknownZone("No zone was given.")
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise UnknownZone(f"“{name}” is not a time zone.") from unknown


def at_local(day: date, clock_time: time, tz: ZoneInfo, *, is_end: bool = False) -> datetime:
    """That wall time in that zone as an instant in UTC; see the module for skipped and repeated hours."""
    local = datetime.combine(day, clock_time, tzinfo=tz).replace(fold=1 if is_end else 0)
    instant = local.astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None, fold=0) != local.replace(tzinfo=None, fold=0):
        # In the gap: with fold=0 the offset of before the change applies, which lands after the gap.
        instant = local.replace(fold=0).astimezone(UTC)
    return instant


@lru_cache(maxsize=64)
def federal_holidays(year: int) -> frozenset[date]:
    """US federal holidays as observed (5 U.S.C. 6103)."""
    return frozenset(day for day in holidays.country_holidays("US", years=year) if day.year == year)


@dataclass(frozen=True)
class BusinessCalendar:
    """Monday to Friday without federal holidays, in one zone. `closed` adds a site's own days."""

    tz: ZoneInfo
    closed: Collection[date] = field(default_factory=frozenset)

    def local_day(self, at: datetime) -> date:
        return at.astimezone(self.tz).date()

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in federal_holidays(day.year) and day not in self.closed

    def add_business_days(self, day: date, count: int) -> date:
        """The count-th business day after `day`; `day` itself is day 0 whatever it is."""
        while count > 0:
            day += timedelta(days=1)
            count -= self.is_business_day(day)
        return day

    def end_of(self, day: date) -> datetime:
        """11:59:59.999999 pm of that day, the legal end, as an instant in UTC."""
        return at_local(day, time(23, 59, 59, 999999), self.tz, is_end=True)

    def working_target(self, day: date, hour: int = 17) -> datetime:
        """5 pm of that day: what the page shows as the hour to aim for."""
        return at_local(day, time(hour), self.tz, is_end=True)
