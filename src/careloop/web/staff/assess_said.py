"""Answers of any kind as a page says them, and as they stand in their fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from careloop.fhir.elements import day
from careloop.fhir.questionnaire import Answer, Form, Item, Place, asked_places
from careloop.fhir.questionnaire.asking import is_out_of_sight
from careloop.fhir.questionnaire.options import matching
from careloop.fhir.questionnaire.values import spoken
from careloop.web import formats
from careloop.web.staff.assess_words import absent_words, reader_language


def key_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return str(value.get("code") or value.get("display") or spoken(value))
    return str(value)


def field_of(item: Item, value: Any) -> str:
    """As it stands in its field."""
    if item.type == "quantity" and isinstance(value, Mapping):
        return str(value.get("value", "")) if item.units else spoken(value)
    if item.type == "dateTime" and isinstance(value, str):
        return value[:16]
    return spoken(value)


def unit_of(item: Item, answer: Answer) -> str:
    """The code of the unit that is chosen."""
    value = answer.values[0] if answer.values else None
    if isinstance(value, Mapping):
        return str(value.get("code") or value.get("unit") or "")
    return item.units[0].code if item.units else ""


def spoken_option(item: Item, value: Any, language: str) -> str:
    """One answer in words."""
    option = item.option(value) if isinstance(value, str) and item.options else None
    if option is None and isinstance(value, Mapping) and item.options:
        option = item.option(matching(item.options, value))
    if option is not None:
        return option.said(language)
    if isinstance(value, bool):
        return {"es": "Sí", "en": "Yes"}[language] if value else "No"
    if item.type == "date" and (on := day(value)) and len(value) == 10:
        return formats.full_date(on)
    return spoken(value)


def answered_words(item: Item, answer: Answer) -> str:
    """An answer as its reader reads it."""
    language = reader_language()
    if answer.absent is not None:
        return absent_words(answer.absent)
    said = ", ".join(spoken_option(item, value, language) for value in answer.values)
    unit = f" {item.units[0].text}" if said and item.units and item.type in ("decimal", "integer") else ""
    return said + unit or gettext("no answer")


def shown_places(form: Form, answers: Mapping[str, Answer]) -> Iterator[Place]:
    """What is asked now and seen, computed answers among it."""
    places, asked = asked_places(form, answers)
    for place in places:
        is_shown = place.key in asked and not place.is_repetition and place.item.is_question
        if is_shown and not is_out_of_sight(form, place.item):
            yield place
