"""Days and hours as stories tell them: “four days ago at 9:40”, in the story's own zone, never after now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from careloop.fhir.elements import fhir_instant
from careloop.kernel.calendar import BusinessCalendar, at_local, zone


@dataclass(frozen=True)
class Days:
    """today: the day the demonstration is for. now: the instant that counts as the present, on that day."""

    today: date
    now: datetime
    zone_name: str

    @property
    def calendar(self) -> BusinessCalendar:
        return BusinessCalendar(zone(self.zone_name))

    def within(self, zone_name: str) -> Days:
        return Days(self.today, self.now, zone_name)

    def ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def business_days_ago(self, count: int) -> int:
        """How many calendar days ago the count-th business day before today was."""
        day, calendar = self.today, self.calendar
        while count > 0:
            day -= timedelta(days=1)
            count -= calendar.is_business_day(day)
        return (self.today - day).days

    def business_days_ahead(self, count: int) -> int:
        return (self.calendar.add_business_days(self.today, count) - self.today).days

    def at(self, days_ago: int, clock: str) -> datetime:
        """That wall time that many days ago (negative: ahead), in UTC. What is past stays at least 5 minutes past,
        so that a demonstration begun at dawn shows nothing that has not happened yet."""
        hour, minute = (int(part) for part in clock.split(":"))
        told = at_local(self.ago(days_ago), time(hour, minute), zone(self.zone_name))
        return min(told, self.now - timedelta(minutes=5)) if days_ago >= 0 else told

    def said(self, days_ago: int, clock: str) -> str:
        return fhir_instant(self.at(days_ago, clock))

    def day(self, days_ago: int) -> str:
        return self.ago(days_ago).isoformat()

    def due(self, days_ahead: int, clock: str | None = None) -> datetime:
        """The hour, or the legal end of that day. Unlike `at`, it may be later than now on the same day."""
        day = self.today + timedelta(days=days_ahead)
        if clock is None:
            return self.calendar.end_of(day)
        hour, minute = (int(part) for part in clock.split(":"))
        return at_local(day, time(hour, minute), zone(self.zone_name), is_end=True)

    def born(self, age: int, month: int, day: int) -> str:
        """The birth date of someone who is that old today and was born on that day of the year."""
        had_birthday = (self.today.month, self.today.day) >= (month, day)
        return date(self.today.year - age - (0 if had_birthday else 1), month, day).isoformat()

    def weekday(self, days_ago: int) -> str:
        return self.ago(days_ago).strftime("%A")


def monday_morning(today: date) -> datetime:
    """9:32 am in Houston on that day: the present when nobody says otherwise."""
    return at_local(today, time(9, 32), zone("America/Chicago")).astimezone(UTC)
