"""Close a to-do with its outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.flag_wrong import KIND as QUESTION
from careloop.actions.hospital_reviews import MATCH
from careloop.actions.urgent import TIMER
from careloop.actions.working import ReasonMissing, Result
from careloop.care.transition_facts import REVIEW
from careloop.fhir import uris
from careloop.fhir.elements import codeable, codings, fhir_instant
from careloop.kernel.errors import Conflict


class DecideInReview(Conflict):
    """A hospital’s messages wait for this answer. Say who it is in Review; there you can also leave them out."""

    code = "decide-in-review"


class EndUntold(ReasonMissing):
    """This is about somebody’s safety: say in a few words what was done and how the person is."""

    code = "end-untold"


class DischargeUndecided(Conflict):
    """Say in Review where this person went, or that nothing follows. To close it without that, give a reason."""

    code = "discharge-undecided"


Outcome = Literal["done", "not-needed", "not-possible"]
STATUS: Final = {"done": "completed", "not-needed": "cancelled", "not-possible": "failed"}
WORDS: Final = {"done": "Done", "not-needed": "No longer needed", "not-possible": "Could not be done"}


def complete_work(
    scope: Scope, task: str, outcome: Outcome, now: datetime, *, words: str = "", version: int | None = None
) -> Result:
    """words: what came of it; needed unless it was done, for a call that reached nobody, for a
    question of the family (whoever asked reads it), and for urgent work.

    Raises StaleVersion, WorkEnded, ReasonMissing, EndUntold, DecideInReview, DischargeUndecided, ProtectedWork
    (urgent is done, never declined)."""
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        resource, work = working.copy_of(seen)
        if work.kind == MATCH:
            raise DecideInReview
        if work.kind == REVIEW and outcome == "done":
            raise DischargeUndecided
        if outcome != "done":
            working.refuse_protected(work)
        if work.is_protected and not words.strip():
            raise EndUntold
        needs_words = outcome != "done" or work.kind == QUESTION or _is_unreached_call(work.kind, resource)
        if needs_words and not words.strip():
            raise ReasonMissing
        said = words.strip()[:2_000] or WORDS[outcome]
        resource["status"] = STATUS[outcome]
        resource["statusReason"] = {**codeable(uris.REASON, outcome, WORDS[outcome]), "text": said}
        resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(now)}
        if scope.actor.practitioner and "owner" not in resource:
            resource["owner"] = working.me(unit)
        if work.is_protected:
            unit.clear_timer(seen.person, TIMER, seen.reference)
        saved = working.save(unit, resource, seen)
        return Result(saved, "" if work.is_protected else working.undo_token(saved))


def _is_unreached_call(kind: str, task: dict[str, object]) -> bool:
    """A call stays open until somebody is reached or it is closed with a reason."""
    outputs = task.get("output")
    reached = isinstance(outputs, list) and any(
        (uris.TASK_IO, "contact") in codings(output.get("type")) for output in outputs
    )
    return kind.startswith("call") and not reached
