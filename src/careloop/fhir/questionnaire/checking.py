"""What is wrong with answers: the same for a page and for a posted response."""

from __future__ import annotations

from collections.abc import Iterator

from careloop.fhir.questionnaire.asking import asked_places, options_at
from careloop.fhir.questionnaire.form import ABSENT, CHOICES, Answer, Answers, Form, Item, Problem
from careloop.fhir.questionnaire.places import Place, counts, located
from careloop.fhir.questionnaire.reading import Reading
from careloop.fhir.questionnaire.values import value_problems


def check(form: Form, answers: Answers, *, is_complete: bool) -> list[Problem]:
    """Everything wrong, in the order of the form. is_complete: every required question that is asked needs an
    answer, or a reason why there is none. Answers to questions not asked are refused only when complete."""
    places, asked = asked_places(form, answers)
    known = {place.key for place in places}
    problems = [
        Problem(key, "unknown-question", f"There is no question “{key}”.")
        for key in answers
        if key not in known and located(form, key) is None
    ]
    reading = Reading(form, answers, asked) if _needs_reading(form) else None
    counted = counts(answers)
    for place in places:
        problems += _place_problems(form, place, answers, asked, reading, is_complete=is_complete)
        if is_complete and place.key in asked and place.item.link_id in form.repeating:
            problems += _count_problems(place, counted.get(place.key, 0))
    if is_complete:
        lost = [key for key in answers if key not in known and located(form, key) is not None]
        problems += [
            Problem(key, "not-enabled", "This question did not apply.") for key in lost if _said(answers[key])
        ]
    return problems


def _needs_reading(form: Form) -> bool:
    return any(item.answer_expression or item.toggles for item in form.items)


def _said(answer: Answer) -> bool:
    return answer.is_given or answer.absent is not None


def _place_problems(
    form: Form,
    place: Place,
    answers: Answers,
    asked: frozenset[str],
    reading: Reading | None,
    *,
    is_complete: bool,
) -> Iterator[Problem]:
    item, answer = place.item, answers.get(place.key, Answer())
    if _said(answer):
        if not item.is_question or place.is_repetition:
            yield Problem(place.key, "wrong-type", "This is not a question.")
        elif place.key not in asked:
            if is_complete:
                yield Problem(place.key, "not-enabled", "This question did not apply.")
        else:
            yield from _answer_problems(item, answer, place.key)
            if reading is not None and (item.answer_expression or item.toggles):
                yield from _offer_problems(form, place, answers, reading)
            if is_complete and answer.is_given and item.type != "group":
                yield from _fewer(item, answer, place.key)
    elif is_complete and _is_missing(item, place, asked):
        yield Problem(place.key, "missing", f"No answer yet: {item.text}")


def _is_missing(item: Item, place: Place, asked: frozenset[str]) -> bool:
    """What nobody is asked can't be missing."""
    is_asked_for = item.is_required and item.is_answered_here and not place.is_repetition
    return is_asked_for and place.key in asked


def _fewer(item: Item, answer: Answer, key: str) -> Iterator[Problem]:
    if item.min_occurs and len(answer.values) < item.min_occurs:
        yield Problem(key, "too-few", f"At least {item.min_occurs} answers are asked for.")


def _count_problems(place: Place, count: int) -> Iterator[Problem]:
    item = place.item
    if item.type != "group" or place.is_repetition:
        return
    if item.max_occurs is not None and count > item.max_occurs:
        yield Problem(place.key, "too-many", f"At most {item.max_occurs} of these are asked for.")


def _offer_problems(form: Form, place: Place, answers: Answers, reading: Reading) -> Iterator[Problem]:
    """Answers that are worked out: one that is not offered (any more) does not fit."""
    item = place.item
    if item.type == "open-choice" or item.type not in CHOICES:
        return
    offered = options_at(form, answers, place, reading)
    keys = {option.key for option in offered}
    codes = {(option.system, option.code) for option in offered}
    for value in answers[place.key].values:
        if isinstance(value, dict):
            is_there = (value.get("system", ""), value.get("code", "")) in codes
        else:
            is_there = value in keys
        if offered and not is_there:
            yield Problem(place.key, "not-an-option", "This is not one of the answers.")


def answer_problems(item: Item, answer: Answer, key: str = "") -> list[Problem]:
    """Whether one answer fits its question, asked now or not."""
    return list(_answer_problems(item, answer, key or item.link_id))


def _answer_problems(item: Item, answer: Answer, key: str) -> Iterator[Problem]:
    if answer.absent is not None:
        if answer.absent not in ABSENT:
            yield Problem(key, "wrong-type", "The reason is not declined, unknown or not-asked.")
        if answer.values:
            yield Problem(key, "exclusive", "There is an answer and a reason for none.")
        return
    if len(answer.values) > 1 and not item.repeats:
        yield Problem(key, "too-many", "Only one answer fits here.")
    if item.repeats and item.max_occurs is not None and len(answer.values) > item.max_occurs:
        yield Problem(key, "too-many", f"At most {item.max_occurs} answers are asked for.")
    if len(set(map(str, answer.values))) < len(answer.values):
        yield Problem(key, "said-twice", "The same answer is given twice.")
    if len(answer.values) > 1 and any(
        option.is_exclusive for option in item.options if option.key in answer.values
    ):
        yield Problem(key, "exclusive", "“None of these” can't go with another answer.")
    for value in answer.values:
        yield from (Problem(key, code, text) for code, text in value_problems(item, value))
