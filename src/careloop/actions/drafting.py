"""What a draft of an assessment keeps between one answer and the next. JSON in store.drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from careloop.actions.adopted import instrument_in
from careloop.actions.populate_answers import marked
from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, fhir_instant, instant, set_extension
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, placed_response
from careloop.kernel.errors import CareError, Conflict, NotFound
from careloop.library import Instrument, Library
from careloop.store import Stored, Unit, drafts
from careloop.store.drafts import Draft

LANGUAGES = ("en", "es")


class UnknownInstrument(NotFound):
    """The library has no such questions."""

    code = "unknown-instrument"


class NewerQuestions(Conflict):
    """The questions were changed since this was begun. Begin again: what you answered comes along where it fits."""

    code = "newer-questions"


class InvalidAnswer(CareError):
    """This answer does not fit the question. What was there before is kept."""

    code, status, issue_type = "invalid-answer", 422, "value"


class AssessmentEnded(Conflict):
    """These questions were finished already. What you just answered was not added; begin again if it differs."""

    code = "assessment-ended"


@dataclass(frozen=True)
class Circumstances:
    """How it was asked. language: en or es. source: who answered, "Patient/…" or "RelatedPerson/…"; heard_from: that
    one in words, when it is not the person. interpreter: who interpreted, or that somebody did; empty for nobody.
    interpreted_how: of care.interpreted.WAYS, or empty."""

    language: str = "en"
    source: str | None = None
    heard_from: str = ""
    interpreter: str = ""
    interpreted_how: str = ""


@dataclass(frozen=True)
class DraftState:
    """answers: key -> Answer. said_at: key -> when. response: id of the in-progress QuestionnaireResponse once a
    critical answer wrote one. urgent: critical id -> Task reference. safety: where, callback, safe, at. origins: key ->
    source, on: what was filled in from the record and not said otherwise since. offline: the key of the sheet on a
    device from which these answers came; empty for none."""

    instrument: str
    version: int
    person: str
    answers: Mapping[str, Answer] = field(default_factory=dict, repr=False)
    said_at: Mapping[str, str] = field(default_factory=dict, repr=False)
    response: str | None = None
    urgent: Mapping[str, str] = field(default_factory=dict)
    safety: Mapping[str, str] = field(default_factory=dict, repr=False)
    asked: Circumstances = field(default_factory=Circumstances, repr=False)
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    offline: str = ""

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> DraftState:
        answers = {
            item: Answer(tuple(each["values"]), each["absent"]) for item, each in kept["answers"].items()
        }
        return cls(
            instrument=kept["instrument"],
            version=kept["version"],
            person=kept["person"],
            answers=answers,
            said_at=kept["said_at"],
            response=kept["response"],
            urgent=kept["urgent"],
            safety=kept["safety"],
            asked=Circumstances(**kept.get("asked", {})),
            origins=kept.get("origins", {}),
            offline=kept.get("offline", ""),
        )

    def kept(self) -> dict[str, Any]:
        asked = self.asked
        return {
            "instrument": self.instrument,
            "version": self.version,
            "person": self.person,
            "answers": {i: {"values": list(a.values), "absent": a.absent} for i, a in self.answers.items()},
            "said_at": dict(self.said_at),
            "response": self.response,
            "urgent": dict(self.urgent),
            "safety": dict(self.safety),
            "asked": {
                "language": asked.language,
                "source": asked.source,
                "heard_from": asked.heard_from,
                "interpreter": asked.interpreter,
                "interpreted_how": asked.interpreted_how,
            },
            "origins": {key: dict(each) for key, each in self.origins.items()},
            "offline": self.offline,
        }

    @property
    def begun(self) -> datetime | None:
        """When the first of its answers was given."""
        return min((at for text in self.said_at.values() if (at := instant(text))), default=None)


@dataclass(frozen=True)
class OpenDraft:
    draft: Draft
    state: DraftState
    instrument: Instrument


def instrument_of(library: Library, name: str) -> Instrument:
    if name not in library.instruments:
        raise UnknownInstrument(f"“{name}”.")
    return library.instruments[name]


def opened(unit: Unit, draft_id: int, library: Library, *, to_change: bool = True) -> OpenDraft:
    """Raises NotFound for somebody else's, AssessmentEnded for what was finished or stopped meanwhile, NewerQuestions
    when the instrument has another version now."""
    try:
        draft = drafts.get(unit, draft_id, to_change=to_change)
    except NotFound:
        if found := ended(unit, draft_id):
            raise AssessmentEnded(response=found.id) from None
        raise
    state = DraftState.read(draft.answers)
    person = None if state.instrument in library.instruments else unit.get([state.person]).get(state.person)
    instrument = instrument_in(unit, library, state.instrument, person)
    if instrument.version != state.version:
        raise NewerQuestions(person=state.person, instrument=state.instrument)
    return OpenDraft(draft, state, instrument)


def ended(unit: Unit, draft_id: int) -> Stored | None:
    """What this draft became, once it was finished or stopped."""
    page = unit.search("QuestionnaireResponse", [("identifier", f"{uris.DEDUPE}|{key_of(draft_id)}")])
    return next((s for s in page.entries if s.resource["status"] != "in-progress"), None)


def key_of(draft_id: int) -> str:
    return f"draft:{draft_id}"


def keep(unit: Unit, found: OpenDraft, state: DraftState) -> OpenDraft:
    draft = drafts.save(unit, found.draft.person, found.draft.form, state.kept())
    return OpenDraft(draft, state, found.instrument)


def stamp(now: datetime) -> str:
    return fhir_instant(now)


def write_response(
    unit: Unit, found: OpenDraft, state: DraftState, status: str, authored: datetime
) -> Stored:
    """The response of this draft: created the first time, a new version after."""
    asked = state.asked
    about = About(
        subject=state.person,
        authored=authored,
        author=unit.scope.actor.practitioner,
        source=asked.source or (None if asked.heard_from else state.person),
        heard_from=asked.heard_from or None,
    )
    resource, elements = placed_response(found.instrument.form, state.answers, about, status=status)
    stamp_items(elements, state.said_at)
    marked(elements, state.origins)
    resource["identifier"] = {"system": uris.DEDUPE, "value": key_of(found.draft.id)}
    set_extension(resource, uris.ASKED_IN, "Code", asked.language)
    set_extension(resource, uris.INTERPRETED_BY, "String", asked.interpreter or None)
    set_extension(resource, uris.INTERPRETED_HOW, "Code", asked.interpreted_how or None)
    if state.offline:
        resource["meta"] = {"tag": [{"system": uris.OFFLINE, "code": state.offline}]}
    if state.response is None:
        return unit.create(resource)
    return unit.update({**resource, "id": state.response})


def stamp_items(elements: Mapping[str, Resource], said_at: Mapping[str, str]) -> None:
    """Writes on each answered item when that one answer was given: a sitting may last for days. Both by key."""
    for key, element in elements.items():
        if at := said_at.get(key):
            set_extension(element, uris.SAID_AT, "DateTime", at)


def circumstances_of(resource: Mapping[str, Any]) -> Circumstances:
    """How a stored response was asked."""
    return Circumstances(
        language=str(extension(resource, uris.ASKED_IN) or ""),
        source=(resource.get("source") or {}).get("reference"),
        heard_from=str(extension(resource, uris.HEARD_FROM) or ""),
        interpreter=str(extension(resource, uris.INTERPRETED_BY) or ""),
        interpreted_how=str(extension(resource, uris.INTERPRETED_HOW) or ""),
    )
