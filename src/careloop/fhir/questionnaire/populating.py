"""Answers that the record knows already: initialExpression and itemPopulationContext over the launch context, and
observations by code and link period. Pure; every answer says where it comes from, so that the page can say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.fhir.elements import Resource, codings, instant
from careloop.fhir.questionnaire.asking import begun, enabled, settled
from careloop.fhir.questionnaire.checking import answer_problems
from careloop.fhir.questionnaire.form import MOST_REPEATS, Answer, Expression, Form, Item
from careloop.fhir.questionnaire.places import Place, walk
from careloop.fhir.questionnaire.reading import Reading, answers_from
from careloop.fhir.questionnaire.values import quantity_of

_TRUSTED: Final = ("final", "amended", "corrected", "preliminary")


@dataclass(frozen=True)
class FromRecord:
    """Where an answer was found. source: `Observation/…`, `Patient/…`; empty for what the form itself says. on: when it
    was observed or last changed. by: a reference, when somebody is named."""

    source: str = ""
    on: datetime | None = None
    by: str | None = None


@dataclass(frozen=True)
class Filled:
    answers: Mapping[str, Answer] = field(repr=False)
    origins: Mapping[str, FromRecord] = field(default_factory=dict)


def populate(form: Form, observations: Sequence[Resource], now: datetime) -> Filled:
    """observations: of the person, as far as the asker may see them. What an expression can't work out stays open."""
    answers = begun(form)
    origins = {key: FromRecord() for key in answers}
    reading = _repeated(form, answers)
    for place in list(walk(form, answers)):
        item = place.item
        if place.is_repetition or not item.is_question or item.calculation is not None:
            continue
        found = _expressed(form, reading, place) or _observed(item, observations, now)
        if found is None:
            continue
        values, origin = found
        answer = Answer(values if item.repeats else values[:1])
        if values and not answer_problems(item, answer):
            answers[place.key], origins[place.key] = answer, origin
    answers = settled(form, answers)
    return Filled(answers, {key: origin for key, origin in origins.items() if key in answers})


def _repeated(form: Form, answers: dict[str, Answer]) -> Reading:
    """A repeating group once for each thing its population context finds: each relative, each name."""
    bound: list[tuple[str, str, Any]] = []
    reading = Reading(form, answers, enabled(form, answers))
    for item in form.items:
        if item.repeated_for is None or not item.repeated_for.name:
            continue
        for place in list(walk(form, answers)):
            if place.item.link_id != item.link_id or place.is_repetition:
                continue
            found = _each_of(reading, item.repeated_for, place)
            if item.link_id not in form.repeating:
                bound.append((place.key, item.repeated_for.name, found[:1]))
            for number, one in enumerate(found[:MOST_REPEATS] if item.link_id in form.repeating else (), 1):
                answers[f"{place.key}[{number}]"] = Answer()
                bound.append((f"{place.key}[{number}]", item.repeated_for.name, [one]))
        reading = Reading(form, answers, enabled(form, answers))
        for key, name, value in bound:
            reading.bind(key, name, value)
    return reading


def _each_of(reading: Reading, expression: Expression, place: Place) -> list[Any]:
    if expression.is_query:
        return list(reading.form.known.queried.get(expression.name, ()))
    try:
        return reading.found_nodes(expression, place)
    except ValueError:
        return []


def _expressed(form: Form, reading: Reading, place: Place) -> tuple[tuple[Any, ...], FromRecord] | None:
    expression = place.item.initial_expression
    if expression is None or not expression.is_path:
        return None
    try:
        found = reading.found(expression, place)
    except ValueError:
        return None
    values = answers_from(place.item, found)
    return (values, _origin_of(form, reading, expression, place)) if values else None


def _origin_of(form: Form, reading: Reading, expression: Expression, place: Place) -> FromRecord:
    """The first resource that the expression reads."""
    read = reading.read_by(expression, place)
    resources = [each for each in read.values() if isinstance(each, Mapping) and each.get("resourceType")]
    if not resources and read:  # a part of something: a name of a relative, or of the person
        resources = [*reading.resources_around(place), form.known.resources.get("patient") or {}]
    for resource in resources:
        if resource.get("id"):
            changed = instant((resource.get("meta") or {}).get("lastUpdated"))
            return FromRecord(f"{resource['resourceType']}/{resource['id']}", changed)
    return FromRecord()


def _observed(
    item: Item, observations: Sequence[Resource], now: datetime
) -> tuple[tuple[Any, ...], FromRecord] | None:
    """The newest observation with one of the item's codes within its link period."""
    if item.period is None or not item.codes:
        return None
    wanted = {(system, code) for system, code, _ in item.codes}
    since = now - timedelta(days=item.period)
    newest: tuple[datetime, Resource] | None = None
    for each in observations:
        at = instant(each.get("effectiveDateTime")) or instant((each.get("effectivePeriod") or {}).get("end"))
        at = at or instant(each.get("effectiveInstant")) or instant(each.get("issued"))
        is_one = each.get("status") in _TRUSTED and wanted & set(codings(each.get("code")))
        if is_one and at and since <= at <= now and (newest is None or at > newest[0]):
            newest = (at, each)
    if newest is None:
        return None
    values = answers_from(item, [value for value in [_value_of(item, newest[1])] if value is not None])
    by = next((p.get("reference") for p in newest[1].get("performer", ())), None)
    origin = FromRecord(f"Observation/{newest[1].get('id', '')}", newest[0], by)
    return (values, origin) if values else None


def _value_of(item: Item, observation: Resource) -> Any:
    """As the question takes it; a number only in the unit that is asked for."""
    name = next((key for key in observation if key.startswith("value")), None)
    value = observation.get(name or "")
    if name != "valueQuantity" or not isinstance(value, Mapping):
        return value
    unit, code = item.units[0] if item.units else None, value.get("code")
    if item.type == "quantity":
        known = next((each for each in item.units if each.code == code), None)
        return quantity_of(value.get("value"), known) if known else dict(value)
    return value.get("value") if unit is None or unit.code == code else None
