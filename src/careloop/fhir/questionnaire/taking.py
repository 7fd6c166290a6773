"""Which resources an item's answers become: observation-based and definition-based extraction, as the form says it at
its top, at a group or at the question. What is said lower down holds there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire.extensions import (
    DEFINITION_EXTRACT,
    DEFINITION_VALUE,
    EXTRACT_CATEGORY,
    EXTRACTION_CONTEXT,
    LINK_PERIOD,
    OBSERVATION_EXTRACT,
    all_of,
    part,
    value_of,
)
from careloop.fhir.questionnaire.form import Taken

_DAYS: Final[dict[str, Decimal | int]] = {
    "d": 1,
    "wk": 7,
    "mo": 30,
    "a": 365,
    "h": Decimal(1) / 24,
    "min": Decimal(1) / 1440,
}


@dataclass(frozen=True)
class Above:
    """What holds here, said here or further up. own_period: said at this very item, in days."""

    taken: Taken = field(default_factory=Taken)
    relation: str | None = None
    category: tuple[Any, ...] = ()
    period: int | None = None
    own_period: int | None = None


def taken(element: Resource, above: Above) -> Above:
    said = value_of(element, OBSERVATION_EXTRACT)
    relation = above.relation
    if said is True:
        relation = ""
    elif said is False:
        relation = None
    elif isinstance(said, str):
        relation = said
    category = tuple(all_of(element, EXTRACT_CATEGORY)) or above.category
    period = _days(value_of(element, LINK_PERIOD)) or above.period
    made = Taken(
        relation=relation if element.get("code") else None,
        category=category,
        definition=_definition(str(element.get("definition", ""))),
        resource=_resource(element),
        fixed=tuple(_fixed(element)),
    )
    has_code = bool(element.get("code"))
    return replace(
        above,
        taken=made,
        relation=relation,
        category=category,
        period=period,
        own_period=period if has_code else None,
    )


def _definition(text: str) -> str:
    """`Patient#Patient.name.family` of `http://hl7.org/fhir/StructureDefinition/Patient#Patient.name.family`."""
    profile, mark, path = text.partition("#")
    return f"{profile.rpartition('/')[2]}#{path}" if mark else ""


def _resource(element: Resource) -> str:
    for each in element.get("extension", ()):
        if each.get("url") == DEFINITION_EXTRACT:
            name = str(part(each, "definition") or "").rpartition("/")[2].partition("|")[0]
            return name if name in RESOURCE_TYPES else ""
    found = value_of(element, EXTRACTION_CONTEXT)
    name = found.get("expression", "") if isinstance(found, dict) else str(found or "")
    name = name.partition("?")[0]
    return name if name in RESOURCE_TYPES else ""


def _fixed(element: Resource) -> list[tuple[str, Any]]:
    found = []
    for each in element.get("extension", ()):
        if each.get("url") == DEFINITION_VALUE:
            path = _definition(str(part(each, "definition") or ""))
            value = part(each, "fixed-value")
            expression = part(each, "expression")
            if path and (value is not None or expression is not None):
                found.append((path, {"expression": expression} if value is None else {"value": value}))
    return found


def _days(duration: Any) -> int | None:
    if not isinstance(duration, dict):
        return None
    number, code = duration.get("value"), duration.get("code") or duration.get("unit")
    days = _DAYS.get(str(code))
    if days is None or isinstance(number, bool) or not isinstance(number, (int, Decimal)):
        return None
    return max(1, int(Decimal(number) * Decimal(days)))
