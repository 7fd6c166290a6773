"""Answers as the items of a QuestionnaireResponse, nested as the form is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire.form import ABSENT, CHOICES, VALUE_KEY, Answer, Answers, Form, Item
from careloop.fhir.questionnaire.places import counts, is_container, repetitions

ORDINAL: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


class Tree:
    """items: those with something in them. elements: by key, for expressions that speak of one place. weighs: chosen
    answers carry what they count, as expressions read it."""

    def __init__(self, form: Form, answers: Answers, asked: frozenset[str], *, weighs: bool = False) -> None:
        self.form, self.answers, self.asked, self.weighs = form, answers, asked, weighs
        self.counted: Mapping[str, int] = counts(answers)
        self.elements: dict[str, Resource] = {}
        self.items = self._level(None, "")

    def _level(self, parent: str | None, within: str) -> list[Resource]:
        found: list[Resource] = []
        for item in self.form.inside(parent):
            key = within + item.link_id
            if key not in self.asked or item.type == "display":
                continue
            if not is_container(self.form, item):
                inner = self._level(item.link_id, within)
                found += self._one(key, item, inner)
            elif item.type == "group":
                for number in range(1, repetitions(self.form, item, key, self.answers, self.counted) + 1):
                    one = f"{key}[{number}]"
                    found += self._one(one, item, self._level(item.link_id, f"{one}/"))
            else:
                found += self._each(key, item)
        return found

    def _one(self, key: str, item: Item, inner: list[Resource]) -> list[Resource]:
        answer = self.answers.get(key, Answer()) if item.is_question else Answer()
        if not inner and not answer.is_given and answer.absent is None:
            return []
        element = self._element(item, answer)
        if inner and answer.values:
            element["answer"][0]["item"] = inner
        elif inner:
            element["item"] = inner
        self.elements[key] = element
        return [element]

    def _each(self, key: str, item: Item) -> list[Resource]:
        """A repeating question whose answers have items of their own."""
        answer = self.answers.get(key, Answer())
        if not answer.is_given and answer.absent is None:
            return []
        element = self._element(item, answer)
        for number in range(1, len(answer.values) + 1):
            if inner := self._level(item.link_id, f"{key}[{number}]/"):
                element["answer"][number - 1]["item"] = inner
        self.elements[key] = element
        return [element]

    def _element(self, item: Item, answer: Answer) -> Resource:
        element: Resource = {"linkId": item.link_id}
        if item.text:
            element["text"] = item.text
        if answer.absent is not None:
            element["extension"] = [{"url": uris.DATA_ABSENT, "valueCode": ABSENT[answer.absent]}]
        if answer.values:
            element["answer"] = [self._value(item, value) for value in answer.values]
        return element

    def _value(self, item: Item, value: Any) -> Resource:
        written = written_value(item, value)
        option = item.option(value) if self.weighs and item.options else None
        if option and option.ordinal is not None and "valueCoding" in written:
            weight = {"url": ORDINAL, "valueDecimal": _number(option.ordinal)}
            written["valueCoding"] = {**written["valueCoding"], "extension": [weight]}
        return written


def _number(value: Decimal) -> Any:
    return int(value) if value == value.to_integral_value() else value


def written_value(item: Item, value: Any) -> Resource:
    """One answer of a response."""
    if item.type not in CHOICES:
        return {VALUE_KEY[item.type]: value}
    option = item.option(value) if isinstance(value, str) else None
    if option is None:
        return {"valueCoding": value} if isinstance(value, dict) else {"valueString": value}
    if option.value_key != "valueCoding":
        return {option.value_key: option.value}
    system = {"system": option.system} if option.system else {}
    return {"valueCoding": {**system, "code": option.code, "display": option.text}}
