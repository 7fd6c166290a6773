"""Follows the feed: whoever's record changed, what follows from it is made so.

In the order of commits, each person at most once a batch, each in a unit of her own. What follows is decided from the
record as it stands, so that a change may be followed twice, or after later ones, and nothing doubles: a worker that is
killed between two people begins the batch again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope, system_actor
from careloop.actions import record
from careloop.actions.carry_late import carry_late
from careloop.actions.follow_person import follow
from careloop.actions.follow_readings import CONCERNED, concerning, follow_readings, is_concerned
from careloop.actions.mail_letter import KIND as MAIL
from careloop.actions.mail_letter import record_mailed
from careloop.actions.revocation import follow_consents
from careloop.care.completeness import KIND as COMPLETE_PLAN
from careloop.care.transition_facts import REVIEW, VISIT
from careloop.library import Library
from careloop.reactions import trouble
from careloop.reactions.alone import alone
from careloop.reactions.protocols import follow_protocols
from careloop.reactions.risk import follow_risk
from careloop.store import feed, merges
from careloop.store.connection import keeper
from careloop.store.feed import Event

NAME: Final = "reactions"
# Changes of these may ask for other work. A Task only when it is about an unclear discharge.
TELLING: Final = frozenset(
    {"Patient", "Encounter", "Coverage", "EpisodeOfCare", "CareTeam", "QuestionnaireResponse", "Consent"}
)

# An Observation may be a clinician's word about a stay: it matters to whoever waits for the visit after it.
WAITING_FOR_VISIT: Final = """
select distinct person, person from work where person = any(%s::bigint[]) and is_open and kind = %s
"""
# What fills a gap of a plan matters to whoever has work about such a gap.
FILLING: Final = frozenset(
    {
        *("CarePlan", "Communication", "Condition", "Goal", "MedicationRequest", "NutritionOrder"),
        *("RelatedPerson", "ServiceRequest", "Task"),
    }
)
# Who else is concerned: where an Encounter was before it moved, and who waits for the zone of a site.
MOVED: Final = "select rid, person from moves where rid = any(%s::bigint[])"
MAILED: Final = "select task_id from work where task = any(%s::bigint[]) and kind = %s and not is_open"
REVIEWS: Final = "select task from work where task = any(%s::bigint[]) and kind = %s"
# Whose record is part of another's: whatever still comes for it goes there.
JOINED: Final = "select loser from merges where loser = any(%s::bigint[]) and undone_at is null"
WAITING_FOR_SITE: Final = """
select p.site, w.person from work w join people p on p.person = w.person
where p.site = any(%s::bigint[]) and w.is_open and w.kind = %s
"""


def scope() -> Scope:
    return Scope(system_actor("reactions"), "work", "operations")


def run(now: datetime, library: Library, limit: int = 200) -> int:
    """How many events were dealt with; 0 when there is nothing to do, or another worker does it."""
    with alone(NAME) as is_mine:
        if not is_mine:
            return 0
        events = feed.read(NAME, limit)
        return _followed(events, library, now) if events else 0


def _followed(events: Sequence[Event], library: Library, now: datetime) -> int:
    seen: set[int] = set()
    for place, (event, people) in enumerate(_concerned(events)):
        for person in sorted(people - seen):
            if fault := _follow(person, library, now):
                return place + _set_aside(events[:place], event, person, fault, now)
            seen.add(person)
    for (task,) in _rows(MAILED, [_rids(events, "Task"), MAIL]):
        record_mailed(scope(), task, now)
    follow_risk(events, library, now)
    follow_protocols(events, library, now)
    with record.begin(scope(), now) as unit:
        feed.advance(unit, NAME, events[-1])
    return len(events)


def _follow(person: int, library: Library, now: datetime) -> str | None:
    """None when it worked, else the sentence to keep."""

    def work() -> None:
        with record.begin(scope(), now) as unit:
            if merges.standing(unit, person) is None:
                follow(unit, person, library)
                if is_concerned(unit, person):
                    follow_readings(unit, person, library)
                follow_consents(unit, person)
            else:  # what was carried over comes by again, as hers
                carry_late(unit, person)
            trouble.is_over(unit, person)

    return trouble.tried(work)


def _set_aside(before: Sequence[Event], event: Event, person: int, fault: str, now: datetime) -> int:
    """The cursor stands before the event that failed; the third time a person is told and the cursor goes on.
    1 when it went on."""
    if before:
        with record.begin(scope(), now) as unit:
            feed.advance(unit, NAME, before[-1])
    with record.begin(scope(), now) as unit:
        is_parked = feed.failed(unit, NAME, event, fault)
        if is_parked:
            version = f"{event.reference}@{event.version}"
            trouble.tell(unit, person, f"{event.reference}, version {event.version}", version, fault)
    return int(is_parked)


def _concerned(events: Sequence[Event]) -> Iterator[tuple[Event, set[int]]]:
    """Each event with those whose work it may change."""
    moved = _pairs(MOVED, [_rids(events, "Encounter")])
    waiting = _pairs(WAITING_FOR_SITE, [_rids(events, "Organization"), REVIEW])
    reviews = {row[0] for row in _rows(REVIEWS, [_rids(events, "Task"), REVIEW])}
    observed = sorted({event.person for event in events if event.type == "Observation"})
    joined = {row[0] for row in _rows(JOINED, [sorted({event.person for event in events})])}
    visited = _pairs(WAITING_FOR_VISIT, [observed, VISIT])
    filled = sorted({event.person for event in events if event.type in FILLING})
    lacking = _pairs(WAITING_FOR_VISIT, [filled, COMPLETE_PLAN])
    asking = concerned_by_readings(observed)
    for event in events:
        people = moved.get(event.rid, set()) | waiting.get(event.rid, set())
        if event.type in TELLING or event.rid in reviews or event.person in joined:
            people = people | {event.person}
        if event.type == "Observation":
            people = people | visited.get(event.person, set()) | ({event.person} & asking)
        if event.type == "Device":
            people = people | {event.person}
        if event.type in FILLING:
            people = people | lacking.get(event.person, set())
        yield event, people - {0}


def concerned_by_readings(people: Sequence[int]) -> set[int]:
    """Of whom a reading came that may have to be asked about, or that ends a question."""
    if not people:
        return set()
    rows = keeper().cursor().execute(CONCERNED.encode(), concerning(people))
    return {row[0] for row in rows.fetchall()}


def _rids(events: Iterable[Event], kind: str) -> list[int]:
    return sorted({event.rid for event in events if event.type == kind})


def _pairs(query: str, parameters: list[object]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for key, person in _rows(query, parameters):
        found.setdefault(key, set()).add(person)
    return found


def _rows(query: str, parameters: list[object]) -> list[tuple[Any, ...]]:
    if not parameters[0]:
        return []
    return keeper().cursor().execute(query.encode(), parameters).fetchall()
