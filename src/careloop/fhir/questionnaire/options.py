"""The answers to choose from: answerOption of every type, and value sets inside the form, stored, or of R4 itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire.extensions import (
    EXCLUSIVE,
    OPTION_MEDIA,
    OPTION_PREFIX,
    ORDINALS,
    media_of,
    texts_of,
    value_of,
)
from careloop.fhir.questionnaire.form import Option

MOST_OPTIONS: Final = 2_000
_LABEL: Final = "http://hl7.org/fhir/StructureDefinition/valueset-label"


def options_of(element: Resource, value_sets: Mapping[str, Resource]) -> tuple[tuple[Option, ...], str]:
    """The options, and the address of a value set that is not known."""
    named = element.get("answerValueSet")
    if not named:
        return _distinct(_option(each) for each in element.get("answerOption", ())), ""
    held = value_sets.get(str(named).partition("|")[0])
    if held is None:
        return (), str(named)
    options = _distinct(_of_concept(coding, concept) for coding, concept in concepts_in(held))
    return options, "" if options else str(named)


def value_sets_in(questionnaire: Resource) -> dict[str, Resource]:
    """By `#id` and by their address."""
    found: dict[str, Resource] = {}
    for each in questionnaire.get("contained", ()):
        if each.get("resourceType") == "ValueSet":
            found[f"#{each.get('id', '')}"] = each
            if each.get("url"):
                found[str(each["url"])] = each
    return found


def concepts_in(value_set: Resource) -> Iterator[tuple[Resource, Resource]]:
    """(coding, the element it is written in): of the expansion when there is one, else the concepts that are listed."""
    listed = (value_set.get("expansion") or {}).get("contains", ())
    if listed:
        for each in _flat(listed):
            if each.get("code") and not each.get("abstract"):
                yield {n: each[n] for n in ("system", "code", "display") if each.get(n)}, each
        return
    for include in (value_set.get("compose") or {}).get("include", ()):
        for concept in include.get("concept", ()):
            coding = {"system": include.get("system"), "code": concept.get("code")}
            if concept.get("display"):
                coding["display"] = concept["display"]
            yield {name: value for name, value in coding.items() if value}, concept


def _flat(listed: Any) -> Iterator[Resource]:
    for each in listed:
        yield each
        yield from _flat(each.get("contains", ()))


def _distinct(options: Iterable[Option]) -> tuple[Option, ...]:
    """Two systems may use one code: the second is known by both."""
    found: dict[str, Option] = {}
    for option in options:
        key = option.key if option.key not in found else f"{option.system}|{option.key}"
        if key not in found and len(found) < MOST_OPTIONS:
            found[key] = option if key == option.key else _renamed(option, key)
    return tuple(found.values())


def _renamed(option: Option, key: str) -> Option:
    return replace(option, key=key)


def _option(option: Resource) -> Option:
    value_key, value = next(
        ((key, value) for key, value in option.items() if key.startswith("value")), ("valueString", "")
    )
    shared: dict[str, Any] = {
        "is_exclusive": bool(value_of(option, EXCLUSIVE)),
        "prefix": _prefix(option),
        "media": media_of(option, OPTION_MEDIA),
        "is_initial": option.get("initialSelected") is True,
    }
    if value_key != "valueCoding" or not isinstance(value, Mapping):
        # valueString, valueInteger, … stand for themselves
        text, texts = _words(value), texts_of(option, value_key)
        ordinal = _ordinal(option, option.get(f"_{value_key}") or {})
        return Option(
            option.get("id") or text,
            text,
            "",
            text,
            ordinal,
            value_key=value_key,
            value=value,
            texts=texts,
            **shared,
        )
    return Option(
        key=option.get("id") or value.get("code") or str(value.get("display", "")),
        code=value.get("code", ""),
        system=value.get("system", ""),
        text=value.get("display") or value.get("code", ""),
        ordinal=_ordinal(value, option),
        texts=texts_of(value, "display"),
        **{**shared, "prefix": shared["prefix"] or _prefix(value)},
    )


def _of_concept(coding: Resource, concept: Resource) -> Option:
    label = value_of(concept, _LABEL)
    return Option(
        key=str(coding.get("code", "")),
        code=str(coding.get("code", "")),
        system=str(coding.get("system", "")),
        text=str(coding.get("display") or coding.get("code", "")),
        ordinal=_ordinal(concept),
        prefix=str(label or ""),
    )


def _prefix(element: Mapping[str, Any]) -> str:
    return str(value_of(element, OPTION_PREFIX) or "")


def _ordinal(*elements: Mapping[str, Any]) -> Decimal | None:
    for element in elements:
        for url in ORDINALS:
            value = value_of(element, url)
            if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                return Decimal(value)
            if isinstance(value, float):
                return Decimal(str(value))
    return None


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        named = value.get("display") or value.get("reference")
        number = f"{value.get('value', '')} {value.get('unit') or value.get('code') or ''}".strip()
        return str(named or number)
    return str(value)


def matching(options: Iterable[Option], value: Any) -> str | None:
    """The key of the option that says this value."""
    for option in options:
        if isinstance(value, Mapping) and option.value_key == "valueCoding":
            is_system = value.get("system", option.system) == option.system
            if value.get("code") and value["code"] == option.code and is_system:
                return option.key
        elif option.value_key != "valueCoding" and (option.value == value or option.code == _words(value)):
            return option.key
    return None
