"""Kinds of readings as content: exact conversions, units as people write them, refusals with file and line."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop import library
from careloop.library import BrokenContent
from careloop.library.readings import PLACES, load_kind

KINDS = library.load().readings
UNITS = [(kind, measure) for kind in KINDS.values() for measure in kind.units]
VALUES = st.decimals(min_value=-9999, max_value=99999, allow_nan=False, allow_infinity=False, places=3)


@pytest.mark.parametrize(
    ("kind", "value", "unit", "is_kept_as"),
    [
        ("weight", "180", "lb", "81.6466266"),
        ("weight", "82.40", "kg", "82.4"),
        ("glucose", "5.5", "mmol/L", "99.0858"),
        ("temperature", "100.4", "°F", "38"),
        ("temperature", "99.1", "[degF]", "37.277778"),
        ("a1c", "53", "mmol/mol", "7.00044"),
        ("peak-flow", "5.2", "L/s", "312"),
    ],
)
def test_units_become_one(kind: str, value: str, unit: str, is_kept_as: str) -> None:
    measure = KINDS[kind].measure(unit)
    assert measure is not None
    assert str(measure.canonical(Decimal(value))) == is_kept_as


@given(VALUES)
def test_a_conversion_is_exact_or_off_by_half_of_the_last_place(value: Decimal) -> None:
    for _, measure in UNITS:
        exact = (Fraction(value) - Fraction(measure.minus)) * Fraction(measure.times) / Fraction(
            measure.over
        ) + Fraction(measure.plus)
        made = Fraction(measure.canonical(value))
        assert abs(made - exact) <= Fraction(1, 2 * 10**PLACES)
        if (exact * 10**20).denominator == 1:  # it ends: then nothing is rounded
            assert made == exact


@given(VALUES)
def test_there_and_back_again_is_the_same_to_the_eye(value: Decimal) -> None:
    for _, measure in UNITS:
        back = measure.from_canonical(measure.canonical(value))
        assert abs(back - value) < Decimal("0.001")


@pytest.mark.parametrize("huge", ["1e999999", "-1e13", "NaN", "Infinity", "1e-999999"])
def test_what_nobody_can_have_measured_is_not_calculated_with(huge: str) -> None:
    for _, measure in UNITS:
        with pytest.raises((OverflowError, ValueError)):
            measure.canonical(Decimal(huge))


@given(st.text(max_size=30))
def test_no_word_for_a_unit_raises(said: str) -> None:
    for kind in KINDS.values():
        found = kind.measure(said)
        assert found is None or found in kind.units


def test_every_number_names_its_source() -> None:
    for kind in KINDS.values():
        ranges = [kind.possible, kind.target, *([kind.limit.inside] if kind.limit else [])]
        assert all(each.source and each.sure in "PSUO" for each in ranges if each)


GOOD = """id: height
name: {en: Height, es: Estatura}
codes: [{code: 8302-2, text: Body height}]
unit: cm
units: [{code: cm, shown: cm}, {code: "[in_i]", shown: in, times: 2.54}]
possible: {low: 20, high: 260, source: the house’s own, sure: O}
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("id: height", "id: tall", "kinds/height.yaml:1: The id is not the name"),
        ("unit: cm\n", "unit: m\n", "The first unit must be the canonical one"),
        ("times: 2.54", "times: 0", "can't be multiplied"),
        ("low: 20, high: 260", "low: 260, high: 20", "“low” is not below “high”"),
        ("sure: O", "sure: X", "is not one of"),
        ("shown: in,", "shown: cm,", "names two units"),
        ("possible:", "posible:", "“posible” is not known here"),
        (", es: Estatura", "", "The text in “es” is missing"),
    ],
)
def test_a_broken_kind_is_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    folder = tmp_path / "kinds"
    folder.mkdir()
    (folder / "height.yaml").write_text(GOOD)
    assert load_kind(folder / "height.yaml", tmp_path).unit == "cm"
    (folder / "height.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(BrokenContent) as refused:
        load_kind(folder / "height.yaml", tmp_path)
    assert sentence in str(refused.value)
    assert "kinds/height.yaml:" in str(refused.value)
