"""QuestionnaireResponse, written from answers and read into answers. One shape for the page and for
FHIR POST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, fhir_instant, ref
from careloop.fhir.questionnaire import (
    ABSENT,
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
    if items := _items_under(form, None, answers, asked):
        resource["item"] = items
    return resource


def answers_of(form: Form, resource: Resource) -> tuple[dict[str, Answer], list[Problem]]:
    """Answers found in the response, and what could not be read as an answer. Nesting is not judged:
    linkIds are unique in a form."""
    answers: dict[str, Answer] = {}
    problems: list[Problem] = []
    for element in _walk(resource.get("item", ())):
        link_id = str(element.get("linkId", ""))
        item = form.by_id.get(link_id)
        if item is None:
            problems.append(Problem(link_id, "unknown-question", f"There is no question “{link_id}”."))
        elif link_id in answers:
            problems.append(Problem(link_id, "said-twice", "This question is answered twice."))
        elif item.is_question:
            answers[link_id], faults = _answer(item, element)
            problems.extend(faults)
    return answers, problems


def problems_of(form: Form, resource: Resource) -> list[Problem]:
    """The whole check of a response that came from elsewhere; a draft may be incomplete."""
    answers, problems = answers_of(form, resource)
    is_complete = resource.get("status") in ("completed", "amended")
    return [*problems, *check(form, answers, is_complete=is_complete)]


def _items_under(form: Form, parent: str | None, answers: Answers, asked: frozenset[str]) -> list[Resource]:
    found = []
    for item in form.items:
        if item.parent != parent or item.link_id not in asked:
            continue
        inner = _items_under(form, item.link_id, answers, asked)
        answer = answers.get(item.link_id, Answer())
        if not inner and not answer.is_given and answer.absent is None:
            continue
        found.append(_element(item, answer, inner))
    return found


def _element(item: Item, answer: Answer, inner: list[Resource]) -> Resource:
    element: Resource = {"linkId": item.link_id}
    if item.text:
        element["text"] = item.text
    if answer.absent is not None:
        element["extension"] = [{"url": uris.DATA_ABSENT, "valueCode": ABSENT[answer.absent]}]
    if answer.values:
        element["answer"] = [_value(item, value) for value in answer.values]
    if inner and answer.values:
        element["answer"][0]["item"] = inner
    elif inner:
        element["item"] = inner
    return element


def _value(item: Item, value: Any) -> Resource:
    if item.type in CHOICES:
        option = item.option(value)
        if option is None:
            return {"valueString": value}
        system = {"system": option.system} if option.system else {}
        return {"valueCoding": {**system, "code": option.code, "display": option.text}}
    return {VALUE_KEY[item.type]: value}


def _walk(elements: Any) -> Iterator[Mapping[str, Any]]:
    for element in elements:
        yield element
        yield from _walk(element.get("item", ()))
        for answer in element.get("answer", ()):
            yield from _walk(answer.get("item", ()))


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
    key = VALUE_KEY[item.type]
    if item.type == "open-choice" and "valueString" in answer:
        return answer["valueString"]
    if key not in answer:
        others = [name for name in answer if name.startswith("value")]
        if item.type in CHOICES and others and item.option(str(answer[others[0]])):
            return str(answer[others[0]])
        raise _Unreadable("wrong-type", f"Expected {key} here.")
    if item.type not in CHOICES or not item.options:
        return answer[key]
    coding = answer[key]
    for option in item.options:
        if option.code == coding.get("code") and coding.get("system", option.system) == option.system:
            return option.key
    raise _Unreadable("not-an-option", "This is not one of the answers.")
