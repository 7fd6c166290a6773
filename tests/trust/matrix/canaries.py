"""The smallest valid resource of each type, about somebody, with a word in it that nobody may see who must not."""

from __future__ import annotations

from functools import cache
from typing import Any

from careloop.fhir import definitions, index, validate
from careloop.fhir.definitions import ElementDef, TypeRef
from careloop.fhir.elements import Resource
from careloop.store.homes import belonging

PLAIN = frozenset({"Binary", "Bundle", "Parameters"})  # no narrative
_SIMPLE: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "positiveInt": 1,
    "unsignedInt": 1,
    "decimal": 1,
    "date": "2026-11-01",
    "dateTime": "2026-11-01T10:00:00Z",
    "instant": "2026-11-01T10:00:00Z",
    "time": "10:00:00",
    "base64Binary": "aGVsbG8=",
    "code": "x",
    "id": "x",
    "uri": "urn:x",
    "url": "urn:x",
    "canonical": "urn:x",
    "oid": "urn:oid:1.2.3",
    "uuid": "urn:uuid:0b1e8c5e-7a5c-4f2e-9d51-506a516e1e83",
    "string": "x",
    "markdown": "x",
    "xhtml": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>",
    "CodeableConcept": {"text": "x"},
    "Coding": {"system": "urn:x", "code": "x"},
    "Identifier": {"system": "urn:x", "value": "x"},
    "Period": {"start": "2026-11-01T10:00:00Z"},
    "Quantity": {"value": 1},
    "Money": {"value": 1, "currency": "USD"},
    "Attachment": {"title": "x"},
    "Annotation": {"text": "x"},
    "HumanName": {"text": "x"},
    "Address": {"text": "x"},
    "ContactPoint": {"system": "phone", "value": "555 0100"},
    "Range": {"low": {"value": 1}},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 1}},
    "Duration": {"value": 1, "system": "http://unitsofmeasure.org", "code": "h"},
    "Timing": {"repeat": {"boundsPeriod": {"start": "2026-11-01T10:00:00Z"}}},
    "Expression": {"language": "text/fhirpath", "expression": "x"},
    "Meta": {},
}
# What an invariant asks beyond the required elements.
_ALSO: dict[str, Resource] = {
    "Patient": {"name": [{"given": ["Test"], "family": "Person"}], "birthDate": "1960-01-01"},
    "Organization": {"name": "x"},
    "AllergyIntolerance": {
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                    "code": "active",
                }
            ]
        }
    },
    "Bundle": {"type": "collection"},
    "CapabilityStatement": {
        "kind": "requirements",
        "messaging": [{"documentation": "x"}],
        "description": "x",
    },
    "Consent": {"policyRule": {"text": "x"}},
    "ImmunizationRecommendation": {
        "recommendation": [{"vaccineCode": [{"text": "x"}], "forecastStatus": {"text": "x"}}]
    },
    "TerminologyCapabilities": {"kind": "requirements", "description": "x"},
}


class NoExample(Exception):
    """Nothing valid of this type could be made: say in _ALSO what it needs."""


def canary_of(person: str, type: str, label: str = "") -> str:
    """One word, of letters only, so that no page breaks it and no search splits it."""
    word = f"canary{person}{label}{type}".lower()
    assert word.isalpha()
    return word


LABEL_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
# What people write into, where the type has it: pages show it.
_TOLD: dict[str, Any] = {
    "description": "w",
    "title": "w",
    "valueString": "w",
    "name": "w",
    "note": [{"text": "w"}],
    "code": {"text": "w"},
    "vaccineCode": {"text": "w"},
    "medicationCodeableConcept": {"text": "w"},
    "outcomeCodeableConcept": {"text": "w"},
    "topic": {"text": "w"},
    "summary": "w",
    "conclusion": "w",
}


def make(type: str, about: str, word: str, label: str = "") -> Resource:
    """about: "Patient/…"; the resource lies at her home where its type allows it. label: code of a security label.
    Raises NoExample."""
    made = _made(type, about, word)
    if label:
        made["meta"]["security"] = [{"system": LABEL_SYSTEM, "code": label}]
    for key, value in _TOLD.items():
        tried = {**made, key: _with(value, word)}
        if not _wrong(tried):
            made = tried
    return made


def _with(value: Any, word: str) -> Any:
    if isinstance(value, dict):
        return {key: _with(each, word) for key, each in value.items()}
    if isinstance(value, list):
        return [_with(each, word) for each in value]
    return word if value == "w" else value


def _made(type: str, about: str, word: str) -> Resource:
    made: Resource = {"resourceType": type, **_required(type, about), **_ALSO.get(type, {})}
    if type == "Patient":
        made |= {"id": about.split("/")[1], "name": [{"use": "official", "given": ["Test"], "family": word}]}
    else:
        _point(made, about)
    made["meta"] = {"tag": [{"system": "urn:canary", "code": word}]}
    if type not in PLAIN:
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{word}</div>'
        made["text"] = {"status": "generated", "div": div}
    if found := [problem for problem in validate.problems(made) if problem.severity == "error"]:
        raise NoExample(f"{type}: {[(p.expression, p.text) for p in found]}")
    return made


def home_of(resource: Resource) -> str | None:
    return belonging({"id": "x", **resource}, index.extract({"id": "x", **resource})).home


def _required(name: str, about: str) -> Resource:
    found: Resource = {}
    for element in definitions.type_def(name).elements:
        if element.min:
            ref = element.types[0]
            value = _value(element, ref, about)
            key = element.name + (_capital(ref.code) if element.is_choice else "")
            found[key] = [value] if element.is_list else value
    return found


def _value(element: ElementDef, ref: TypeRef, about: str) -> Any:
    if element.binding and ref.code == "code":
        known = definitions.code_order(element.binding)
        return known[0] if known else "en"
    if ref.code == "Reference":
        return {"reference": _target(ref, about)}
    if ref.code in ("Resource", "DomainResource"):
        return {"resourceType": "Basic", "code": {"text": "x"}}
    if ref.code in _SIMPLE:
        return _SIMPLE[ref.code]
    return _required(ref.code, about) or {"extension": [{"url": "urn:x", "valueBoolean": True}]}


def _target(ref: TypeRef, about: str) -> str:
    if not ref.targets or "Patient" in ref.targets:
        return about
    return f"{ref.targets[0]}/none"


def _capital(code: str) -> str:
    return code[0].upper() + code[1:]


def _point(made: Resource, about: str) -> None:
    """Sets the element by which it belongs to her; leaves a type that belongs to nobody as it is."""
    if home_of(made) == about:
        return
    for key, value in _ways(made["resourceType"], about):
        tried = {**made, key: value}
        if home_of(tried) == about and not _wrong(tried):
            made[key] = value
            return


def _wrong(tried: Resource) -> bool:
    return any(problem.severity == "error" for problem in validate.problems(tried))


@cache
def _cached_ways(type: str) -> tuple[tuple[str, TypeRef | None, bool, str], ...]:
    found: list[tuple[str, TypeRef | None, bool, str]] = []
    for element in definitions.type_def(type).elements:
        for ref in element.types:
            key = element.name + (_capital(ref.code) if element.is_choice else "")
            if ref.code == "Reference" and (not ref.targets or "Patient" in ref.targets):
                found.append((key, ref, element.is_list, ""))
            elif "." in ref.code:
                found += [
                    (key, inner, element.is_list, part.name)
                    for part in definitions.type_def(ref.code).elements
                    for inner in part.types
                    if inner.code == "Reference" and "Patient" in inner.targets
                ]
    order = ("subject", "patient", "beneficiary", "individual", "for")
    return tuple(sorted(found, key=lambda way: order.index(way[0]) if way[0] in order else 9))


def _ways(type: str, about: str) -> list[tuple[str, Any]]:
    ways: list[tuple[str, Any]] = []
    for key, ref, is_list, inner in _cached_ways(type):
        value: Any = {"reference": about}
        if inner:
            element = next(e for e in definitions.type_def(type).elements if e.name == key)
            backbone = element.types[0].code
            value = {**_required(backbone, about), inner: value}
        assert ref is not None
        ways.append((key, [value] if is_list else value))
    if type == "Binary":
        ways.append(("securityContext", {"reference": about}))
    return ways
