"""What is asked now, what is computed, and how far it has come: for the page, a draft and a posted response alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from careloop.fhir.questionnaire.form import (
    Answer,
    Answers,
    Form,
    Item,
    Known,
    Option,
    Progress,
)
from careloop.fhir.questionnaire.places import Place, number_of, walk
from careloop.fhir.questionnaire.reading import Reading, offered, plain_of
from careloop.fhir.questionnaire.values import holds

# A computed answer may decide what is asked, which decides what is computed; after so many rounds it is left as it is.
MOST_ROUNDS: Final = 5


def told(form: Form, known: Known) -> Form:
    """The form for one person on one day: what its expressions may read."""
    return replace(form, known=known)


def enabled(form: Form, answers: Answers) -> frozenset[str]:
    """The keys that are asked. What hangs on a question that is not asked is not asked either, whatever
    was answered there before."""
    return asked_places(form, answers)[1]


def asked_places(form: Form, answers: Answers) -> tuple[list[Place], frozenset[str]]:
    """Every place in order, and the keys of those that are asked."""
    places = list(walk(form, answers))
    asked = _asked(form, places, answers, frozenset())
    if not any(item.asked_if for item in form.items):
        return places, asked
    refused: frozenset[str] = frozenset()
    for _ in range(MOST_ROUNDS):
        reading = Reading(form, answers, asked)
        found = frozenset(
            place.key
            for place in places
            if place.item.asked_if
            and not place.is_repetition
            and not reading.is_true(place.item.asked_if, place)
        )
        if found == refused:
            break
        refused = found
        asked = _asked(form, places, answers, refused)
    return places, asked


def _asked(form: Form, places: Sequence[Place], answers: Answers, refused: frozenset[str]) -> frozenset[str]:
    """refused: keys whose expression does not hold."""
    by_item: dict[str, list[Place]] = {}
    for place in places:
        by_item.setdefault(place.item.link_id, []).append(place)
    asked: set[str] = set()
    for link_id in form.order:
        for place in by_item.get(link_id, ()):
            if place.parent is not None and place.parent not in asked:
                continue
            if place.is_repetition or (
                place.key not in refused and _met(form, place, answers, asked, by_item)
            ):
                asked.add(place.key)
    return frozenset(asked)


def _met(
    form: Form, place: Place, answers: Answers, asked: set[str], by_item: Mapping[str, list[Place]]
) -> bool:
    item = place.item
    if not item.when:
        return True
    results = (
        holds(form.by_id[when.question], when, _said(form, when.question, place, answers, asked, by_item))
        for when in item.when
    )
    return all(results) if item.needs_all else any(results)


def _said(
    form: Form,
    question: str,
    place: Place,
    answers: Answers,
    asked: set[str],
    by_item: Mapping[str, list[Place]],
) -> tuple[Any, ...]:
    """Its answer as seen from a place: of the same repetition where both stand in one, else of all of them."""
    item = form.by_id[question]
    mine = place.item.containers
    shared = 0
    for one, other in zip(item.containers, mine, strict=False):
        if one != other:
            break
        shared += 1
    within = place.around[shared - 1] if shared else ""
    if shared == len(item.containers):
        key = within + question
        values = answers[key].values if key in answers and key in asked else ()
        if question in mine:  # what stands under an answer speaks of that answer
            number = number_of(place.around[mine.index(question)])
            return values[number - 1 : number]
        return values
    found: list[Any] = []
    for there in by_item.get(question, ()):
        if there.key in asked and there.key.startswith(within) and there.key in answers:
            found += answers[there.key].values
    return tuple(found)


def progress(form: Form, answers: Answers) -> Progress:
    """“7 of 21”: of the questions that are asked now, how many have an answer or a reason."""
    places, asked = asked_places(form, answers)
    questions = [p for p in places if p.item.is_answered_here and not p.is_repetition and p.key in asked]
    questions = [place for place in questions if not is_out_of_sight(form, place.item)]
    return Progress(sum(_is_answered(answers.get(p.key, Answer())) for p in questions), len(questions))


def is_out_of_sight(form: Form, item: Item) -> bool:
    """Hidden itself, or inside something hidden."""
    while True:
        if item.is_hidden:
            return True
        if item.parent is None:
            return False
        item = form.by_id[item.parent]


def only_asked(form: Form, answers: Answers) -> dict[str, Answer]:
    """Without what belongs to questions that are not asked (any more)."""
    asked = enabled(form, answers)
    return {key: answer for key, answer in answers.items() if key in asked}


def ordinal_of(item: Item, answer: Answer) -> Decimal | None:
    """The sum of the chosen options' ordinal values; None when one has none or nothing is chosen."""
    chosen = [option.ordinal for key in answer.values if (option := item.option(key))]
    if not chosen or any(value is None for value in chosen):
        return None
    return sum((value for value in chosen if value is not None), Decimal(0))


def _is_answered(answer: Answer) -> bool:
    return answer.is_given or answer.absent is not None


# --- what is computed


def settled(form: Form, answers: Answers) -> dict[str, Answer]:
    """With every computed answer as it follows from the others. What can't be computed stays empty; nothing raises."""
    found = dict(answers)
    if not any(item.calculation for item in form.items):
        return found
    for _ in range(MOST_ROUNDS):
        places, asked = asked_places(form, found)
        reading = Reading(form, found, asked)
        before = dict(found)
        for place in places:
            item = place.item
            if item.calculation is None or place.is_repetition or not item.calculation.is_path:
                continue
            values = reading.values(item.calculation, place) if place.key in asked else ()
            if values:
                found[place.key] = Answer(values if item.repeats else values[:1])
            else:
                found.pop(place.key, None)
        if found == before:
            break
    return found


def begun(form: Form) -> dict[str, Answer]:
    """What the form says before anybody answered: initial values, options chosen beforehand."""
    found: dict[str, Answer] = {}
    for place in walk(form, found):
        item = place.item
        if place.is_repetition or not item.is_question or item.calculation is not None:
            continue
        values = item.initial or tuple(option.key for option in item.options if option.is_initial)
        if values:
            found[place.key] = Answer(values if item.repeats else values[:1])
    return found


# --- answers to choose from that are worked out


def options_at(
    form: Form, answers: Answers, place: Place, reading: Reading | None = None
) -> tuple[Option, ...]:
    """The options of a choice at a place now: the item's own without those switched off, or what its expression
    finds."""
    item = place.item
    if item.answer_expression is None and not item.toggles:
        return item.options
    reading = reading or Reading(form, answers, enabled(form, answers))
    if item.answer_expression is not None:
        try:
            found = reading.found(item.answer_expression, place)
        except ValueError:
            found = []
        made = [option for each in found[:500] if (option := offered(plain_of(each)))]
        return tuple({option.key: option for option in made}.values()) or item.options
    off: set[str] = set()
    for toggle in item.toggles:
        try:
            holds_now = reading.found(toggle.expression, place)[:1] == [True]
        except ValueError:
            holds_now = True
        if not holds_now:
            off |= toggle.keys
    return tuple(option for option in item.options if option.key not in off)
