"""QuestionnaireResponse, written from answers and read into answers. One shape for the page and for
FHIR POST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, fhir_instant, ref
from careloop.fhir.questionnaire import (
    ABSENT_OF_CODE,
    CHOICES,
    REFUSED,
    VALUE_KEY,
    Answer,
    Answers,
    Form,
    Item,
    Problem,
    check,
    enabled,
)
from careloop.fhir.questionnaire.form import MOST_REPEATS
from careloop.fhir.questionnaire.options import matching
from careloop.fhir.questionnaire.tree import Tree


@dataclass(frozen=True)
class About:
    """subject: "Patient/…"; author: who wrote it down; source: who said it, with the words for that person
    (heard_from); authored: when it was answered, which may be before it was entered."""

    subject: str
    authored: datetime
    author: str | None = None
    source: str | None = None
    heard_from: str | None = None


def response(form: Form, answers: Answers, about: About, *, status: str) -> Resource:
    """Only what was asked; groups appear when something inside them does."""
    return placed_response(form, answers, about, status=status)[0]


def placed_response(
    form: Form, answers: Answers, about: About, *, status: str
) -> tuple[Resource, dict[str, Resource]]:
    """And its items by the keys of their answers, for what is written beside one answer."""
    asked = enabled(form, answers)
    resource: Resource = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": form.canonical,
        "status": status,
        "subject": ref(about.subject),
        "authored": fhir_instant(about.authored),
    }
    if about.author:
        resource["author"] = ref(about.author)
    if about.source:
        resource["source"] = ref(about.source)
    if about.heard_from:
        resource["extension"] = [{"url": uris.HEARD_FROM, "valueString": about.heard_from}]
    tree = Tree(form, answers, asked)
    if tree.items:
        resource["item"] = tree.items
    return resource, tree.elements


def answers_of(form: Form, resource: Resource) -> tuple[dict[str, Answer], list[Problem]]:
    """Answers found in the response, and what could not be read as an answer. Nesting is judged only where something
    repeats: linkIds are unique in a form."""
    reader = _Reader(form)
    reader.read(resource.get("item", ()), (), "")
    return reader.answers, reader.problems


def problems_of(form: Form, resource: Resource) -> list[Problem]:
    """The whole check of a response that came from elsewhere; a draft may be incomplete."""
    answers, problems = answers_of(form, resource)
    is_complete = resource.get("status") in ("completed", "amended")
    return [*problems, *check(form, answers, is_complete=is_complete)]


class _Reader:
    def __init__(self, form: Form) -> None:
        self.form = form
        self.answers: dict[str, Answer] = {}
        self.problems: list[Problem] = []
        self.repeated: dict[str, int] = {}

    def read(self, elements: Any, around: tuple[str, ...], within: str) -> None:
        """around: the repeating items that these stand in; within: the beginning of their keys."""
        for element in elements:
            self._read_one(element, around, within)

    def _read_one(self, element: Mapping[str, Any], around: tuple[str, ...], within: str) -> None:
        link_id = str(element.get("linkId", ""))
        item = self.form.by_id.get(link_id)
        if item is None:
            self._problem(link_id, "unknown-question", f"There is no question “{link_id}”.")
            return self._inside(element, around, within)
        if item.containers != around:
            if item.containers:
                inside = " in ".join(f"“{name}”" for name in item.containers[::-1])
                return self._problem(link_id, "wrong-place", f"“{link_id}” belongs inside {inside}.")
            around, within = (), ""
        key = within + link_id
        if link_id in self.form.repeating and item.type == "group":
            return self._repetition(element, item, key, around)
        if key in self.answers:
            self._problem(key, "said-twice", "This question is answered twice.")
        elif item.is_question:
            self.answers[key], faults = _answer(item, element)
            self.problems += [replace(fault, link_id=key) for fault in faults]
        if link_id in self.form.repeating:
            for number, answer in enumerate(element.get("answer", ())[:MOST_REPEATS], 1):
                self.read(answer.get("item", ()), (*around, link_id), f"{key}[{number}]/")
            return self.read(element.get("item", ()), around, within)
        return self._inside(element, around, within)

    def _repetition(self, element: Mapping[str, Any], item: Item, key: str, around: tuple[str, ...]) -> None:
        number = self.repeated[key] = self.repeated.get(key, 0) + 1
        if number > MOST_REPEATS:
            if number == MOST_REPEATS + 1:
                self._problem(key, "too-many", f"At most {MOST_REPEATS} of these can be kept.")
            return
        one = f"{key}[{number}]"
        self.answers[one] = Answer()
        self.read(element.get("item", ()), (*around, item.link_id), f"{one}/")
        for answer in element.get("answer", ()):
            self.read(answer.get("item", ()), (*around, item.link_id), f"{one}/")

    def _inside(self, element: Mapping[str, Any], around: tuple[str, ...], within: str) -> None:
        self.read(element.get("item", ()), around, within)
        for answer in element.get("answer", ()):
            self.read(answer.get("item", ()), around, within)

    def _problem(self, link_id: str, code: str, text: str) -> None:
        self.problems.append(Problem(link_id, code, text))


def _answer(item: Item, element: Mapping[str, Any]) -> tuple[Answer, list[Problem]]:
    absent = extension(element, uris.DATA_ABSENT)
    given = element.get("answer", ())
    if absent is None and given:  # some put the reason on the answer, some on its value
        absent = extension(given[0], uris.DATA_ABSENT)
        absent = absent or extension(given[0].get(f"_{VALUE_KEY[item.type]}"), uris.DATA_ABSENT)
    values, problems = [], []
    for each in given:
        try:
            values.append(_read_value(item, each))
        except _Unreadable as unreadable:
            if absent is None:
                problems.append(Problem(item.link_id, unreadable.code, unreadable.text))
    reason = ABSENT_OF_CODE.get(absent, "unknown") if absent is not None else None
    if reason == "declined" and not values and item.option(REFUSED):
        return Answer((REFUSED,)), problems
    return Answer(tuple(values), reason), problems


class _Unreadable(ValueError):
    def __init__(self, code: str, text: str) -> None:
        self.code, self.text = code, text


def _read_value(item: Item, answer: Mapping[str, Any]) -> Any:
    if item.type in CHOICES:
        return _read_choice(item, answer)
    key = VALUE_KEY[item.type]
    if key not in answer:
        raise _Unreadable("wrong-type", f"Expected {key} here.")
    return answer[key]


def _read_choice(item: Item, answer: Mapping[str, Any]) -> Any:
    name = next((key for key in answer if key.startswith("value")), None)
    if name is None:
        raise _Unreadable("wrong-type", "Expected valueCoding here.")
    value = answer[name]
    if (key := matching(item.options, value)) is not None:
        return key
    if item.option(str(value)) and not isinstance(value, Mapping):
        return str(value)
    is_free = item.type == "open-choice" or not item.options
    if name not in ("valueCoding", "valueString"):
        raise _Unreadable("wrong-type", "Expected valueCoding here.")
    if not is_free:
        raise _Unreadable("not-an-option", "This is not one of the answers.")
    return value
