"""Writes the community into the record, once, the way everything is written: through the unit of work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import TypeVar

from tqdm import tqdm

from careloop.actions.urgent import TIMER
from careloop.care.work import work_of
from careloop.fhir.elements import Resource, reference_to
from careloop.server.demo.chart import ident
from careloop.server.demo.community import Community
from careloop.server.demo.generator import STORIES, charts
from careloop.store import Stored, Unit, feed

OpenUnit = Callable[[], Unit]
Item = TypeVar("Item")

# So many people a commit: each commit is one fsync, one audit row and one turn of the projections.
PEOPLE_A_COMMIT = 5
REACTIONS = "reactions"


def is_there(open_unit: OpenUnit, people: int, seed: int, today: date) -> bool:
    """Whether the last person of this community stands in the record: nobody emptied it, no loading was cut off."""
    drawn = people - len(STORIES)
    if drawn > 0:
        last = ident(seed, "Patient", f"neighbor-{drawn - 1}")
    else:
        *_, chart = charts(people, seed, today=today)
        last = chart[0]["id"]
    return bool(_known(open_unit, [f"Patient/{last}"]))


def load(
    open_unit: OpenUnit, people: int, seed: int, *, today: date, now: datetime, is_quiet: bool = False
) -> int:
    """How many resources were written; who is there already is left alone. open_unit: a unit of work as the demo's
    system actor, with projections."""
    count = _write(open_unit, Community(seed).resources())
    made = charts(people, seed, today=today, now=now)
    with tqdm(total=people, desc="People", unit="person", disable=is_quiet or None) as bar:
        for batch in _batches(made, PEOPLE_A_COMMIT):
            count += _write(open_unit, [resource for chart in batch for resource in chart])
            bar.update(len(batch))
    return count


def _write(open_unit: OpenUnit, resources: Iterable[Resource]) -> int:
    wanted = list(resources)
    known = _known(open_unit, [reference_to(resource) for resource in wanted])
    missing = [resource for resource in wanted if reference_to(resource) not in known]
    if not missing:
        return 0
    with open_unit() as unit:
        for resource in missing:
            _set_clock(unit, unit.create_named(resource))
    return len(missing)


def _known(open_unit: OpenUnit, references: Iterable[str]) -> set[str]:
    with open_unit() as unit:
        return set(unit.get(references))


def _set_clock(unit: Unit, stored: Stored) -> None:
    """Urgent work goes on to the next on call when nobody takes it, as if an answer had just raised it."""
    work = work_of(stored.resource) if stored.type == "Task" else None
    if work and work.is_protected and work.due:
        unit.set_timer(stored.person, TIMER, stored.reference, work.due)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def begin_reactions_here(open_unit: OpenUnit) -> None:
    """What is told as past has had its consequences told too: reactions start with what comes next."""
    while events := feed.read(REACTIONS, 1_000):
        with open_unit() as unit:
            feed.advance(unit, REACTIONS, events[-1])
