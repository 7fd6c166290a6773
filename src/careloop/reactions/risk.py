"""Risk scores follow the record: whoever's stays, diagnoses, results or answers changed has hers worked out again.

A score that says the same is not written again, and a RiskAssessment is nothing that scores read: it can't go round.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from careloop.actions import record
from careloop.actions.assess_risk import READS, refresh, worker
from careloop.kernel.errors import Conflict
from careloop.library import Library
from careloop.reactions import trouble
from careloop.reactions.trouble import FAULTS, is_outage
from careloop.store import merges
from careloop.store.feed import Event

TRIES: Final = 3


def follow_risk(events: Iterable[Event], library: Library, now: datetime) -> None:
    """Each person once, in a unit of her own. What can't be worked out is told as a piece of work; others go on."""
    for person in sorted({event.person for event in events if event.type in READS} - {0}):
        if fault := _refreshed(person, library, now):
            with record.begin(worker(), now) as unit:
                about = "The risk scores could not be worked out again"
                trouble.tell(unit, person, about, f"risk:{person}", fault)


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
