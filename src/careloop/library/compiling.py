"""Our readable questions become a FHIR Questionnaire. enableWhen is all that FHIR's has, so what it can't say is
refused here rather than half said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable
from careloop.fhir.questionnaire import EXCLUSIVE, MAXIMUM, MINIMUM, ORDINAL
from careloop.library.conditions import Compare, Group, condition
from careloop.library.questions import Choice, Question
from careloop.library.reading import Words

SYSTEM = uris.INSTRUMENT
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
FHIR_TYPE = {"choices": "choice", "yes-no": "boolean"}
NUMERIC = {"at_least": ">=", "at_most": "<=", "above": ">", "below": "<"}


def questionnaire(
    *,
    instrument: str,
    version: int,
    words: Mapping[str, Words],
    loinc: str | None,
    questions: Sequence[Question],
) -> Resource:
    """The whole resource, Spanish beside English in the standard translation extension."""
    by_id = {question.id: question for question in questions}
    resource: Resource = {
        "resourceType": "Questionnaire",
        "id": instrument,
        "url": f"{SYSTEM}:{instrument}",
        "version": str(version),
        "name": "".join(part.capitalize() for part in instrument.split("-")),
        "title": words["title"].en,
        "_title": _translated(words["title"]),
        "status": "active",
        "subjectType": ["Patient"],
        "language": "en",
        "description": words["about"].en,
        "copyright": words["copyright"].en,
        "item": [_item(each, by_id, instrument) for each in questions if each.parent is None],
    }
    if loinc:
        resource["code"] = [{"system": uris.LOINC, "code": loinc, "display": words["short"].en}]
    return resource


def coding(choice: Choice, instrument: str) -> Resource:
    """The LOINC answer where it has one, else our own code."""
    system, code = (uris.LOINC, choice.loinc) if choice.loinc else (f"{SYSTEM}:{instrument}", choice.code)
    return {"system": system, "code": code, "display": choice.text.en}


def observation_code(question: Question) -> Resource:
    return codeable(uris.LOINC, question.loinc or "", question.text.en)


def _translated(words: Words) -> Resource:
    parts = [{"url": "lang", "valueCode": "es"}, {"url": "content", "valueString": words.es}]
    return {"extension": [{"url": TRANSLATION, "extension": parts}]}


def _item(question: Question, by_id: Mapping[str, Question], instrument: str) -> Resource:
    item: Resource = {
        "linkId": question.id,
        "text": question.text.en,
        "_text": _translated(question.text),
        "type": FHIR_TYPE.get(question.kind, question.kind),
    }
    if question.loinc:
        item["code"] = [{"system": uris.LOINC, "code": question.loinc}]
    if question.is_required:
        item["required"] = True
    if question.allows_many:
        item["repeats"] = True
    limits = ((MINIMUM, question.minimum), (MAXIMUM, question.maximum))
    if extensions := [{"url": url, "valueInteger": value} for url, value in limits if value is not None]:
        item["extension"] = extensions
    if question.kind == "text":
        item["maxLength"] = 4000
    if question.choices:
        item["answerOption"] = [_option(choice, instrument) for choice in question.choices]
    if question.ask_when is not None:
        item.update(_enable_when(question, by_id, instrument))
    inner = [_item(each, by_id, instrument) for each in by_id.values() if each.parent == question.id]
    if inner:
        item["item"] = inner
    return item


def _option(choice: Choice, instrument: str) -> Resource:
    value = coding(choice, instrument)
    value["_display"] = _translated(choice.text)
    if choice.value is not None:
        value["extension"] = [{"url": ORDINAL, "valueDecimal": choice.value}]
    option: Resource = {"id": choice.code, "valueCoding": value}
    if choice.is_exclusive:
        option["extension"] = [{"url": EXCLUSIVE, "valueBoolean": True}]
    return option


def _enable_when(question: Question, by_id: Mapping[str, Question], instrument: str) -> Resource:
    node = question.ask_when
    assert node is not None
    stated = condition(node, subjects=("item",))
    is_all = isinstance(stated, Group) and stated.kind == "all"
    if isinstance(stated, Group) and (
        stated.kind == "not" or any(isinstance(p, Group) for p in stated.parts)
    ):
        node.fail("FHIR's enableWhen knows only one flat “all” or “any”.")
    parts = [
        part
        for part in (stated.parts if isinstance(stated, Group) else (stated,))
        if isinstance(part, Compare)
    ]
    lines: list[Resource] = []
    for part in parts:
        asked = by_id.get(part.path.partition("/")[2])
        if asked is None:
            node.fail(f"“{question.id}” hangs on “{part.path.partition('/')[2]}”, which is not there.")
        made = _lines(part, asked, instrument)
        if not made:
            node.fail(f"This can never hold: {part.path} {part.operator}.")
        if is_all and len(made) > 1:
            node.fail("FHIR's enableWhen can't hold “one of several answers” inside “all”.")
        lines += made
    behavior = {"enableBehavior": "all" if is_all else "any"} if len(lines) > 1 else {}
    return {"enableWhen": lines, **behavior}


def _lines(part: Compare, asked: Question, instrument: str) -> list[Resource]:
    if part.operator == "known":
        return [{"question": asked.id, "operator": "exists", "answerBoolean": part.value}]
    if asked.choices:
        holding = [choice for choice in asked.choices if part.holds(_as_if(choice))]
        codes = [{"system": c["system"], "code": c["code"]} for c in (coding(x, instrument) for x in holding)]
        return [{"question": asked.id, "operator": "=", "answerCoding": code} for code in codes]
    if part.operator in NUMERIC:
        return [{"question": asked.id, "operator": NUMERIC[part.operator], "answerInteger": int(part.value)}]
    key = "answerBoolean" if asked.kind == "yes-no" else "answerString"
    operator = "=" if part.operator == "is" else "!="
    return [{"question": asked.id, "operator": operator, key: value} for value in part.value]


def _as_if(choice: Choice) -> Any:
    """The look-up of somebody who gave exactly this answer."""
    return lambda path: choice.value if path.startswith("value/") else choice.code
