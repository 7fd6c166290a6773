"""One address has one writing: accounts are found by it and tries are counted by it, so that no odd letter that a
database or a library takes for a plain one (`ı` for i, `ſ` for s, the Kelvin sign for k) opens fresh tries."""

from __future__ import annotations

from unicodedata import normalize


def one_writing(typed: str) -> str:
    """What tries are counted by: capitals, blanks around it and compatible letters make no difference."""
    return normalize("NFKC", typed).casefold().strip()


def plain(typed: str) -> str | None:
    """What an account is found by; None where no account can have it: with a letter beyond ASCII as it was typed, it
    is nobody's, even when it reads like somebody's."""
    text = typed.strip()
    return one_writing(text) if text and text.isascii() and text.isprintable() else None
