"""Observations of any sender as readings; one beside the other; limits there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop import library
from careloop.care.reading_limits import Limits, limits_in, to_request
from careloop.care.readings import Placed, Reading, readings_in, settle
from careloop.fhir import uris
from careloop.fhir.elements import codeable

KINDS = library.load().readings
WRITTEN = datetime(2026, 11, 23, 15, tzinfo=UTC)


def weight(quantity: Any, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": codeable(uris.LOINC, "29463-7"),
        "effectiveDateTime": "2026-11-23T08:00:00-06:00",
        "valueQuantity": quantity,
        **more,
    }


@pytest.mark.parametrize(
    ("more", "source"),
    [
        ({"device": {"display": "scale"}, "performer": [{"reference": "Patient/x"}]}, "device"),
        ({"performer": [{"reference": "Patient/x"}]}, "person"),
        ({"performer": [{"reference": "RelatedPerson/x"}, {"reference": "Practitioner/y"}]}, "person"),
        ({"performer": [{"reference": "Practitioner/y"}]}, "staff"),
        (
            {
                "performer": [{"reference": "Practitioner/y"}],
                "meta": {"source": "urn:careloop:source:stlukes"},
            },
            "elsewhere",
        ),
        ({}, "elsewhere"),
    ],
)
def test_who_or_what_it_came_from(more: dict[str, Any], source: str) -> None:
    (found,) = readings_in(weight({"value": 82, "code": "kg"}, **more), WRITTEN, KINDS)
    assert (found.source, found.at) == (source, datetime(2026, 11, 23, 14, tzinfo=UTC))


@pytest.mark.parametrize(
    ("quantity", "own"),
    [
        ({"value": 82, "unit": "kilograms"}, None),
        ({"value": 82, "unit": "KG"}, None),
        ({"value": 82}, "unit"),
        ({"value": 82, "code": "kg", "system": "urn:other"}, "unit"),
        ({"value": 0, "code": "kg"}, "impossible"),
        ({"value": Decimal("1e99999"), "code": "kg"}, "impossible"),
        ({"value": Decimal("1e99999"), "code": "stone"}, "unit"),
    ],
)
def test_what_speaks_against_a_value(quantity: Any, own: str | None) -> None:
    (found,) = readings_in(weight(quantity), WRITTEN, KINDS)
    assert found.own == own


def test_what_says_no_value_is_no_reading() -> None:
    assert readings_in(weight({"unit": "kg"}), WRITTEN, KINDS) == []
    assert readings_in(weight({"value": 1}, status="cancelled"), WRITTEN, KINDS) == []
    assert (
        readings_in({**weight({"value": 82, "code": "kg"}), "code": {"text": "weight"}}, WRITTEN, KINDS) == []
    )


def test_a_day_without_an_hour_is_that_day_everywhere() -> None:
    (found,) = readings_in(
        weight({"value": 82, "code": "kg"}, effectiveDateTime="2026-11-23"), WRITTEN, KINDS
    )
    assert (found.at, found.has_hour) == (datetime(2026, 11, 23, 12, tzinfo=UTC), False)


def test_what_lies_in_the_future_is_asked_about() -> None:
    (found,) = readings_in(
        weight({"value": 82, "code": "kg"}, effectiveDateTime="2027-01-01T08:00:00Z"), WRITTEN, KINDS
    )
    assert found.own == "future"


@given(
    st.dictionaries(
        st.sampled_from(["value", "code", "unit", "comparator"]), st.text(max_size=6) | st.decimals()
    )
)
def test_no_quantity_raises(quantity: dict[str, Any]) -> None:
    for found in readings_in(weight(quantity), WRITTEN, KINDS):
        assert found.value.is_finite()


READING = st.builds(
    lambda day, value, own: Reading(
        "weight", WRITTEN - timedelta(days=day), True, Decimal(value), None, "kg", None, "staff", None, own
    ),
    st.integers(0, 8),
    st.integers(60, 110),
    st.sampled_from([None, None, None, "refuted", "confirmed", "impossible"]),
)


@given(st.lists(READING, max_size=12), st.integers(0, 12))
def test_settling_from_the_middle_is_settling_from_the_beginning(found: list[Reading], cut: int) -> None:
    """What a projector does with a late value is what a rebuild would do."""
    kind = KINDS["weight"]
    placed = sorted(
        (Placed(key, reading) for key, reading in enumerate(found)), key=lambda p: (p.reading.at, p.key)
    )
    whole = settle(kind, placed, None)
    if cut < len(placed):
        since = placed[cut].reading.at
        rest = [p for p in placed if p.reading.at >= since]
        before = [p for p in whole if p.reading.at < since and p.state == "ok"]
        again = settle(kind, rest, before[-1] if before else None)
        assert again == whole[len(whole) - len(again) :]


def test_limits_are_the_same_there_and_back() -> None:
    kind = KINDS["blood-pressure"]
    until = WRITTEN + timedelta(days=30)
    made = Limits(kind.id, Decimal(95), Decimal("149.5"), None, Decimal(95), until=until)
    request = to_request(kind, made, "Patient/maria", "Practitioner/ana", WRITTEN, "After the stroke")
    found = limits_in(request | {"id": "x"}, KINDS)
    assert found is not None
    assert (found.low, found.high, found.second_low, found.second_high) == (
        Decimal(95), Decimal("149.5"), None, Decimal(95),
    )  # fmt: skip
    assert (found.until, found.set_by, found.why) == (until, "Practitioner/ana", "After the stroke")
    assert limits_in({**request, "status": "revoked"}, KINDS) is None
    assert limits_in({**request, "category": []}, KINDS) is None


def test_a_value_at_the_limit_is_inside() -> None:
    limits = Limits("weight", Decimal(80), Decimal(84), None, None)
    assert limits.outside(Decimal(84)) == ()
    assert limits.outside(Decimal("84.1")) == ("high",)
    assert limits.outside(Decimal("79.9")) == ("low",)
