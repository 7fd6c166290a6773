"""Where somebody stands on the way to a target. Pure: from the value at which treatment began and the newest one.

The numbers and their sources: content/targets/. `projections/registry_standing.py` asks the same of a whole
caseload in SQL; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from careloop.library.targets import Target


class Standing(StrEnum):
    """In the order in which a caseload is looked through."""

    WORSE = "worse"
    STUCK = "stuck"
    EARLY = "early"
    IMPROVING = "improving"
    TARGET = "target"


@dataclass(frozen=True)
class Course:
    """began: the value at which treatment began; now: the newest one. second: of a pair, the diastolic pressure."""

    began_at: datetime
    began: Decimal
    began_second: Decimal | None
    now_at: datetime
    now: Decimal
    now_second: Decimal | None

    @property
    def change(self) -> Decimal:
        return self.now - self.began


@dataclass(frozen=True)
class Stands:
    """weeks: whole weeks since treatment began. due: when the next value is."""

    standing: Standing
    weeks: int
    due: datetime


def stands(course: Course, target: Target, now: datetime) -> Stands:
    standing = _standing(course, target)
    days = target.due_in_target if standing is Standing.TARGET else target.due_otherwise
    return Stands(standing, max(0, (now - course.began_at).days // 7), course.now_at + timedelta(days=days))


def _standing(course: Course, target: Target) -> Standing:
    if _is_in_target(course, target):
        return Standing.TARGET
    better = target.sign * (course.began - course.now)
    if better <= -target.worse:
        return Standing.WORSE
    if _has_responded(course, target, better):
        return Standing.IMPROVING
    if course.now_at - course.began_at < timedelta(weeks=target.weeks):
        return Standing.EARLY
    return Standing.STUCK


def _is_in_target(course: Course, target: Target) -> bool:
    """Of a pair both; a second value that nobody measured is not taken for a good one."""
    is_first = target.sign * course.now < target.sign * target.below
    if target.second_below is None:
        return is_first
    return (
        is_first
        and course.now_second is not None
        and target.sign * course.now_second < target.sign * target.second_below
    )


def _has_responded(course: Course, target: Target, better: Decimal) -> bool:
    if target.by is not None:
        return better >= target.by
    return better > 0 and better * 100 >= (target.percent or Decimal(0)) * abs(course.began)
