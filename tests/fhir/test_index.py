"""What a resource becomes in the index."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from careloop.fhir import definitions, index, terms
from careloop.fhir.ranges import EVER, NEVER
from careloop.fhir.search_values import component_params


def rows(resource: dict[str, Any], table: str, code: str) -> list[tuple[Any, ...]]:
    param = definitions.search_params(resource["resourceType"])[code].id
    return [row[2:] for row in getattr(index.extract(resource), table) if row[0] == param]


def micros(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000


def test_a_name_is_found_without_accents_case_or_surplus_spaces() -> None:
    maria = {"resourceType": "Patient", "name": [{"family": "NÚÑEZ", "given": ["María  José"]}]}
    assert rows(maria, "string", "name") == [
        (1, terms.FAMILY, "nunez", "NÚÑEZ"),
        (1, terms.GIVEN, "maria jose", "María  José"),
    ]
    assert rows(maria, "string", "family") == [(1, terms.PLAIN, "nunez", "NÚÑEZ")]
    assert rows(maria, "string", "phonetic") == [(1, 0, "nns", None), (1, 0, "mr js", None)]


def test_tokens_carry_their_system_and_required_codes_the_systems_of_their_list() -> None:
    patient = {
        "resourceType": "Patient",
        "gender": "female",
        "active": True,
        "identifier": [{"system": "urn:mrn", "value": "4711"}, {"value": "7"}],
        "telecom": [{"system": "email", "value": "a@b.c"}, {"system": "phone", "value": "555"}],
    }
    assert rows(patient, "token", "identifier") == [(1, terms.key_of("urn:mrn"), "4711"), (2, 0, "7")]
    assert rows(patient, "token", "gender") == [
        (0, terms.key_of("http://hl7.org/fhir/administrative-gender"), "female")
    ]
    assert rows(patient, "token", "active") == [(0, 0, "true")]
    assert rows(patient, "token", "email") == [(1, 0, "a@b.c")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [({}, "false"), ({"deceasedBoolean": False}, "false"), ({"deceasedDateTime": "2020"}, "true")],
)
def test_who_died_can_be_told(said: dict[str, Any], expected: str) -> None:
    assert rows({"resourceType": "Patient", **said}, "token", "deceased") == [(0, 0, expected)]


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        ({"effectiveDateTime": "2026-02"}, micros(2026, 2, 1), micros(2026, 3, 1)),
        (
            {"effectiveDateTime": "2026-02-03T04:05:06+01:00"},
            micros(2026, 2, 3, 3, 5, 6),
            micros(2026, 2, 3, 3, 5, 7),
        ),
        ({"effectivePeriod": {"start": "2026"}}, micros(2026, 1, 1), NEVER),
        ({"effectivePeriod": {"end": "2026-01-01"}}, EVER, micros(2026, 1, 2)),
        (
            {"effectiveTiming": {"event": ["2026-01-05", "2026-01-02"]}},
            micros(2026, 1, 2),
            micros(2026, 1, 6),
        ),
    ],
)
def test_dates_become_ranges(said: dict[str, Any], low: int, high: int) -> None:
    assert rows({"resourceType": "Observation", **said}, "date", "date") == [(0, low, high)]


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/3", "Patient/1"),
        ("urn:uuid:aa", terms.elsewhere("urn:uuid:aa")),
        ("http://far.example/fhir/Patient/1", terms.elsewhere("http://far.example/fhir/Patient/1")),
        (
            "http://far.example/fhir/Patient/1/_history/2",
            terms.elsewhere("http://far.example/fhir/Patient/1"),
        ),
    ],
)
def test_references_lead_to_ours_or_elsewhere(reference: str, target: str | int) -> None:
    reading = {"resourceType": "Observation", "subject": {"reference": reference}}
    assert rows(reading, "reference", "subject") == [(0, target)]


def test_contained_ones_are_not_targets_and_bare_identifiers_are() -> None:
    assert rows({"resourceType": "Observation", "subject": {"reference": "#p"}}, "reference", "subject") == []
    named = {"resourceType": "Observation", "subject": {"identifier": {"system": "urn:mrn", "value": "4711"}}}
    assert rows(named, "reference", "subject") == [(0, terms.identified("urn:mrn", "4711"))]


def test_only_people_answer_to_patient() -> None:
    group = {"resourceType": "Observation", "subject": {"reference": "Group/1"}}
    assert rows(group, "reference", "patient") == []
    assert rows(group, "reference", "subject") == [(0, "Group/1")]


def test_a_quantity_answers_to_its_code_and_to_the_unit_people_write() -> None:
    pressure = {"value": Decimal("120"), "unit": "mmHg", "system": terms.UCUM, "code": "mm[Hg]"}
    reading = {"resourceType": "Observation", "valueQuantity": pressure}
    assert rows(reading, "quantity", "value-quantity") == [
        (0, 120.0, 120.0, terms.key_of(f"{terms.UCUM}|mm[Hg]")),
        (0, 120.0, 120.0, terms.key_of("|mmHg")),
    ]
    below = {"resourceType": "Observation", "valueQuantity": {"value": Decimal("5"), "comparator": "<"}}
    assert rows(below, "quantity", "value-quantity") == [(0, float("-inf"), 5.0, 0)]


def test_parts_of_one_component_share_their_occurrence() -> None:
    def part(code: str, value: int) -> dict[str, Any]:
        return {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value}}

    reading = {"resourceType": "Observation", "component": [part("systolic", 120), part("diastolic", 80)]}
    assert [row[0] for row in rows(reading, "token", "component-code")] == [1, 2]
    assert [row[0] for row in rows(reading, "quantity", "component-value-quantity")] == [1, 2]


def test_every_composite_joins_parameters_that_are_indexed() -> None:
    count = 0
    for name in definitions.RESOURCE_TYPES:
        for param in definitions.search_params(name).values():
            if param.type == "composite":
                count += 1
                assert all(index.indexed(part) for part, _ in component_params(name, param)), param
    assert count > 40


def test_repetitions_take_one_row_and_long_codes_stay_apart() -> None:
    long = ["x" * 5000 + end for end in "ab"]
    patient = {"resourceType": "Patient", "identifier": [{"value": text} for text in long]}
    codes = {row[2] for row in rows(patient, "token", "identifier")}
    assert len(codes) == 2
    assert max(map(len, codes)) < 700
    twice = {"resourceType": "Observation", "code": {"coding": [{"code": "a"}, {"code": "a"}]}}
    assert len(rows(twice, "token", "code")) == 1
