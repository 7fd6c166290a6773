"""Writes the community into the record, once, the way everything is written: through the unit of work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import TypeVar

from tqdm import tqdm

from careloop.fhir.elements import Resource
from careloop.server.demo.community import Community
from careloop.server.demo.generator import charts
from careloop.store import Unit, feed

OpenUnit = Callable[[], Unit]
Item = TypeVar("Item")

# So many people a commit: each commit is one fsync, one audit row and one turn of the projections.
PEOPLE_A_COMMIT = 5
REACTIONS = "reactions"


def load(
    open_unit: OpenUnit, people: int, seed: int, *, today: date, now: datetime, is_quiet: bool = False
) -> int:
    """How many resources were written. open_unit: a unit of work as the demo's system actor, with projections."""
    count = _write(open_unit, Community(seed).resources())
    made = charts(people, seed, today=today, now=now)
    with tqdm(total=people, desc="People", unit="person", disable=is_quiet or None) as bar:
        for batch in _batches(made, PEOPLE_A_COMMIT):
            count += _write(open_unit, (resource for chart in batch for resource in chart))
            bar.update(len(batch))
    return count


def _write(open_unit: OpenUnit, resources: Iterable[Resource]) -> int:
    with open_unit() as unit:
        return len([unit.create_named(resource) for resource in resources])


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def begin_reactions_here(open_unit: OpenUnit) -> None:
    """What is told as past has had its consequences told too: reactions start with what comes next."""
    while events := feed.read(REACTIONS, 1_000):
        with open_unit() as unit:
            feed.advance(unit, REACTIONS, events[-1])
