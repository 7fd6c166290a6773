"""The way to a target as a line: where it began, where it is, where it should be; all on one scale of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from careloop.care.treat_to_target import Course
from careloop.library.targets import Target


@dataclass(frozen=True)
class Way:
    """0 to 100, from the left."""

    began: int
    now: int
    aim: int


def ways(courses: Sequence[Course | None], target: Target | None) -> list[Way | None]:
    """On one scale, so that lines of a page can be compared; None where nothing was measured."""
    known = [course for course in courses if course is not None]
    if target is None or not known:
        return [None] * len(courses)
    values = [target.below, *(value for course in known for value in (course.began, course.now))]
    low, high = min(values), max(values)
    room = (high - low) / 10 or Decimal(1)
    low, high = low - room, high + room

    def place(value: Decimal) -> int:
        return int((value - low) * 100 / (high - low))

    return [
        Way(place(course.began), place(course.now), place(target.below)) if course else None
        for course in courses
    ]
