"""Risk scores follow the record: whoever's stays, diagnoses, results or answers changed has hers worked out again.

A score that says the same is not written again, and a RiskAssessment is nothing that scores read: it can't go round.
Who is in a program is looked at each week besides: years pass, a stay grows old, and not everybody's record changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from careloop.actions import record
from careloop.actions.assess_risk import READS, refresh, worker
from careloop.actions.risk_facts import LABS
from careloop.fhir.definitions import search_params
from careloop.library import Library
from careloop.reactions import trouble
from careloop.reactions.trouble import NotDone
from careloop.store import Unit, merges, timers
from careloop.store.connection import keeper
from careloop.store.feed import Event
from careloop.store.timers import Timer

TIMER: Final = "risk-scores"
LOOKED_AT_EVERY: Final = timedelta(days=7)
NOT_DONE: Final = NotDone(
    "Look at this record: its risk scores could not be worked out",
    "The scores on the page may be those of an earlier week.",
    "Work them out by hand where they matter, and tell whoever runs Careloop.",
)
NOT_LOOKED_AT: Final = """
select distinct e.person from enrolled e where e.until is null
  and not exists (select from timers t where t.person = e.person and t.kind = %s and t.done is null)
order by e.person limit %s
"""
IS_ENROLLED: Final = "select exists (select from enrolled where person = %s and until is null)"
OBSERVATION: Final = "Observation"
MEASURED: Final = """
select distinct t.person from index_token t
where t.person = any(%s::bigint[]) and t.rid = any(%s::bigint[]) and t.param = %s and t.code = any(%s::text[])
"""
LEFT: Final = "select distinct person from moves where rid = any(%s::bigint[])"


def follow_risk(events: Iterable[Event], library: Library, now: datetime) -> None:
    """Each person once, in a unit of her own; of what moved from one to another, both. What can't be worked out is told
    as a piece of work; others go on."""
    for person in sorted(_concerned(events)):
        if fault := _refreshed(person, library, now):
            with record.begin(worker(), now) as unit:
                about = "The risk scores could not be worked out again"
                trouble.tell(unit, person, about, f"risk:{person}", fault)


def _concerned(events: Iterable[Event]) -> set[int]:
    """Of the observations only those that a score reads: a scale that sends every minute costs nothing here."""
    read = [event for event in events if event.type in READS]
    if not read:
        return set()
    cursor = keeper().cursor()
    left = cursor.execute(LEFT.encode(), [[event.rid for event in read]]).fetchall()
    people = {event.person for event in read if event.type != OBSERVATION}
    observed = [(event.person, event.rid) for event in read if event.type == OBSERVATION]
    if observed:
        homes, rids = (list(each) for each in zip(*observed, strict=True))
        given = [homes, rids, search_params(OBSERVATION)["code"].id, list(LABS)]
        people |= {row[0] for row in cursor.execute(MEASURED.encode(), given).fetchall()}
    return (people | {row[0] for row in left}) - {0}


def _refreshed(person: int, library: Library, now: datetime) -> str | None:
    """None when it worked, else the sentence to keep."""

    def work() -> None:
        with record.begin(worker(), now) as unit:
            if merges.standing(unit, person) is None:
                refresh(unit, person, library)

    return trouble.tried(work)


def begin_weekly(unit: Unit, limit: int) -> int:
    """Whoever is in a program and not looked at each week is from now on; at most limit people. How many."""
    found = unit.cursor().execute(NOT_LOOKED_AT, [TIMER, limit]).fetchall()
    for (person,) in found:
        unit.set_timer(person, TIMER, unit.reference_of(person), unit.now)
    return len(found)


def fire(timer: Timer, library: Library, now: datetime) -> None:
    """A week has passed."""
    with record.begin(worker(), now) as unit:
        timers.done(unit, timer)
        if unit.cursor().execute(IS_ENROLLED, [timer.person]).fetchone() != (True,):
            return
        if merges.standing(unit, timer.person) is None:
            refresh(unit, timer.person, library)
            unit.set_timer(timer.person, timer.kind, timer.key, now + LOOKED_AT_EVERY)
