"""Keep one answer. A critical one does not wait for the last question: it commits an in-progress response and its
urgent task at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

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
from careloop.actions.start_assessment import is_fresh, previous_answers
from careloop.actions.urgent import raise_alarm
from careloop.care.assess import Alarm, Score, items_of, said, score, who_is
from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire import (
    REFUSED,
    Answer,
    Answers,
    Form,
    Item,
    Progress,
    answer_problems,
    options_at,
    progress,
    settled,
    value_from_text,
    walk,
)
from careloop.fhir.questionnaire.places import located
from careloop.fhir.questionnaire.reading import chosen_value
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
    *,
    former: bool = False,
) -> Saved:
    """values: as typed or chosen; none and no reason takes the answer back. seen: the said_at of the answer that the
    page showed, empty for none; None asks for no such check. former: what was
    answered before is kept, and says where it comes from. Raises InvalidAnswer, AnsweredMeanwhile."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        origin: Mapping[str, str] = {}
        if former and (filled := _filled_in(found.state, item)):
            values, origin = [], {**filled, "confirmed": stamp(now)}
            state = replace(found.state, said_at={**found.state.said_at, item: stamp(now)})
        elif former:
            values, origin = _former(unit, found, item, library)
            origin = {**origin, "confirmed": stamp(now)}
            state = answered(found, item, values, absent, now)
        else:
            state = answered(found, item, values, absent, now)
        _refuse_stale(found.state, state, item, seen)
        result = score(found.instrument, state.answers, who_is(_patient(unit, state), now.date()))
        new = unheard(state, result)
        is_covered = True
        if new:
            state, is_covered = alarmed(unit, found, state, new, now)
        tell_changes(unit, found, state, item)
        state = own_now(found.state, state, item)
        if origin:
            state = replace(state, origins={**state.origins, item: origin})
        kept = keep(unit, found, state)
        return Saved(kept, result, progress(found.instrument.form, state.answers), new, is_covered)


def _filled_in(state: DraftState, item: str) -> Mapping[str, str]:
    """What was filled in from the record when this was begun, and nobody has been asked about yet."""
    origin = state.origins.get(item, {})
    return origin if item in state.answers and not origin.get("confirmed") else {}


def _former(
    unit: Unit, found: OpenDraft, item: str, library: Library
) -> tuple[Sequence[str], Mapping[str, str]]:
    """The answer given before, as typed, and where it stands. Raises InvalidAnswer when nothing fresh was said."""
    known = previous_answers(unit, found.draft.person, found.instrument, library).get(item)
    if known is None or not is_fresh(found.instrument, item, known, unit.now):
        raise InvalidAnswer("There is no answer of before that is fresh enough to keep.", item=item)
    on = {"on": stamp(known.on)} if known.on else {}
    return [_as_typed(v) for v in known.answer.values], {
        "source": f"QuestionnaireResponse/{known.response}",
        **on,
    }


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def own_now(before: DraftState, after: DraftState, item: str) -> DraftState:
    """What was filled in from the record and said otherwise comes from who said it."""
    if before.answers.get(item) == after.answers.get(item) or item not in after.origins:
        return after
    return replace(after, origins={key: origin for key, origin in after.origins.items() if key != item})


def _patient(unit: Unit, state: DraftState) -> Resource:
    return unit.get([state.person])[state.person].resource


def unheard(state: DraftState, result: Score) -> tuple[Alarm, ...]:
    """The alarms for which no urgent work was made yet."""
    return tuple(alarm for alarm in result.critical if alarm.critical.id not in state.urgent)


def alarmed(
    unit: Unit, found: OpenDraft, state: DraftState, alarms: Sequence[Alarm], said_at: datetime
) -> tuple[DraftState, bool]:
    """The state with its in-progress response and urgent work written; whether somebody on call has all of it."""
    stored = write_response(unit, found, state, "in-progress", said_at)
    patient = unit.get([state.person])[state.person]
    urgent, is_covered = dict(state.urgent), True
    for alarm in alarms:
        task = raise_alarm(unit, patient, alarm, stored.reference, safety_words(state), said_at)
        urgent[alarm.critical.id] = task.reference
        is_covered = is_covered and "owner" in task.resource
    return replace(state, response=stored.id, urgent=urgent), is_covered


def tell_changes(unit: Unit, found: OpenDraft, state: DraftState, item: str) -> None:
    """A critical answer that is changed afterwards does not take the urgent work back; it is told there."""
    before, after = found.state.answers.get(item), state.answers.get(item, Answer())
    asked = found.instrument.form.at(item)
    question = found.instrument.by_id[asked.link_id if asked else item]
    for critical in found.instrument.scoring.critical:
        reads = items_of(critical)
        if critical.id in found.state.urgent and item in reads and before != after:
            answer = said(question, after, "en") or "no answer"
            add_to_urgent(unit, state.urgent[critical.id], f"The answer was changed to: {answer}.")


def _refuse_stale(before: DraftState, after: DraftState, item: str, seen: str | None) -> None:
    is_other = before.answers.get(item) != after.answers.get(item)
    if seen is not None and is_other and before.said_at.get(item, "") != seen:
        raise AnsweredMeanwhile(item=item)


def answered(
    found: OpenDraft, item: str, values: Sequence[str], absent: str | None, now: datetime
) -> DraftState:
    form = found.instrument.form
    place = located(form, item)
    answers, said_at = dict(found.state.answers), dict(found.state.said_at)
    if place is None or place.is_repetition:
        raise InvalidAnswer(f"There is no question “{item}”.")
    asked = place.item
    if asked.is_calculated:
        raise InvalidAnswer("Nobody answers this: it is worked out.", item=item)
    if absent == "declined" and asked.option(REFUSED):
        values, absent = (REFUSED,), None
    given = tuple(_typed(form, answers, item, asked, value) for value in values if value.strip())
    if not given and absent is None:
        answers.pop(item, None)
        said_at.pop(item, None)
        return replace(found.state, answers=_worked_out(form, answers, item, asked), said_at=said_at)
    answers[item] = Answer((), absent) if absent else Answer(given)
    said_at[item] = stamp(now)
    if problems := answer_problems(asked, answers[item], item):
        raise InvalidAnswer(problems[0].text, item=item)
    return replace(found.state, answers=_worked_out(form, answers, item, asked), said_at=said_at)


def _typed(form: Form, answers: Answers, key: str, item: Item, value: str) -> Any:
    """A choice whose options are worked out keeps the option itself."""
    if item.answer_expression is None:
        return value_from_text(item, value, form.known.zone)
    place = next((each for each in walk(form, answers) if each.key == key and not each.is_repetition), None)
    offered = options_at(form, answers, place) if place else ()
    chosen = next((option for option in offered if option.key == value), None)
    return chosen_value(chosen) if chosen else value_from_text(item, value, form.known.zone)


def _worked_out(form: Form, answers: dict[str, Answer], key: str, item: Item) -> dict[str, Answer]:
    """What stood under an answer that is gone goes with it; what is computed follows."""
    if item.link_id in form.repeating:
        count = len(answers.get(key, Answer()).values)
        gone = [each for each in answers if each.startswith(f"{key}[") and _number(each, key) > count]
        for each in gone:
            del answers[each]
    return settled(form, answers)


def _number(place: str, key: str) -> int:
    number = place.removeprefix(f"{key}[").partition("]")[0]
    return int(number) if number.isascii() and number.isdecimal() else 0
