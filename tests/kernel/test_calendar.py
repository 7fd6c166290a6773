"""Business days and local hours, around every edge that a year has."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.kernel.calendar import BusinessCalendar, at_local, federal_holidays, zone
from careloop.kernel.errors import UnknownZone

NEW_YORK, HOUSTON, PHOENIX = (
    ZoneInfo("America/New_York"),
    ZoneInfo("America/Chicago"),
    ZoneInfo("America/Phoenix"),
)
ZONES = st.sampled_from(
    ["America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
     "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico"]
)  # fmt: skip
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


def test_friday_plus_two_business_days_is_tuesday() -> None:
    assert BusinessCalendar(NEW_YORK).add_business_days(date(2026, 11, 20), 2) == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("discharged", "second_day"),
    [
        (date(2026, 11, 25), date(2026, 11, 30)),  # Wed before Thanksgiving: Fri counts, then Mon
        (date(2026, 11, 26), date(2026, 11, 30)),  # on Thanksgiving itself
        (date(2026, 7, 1), date(2026, 7, 6)),  # July 4 is a Saturday, observed on Friday the 3rd
        (date(2021, 12, 29), date(2022, 1, 3)),  # New Year's Day 2022 is observed in 2021
        (date(2026, 10, 9), date(2026, 10, 14)),  # Columbus Day counts as a federal holiday
        (date(2026, 6, 17), date(2026, 6, 22)),  # Juneteenth is a Friday
        (date(2026, 11, 21), date(2026, 11, 24)),  # a Saturday is day 0 like any other
    ],
)
def test_holidays_do_not_count(discharged: date, second_day: date) -> None:
    assert BusinessCalendar(NEW_YORK).add_business_days(discharged, 2) == second_day


def test_the_eleven_federal_holidays_are_there_and_easter_is_not() -> None:
    observed = federal_holidays(2026)
    assert {
        date(2026, 1, 1),
        date(2026, 1, 19),
        date(2026, 2, 16),
        date(2026, 5, 25),
        date(2026, 6, 19),
    } <= observed
    assert {date(2026, 7, 3), date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11)} <= observed
    assert {date(2026, 11, 26), date(2026, 12, 25)} <= observed
    assert date(2026, 4, 5) not in observed
    assert date(2026, 11, 27) not in observed


def test_a_site_may_close_on_days_of_its_own() -> None:
    calendar = BusinessCalendar(NEW_YORK, closed=frozenset({date(2026, 11, 23)}))
    assert calendar.add_business_days(date(2026, 11, 20), 2) == date(2026, 11, 25)


def test_the_legal_end_is_the_last_moment_of_the_persons_own_day() -> None:
    end = BusinessCalendar(HOUSTON).end_of(date(2026, 11, 24))
    assert end == datetime(2026, 11, 25, 5, 59, 59, 999999, tzinfo=UTC)
    assert BusinessCalendar(NEW_YORK).end_of(date(2026, 11, 24)) == end - timedelta(hours=1)


def test_an_hour_that_does_not_exist_is_taken_after_the_gap() -> None:
    assert at_local(date(2026, 3, 8), time(2, 30), NEW_YORK) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert at_local(date(2026, 3, 8), time(2, 30), NEW_YORK, is_end=True) == datetime(
        2026, 3, 8, 7, 30, tzinfo=UTC
    )


def test_an_hour_that_comes_twice_begins_early_and_ends_late() -> None:
    first = at_local(date(2026, 11, 1), time(1, 30), NEW_YORK)
    second = at_local(date(2026, 11, 1), time(1, 30), NEW_YORK, is_end=True)
    assert (first.hour, second.hour) == (5, 6)


def test_arizona_does_not_move_its_clocks() -> None:
    summer = BusinessCalendar(PHOENIX).working_target(date(2026, 7, 7))
    winter = BusinessCalendar(PHOENIX).working_target(date(2026, 12, 8))
    assert summer.hour == winter.hour == 0


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "America/Bayview\0"])
def test_an_unknown_zone_is_refused_never_guessed(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


@given(day=DAYS, count=st.integers(0, 15), name=ZONES)
def test_the_nth_business_day_is_one_and_has_n_behind_it(day: date, count: int, name: str) -> None:
    calendar = BusinessCalendar(zone(name))
    found = calendar.add_business_days(day, count)
    between = (day + timedelta(days=n) for n in range(1, (found - day).days + 1))
    assert sum(calendar.is_business_day(each) for each in between) == count
    assert found == day if count == 0 else calendar.is_business_day(found)


@given(day=DAYS, name=ZONES)
def test_an_end_of_day_reads_as_one_on_the_wall_and_comes_after_the_target(day: date, name: str) -> None:
    calendar = BusinessCalendar(zone(name))
    end, target = calendar.end_of(day), calendar.working_target(day)
    assert end.astimezone(calendar.tz).replace(tzinfo=None) == datetime.combine(day, time(23, 59, 59, 999999))
    assert target.astimezone(calendar.tz).replace(tzinfo=None) == datetime.combine(day, time(17))
    assert target < end
    assert calendar.local_day(end) == calendar.local_day(target) == day


@given(day=DAYS, hour=st.integers(0, 23), minute=st.integers(0, 59), name=ZONES)
def test_no_deadline_arrives_early(day: date, hour: int, minute: int, name: str) -> None:
    begins = at_local(day, time(hour, minute), zone(name))
    ends = at_local(day, time(hour, minute), zone(name), is_end=True)
    assert timedelta() <= ends - begins <= timedelta(hours=1)
    assert begins.tzinfo is UTC
