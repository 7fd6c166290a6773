"""What a written date or number covers: `2024-05` is a month, `5.4` in a search is 5.35 to 5.45.

Instants are whole microseconds since 1970 in UTC. A date without an hour is taken in UTC, because a range must not
depend on who asks. A leap second counts as the first second of the next minute.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

EVER: Final = -(2**63)  # a period without a beginning
NEVER: Final = 2**63 - 1  # a period without an end

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_EPOCH = date(1970, 1, 1).toordinal()
_WRITTEN = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?\Z"
)


def _day_start(year: int, month: int, day: int) -> int:
    return (date(year, month, day).toordinal() - _EPOCH) * _DAY


def _next_month(year: int, month: int) -> int:
    if (year, month) == (9999, 12):
        return _day_start(9999, 12, 31) + _DAY
    return _day_start(year + month // 12, month % 12 + 1, 1)


@lru_cache(maxsize=32768)
def date_range(text: str) -> tuple[int, int]:
    """[low, high) of a FHIR date, dateTime or instant, partial ones and (for searches) hours and minutes without
    seconds or zone too. Raises ValueError for anything else."""
    match = _WRITTEN.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date")
    year, month, day = int(match["year"]), match["month"], match["day"]
    if month is None:
        return _day_start(year, 1, 1), _next_month(year, 12)
    if day is None:
        return _day_start(year, int(month), 1), _next_month(year, int(month))
    start = _day_start(year, int(month), int(day))
    if match["hour"] is None:
        return start, start + _DAY
    low = start + _time_of_day(match) - _offset(match["zone"])
    return low, low + _width(match)


def _time_of_day(match: re.Match[str]) -> int:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{match.group()!r} has no such hour")
    micros = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    return ((hour * 60 + minute) * 60 + second) * _SECOND + micros


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return (-minutes if zone[0] == "-" else minutes) * 60 * _SECOND


def _width(match: re.Match[str]) -> int:
    if match["second"] is None:
        return 60 * _SECOND
    digits = len(match["fraction"] or "")
    return int(10 ** max(0, 6 - digits))


def implied_range(value: Decimal) -> tuple[float, float]:
    """[low, high) of a number as a search writes it: half a unit of its last digit to either side.
    `100` is 99.5 to 100.5, `1.10` is 1.095 to 1.105, `1e2` is 50 to 150. Source: FHIR R4 search, number."""
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb(int(exponent) - 1)
    return float(value - half), float(value + half)
