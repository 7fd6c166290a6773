"""The last answer is in: one commit writes the response, its score, and the proposal that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.drafting import OpenDraft, opened
from careloop.actions.propose_plan import days_since_discharge, told_by, write_proposal
from careloop.actions.save_answer import write_response
from careloop.care.assess import Score, observations, score
from careloop.fhir.questionnaire import Problem, check, only_asked
from careloop.kernel.errors import CareError
from careloop.library import Library
from careloop.store import Stored, Unit, drafts


class IncompleteAssessment(CareError):
    """Some questions have no answer yet. All that was answered is kept."""

    code, status, issue_type = "incomplete-assessment", 422, "required"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(" ".join(problem.text for problem in problems[:3]))


class ImpossibleDate(CareError):
    """The day on which it was answered lies in the future."""

    code, status, issue_type = "impossible-date", 422, "value"


@dataclass(frozen=True)
class Completed:
    """proposal: the draft CarePlan, None when there was nothing new to propose."""

    response: Stored
    score: Score
    proposal: Stored | None


def complete_assessment(
    scope: Scope, draft: int, library: Library, now: datetime, answered_at: datetime | None = None
) -> Completed:
    """answered_at: when it was really answered, if it is only entered now. Raises IncompleteAssessment."""
    if answered_at is not None and answered_at > now:
        raise ImpossibleDate
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        asked = only_asked(found.instrument.form, found.state.answers)
        if problems := check(found.instrument.form, asked, is_complete=True):
            raise IncompleteAssessment(problems)
        completed = _write(unit, found, library, answered_at or now)
        drafts.delete(unit, draft)
        return completed


def _write(unit: Unit, found: OpenDraft, library: Library, authored: datetime) -> Completed:
    instrument, answers = found.instrument, found.state.answers
    result = score(instrument, answers)
    response = write_response(unit, found, found.state, "completed", authored)
    for observed in observations(
        instrument,
        answers,
        result,
        response=response.reference,
        subject=found.state.person,
        effective=authored,
        performer=unit.scope.actor.practitioner,
    ):
        unit.create(observed)
    patient = unit.get([found.state.person])[found.state.person]
    since = days_since_discharge(unit, patient)
    facts = {"days_since_discharge": since} if since is not None else {}
    because = f"{instrument.short.en}, answered {authored.date().isoformat()}."
    proposal = write_proposal(unit, patient, told_by(result, facts), library, because, response.id)
    return Completed(response, result, proposal)
