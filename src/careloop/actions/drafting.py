"""What a draft of an assessment keeps between one answer and the next. JSON in store.drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from careloop.fhir.elements import fhir_instant
from careloop.fhir.questionnaire import Answer
from careloop.kernel.errors import CareError, Conflict, NotFound
from careloop.library import Instrument, Library
from careloop.store import Unit, drafts
from careloop.store.drafts import Draft


class UnknownInstrument(NotFound):
    """The library has no such questions."""

    code = "unknown-instrument"


class NewerQuestions(Conflict):
    """The questions were changed since this was begun. What you answered is kept; begin again to use the new ones."""

    code = "newer-questions"


class InvalidAnswer(CareError):
    """This answer does not fit the question. What was there before is kept."""

    code, status, issue_type = "invalid-answer", 422, "value"


@dataclass(frozen=True)
class DraftState:
    """answers: linkId -> Answer. said_at: linkId -> when. response: id of the in-progress QuestionnaireResponse once
    a critical answer wrote one. urgent: critical id -> Task reference. safety: where, callback, safe."""

    instrument: str
    version: int
    person: str
    answers: Mapping[str, Answer] = field(default_factory=dict, repr=False)
    said_at: Mapping[str, str] = field(default_factory=dict, repr=False)
    response: str | None = None
    urgent: Mapping[str, str] = field(default_factory=dict)
    safety: Mapping[str, str] = field(default_factory=dict, repr=False)
    heard_from: str = "person"

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> DraftState:
        answers = {
            item: Answer(tuple(each["values"]), each["absent"]) for item, each in kept["answers"].items()
        }
        return cls(**{**kept, "answers": answers})

    def kept(self) -> dict[str, Any]:
        return {
            "instrument": self.instrument,
            "version": self.version,
            "person": self.person,
            "answers": {i: {"values": list(a.values), "absent": a.absent} for i, a in self.answers.items()},
            "said_at": dict(self.said_at),
            "response": self.response,
            "urgent": dict(self.urgent),
            "safety": dict(self.safety),
            "heard_from": self.heard_from,
        }


@dataclass(frozen=True)
class OpenDraft:
    draft: Draft
    state: DraftState
    instrument: Instrument


def instrument_of(library: Library, name: str) -> Instrument:
    if name not in library.instruments:
        raise UnknownInstrument(f"“{name}”.")
    return library.instruments[name]


def opened(unit: Unit, draft_id: int, library: Library) -> OpenDraft:
    """Raises NotFound for somebody else's, NewerQuestions when the instrument has another version now."""
    draft = drafts.get(unit, draft_id)
    state = DraftState.read(draft.answers)
    instrument = instrument_of(library, state.instrument)
    if instrument.version != state.version:
        raise NewerQuestions
    return OpenDraft(draft, state, instrument)


def keep(unit: Unit, found: OpenDraft, state: DraftState) -> OpenDraft:
    draft = drafts.save(unit, found.draft.person, found.draft.form, state.kept())
    return OpenDraft(draft, state, found.instrument)


def stamp(now: datetime) -> str:
    return fhir_instant(now)
