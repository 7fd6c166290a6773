"""A call in which questions were asked, as its sheet begins: since when, about what, and who interpreted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from careloop.actions.adopted import instrument_for
from careloop.actions.drafting import circumstances_of
from careloop.fhir import uris
from careloop.fhir.elements import extension, instant
from careloop.kernel.errors import NotFound
from careloop.library import load
from careloop.store import Stored, Unit


def call_of_answers(unit: Unit, patient: Stored, response: str, now: datetime) -> dict[str, Any]:
    """The fields of the sheet. Raises NotFound for answers of somebody else."""
    stored = unit.read("QuestionnaireResponse", response)
    if stored.person != patient.rid:
        raise NotFound
    asked = circumstances_of(stored.resource)
    chosen = instrument_for(unit, load(), str(stored.resource.get("questionnaire", "")))
    began = min(_said_at(stored.resource.get("item", ())), default=stored.at)
    return {
        "outcome": "reached",
        "started": began.isoformat(),
        "minutes": max(1, min(600, int((now - began).total_seconds() // 60))),
        "about": chosen.title.en if chosen else "",
        "with_whom": asked.heard_from,
        "interpreter_way": asked.interpreted_how,
        "interpreter_name": asked.interpreter if asked.interpreter != "an interpreter" else "",
    }


def _said_at(items: Any) -> list[datetime]:
    """When each answer was given."""
    found = []
    for item in items:
        if at := instant(extension(item, uris.SAID_AT)):
            found.append(at)
        found += _said_at(item.get("item", ()))
        for answer in item.get("answer", ()):
            found += _said_at(answer.get("item", ()))
    return found
