"""The arithmetic of a score: what answers count together, what is missing, and what was made up for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from careloop.fhir.questionnaire import Answer, Answers, Form, Item, enabled, ordinal_of
from careloop.library import Condition, Question, Total
from careloop.library.conditions import Lookup
from careloop.library.totals import Points, item_range

ZERO = Decimal(0)


@dataclass(frozen=True)
class Tally:
    """value: None when not scored. at_least: what the answers given make sure of. missing: what a full score still
    needs. is_replaced: the value stands although something is missing, by the published rule."""

    value: Decimal | None
    at_least: Decimal
    missing: tuple[str, ...]
    is_replaced: bool = False

    def __repr__(self) -> str:
        return "Tally(…)"


def tally(total: Total, form: Form, questions: Mapping[str, Question], asked: Answers, look: Lookup) -> Tally:
    """asked: the answers to what is asked now. look: what conditions of weighted points read."""
    if total.kind == "points":
        return _points(total, look)
    counted = counts(total, form, questions, asked)
    missing = tuple(name for name in total.items if name not in counted)
    below = sum((min(ZERO, item_range(total, questions[name])[0]) for name in missing), ZERO)
    return _joined(total, list(counted.values()), missing, below)


def counts(total: Total, form: Form, questions: Mapping[str, Question], asked: Answers) -> dict[str, Decimal]:
    """What each item that is added up counts, reversed where the form says so; one that is missing is left out."""
    found: dict[str, Decimal] = {}
    for name in total.items:
        low, high = item_range(total, questions[name])
        value = _counts(total, form, asked, name)
        if value is not None:
            found[name] = low + high - value if name in total.reversed else value
        elif total.skips and is_needless(form, asked, name):
            found[name] = low
    return found


def worth(total: Total | None, question: Question) -> dict[str, int]:
    """What each answer to choose from counts in the total, by code: of those reversed or only counted that is not what
    the file writes beside them."""
    if total is None or question.id not in total.items or not question.choices:
        return {choice.code: choice.value for choice in question.choices if choice.value is not None}
    low, high = item_range(total, question)
    found = {}
    for choice in question.choices:
        value = int(choice.code in total.positive) if total.kind == "count" else choice.value or 0
        found[choice.code] = int(low + high) - value if question.id in total.reversed else value
    return found


def is_needless(form: Form, asked: Answers, name: str) -> bool:
    """The question is not asked because of what was answered; not because it is not yet known."""
    here: Item | None = form.by_id[name]
    hangs_on: set[str] = set()
    while here is not None:
        hangs_on |= {when.question for when in here.when}
        here = form.by_id[here.parent] if here.parent else None
    are_given = all(asked.get(other, Answer()).is_given for other in hangs_on)
    return bool(hangs_on) and are_given and name not in enabled(form, asked)


def _joined(total: Total, values: list[Decimal], missing: tuple[str, ...], below: Decimal) -> Tally:
    """below: what the missing ones could still take away."""
    given = sum(values, ZERO)
    is_scored = bool(values) and len(missing) <= total.allowed_missing
    everything = len(values) + len(missing)
    match total.kind:
        case "mean":
            value = given / len(values) if values else ZERO
            floor = ((given + below) / everything).quantize(total.step, ROUND_DOWN)
        case "highest":
            value = floor = max(values, default=ZERO)
        case _:
            is_estimated = total.replaces == "mean" and bool(missing)
            value = given * everything / len(values) if is_estimated and values else given
            floor = given + below
    value = min(total.maximum, max(total.minimum, value.quantize(total.step, ROUND_HALF_UP)))
    is_replaced = is_scored and bool(missing) and (total.replaces == "mean" or total.kind == "mean")
    return Tally(value if is_scored else None, floor, missing, is_replaced)


def _counts(total: Total, form: Form, asked: Answers, name: str) -> Decimal | None:
    answer = asked.get(name)
    if answer is None or not answer.is_given:
        return None
    if total.kind != "count":
        return value_of(form.by_id[name], answer)
    codes = {_code(value) for value in answer.values}
    return Decimal(int(bool(codes & total.positive)))


def _code(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def value_of(item: Item, answer: Answer) -> Decimal | None:
    """What an answer counts: the value of a choice, a number, 1 for yes."""
    if item.options:
        return ordinal_of(item, answer)
    value = answer.values[0] if answer.values else None
    if isinstance(value, bool):
        return Decimal(int(value))
    return Decimal(value) if isinstance(value, (int, Decimal)) else None


def _points(total: Total, look: Lookup) -> Tally:
    value, below, lacking = ZERO, ZERO, 0
    missing: list[str] = []
    for each in total.points:
        weight, unknown = _weight(each, look)
        value += weight
        if unknown:
            lacking += 1
            below += each.least
            missing += [name for name in unknown if name not in missing]
    is_scored = lacking <= total.allowed_missing and lacking < len(total.points)
    kept = min(total.maximum, max(total.minimum, value))
    return Tally(kept if is_scored else None, value + below, tuple(missing))


def _weight(points: Points, look: Lookup) -> tuple[Decimal, list[str]]:
    """What it counts, and what it would have to know. A case that nobody can answer ends the search: a later one must
    not count in its place."""
    for case in points.cases:
        if case.when.holds(look):
            return case.add, []
        if unknown := _unknown(case.when, look):
            return ZERO, unknown
    return ZERO, []


def _unknown(stated: Condition, look: Lookup) -> list[str]:
    """The names of what it reads and nobody knows; a reason for no answer is not knowing."""
    found = []
    for compare in stated.compares():
        subject, _, name = compare.path.partition("/")
        known = look(f"item/{name}" if subject == "value" else compare.path)
        if known is None or (isinstance(known, str) and subject != "fact"):
            found.append(name)
    return list(dict.fromkeys(found))
