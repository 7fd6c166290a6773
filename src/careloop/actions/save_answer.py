"""Keep one answer. A critical one does not wait for the last question: it commits an in-progress response and its
urgent task at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.drafting import (
    DraftState,
    InvalidAnswer,
    OpenDraft,
    keep,
    opened,
    stamp,
    write_response,
)
from careloop.actions.record_safety import add_to_urgent, safety_words
from careloop.actions.urgent import raise_alarm
from careloop.care.assess import Alarm, Score, said, score
from careloop.fhir.questionnaire import (
    REFUSED,
    Answer,
    Progress,
    answer_problems,
    progress,
    value_from_text,
)
from careloop.kernel.errors import Conflict
from careloop.library import Library
from careloop.store import Unit


class AnsweredMeanwhile(Conflict):
    """This question was answered in another window after you opened it. Look at that answer, then choose again."""

    code = "answered-meanwhile"


@dataclass(frozen=True)
class Saved:
    """alarms: those that spoke because of this answer; is_covered: somebody on call has them."""

    found: OpenDraft
    score: Score
    progress: Progress
    alarms: tuple[Alarm, ...]
    is_covered: bool


def save_answer(
    scope: Scope,
    draft: int,
    item: str,
    values: Sequence[str],
    library: Library,
    now: datetime,
    absent: str | None = None,
    seen: str | None = None,
) -> Saved:
    """values: as typed or chosen; none and no reason takes the answer back. seen: the said_at of the answer that the
    page showed, empty for none; None asks for no such check. Raises InvalidAnswer, AnsweredMeanwhile."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        state = _answered(found, item, values, absent, now)
        _refuse_stale(found.state, state, item, seen)
        result = score(found.instrument, state.answers)
        new = unheard(state, result)
        is_covered = True
        if new:
            state, is_covered = alarmed(unit, found, state, new, now)
        _tell_changes(unit, found, state, item)
        kept = keep(unit, found, state)
        return Saved(kept, result, progress(found.instrument.form, state.answers), new, is_covered)


def unheard(state: DraftState, result: Score) -> tuple[Alarm, ...]:
    """The alarms for which no urgent work was made yet."""
    return tuple(alarm for alarm in result.critical if alarm.critical.id not in state.urgent)


def alarmed(
    unit: Unit, found: OpenDraft, state: DraftState, alarms: Sequence[Alarm], now: datetime
) -> tuple[DraftState, bool]:
    """The state with its in-progress response and urgent work written; whether somebody on call has all of it."""
    stored = write_response(unit, found, state, "in-progress", now)
    patient = unit.get([state.person])[state.person]
    urgent, is_covered = dict(state.urgent), True
    for alarm in alarms:
        task = raise_alarm(unit, patient, alarm, stored.reference, safety_words(state))
        urgent[alarm.critical.id] = task.reference
        is_covered = is_covered and "owner" in task.resource
    return replace(state, response=stored.id, urgent=urgent), is_covered


def _tell_changes(unit: Unit, found: OpenDraft, state: DraftState, item: str) -> None:
    """A critical answer that is changed afterwards does not take the urgent work back; it is told there."""
    before, after = found.state.answers.get(item), state.answers.get(item, Answer())
    question = found.instrument.by_id[item]
    for critical in found.instrument.scoring.critical:
        reads = {path.partition("/")[2] for path in critical.when.reads()}
        if critical.id in found.state.urgent and item in reads and before != after:
            answer = said(question, after, "en") or "no answer"
            add_to_urgent(unit, state.urgent[critical.id], f"The answer was changed to: {answer}.")


def _refuse_stale(before: DraftState, after: DraftState, item: str, seen: str | None) -> None:
    is_other = before.answers.get(item) != after.answers.get(item)
    if seen is not None and is_other and before.said_at.get(item, "") != seen:
        raise AnsweredMeanwhile(item=item)


def _answered(
    found: OpenDraft, item: str, values: Sequence[str], absent: str | None, now: datetime
) -> DraftState:
    form_item = found.instrument.form.by_id.get(item)
    answers, said_at = dict(found.state.answers), dict(found.state.said_at)
    if form_item is None:
        raise InvalidAnswer(f"There is no question “{item}”.")
    if absent == "declined" and form_item.option(REFUSED):
        values, absent = (REFUSED,), None
    given = tuple(value_from_text(form_item, value) for value in values if value.strip())
    if not given and absent is None:
        answers.pop(item, None)
        said_at.pop(item, None)
        return replace(found.state, answers=answers, said_at=said_at)
    answers[item] = Answer((), absent) if absent else Answer(given)
    said_at[item] = stamp(now)
    if problems := answer_problems(form_item, answers[item]):
        raise InvalidAnswer(problems[0].text, item=item)
    return replace(found.state, answers=answers, said_at=said_at)
