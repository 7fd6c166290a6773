"""The order of the list, whatever is in it: danger, clock, promise, silence, routine; each to-do in one group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from careloop.care.work import WorkClass
from careloop.care.workload import (
    FIRST_BECAUSE,
    GROUPS,
    NEVER,
    Matter,
    aim_of,
    group_of,
    hours_of,
    is_late,
    place_of,
)

CHICAGO = ZoneInfo("America/Chicago")
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
HOURS = hours_of(MONDAY, CHICAGO)

near = st.integers(-60 * 24 * 40, 60 * 24 * 40).map(lambda minutes: MONDAY + timedelta(minutes=minutes))
matters = st.builds(
    Matter,
    klass=st.sampled_from(WorkClass),
    aim=near | st.just(NEVER),
    wake=st.none() | near,
    is_waiting=st.booleans(),
)


def test_tonight_is_the_readers_and_a_week_has_seven_days() -> None:
    assert HOURS.tonight.astimezone(CHICAGO).isoformat() == "2026-11-23T23:59:59.999999-06:00"
    assert HOURS.week.astimezone(CHICAGO).isoformat() == "2026-11-29T23:59:59.999999-06:00"


@given(matters)
def test_danger_is_always_now_and_nothing_else_ever_is(matter: Matter) -> None:
    assert (group_of(matter, HOURS) == "now") == (matter.klass is WorkClass.DANGER)


@given(st.lists(matters, max_size=30))
def test_within_a_group_class_comes_before_hour(found: list[Matter]) -> None:
    listed = sorted(found, key=lambda matter: place_of(matter, HOURS))
    for one, next_one in pairwise(listed):
        groups = [GROUPS.index(group_of(each, HOURS)) for each in (one, next_one)]
        assert groups == sorted(groups)
        if groups[0] == groups[1]:
            assert (one.klass, one.aim) <= (next_one.klass, next_one.aim)


@given(matters, st.integers(0, 60 * 24 * 60))
def test_waiting_brings_work_nearer_and_never_puts_it_off(matter: Matter, minutes: int) -> None:
    """Time alone only moves a to-do up the list; whoever waits for it never loses it."""
    later = hours_of(MONDAY + timedelta(minutes=minutes), CHICAGO)
    assert place_of(matter, later) <= place_of(matter, HOURS) or group_of(matter, later) == "waiting"


@given(st.none() | near, st.none() | near)
def test_the_hour_to_work_towards_is_never_after_the_legal_end(
    due: datetime | None, target: datetime | None
) -> None:
    aim = aim_of(due, target)
    assert aim <= (due or NEVER)
    assert aim in (due, target, NEVER)


def test_what_waits_on_others_is_not_our_lateness() -> None:
    past = MONDAY - timedelta(days=2)
    assert is_late(Matter(WorkClass.CLOCK, past), MONDAY)
    assert not is_late(Matter(WorkClass.CLOCK, past, is_waiting=True), MONDAY)
    assert not is_late(Matter(WorkClass.ROUTINE, NEVER), MONDAY)


def test_every_class_says_why_it_stands_where_it_stands() -> None:
    assert set(FIRST_BECAUSE) == set(WorkClass)
