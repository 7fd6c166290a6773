"""What counts as a whole number when it comes from outside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import careloop
from careloop.care.safe_contact import digits
from careloop.kernel.numbers import whole_number

SOURCE = Path(careloop.__file__).parent
# Of single letters, or of names that the system made: nothing is read as a number there.
OF_LETTERS = {
    "projections/finder_words.py",
    "care/odd_access.py",
    "care/safe_contact.py",
    "store/embedded.py",
}


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("12", 12), ("007", 7), ("123456789", 123_456_789)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", " 1", "1\n", "1_0", "1.0", "١٢", "१२", "１２", "²", "Ⅷ", "1234567890", "9" * 5_000],
)
def test_anything_else_is_none(text: str) -> None:
    assert whole_number(text) is None


def test_more_digits_are_allowed_where_somebody_says_so() -> None:
    assert whole_number("9" * 18, digits=18) == 10**18 - 1
    assert whole_number("9" * 19, digits=18) is None


def test_a_phone_in_the_digits_of_another_script_is_the_same_phone() -> None:
    assert digits("٧١٣-٥٥٥-٠١٤٨") == digits("(713) 555-0148") == "7135550148"


def bare(text: str) -> list[str]:
    """Lines that ask for digits and take those of every script."""
    return [
        line.strip()
        for line in text.splitlines()
        if re.search(r"\.(isdecimal|isdigit|isnumeric)\(\)", line) and "isascii" not in line
    ]


def test_nobody_reads_a_number_from_the_digits_of_every_script() -> None:
    found = {
        str(path.relative_to(SOURCE)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := bare(path.read_text()))
    }
    assert set(found) <= OF_LETTERS, found


def test_the_search_for_them_finds_one() -> None:
    """The control."""
    assert bare("if version.isdecimal():") == ["if version.isdecimal():"]
    assert bare("if not text.isascii() or not text.isdigit():") == []
