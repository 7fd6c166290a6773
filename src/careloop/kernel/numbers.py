"""Whole numbers as they come from outside: in a form, an address, a header."""

from __future__ import annotations


def whole_number(text: str, digits: int = 9) -> int | None:
    """None for anything but 1 to `digits` of 0-9. `str.isdecimal` alone lets the digits of every script pass, and `int`
    takes them, signs, blanks and underscores too, and stops with an error at some thousands."""
    is_one = text.isascii() and text.isdecimal() and len(text) <= digits
    return int(text) if is_one else None
