"""Who pays, read from a plan's own words: Medicare is said only where nothing else could be meant."""

from __future__ import annotations

from datetime import date

import pytest

from careloop.care.coverage import TYPOLOGIES, kind_of
from careloop.library import load

RULE = load().rule("coverage-kinds", date(2026, 11, 1))


@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        ("Medicare Part B", "medicare"),
        ("Medicare Parts A, B; Medicare Part A, Part B, Part D", "medicare"),
        ("Humana Medicare Advantage with Part D", "medicare-advantage"),
        ("SilverScript Medicare PDP", "unknown"),
        ("Medicare Part D", "unknown"),
        ("Mutual of Omaha Medicare Supp Plan G", "unknown"),
        ("AARP Medicare Supplement", "unknown"),
        ("Blue Cross, Medicare secondary", "unknown"),
        ("Texas Medicaid", "medicaid"),
        ("Humana", "commercial"),
    ],
)
def test_the_kind_in_the_words_of_a_plan(plan: str, kind: str) -> None:
    assert kind_of({"type": {"text": plan}}, RULE) == kind


@pytest.mark.parametrize(
    ("code", "kind"), [("121", "medicare"), ("122", "unknown"), ("111", "medicare-advantage")]
)
def test_the_kind_in_a_code_of_the_typology(code: str, kind: str) -> None:
    coverage = {"type": {"coding": [{"system": TYPOLOGIES[0], "code": code}]}}
    assert kind_of(coverage, RULE) == kind
