"""Begin an assessment, or go on with the one that was begun: one draft a person, member of staff and instrument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.drafting import DraftState, OpenDraft, instrument_of, stamp
from careloop.fhir.elements import extension, instant
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import answers_of
from careloop.fhir.uris import HEARD_FROM
from careloop.library import Instrument, Library
from careloop.store import Stored, Unit, drafts


@dataclass(frozen=True)
class Previous:
    """An answer given before. by: Practitioner reference or nobody known."""

    answer: Answer
    on: datetime | None
    by: str | None
    heard_from: str | None


def start_assessment(
    scope: Scope, person: str, instrument: str, library: Library, now: datetime, carry_from: str | None = None
) -> OpenDraft:
    """person: Patient id. carry_from: a QuestionnaireResponse id just completed, whose answers to the same coded
    questions come along. A draft that exists is handed back as it is."""
    chosen = instrument_of(library, instrument)
    with record.begin(scope, now) as unit:
        stored = unit.read("Patient", person)
        found = drafts.load(unit, stored.rid, instrument)
        if found and found.answers.get("version") == chosen.version:
            return OpenDraft(found, DraftState.read(found.answers), chosen)
        answers = _carried(unit, carry_from, chosen, library) if carry_from else {}
        said_at = dict.fromkeys(answers, stamp(now))
        state = DraftState(chosen.id, chosen.version, stored.reference, answers, said_at)
        return OpenDraft(drafts.save(unit, stored.rid, instrument, state.kept()), state, chosen)


def previous_answers(
    unit: Unit, person_rid: int, instrument: Instrument, library: Library
) -> dict[str, Previous]:
    """The newest earlier answer to each question, also from another instrument that asks the same LOINC question."""
    found: dict[str, Previous] = {}
    for stored in unit.of_person(person_rid, ["QuestionnaireResponse"]):
        if stored.resource.get("status") not in ("completed", "amended"):
            continue
        for item, answer in _same_questions(stored, instrument, library).items():
            found.setdefault(
                item,
                Previous(
                    answer,
                    instant(stored.resource.get("authored")),
                    stored.resource.get("author", {}).get("reference"),
                    extension(stored.resource, HEARD_FROM),
                ),
            )
    return found


def _carried(unit: Unit, response: str, chosen: Instrument, library: Library) -> dict[str, Answer]:
    return _same_questions(unit.read("QuestionnaireResponse", response), chosen, library)


def _same_questions(stored: Stored, chosen: Instrument, library: Library) -> dict[str, Answer]:
    canonical = str(stored.resource.get("questionnaire", ""))
    url = canonical.partition("|")[0]
    source = next((i for i in library.instruments.values() if i.questionnaire["url"] == url), None)
    if source is None:
        return {}
    answers, _ = answers_of(source.form, stored.resource)
    wanted = {(q.id if source.id == chosen.id else q.loinc): q.id for q in chosen.questions if q.is_question}
    carried = {}
    for item, answer in answers.items():
        key = item if source.id == chosen.id else source.by_id[item].loinc
        if key is not None and key in wanted:
            carried[wanted[key]] = answer
    return carried
