"""The same question in two instruments: its answer, once given, is offered and not asked again.

Same is what carries the same LOINC code, or what `same_as` in questionnaire.yaml says, with the same answers to choose
from. What was said in private is offered nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping

from careloop.library.instruments import Instrument
from careloop.library.questions import FRESH_DAYS, Question
from careloop.library.reading import Node


def check_same(question: Question, file: str, instruments: Mapping[str, Instrument]) -> None:
    """Raises BrokenContent where `same_as` leads nowhere, to another kind of question, or to other answers."""
    place = Node(None, question.line, file)
    name, _, item = question.same_as.partition("/")
    instrument = instruments.get(name)
    other = instrument.by_id.get(item) if instrument else None
    if instrument is None or other is None or not other.is_question:
        place.fail(f"There is no question “{question.same_as}” for “{question.id}” to be the same as.")
    if instrument.is_private:
        place.fail(f"What is asked in {name} stays there: “{question.id}” can’t be the same.")
    if not have_same_answers(question, other):
        place.fail(f"“{question.id}” has other answers than {question.same_as}.")


def kept_days(instrument: Instrument, question: Question) -> int:
    """For how many days a former answer may be kept as it stands. What counts in a score, or may be critical, speaks of
    these days: for one day, unless the question says otherwise. Of a talk in private never."""
    if instrument.is_private:
        return 0
    if question.fresh_days != FRESH_DAYS:
        return question.fresh_days
    return 1 if question.id in _weighty(instrument) else FRESH_DAYS


def _weighty(instrument: Instrument) -> set[str]:
    rules = instrument.scoring
    stated = [
        *(each.when for each in rules.critical),
        *(c for each in rules.totals for c in each.conditions()),
    ]
    read = {path.partition("/")[2] for condition in stated for path in condition.reads()}
    return read | {item for total in rules.totals for item in total.items}


def have_same_answers(one: Question, other: Question) -> bool:
    codes = [{choice.code for choice in each.choices} for each in (one, other)]
    return one.kind == other.kind and codes[0] == codes[1]


def same_questions(theirs: Instrument, ours: Instrument) -> dict[str, str]:
    """Id of a question of `theirs` -> id of the one of `ours` that it answers. Empty where either is private, unless
    they are one instrument."""
    if theirs.id == ours.id:
        known = {each.id: each for each in theirs.questions if each.is_question}
        return {q.id: q.id for q in ours.questions if q.id in known and q.kind == known[q.id].kind}
    if theirs.is_private or ours.is_private:
        return {}
    found: dict[str, str] = {}
    for one in theirs.questions:
        for other in ours.questions:
            if _is_same(theirs, one, ours, other):
                found.setdefault(one.id, other.id)
    return found


def _is_same(theirs: Instrument, one: Question, ours: Instrument, other: Question) -> bool:
    if not (one.is_question and other.is_question):
        return False
    has_code = one.loinc is not None and one.loinc == other.loinc
    is_named = _root(theirs, one) == _root(ours, other)
    return (has_code or is_named) and have_same_answers(one, other)


def _root(instrument: Instrument, question: Question) -> str:
    """What `same_as` leads to, so that two questions that name a third are the same as each other."""
    return question.same_as or f"{instrument.id}/{question.id}"
