"""Answers that a program wrote get the treatment of those given on our page: the same check, the score, the proposal,
and for a critical answer the urgent work, all in the commit that stores them, or nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from careloop.access import decide
from careloop.actions.adopted import instrument_for
from careloop.actions.complete_assessment import propose_from, write_observations
from careloop.actions.extract_answers import take
from careloop.actions.private_questions import follow_up
from careloop.actions.urgent import raise_alarm
from careloop.care.assess import (
    NOBODY,
    Alarm,
    Score,
    Who,
    alarms_elsewhere,
    score,
    who_is,
)
from careloop.fhir import uris
from careloop.fhir.elements import instant
from careloop.fhir.outcome import Issue
from careloop.fhir.questionnaire import Answers, Problem, only_asked
from careloop.fhir.responses import answers_of, problems_of
from careloop.kernel.errors import Forbidden, Unprocessable
from careloop.library import Instrument, Library
from careloop.library.adopting import Adopted
from careloop.store import Stored, Unit

COUNTED = ("completed", "amended")
SPEAKING = (*COUNTED, "in-progress", "stopped")
PLANNING = ("CarePlan", "Condition", "Goal", "Task")
STRUCTURE = {"missing": "required", "unknown-question": "structure", "said-twice": "structure"}


class InvalidResponse(Unprocessable):
    """These answers do not fit the questions they name. Nothing was stored."""

    code = "invalid-response"

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = issues
        super().__init__(issues[0].text)


class AnswersOfNobody(Unprocessable):
    """One of these answers calls for urgent work, and we can’t find whose answers they are. Nothing was stored."""

    code, issue_type = "answers-of-nobody", "required"


def take_responses(unit: Unit, library: Library) -> None:
    """For every QuestionnaireResponse of our instruments, and of Questionnaires that the record holds, that this unit
    wrote; of forms nobody knows here only what is critical by its LOINC codes. Raises InvalidResponse, AnswersOfNobody,
    Forbidden when the program may not write what must follow."""
    for stored in _written(unit):
        instrument = _instrument(unit, library, stored)
        if isinstance(instrument, Adopted):
            _take_adopted(unit, library, instrument, stored)
        elif instrument is not None:
            _take(unit, library, instrument, stored)
        elif stored.resource["status"] in SPEAKING and (alarms := alarms_elsewhere(library, stored.resource)):
            _alarm(unit, alarms, stored)


def _written(unit: Unit) -> Iterator[Stored]:
    for change in list(unit.changes):
        after = change.after
        if after is not None and after.type == "QuestionnaireResponse" and not after.is_deleted:
            yield after


def _instrument(unit: Unit, library: Library, stored: Stored) -> Instrument | None:
    canonical = str(stored.resource.get("questionnaire", ""))
    found = instrument_for(unit, library, canonical, _patient(unit, stored))
    if found is None and canonical.startswith(f"{uris.INSTRUMENT}:"):
        text = f"There are no questions “{canonical[:80]}” here. Ask /library for those that there are."
        raise InvalidResponse([Issue("error", "not-found", "QuestionnaireResponse.questionnaire", text)])
    return found


def _take_adopted(unit: Unit, library: Library, instrument: Adopted, stored: Stored) -> None:
    """Checked as on the page, what is critical speaks, and what the form makes of its answers is made."""
    status = stored.resource["status"]
    if status == "entered-in-error":
        return _withdraw_scores(unit, stored)
    if problems := problems_of(instrument.form, stored.resource):
        raise InvalidResponse([_issue(problem) for problem in problems])
    answers, _ = answers_of(instrument.form, stored.resource)
    alarms = {alarm.critical.id: alarm for alarm in alarms_elsewhere(library, stored.resource)}
    alarms |= {alarm.critical.id: alarm for alarm in score(instrument, answers).critical}
    if status in SPEAKING and alarms:
        _alarm(unit, list(alarms.values()), stored)
    if status in COUNTED:
        take(unit, instrument, only_asked(instrument.form, answers), stored)


def _take(unit: Unit, library: Library, instrument: Instrument, stored: Stored) -> None:
    if problems := problems_of(instrument.form, stored.resource):
        raise InvalidResponse([_issue(problem) for problem in problems])
    status = stored.resource["status"]
    if status == "entered-in-error":
        return _withdraw_scores(unit, stored)
    answers, _ = answers_of(instrument.form, stored.resource)
    result = score(instrument, answers, _who(unit, stored))
    if status in SPEAKING and result.critical:
        _alarm(unit, result.critical, stored)
    if status in COUNTED and "reference" in stored.resource.get("subject", {}):
        _count(unit, library, instrument, answers, result, stored)


def _patient(unit: Unit, stored: Stored) -> Stored | None:
    reference = stored.resource.get("subject", {}).get("reference", "")
    return unit.get([reference]).get(reference) if reference.startswith("Patient/") else None


def _who(unit: Unit, stored: Stored) -> Who:
    patient = _patient(unit, stored)
    on = instant(stored.resource.get("authored")) or unit.now
    return who_is(patient.resource, on.date()) if patient else NOBODY


def _alarm(unit: Unit, alarms: Sequence[Alarm], stored: Stored) -> None:
    reference = stored.resource.get("subject", {}).get("reference", "")
    patient = unit.get([reference]).get(reference)
    if patient is None or patient.type != "Patient":
        raise AnswersOfNobody("Name the Patient in “subject”, and create her first.")
    _must_write(unit, "Task", "an urgent to-do")
    for alarm in alarms:
        raise_alarm(unit, patient, alarm, stored.reference, "")


def _count(
    unit: Unit, library: Library, instrument: Instrument, answers: Answers, result: Score, stored: Stored
) -> None:
    authored = instant(stored.resource.get("authored")) or unit.now
    _must_write(unit, "Observation", "a score")
    write_observations(unit, instrument, answers, result, stored, authored)
    reference = stored.resource["subject"]["reference"]
    patient = unit.get([reference]).get(reference)
    if patient:
        follow_up(unit, patient, result, stored)
    if patient and _is_news(unit, instrument, stored, patient, authored) and _may_plan(unit):
        propose_from(unit, patient, library, instrument, result, stored.id, authored)


def _withdraw_scores(unit: Unit, stored: Stored) -> None:
    """What was counted from answers that were a mistake does not stand either. Urgent work stays until it is closed."""
    counted = [("derived-from", stored.reference), ("_count", "1000")]
    for observed in unit.search("Observation", counted).entries:
        changed = {**observed.resource, "status": "entered-in-error"}
        unit.update(changed, if_match=observed.version)


def _is_news(unit: Unit, instrument: Instrument, stored: Stored, patient: Stored, authored: datetime) -> bool:
    """History that is loaded late proposes nothing: a newer answer to the same questions stands."""
    if stored.version > 1:
        return False
    for other in unit.of_person(patient.rid, ["QuestionnaireResponse"]):
        same = str(other.resource.get("questionnaire", "")).partition("|")[0]
        newer = (instant(other.resource.get("authored")) or other.at) > authored
        if other.id != stored.id and same == instrument.questionnaire["url"] and newer:
            return False
    return True


def _must_write(unit: Unit, kind: str, what: str) -> None:
    actor = unit.scope.actor
    if not all(decide(actor, each, kind).allowed for each in ("create", "update", "search")):
        said = f"With these answers goes {what}, and this program may not write a {kind}. Ask for the scope {kind}.cus."
        raise Forbidden(said)


def _may_plan(unit: Unit) -> bool:
    """A program without these scopes leaves the proposal to a person, who finds the answers on the person's page."""
    actor = unit.scope.actor
    return all(
        decide(actor, each, kind).allowed for kind in PLANNING for each in ("create", "search")
    ) and bool(decide(actor, "search", "Encounter").allowed)


def answer_issues(problems: Iterable[Problem]) -> list[Issue]:
    return [_issue(problem) for problem in problems]


def _issue(problem: Problem) -> Issue:
    where = f"QuestionnaireResponse.repeat(item).where(linkId='{problem.link_id[:80]}')"
    return Issue("error", STRUCTURE.get(problem.code, "value"), where, problem.text)
