"""Keep one answer. A critical one does not wait for the last question: it commits an in-progress response and its
urgent task at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.drafting import DraftState, InvalidAnswer, OpenDraft, keep, opened, stamp
from careloop.actions.urgent import raise_alarm
from careloop.care.assess import Alarm, Score, score
from careloop.fhir.questionnaire import Answer, Progress, check, progress, value_from_text
from careloop.fhir.responses import About, response
from careloop.library import Library
from careloop.store import Stored, Unit


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
) -> Saved:
    """values: as typed or chosen; none and no reason takes the answer back. Raises InvalidAnswer."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        state = _answered(found, item, values, absent, now)
        result = score(found.instrument, state.answers)
        new = tuple(alarm for alarm in result.critical if alarm.critical.id not in state.urgent)
        is_covered = True
        if new:
            state, is_covered = _alarmed(unit, found, state, new, now)
        kept = keep(unit, found, state)
        return Saved(kept, result, progress(found.instrument.form, state.answers), new, is_covered)


def record_safety(
    scope: Scope, draft: int, where: str, callback: str, safe: str, library: Library, now: datetime
) -> OpenDraft:
    """Where the person is, a number to call back, safe now (yes, no, unsure): onto each urgent task."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        said = {"where": where.strip(), "callback": callback.strip(), "safe": safe}
        state = replace(found.state, safety=said)
        for reference in state.urgent.values():
            task = unit.get([reference])[reference]
            note = {"text": safety_words(state), "time": stamp(now)}
            unit.update(
                {**task.resource, "note": [note, *task.resource.get("note", ())]}, if_match=task.version
            )
        return keep(unit, found, state)


def safety_words(state: DraftState) -> str:
    said = state.safety
    if not said:
        return ""
    where, callback = said.get("where") or "not told", said.get("callback") or "not told"
    return f"Where: {where}. Call back: {callback}. Safe now: {said.get('safe') or 'not told'}."


def write_response(
    unit: Unit, found: OpenDraft, state: DraftState, status: str, authored: datetime
) -> Stored:
    """The response of this draft: created the first time, a new version after."""
    about = About(state.person, authored, unit.scope.actor.practitioner, _source(state), state.heard_from)
    resource = response(found.instrument.form, state.answers, about, status=status)
    if state.response is None:
        return unit.create(resource)
    return unit.update({**resource, "id": state.response})


def _source(state: DraftState) -> str | None:
    return state.person if state.heard_from == "person" else None


def _answered(
    found: OpenDraft, item: str, values: Sequence[str], absent: str | None, now: datetime
) -> DraftState:
    form_item = found.instrument.form.by_id.get(item)
    answers, said_at = dict(found.state.answers), dict(found.state.said_at)
    if form_item is None:
        raise InvalidAnswer(f"There is no question “{item}”.")
    given = tuple(value_from_text(form_item, value) for value in values if value.strip())
    if not given and absent is None:
        answers.pop(item, None)
        said_at.pop(item, None)
        return replace(found.state, answers=answers, said_at=said_at)
    answers[item] = Answer((), absent) if absent else Answer(given)
    said_at[item] = stamp(now)
    problems = check(found.instrument.form, {item: answers[item]}, is_complete=False)
    if problems:
        raise InvalidAnswer(problems[0].text, item=item)
    return replace(found.state, answers=answers, said_at=said_at)


def _alarmed(
    unit: Unit, found: OpenDraft, state: DraftState, alarms: Sequence[Alarm], now: datetime
) -> tuple[DraftState, bool]:
    stored = write_response(unit, found, state, "in-progress", now)
    patient = unit.get([state.person])[state.person]
    urgent, is_covered = dict(state.urgent), True
    for alarm in alarms:
        task = raise_alarm(unit, patient, alarm, stored.reference, safety_words(state))
        urgent[alarm.critical.id] = task.reference
        is_covered = is_covered and "owner" in task.resource
    return replace(state, response=stored.id, urgent=urgent), is_covered
