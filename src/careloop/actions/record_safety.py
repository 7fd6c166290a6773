"""Where the person is, a number to call back, and whether she is safe now: onto the urgent work at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.drafting import DraftState, OpenDraft, keep, opened, stamp
from careloop.fhir.elements import fhir_instant, ref
from careloop.kernel.errors import CareError, StaleVersion
from careloop.library import Library
from careloop.store import Unit

SAFE: Final = {"yes": "yes", "no": "NO", "unsure": "not sure", "not-asked": "could not be asked"}
_TRIES: Final = 3


class SafetyMissing(CareError):
    """First write down where the person is and whether the person is safe now."""

    code, status, issue_type = "safety-missing", 422, "required"


def record_safety(
    scope: Scope, draft: int, where: str, callback: str, safe: str, library: Library, now: datetime
) -> OpenDraft:
    """safe: a key of SAFE. Raises SafetyMissing. Should a clinician acknowledge at this very moment, it is tried
    again: neither may be lost."""
    if safe not in SAFE:
        raise SafetyMissing
    said = {"where": where.strip()[:500], "callback": callback.strip()[:100], "safe": safe, "at": stamp(now)}
    for tried in range(_TRIES):
        try:
            return _record(scope, draft, said, library, now)
        except StaleVersion:
            if tried + 1 == _TRIES:
                raise
    raise AssertionError("not reached")


def _record(scope: Scope, draft: int, said: dict[str, str], library: Library, now: datetime) -> OpenDraft:
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        state = replace(found.state, safety=said)
        if safety_words(state) != safety_words(found.state):
            for reference in state.urgent.values():
                add_to_urgent(unit, reference, safety_words(state))
        return keep(unit, found, state)


def add_to_urgent(unit: Unit, reference: str, text: str) -> None:
    """A note at the top of the urgent work, where whoever has it looks first."""
    task = unit.get([reference])[reference]
    note: dict[str, Any] = {"text": text, "time": fhir_instant(unit.now)}
    actor = unit.scope.actor
    if actor.practitioner:
        note["authorReference"] = ref(actor.practitioner, actor.name)
    unit.update({**task.resource, "note": [note, *task.resource.get("note", ())]}, if_match=task.version)


def safety_words(state: DraftState) -> str:
    said = state.safety
    if not said:
        return ""
    where, callback = said.get("where") or "not told", said.get("callback") or "not told"
    return f"Where: {where}. Call back: {callback}. Safe now: {SAFE.get(said.get('safe', ''), 'not told')}."
