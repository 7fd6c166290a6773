"""A reading typed in one line: understood as it was meant, or asked about; never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop import library
from careloop.care.reading_line import Said, Unclear, understand

KINDS = library.load().readings


@pytest.mark.parametrize(
    ("text", "kind", "first", "second", "unit"),
    [
        ("82.4 kg", "weight", "82.4", "", "kg"),
        ("180 lbs", "weight", "180", "", "[lb_av]"),
        ("142/88", "blood-pressure", "142", "88", "mm[Hg]"),
        ("BP 142 over 88", "blood-pressure", "142", "88", "mm[Hg]"),
        ("presión 142 sobre 88", "blood-pressure", "142", "88", "mm[Hg]"),
        ("sugar 130", "glucose", "130", "", "mg/dL"),
        ("pulso: 72", "pulse", "72", "", "/min"),
        ("spo2 97", "oxygen", "97", "", "%"),
        ("O2 97 %", "oxygen", "97", "", "%"),
        ("99.1 F", "temperature", "99.1", "", "[degF]"),
        ("pain 7/10", "pain", "7", "", "{score}"),
        ("peso 82,4 kg", "weight", "82,4", "", "kg"),
    ],
)
def test_what_was_meant(text: str, kind: str, first: str, second: str, unit: str) -> None:
    assert understand(text, KINDS) == Said(kind, first, second, unit)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("98", "kind"),
        ("fine today", "nothing"),
        ("", "nothing"),
        ("weight 82", "unit"),
        ("82 stone", "kind"),
        ("weight 82 stone", "unit"),
        ("bp 120", "pair"),
        ("weight 82/80 kg", "pair"),
    ],
)
def test_what_is_asked_about(text: str, why: str) -> None:
    found = understand(text, KINDS)
    assert isinstance(found, Unclear)
    assert found.why == why


def test_the_kind_that_was_chosen_goes_before_a_guess() -> None:
    assert understand("72", KINDS, "pulse") == Said("pulse", "72", "", "/min")


@given(st.text(max_size=60))
def test_nothing_that_is_typed_raises(text: str) -> None:
    assert isinstance(understand(text, KINDS), (Said, Unclear))
