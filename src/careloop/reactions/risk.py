"""Risk scores follow the record: whoever's stays, diagnoses, results or answers changed has hers worked out again.

A score that says the same is not written again, and a RiskAssessment is nothing that scores read: it can't go round.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from careloop.actions import record
from careloop.actions.assess_risk import READS, refresh, worker
from careloop.actions.risk_facts import LABS
from careloop.fhir.definitions import search_params
from careloop.kernel.errors import Conflict
from careloop.library import Library
from careloop.reactions import trouble
from careloop.reactions.trouble import FAULTS, is_outage
from careloop.store import merges
from careloop.store.connection import keeper
from careloop.store.feed import Event

TRIES: Final = 3
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
    for attempt in range(TRIES):
        try:
            with record.begin(worker(), now) as unit:
                if merges.standing(unit, person) is None:
                    refresh(unit, person, library)
            return None
        except Conflict as met:
            if attempt == TRIES - 1:
                return trouble.said(met)
        except FAULTS as fault:
            if is_outage(fault):
                raise
            return trouble.said(fault)
    return None
