"""HL7 timestamps: any precision, with or without an offset; what can't be said in FHIR is said in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

_TS = re.compile(
    r"(?P<year>\d{4})((?P<month>\d\d)((?P<day>\d\d)((?P<hour>\d\d)((?P<minute>\d\d)((?P<second>\d\d)(\.(?P<part>\d{1,6}))?)?)?)?)?)?"
    r"(?P<offset>[+-]\d{4}|Z)?\Z"
)
_LENGTHS = (("second", 6), ("minute", 5), ("hour", 4), ("day", 3), ("month", 2), ("year", 1))


@dataclass(frozen=True)
class Stamp:
    """local: wall time as written (missing parts are their smallest value). precision: the last part written.
    offset: None when none was written."""

    local: datetime
    precision: str
    offset: timezone | None

    @property
    def has_clock(self) -> bool:
        """An hour alone is not a time of day: FHIR would make us invent its minutes."""
        return self.precision in ("minute", "second")

    def date_text(self) -> str:
        """FHIR date of the precision that was written."""
        size = {"year": 4, "month": 7}.get(self.precision, 10)
        return self.local.date().isoformat()[:size]

    def instant(self, zone: ZoneInfo | None) -> datetime | None:
        """In UTC: by its own offset, else by the sender's zone; None when neither is known, or no clock."""
        if not self.has_clock:
            return None
        if self.offset is not None:
            return _utc(self.local.replace(tzinfo=self.offset))
        return _utc(self.local.replace(tzinfo=zone)) if zone else None

    def fhir(self, zone: ZoneInfo | None) -> str:
        """FHIR dateTime: with the offset that was written or that the zone had then, else only the date."""
        if not self.has_clock:
            return self.date_text()
        if self.offset is not None and -840 <= _minutes(self.offset) <= 840:
            return _text(self.local.replace(tzinfo=self.offset))
        if self.offset is None and zone is not None:
            return _text(self.local.replace(tzinfo=zone))
        return self.date_text()


def read(text: str) -> Stamp | None:
    """None for anything that is not a timestamp or no real moment (30 February, 25 o'clock)."""
    match = _TS.match(text.strip())
    if match is None:
        return None
    precision = next(name for name, _ in _LENGTHS if match[name])
    year, month, day = (int(match[name] or 1) for name in ("year", "month", "day"))
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    micro = int((match["part"] or "0").ljust(6, "0"))
    try:
        local = datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001 - wall time
        return Stamp(local, precision, _offset(match["offset"]))
    except ValueError:
        return None


def _offset(text: str | None) -> timezone | None:
    if text is None or text == "-0000":  # RFC 3339 and HL7 both: the offset is not known
        return None
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:5])
    if minutes > 59:
        raise ValueError(text)
    return timezone((1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def _minutes(offset: timezone) -> int:
    span = offset.utcoffset(None)
    return int(span.total_seconds() // 60)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def _utc(at: datetime) -> datetime | None:
    """None at the very ends of the calendar, where no UTC time exists."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return None
