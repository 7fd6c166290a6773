"""The explained order of the list: any danger first, then a rule's clock, a promise to a person, silence, routine.

Good with nothing configured. `projections/worklist_sql.py` asks the same in ranges; tests hold the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from careloop.care.work import WorkClass
from careloop.kernel.calendar import BusinessCalendar

Group = Literal["now", "today", "waiting", "week", "later"]
GROUPS: Final[tuple[Group, ...]] = ("now", "today", "waiting", "week", "later")

# Whoever is in a program and has not been reached for so long, is counted in the day's first sentence.
SILENCE: Final = timedelta(days=30)

# Infinity in a table: psycopg has no infinite datetime, so the last day that both know stands for it.
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)

FIRST_BECAUSE: Final = {
    WorkClass.DANGER: "any danger comes first",
    WorkClass.CLOCK: "a rule’s clock is running",
    WorkClass.PROMISE: "we promised it",
    WorkClass.SILENCE: "we have not heard for long",
    WorkClass.ROUTINE: "it is due",
}


@dataclass(frozen=True)
class Hours:
    """now; tonight: the end of the reader's day; week: the end of the seventh day, today counted."""

    now: datetime
    tonight: datetime
    week: datetime


def hours_of(now: datetime, reader: ZoneInfo) -> Hours:
    """reader: the zone of whoever looks. Her day ends tonight, wherever the person lives."""
    calendar = BusinessCalendar(reader)
    day = calendar.local_day(now)
    return Hours(now, calendar.end_of(day), calendar.end_of(day + timedelta(days=6)))


@dataclass(frozen=True)
class Matter:
    """What decides the place of a to-do. aim: the hour to work towards, NEVER without one; a rule's legal end may lie
    weeks behind it. wake: snoozed until. is_waiting: somebody else has to answer first."""

    klass: WorkClass
    aim: datetime
    wake: datetime | None = None
    is_waiting: bool = False


def aim_of(due: datetime | None, target: datetime | None) -> datetime:
    """The earlier of the legal end and the hour that was chosen; NEVER when there is neither."""
    return min(due or NEVER, target or NEVER)


def group_of(matter: Matter, hours: Hours) -> Group:
    """Danger is never put away. What is snoozed waits for its hour; what others owe us does not fill our day."""
    if matter.klass is WorkClass.DANGER:
        return "now"
    if matter.wake is not None and matter.wake > hours.now:
        return "later"
    if matter.is_waiting:
        return "waiting"
    if matter.aim <= hours.tonight:
        return "today"
    return "week" if matter.aim <= hours.week else "later"


def place_of(matter: Matter, hours: Hours) -> tuple[int, int, datetime]:
    """What the list is sorted by: group, class, hour. Older work goes first among equals."""
    return GROUPS.index(group_of(matter, hours)), int(matter.klass), matter.aim


def is_late(matter: Matter, now: datetime) -> bool:
    """Past the hour we work towards; what waits on somebody else is not our lateness."""
    return matter.aim < now and not matter.is_waiting
