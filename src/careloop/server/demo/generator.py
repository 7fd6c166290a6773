"""The demonstration community: the same seed and day make the same bytes, and it always looks like a real Monday."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime

from careloop.fhir.elements import Resource
from careloop.server.demo import stories_cities, stories_houston
from careloop.server.demo.community import Community
from careloop.server.demo.days import Days, monday_morning
from careloop.server.demo.neighbors import neighbor

Story = Callable[[Community, Days], list[Resource]]
STORIES: tuple[Story, ...] = (*stories_houston.STORIES, *stories_cities.STORIES)


def charts(
    people: int = 60, seed: int = 7, *, today: date, now: datetime | None = None
) -> Iterator[list[Resource]]:
    """One list of resources a person, the Patient first; the told stories come before the drawn ones.
    now: the present, on that day; 9:32 in Houston when not given."""
    community = Community(seed)
    days = Days(today, now or monday_morning(today), "America/Chicago")
    for story in STORIES[:people]:
        yield story(community, days)
    for number in range(max(0, people - len(STORIES))):
        yield neighbor(community, days, number)


def generate(
    people: int = 60, seed: int = 7, *, today: date, now: datetime | None = None
) -> Iterator[Resource]:
    """Every resource, those pointed at before those that point: organizations and staff, then person by person."""
    yield from Community(seed).resources()
    for chart in charts(people, seed, today=today, now=now):
        yield from chart
