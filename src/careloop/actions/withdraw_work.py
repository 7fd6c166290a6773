"""Take back work that no longer fits. Careloop withdraws what it asked for; what a person ended stays ended."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.urgent import TIMER
from careloop.actions.working import Result
from careloop.care.stay import WITHDRAWN
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, set_extension
from careloop.store import Stored, Unit

WORD: Final = "Withdrawn"


def withdraw_work(
    scope: Scope, task: str, because: str, now: datetime, *, version: int | None = None
) -> Result:
    """because: the sentence that a person reads later. Raises StaleVersion, WorkEnded, ReasonMissing, ProtectedWork."""
    why = working.words(because, 500)
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        working.refuse_protected(working.copy_of(seen)[1])
        saved = withdraw(unit, seen, why)
        return Result(saved, working.undo_token(saved))


def withdraw(unit: Unit, seen: Stored, because: str) -> Stored:
    """seen: open. Kept with the word in front, so that a list of ended work says who ended it."""
    resource, _ = working.copy_of(seen)
    resource["status"] = "cancelled"
    resource["statusReason"] = {**codeable(uris.REASON, WITHDRAWN, WORD), "text": f"{WORD}: {because}"}
    resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(unit.now)}
    set_extension(resource, uris.WAKE, "DateTime", None)
    unit.clear_timer(seen.person, TIMER, seen.reference)
    return working.save(unit, resource, seen)


def restore(unit: Unit, seen: Stored) -> Stored:
    """seen: withdrawn by mistake. Open again, with all that people wrote in it; a snooze it had is over."""
    resource, _ = working.copy_of(seen)
    resource["status"] = "accepted" if "owner" in resource else "requested"
    del resource["statusReason"]
    period = {name: at for name, at in resource.pop("executionPeriod", {}).items() if name != "end"}
    return working.save(unit, {**resource, **({"executionPeriod": period} if period else {})}, seen)
