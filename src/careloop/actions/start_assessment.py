"""Begin an assessment, or go on with the one that was begun: one draft a person, member of staff and instrument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.adopted import RetiredQuestions, instrument_in, is_retired
from careloop.actions.drafting import (
    LANGUAGES,
    Circumstances,
    DraftState,
    OpenDraft,
    circumstances_of,
    keep,
    opened,
    stamp,
)
from careloop.actions.populate_answers import kept_origins, populated
from careloop.fhir.elements import instant, name_of, text_of
from careloop.fhir.questionnaire import Answer, answer_problems
from careloop.fhir.responses import answers_of
from careloop.kernel.errors import Conflict, NotFound
from careloop.library import Instrument, Library, Words
from careloop.library.adopting import Adopted
from careloop.library.same import kept_days, same_questions
from careloop.store import Stored, Unit, drafts

CARRIED_WITHIN: Final = timedelta(hours=24)


class PersonDied(Conflict):
    """This person died. Nothing more is asked."""

    code = "person-died"


@dataclass(frozen=True)
class Previous:
    """An answer given before. response: where it stands. by: who wrote it down, a Practitioner reference. called: the
    name of the other questions in which it was given; None for the same."""

    answer: Answer
    on: datetime | None
    response: str
    by: str | None
    asked: Circumstances
    called: Words | None = None


def start_assessment(
    scope: Scope,
    person: str,
    instrument: str,
    library: Library,
    now: datetime,
    carry_from: str | None = None,
    asked: Circumstances | None = None,
) -> OpenDraft:
    """person: Patient id. carry_from: a QuestionnaireResponse id just completed, whose answers to the same coded
    questions come along. A draft that exists is handed back as it is; one of an older version of the questions keeps
    the answers that still fit. Raises PersonDied."""
    with record.begin(scope, now) as unit:
        stored = unit.read("Patient", person)
        chosen = instrument_in(unit, library, instrument, stored)
        if stored.resource.get("deceasedDateTime") or stored.resource.get("deceasedBoolean"):
            raise PersonDied
        found = drafts.load(unit, stored.rid, instrument)
        state = DraftState.read(found.answers) if found else None
        if found and state and state.version == chosen.version:
            return OpenDraft(found, state, chosen)
        if state is None and is_retired(chosen):
            raise RetiredQuestions
        if state is None:
            answers = _carried(unit, stored, carry_from, chosen, library) if carry_from else {}
            state = DraftState(
                chosen.id, chosen.version, stored.reference, answers, dict.fromkeys(answers, stamp(now))
            )
            state = _filled(unit, state, chosen, stored)
        state = replace(
            _renewed(state, chosen), asked=told(unit, stored.reference, asked) if asked else state.asked
        )
        return OpenDraft(drafts.save(unit, stored.rid, instrument, state.kept()), state, chosen)


def _filled(unit: Unit, state: DraftState, chosen: Instrument, person: Stored) -> DraftState:
    """What a form from elsewhere finds in the record, and says before anybody answered."""
    if not isinstance(chosen, Adopted):
        return state
    filled = populated(unit, chosen, person)
    answers = {**filled.answers, **state.answers}
    said_at = {key: stamp(unit.now) for key, answer in answers.items() if answer.is_given}
    return replace(state, answers=answers, said_at=said_at, origins=kept_origins(filled))


def describe_asking(
    scope: Scope, draft: int, asked: Circumstances, library: Library, now: datetime
) -> OpenDraft:
    """In which language it is asked, who answers, and through whom."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        return keep(unit, found, replace(found.state, asked=told(unit, found.state.person, asked)))


def previous_answers(
    unit: Unit, person_rid: int, instrument: Instrument, library: Library
) -> dict[str, Previous]:
    """The newest earlier answer to each question, also from another instrument that asks the same one. What was said in
    private is told in that instrument alone."""
    found: dict[str, Previous] = {}
    for stored in _newest_first(unit.of_person(person_rid, ["QuestionnaireResponse"])):
        if stored.resource.get("status") not in ("completed", "amended"):
            continue
        for item, answer in _same_questions(stored, instrument, library).items():
            found.setdefault(
                item,
                Previous(
                    answer,
                    instant(stored.resource.get("authored")),
                    stored.id,
                    stored.resource.get("author", {}).get("reference"),
                    circumstances_of(stored.resource),
                    _called(stored, instrument, library),
                ),
            )
    return found


def _called(stored: Stored, instrument: Instrument, library: Library) -> Words | None:
    url = str(stored.resource.get("questionnaire", "")).partition("|")[0]
    others = (i for i in library.instruments.values() if i.id != instrument.id)
    return next((each.short for each in others if each.questionnaire["url"] == url), None)


def _newest_first(responses: list[Stored]) -> list[Stored]:
    """By when it was answered: what is entered late does not stand before what is newer."""
    return sorted(responses, key=lambda s: instant(s.resource.get("authored")) or s.at, reverse=True)


def told(unit: Unit, person: str, asked: Circumstances) -> Circumstances:
    """Whoever is named must belong to the person; a helper's name and relation stand in words beside the reference."""
    source, heard_from = asked.source, asked.heard_from.strip()[:200]
    if source and source != person:
        helper = unit.get([source]).get(source)
        theirs = helper.resource.get("patient", {}).get("reference") if helper else None
        source, heard_from = (source, helper_words(helper)) if theirs == person else (None, heard_from)
    return replace(
        asked,
        source=source,
        heard_from="" if source == person else heard_from,
        language=asked.language if asked.language in LANGUAGES else "en",
        interpreter=asked.interpreter.strip()[:200],
    )


def helper_words(helper: Stored | None) -> str:
    resource = helper.resource if helper else {}
    relation = next((text_of(each) for each in resource.get("relationship", ())), "")
    return ", ".join(part for part in (name_of(resource), relation.lower()) if part)


def _renewed(state: DraftState, chosen: Instrument) -> DraftState:
    """The answers that fit the questions as they are now."""
    answers: Mapping[str, Answer] = {
        item: answer
        for item, answer in state.answers.items()
        if (asked := chosen.form.at(item)) is not None and not answer_problems(asked, answer)
    }
    said_at = {item: at for item, at in state.said_at.items() if item in answers}
    return replace(state, version=chosen.version, answers=answers, said_at=said_at)


def _carried(
    unit: Unit, patient: Stored, response: str, chosen: Instrument, library: Library
) -> dict[str, Answer]:
    """The same person's answers of the same day; what is older is only shown beside."""
    stored = unit.read("QuestionnaireResponse", response)
    if stored.person != patient.rid:
        raise NotFound
    at = instant(stored.resource.get("authored"))
    is_fresh = at is not None and timedelta() <= unit.now - at < CARRIED_WITHIN
    return _same_questions(stored, chosen, library) if is_fresh else {}


def _same_questions(stored: Stored, chosen: Instrument, library: Library) -> dict[str, Answer]:
    canonical = str(stored.resource.get("questionnaire", ""))
    url = canonical.partition("|")[0]
    source = next((i for i in library.instruments.values() if i.questionnaire["url"] == url), None)
    if source is None:
        return {}
    answers, _ = answers_of(source.form, stored.resource)
    same = same_questions(source, chosen)
    return {
        same[item]: answer
        for item, answer in answers.items()
        if item in same and (asked := chosen.form.at(same[item])) and not answer_problems(asked, answer)
    }


def is_fresh(instrument: Instrument, item: str, former: Previous, now: datetime) -> bool:
    """Whether a former answer may be kept as it stands: an answer, not a reason for none, and no older than its
    question allows."""
    days = timedelta(days=kept_days(instrument, instrument.by_id[item]))
    if not days:
        return False
    return former.answer.is_given and former.on is not None and timedelta() <= now - former.on <= days
