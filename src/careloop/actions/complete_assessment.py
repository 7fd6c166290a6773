"""The last answer is in: one commit writes the response, its score, and the proposal that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.drafting import OpenDraft, opened, write_response
from careloop.actions.extract_answers import take
from careloop.actions.private_questions import follow_up
from careloop.actions.propose_from_known import is_for_whole_plan, known_of
from careloop.actions.propose_plan import (
    about_her,
    answered_on,
    days_since_discharge,
    local_day,
    programs_of,
    told_by,
    write_proposal,
    zone_of,
)
from careloop.actions.record_safety import SafetyMissing
from careloop.actions.save_answer import alarmed, unheard
from careloop.care.assess import Score, score, who_is
from careloop.care.scored import observations
from careloop.fhir.elements import Resource, day
from careloop.fhir.questionnaire import Answers, Problem, check, only_asked
from careloop.kernel.errors import CareError, Conflict
from careloop.library import Instrument, Library, Words
from careloop.library.adopting import Adopted
from careloop.store import Stored, Unit, drafts

LATEST_ENTRY: Final = timedelta(days=366)


class IncompleteAssessment(CareError):
    """Some questions have no answer yet. All that was answered is kept."""

    code, status, issue_type = "incomplete-assessment", 422, "required"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(" ".join(problem.text for problem in problems[:3]))


class ImpossibleDate(CareError):
    """It can’t have been answered on that day."""

    code, status, issue_type = "impossible-date", 422, "value"


class CompletedByAnother(Conflict):
    """A colleague finished the same questions while you asked them. Look at those answers first."""

    code = "completed-by-another"


@dataclass(frozen=True)
class Completed:
    """proposal: the draft CarePlan, None when there was nothing new to propose."""

    response: Stored
    score: Score
    proposal: Stored | None


def complete_assessment(
    scope: Scope,
    draft: int,
    library: Library,
    now: datetime,
    answered_at: datetime | None = None,
    beside: str | None = None,
) -> Completed:
    """answered_at: when it was really answered, if it is only entered now. beside: the id of a colleague's response of
    the same hour that was looked at. Raises IncompleteAssessment, SafetyMissing, ImpossibleDate, CompletedByAnother."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        refuse_unfinished(found)
        if answered_at is not None:
            refuse_impossible(unit, found, answered_at)
        other = finished_by_another(unit, found)
        if other and other.id != beside:
            raise CompletedByAnother(response=other.id)
        return completed(unit, found, library, answered_at or now)


def refuse_unfinished(found: OpenDraft) -> None:
    """Raises IncompleteAssessment, SafetyMissing."""
    asked = only_asked(found.instrument.form, found.state.answers)
    if problems := check(found.instrument.form, asked, is_complete=True):
        raise IncompleteAssessment(problems)
    if asks_safety(found) and not found.state.safety:
        raise SafetyMissing


def completed(unit: Unit, found: OpenDraft, library: Library, authored: datetime) -> Completed:
    """Writes it. authored: when it was answered; what may not be written was refused before."""
    done = _write(unit, found, library, authored)
    drafts.delete(unit, found.draft.id)
    return done


def stop_assessment(scope: Scope, draft: int, library: Library, now: datetime) -> Stored | None:
    """Not to be finished. What was answered stays on the record as stopped; urgent work that it raised stays open.
    None when nothing was answered."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        stored = None
        if found.state.answers or found.state.response:
            stored = write_response(unit, found, found.state, "stopped", now)
        drafts.delete(unit, draft)
        return stored


def asks_safety(found: OpenDraft) -> bool:
    """Whether one of the critical answers calls for where the person is and whether she is safe."""
    return any(c.id in found.state.urgent and c.asks_safety for c in found.instrument.scoring.critical)


def finished_by_another(unit: Unit, found: OpenDraft, since: datetime | None = None) -> Stored | None:
    """The same questions, finished by a colleague after this was begun; by anybody after since, when that is given."""
    canonical = found.instrument.questionnaire["url"]
    for stored in unit.of_person(found.draft.person, ["QuestionnaireResponse"]):
        resource = stored.resource
        is_same = str(resource.get("questionnaire", "")).partition("|")[0] == canonical
        is_done = resource.get("status") in ("completed", "amended")
        author = (resource.get("author") or {}).get("reference")
        is_mine = since is None and author == unit.scope.actor.practitioner
        is_this = stored.id == found.state.response
        if is_same and is_done and not (is_this or is_mine) and stored.at > (since or found.draft.started_at):
            return stored
    return None


def write_observations(
    unit: Unit, instrument: Instrument, answers: Answers, result: Score, response: Stored, authored: datetime
) -> None:
    """The scores and, for social needs, each answer, with the day it was answered, when it was written, by whom, and
    whose words it is. What an earlier version of the response left is replaced."""
    about = response.resource
    for observed in observations(
        instrument,
        answers,
        result,
        response=response.reference,
        subject=about["subject"]["reference"],
        effective=authored,
        performer=(about.get("author") or {}).get("reference"),
        written_by=(about.get("author") or {}).get("display") or _writer(unit, about),
        issued=unit.now,
        told=about,
    ):
        key = observed["identifier"][0]
        stored = None
        if response.version > 1:
            stored = unit.match_one("Observation", [("identifier", f"{key['system']}|{key['value']}")])
        if stored:
            unit.update({**observed, "id": stored.id, "status": "corrected"}, if_match=stored.version)
        else:
            unit.create(observed)


def _writer(unit: Unit, response: Resource) -> str:
    """Who wrote it, in words, when it names nobody or me."""
    actor = unit.scope.actor
    author = (response.get("author") or {}).get("reference")
    return actor.name if author in (None, actor.practitioner) else ""


def refuse_impossible(unit: Unit, found: OpenDraft, answered_at: datetime) -> None:
    if answered_at > unit.now:
        raise ImpossibleDate("That day lies in the future.")
    patient = unit.get([found.state.person])[found.state.person]
    born = day(patient.resource.get("birthDate"))
    if born and answered_at.date() < born:
        raise ImpossibleDate("That day lies before the birth date.")
    if unit.now - answered_at > LATEST_ENTRY:
        raise ImpossibleDate("It lies more than a year back. Keep the paper as a document instead.")


def _write(unit: Unit, found: OpenDraft, library: Library, authored: datetime) -> Completed:
    instrument, state = found.instrument, found.state
    patient = unit.get([state.person])[state.person]
    result = score(instrument, state.answers, who_is(patient.resource, authored.date()))
    if alarms := unheard(state, result):
        state, _ = alarmed(unit, found, state, alarms, unit.now)
    response = write_response(unit, found, state, "completed", authored)
    write_observations(unit, instrument, state.answers, result, response, authored)
    if isinstance(instrument, Adopted):
        take(unit, instrument, only_asked(instrument.form, state.answers), response)
        return Completed(response, result, None)
    follow_up(unit, patient, result, response)
    return Completed(
        response, result, propose_from(unit, patient, library, instrument, result, response.id, authored)
    )


def propose_from(
    unit: Unit,
    patient: Stored,
    library: Library,
    instrument: Instrument,
    result: Score,
    response: str,
    authored: datetime,
) -> Stored | None:
    """The draft CarePlan that these answers ask for; None when there is nothing new. response: its id. Where a program
    of hers says so, they are looked at with all else that is known."""
    if is_for_whole_plan(unit, patient, library, instrument) and (whole := known_of(unit, patient, library)):
        return write_proposal(unit, patient, whole.told, library, whole.because, response, whole.evidence)
    since = days_since_discharge(unit, patient)
    known: dict[str, object] = {"programs": programs_of(unit, patient.rid)}
    if since is not None:
        known["days_since_discharge"] = since
    facts = about_her(patient.resource, local_day(patient.resource, unit.now), known)
    said = answered_on(instrument, authored.astimezone(ZoneInfo(zone_of(patient.resource))).date())
    because = Words(f"{said.en}.", f"{said.es}.")
    evidence = (f"QuestionnaireResponse/{response}",)
    return write_proposal(unit, patient, told_by(result, facts), library, because, response, evidence)
