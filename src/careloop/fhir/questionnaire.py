"""Questionnaire logic, the same for a page and for a posted resource: what is asked, what fits, what is
missing.

A Questionnaire compiles to a `Form`. Answers are a mapping of linkId to `Answer`; the value of a choice
is the option's key (its element id, else its code). “Declined”, “don't know” and “not asked” are
answers too: reasons why there is no value (http://terminology.hl7.org/CodeSystem/data-absent-reason).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from careloop.fhir.elements import Resource
from careloop.kernel.errors import CareError

ABSENT = {"not-asked": "not-asked", "declined": "asked-declined", "unknown": "asked-unknown"}
ABSENT_OF_CODE = {code: name for name, code in ABSENT.items()}
# Where a form counts a refusal as an answer of its own (ASQ: it is positive, and asks the fifth question), “Declined”
# is that answer, on the page and in a response that was posted.
REFUSED = "refused"

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
EXCLUSIVE = "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive"
MINIMUM = "http://hl7.org/fhir/StructureDefinition/minValue"
MAXIMUM = "http://hl7.org/fhir/StructureDefinition/maxValue"

CHOICES = frozenset({"choice", "open-choice"})
VALUE_KEY = {
    "boolean": "valueBoolean",
    "decimal": "valueDecimal",
    "integer": "valueInteger",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "time": "valueTime",
    "string": "valueString",
    "text": "valueString",
    "url": "valueUri",
    "choice": "valueCoding",
    "open-choice": "valueCoding",
    "quantity": "valueQuantity",
    "reference": "valueReference",
    "attachment": "valueAttachment",
}


class BadQuestionnaire(CareError):
    """This questionnaire contradicts itself."""

    code, status, issue_type = "bad-questionnaire", 422, "invalid"


@dataclass(frozen=True)
class Answer:
    """values: as many as were given. absent: not-asked, declined or unknown, when there is a reason
    instead."""

    values: tuple[Any, ...] = ()
    absent: str | None = None

    @property
    def is_given(self) -> bool:
        return bool(self.values)

    def __repr__(self) -> str:
        return f"Answer(<{len(self.values)}>)"


Answers = Mapping[str, Answer]


@dataclass(frozen=True)
class Option:
    key: str
    code: str
    system: str
    text: str
    ordinal: Decimal | None = None
    is_exclusive: bool = False


@dataclass(frozen=True)
class When:
    """One enableWhen: question, operator, and the value compared with (an option's key for a choice)."""

    question: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Item:
    link_id: str
    text: str
    type: str
    parent: str | None = None
    is_required: bool = False
    repeats: bool = False
    is_calculated: bool = False
    options: tuple[Option, ...] = ()
    when: tuple[When, ...] = ()
    needs_all: bool = False
    minimum: Any = None
    maximum: Any = None
    max_length: int | None = None

    @property
    def is_question(self) -> bool:
        return self.type not in ("group", "display")

    def option(self, key: Any) -> Option | None:
        return next((option for option in self.options if option.key == key), None)


@dataclass(frozen=True)
class Form:
    """items: depth first, as asked. canonical: url|version."""

    canonical: str
    items: tuple[Item, ...]
    by_id: Mapping[str, Item] = field(hash=False)

    @property
    def questions(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.is_question and not item.is_calculated)


@dataclass(frozen=True)
class Problem:
    """code: missing, unknown-question, wrong-type, not-an-option, out-of-range, too-long, too-many,
    exclusive, not-enabled, said-twice."""

    link_id: str
    code: str
    text: str


@dataclass(frozen=True)
class Progress:
    answered: int
    total: int


def compile_form(questionnaire: Resource) -> Form:
    """Raises BadQuestionnaire: a linkId said twice, a condition on nothing or on itself in a circle."""
    items = tuple(_items(questionnaire.get("item", ()), None))
    by_id: dict[str, Item] = {}
    for item in items:
        if item.link_id in by_id:
            raise BadQuestionnaire(f"“{item.link_id}” is there twice.")
        by_id[item.link_id] = item
    _check_conditions(by_id)
    url, version = questionnaire.get("url", ""), questionnaire.get("version")
    return Form(f"{url}|{version}" if version else url, items, by_id)


def enabled(form: Form, answers: Answers) -> frozenset[str]:
    """The linkIds that are asked. What hangs on a question that is not asked is not asked either, whatever
    was answered there before."""
    known: dict[str, bool] = {}

    def is_enabled(link_id: str) -> bool:
        if link_id not in known:
            item = form.by_id[link_id]
            known[link_id] = (item.parent is None or is_enabled(item.parent)) and _met(item)
        return known[link_id]

    def _met(item: Item) -> bool:
        if not item.when:
            return True
        results = (_holds(form.by_id[when.question], when, said(when.question)) for when in item.when)
        return all(results) if item.needs_all else any(results)

    def said(link_id: str) -> tuple[Any, ...]:
        return answers[link_id].values if link_id in answers and is_enabled(link_id) else ()

    return frozenset(item.link_id for item in form.items if is_enabled(item.link_id))


def check(form: Form, answers: Answers, *, is_complete: bool) -> list[Problem]:
    """Everything wrong, in the order of the form. is_complete: every required question that is asked needs an
    answer, or a reason why there is none. Answers to questions not asked are refused only when complete."""
    asked = enabled(form, answers)
    problems = [
        Problem(link_id, "unknown-question", f"There is no question “{link_id}”.")
        for link_id in answers
        if link_id not in form.by_id
    ]
    for item in form.items:
        answer = answers.get(item.link_id, Answer())
        said_something = answer.is_given or answer.absent is not None
        if said_something and not item.is_question:
            problems.append(Problem(item.link_id, "wrong-type", "This is not a question."))
        elif said_something and item.link_id not in asked:
            if is_complete:
                problems.append(Problem(item.link_id, "not-enabled", "This question did not apply."))
        elif said_something:
            problems.extend(_answer_problems(item, answer))
        elif is_complete and item.is_required and item.is_question and item.link_id in asked:
            problems.append(Problem(item.link_id, "missing", f"No answer yet: {item.text}"))
    return problems


def answer_problems(item: Item, answer: Answer) -> list[Problem]:
    """Whether one answer fits its question, asked now or not."""
    return list(_answer_problems(item, answer))


def progress(form: Form, answers: Answers) -> Progress:
    """“7 of 21”: of the questions that are asked now, how many have an answer or a reason."""
    asked = enabled(form, answers)
    questions = [item for item in form.questions if item.link_id in asked]
    done = [item for item in questions if item.link_id in answers and _is_answered(answers[item.link_id])]
    return Progress(len(done), len(questions))


def only_asked(form: Form, answers: Answers) -> dict[str, Answer]:
    """Without what belongs to questions that are not asked (any more)."""
    asked = enabled(form, answers)
    return {link_id: answer for link_id, answer in answers.items() if link_id in asked}


def ordinal_of(item: Item, answer: Answer) -> Decimal | None:
    """The sum of the chosen options' ordinal values; None when one has none or nothing is chosen."""
    chosen = [option.ordinal for key in answer.values if (option := item.option(key))]
    if not chosen or any(value is None for value in chosen):
        return None
    return sum((value for value in chosen if value is not None), Decimal(0))


def _is_answered(answer: Answer) -> bool:
    return answer.is_given or answer.absent is not None


def _items(elements: Any, parent: str | None) -> Iterator[Item]:
    for element in elements:
        yield _item(element, parent)
        yield from _items(element.get("item", ()), element["linkId"])


def _item(element: Resource, parent: str | None) -> Item:
    options = tuple(_option(option) for option in element.get("answerOption", ()))
    return Item(
        link_id=element["linkId"],
        text=element.get("text", ""),
        type=element.get("type", "display"),
        parent=parent,
        is_required=bool(element.get("required")),
        repeats=bool(element.get("repeats")),
        is_calculated=bool(element.get("readOnly")),
        options=options,
        when=tuple(
            When(when["question"], when["operator"], _when_value(when))
            for when in element.get("enableWhen", ())
        ),
        needs_all=element.get("enableBehavior") == "all",
        minimum=_extension(element, MINIMUM),
        maximum=_extension(element, MAXIMUM),
        max_length=element.get("maxLength"),
    )


def _option(option: Resource) -> Option:
    coding = option.get("valueCoding")
    if coding is None:  # valueString, valueInteger, … stand for themselves
        value = next((each for key, each in option.items() if key.startswith("value")), "")
        return Option(str(value), str(value), "", str(value))
    ordinal = _extension(coding, ORDINAL)
    if ordinal is None:
        ordinal = _extension(option, ORDINAL)
    return Option(
        key=option.get("id") or coding.get("code", ""),
        code=coding.get("code", ""),
        system=coding.get("system", ""),
        text=coding.get("display") or coding.get("code", ""),
        ordinal=None if ordinal is None else Decimal(str(ordinal)),
        is_exclusive=bool(_extension(option, EXCLUSIVE)),
    )


def _extension(element: Resource, url: str) -> Any:
    for found in element.get("extension", ()):
        if found.get("url") == url:
            return next((value for key, value in found.items() if key.startswith("value")), None)
    return None


def _when_value(when: Resource) -> Any:
    return next((value for key, value in when.items() if key.startswith("answer")), None)


def _check_conditions(by_id: Mapping[str, Item]) -> None:
    for item in by_id.values():
        for when in item.when:
            if when.question not in by_id:
                raise BadQuestionnaire(f"“{item.link_id}” hangs on “{when.question}”, which is not there.")
    _find_circles(by_id)


def _find_circles(by_id: Mapping[str, Item]) -> None:
    done: set[str] = set()

    def visit(link_id: str, path: tuple[str, ...]) -> None:
        if link_id in path:
            raise BadQuestionnaire(f"“{link_id}” hangs on itself: {' → '.join((*path, link_id))}.")
        if link_id in done:
            return
        item = by_id[link_id]
        for needed in (*(when.question for when in item.when), *((item.parent,) if item.parent else ())):
            visit(needed, (*path, link_id))
        done.add(link_id)

    for link_id in by_id:
        visit(link_id, ())


def _holds(item: Item, when: When, values: tuple[Any, ...]) -> bool:
    """R4 http://hl7.org/fhir/questionnaire-enable-operator. `!=` holds when no answer is equal, so also when
    there is none; the others need an answer."""
    if when.operator == "exists":
        return bool(values) == bool(when.value)
    if when.operator == "!=":
        return not any(_is_equal(item, when.value, value) for value in values)
    if when.operator == "=":
        return any(_is_equal(item, when.value, value) for value in values)
    compare = _ORDER.get(when.operator)
    if compare is None:
        raise BadQuestionnaire(f"“{when.operator}” is not an operator.")
    pairs = ((_ordered(value), _ordered(when.value)) for value in values)
    return any(type(a) is type(b) and compare(a, b) for a, b in pairs if a is not None)


_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


def _is_equal(item: Item, expected: Any, value: Any) -> bool:
    if isinstance(expected, dict) and "code" in expected:
        option = item.option(value)
        if option is None:
            return False
        return bool((option.code, option.system) == (expected["code"], expected.get("system", option.system)))
    a, b = _ordered(expected), _ordered(value)
    return bool(type(a) is type(b) and a == b) if a is not None else bool(expected == value)


def _ordered(value: Any) -> Any:
    """Numbers as Decimal, an R4 quantity by its number, texts as they are; dates compare as ISO texts."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, dict):
        return _ordered(value.get("value"))
    return value if isinstance(value, str) else None


def _answer_problems(item: Item, answer: Answer) -> Iterator[Problem]:
    def problem(code: str, text: str) -> Problem:
        return Problem(item.link_id, code, text)

    if answer.absent is not None:
        if answer.absent not in ABSENT:
            yield problem("wrong-type", "The reason is not declined, unknown or not-asked.")
        if answer.values:
            yield problem("exclusive", "There is an answer and a reason for none.")
        return
    if len(answer.values) > 1 and not item.repeats:
        yield problem("too-many", "Only one answer fits here.")
    if len(set(map(str, answer.values))) < len(answer.values):
        yield problem("said-twice", "The same answer is given twice.")
    if len(answer.values) > 1 and any(
        option.is_exclusive for option in item.options if option.key in answer.values
    ):
        yield problem("exclusive", "“None of these” can't go with another answer.")
    for value in answer.values:
        yield from (problem(code, text) for code, text in _value_problems(item, value))


def _value_problems(item: Item, value: Any) -> Iterator[tuple[str, str]]:
    if item.type in CHOICES and item.options:
        if item.option(value) is None and not (item.type == "open-choice" and isinstance(value, str)):
            yield "not-an-option", "This is not one of the answers."
        return
    if not _fits(item.type, value):
        yield "wrong-type", f"This is not {_TYPE_WORDS.get(item.type, 'of the right kind')}."
        return
    if item.max_length is not None and isinstance(value, str) and len(value) > item.max_length:
        yield "too-long", f"At most {item.max_length} characters."
    if item.minimum is not None and _ordered(value) < _ordered(item.minimum):
        yield "out-of-range", f"Not below {item.minimum}."
    if item.maximum is not None and _ordered(value) > _ordered(item.maximum):
        yield "out-of-range", f"Not above {item.maximum}."


_TYPE_WORDS = {
    "integer": "a whole number",
    "decimal": "a number",
    "date": "a date",
    "dateTime": "a date",
    "time": "a time",
    "boolean": "yes or no",
    "string": "text",
    "text": "text",
}


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
        case "decimal":
            return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        case "date":
            return isinstance(value, str) and _parses(date.fromisoformat, value) and len(value) == 10
        case "dateTime":
            return isinstance(value, str) and _parses(datetime.fromisoformat, value.replace("Z", "+00:00"))
        case "time":
            return isinstance(value, str) and _parses(time.fromisoformat, value)
        case "string" | "text" | "url":
            return isinstance(value, str) and bool(value.strip())
    return isinstance(value, (dict, str))


def _parses(parse: Callable[[str], Any], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


def value_from_text(item: Item, text: str) -> Any:
    """What somebody typed or chose, as the item's type; the text itself where it does not fit, so that
    `check` can say what is wrong with it."""
    text = text.strip()
    try:
        match item.type:
            case "integer":
                return int(text)
            case "decimal":
                return Decimal(text)
            case "boolean":
                return {"true": True, "false": False}.get(text, text)
    except (ValueError, InvalidOperation):
        return text
    return text
