"""Escape sequences of HL7 v2 (chapter 2.7) and what may not stand in a text."""

from __future__ import annotations

import re
from collections.abc import Mapping

_BREAKS = {".br": "\n", ".sp": "\n", ".ce": "\n", "H": "", "N": ""}
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


def unescape(text: str, escape: str, meaning: Mapping[str, str], codec: str) -> str:
    """meaning: letter of the sequence -> the separator it stands for (F S T R E P).
    An unknown sequence stays as it was written: we don't drop what we can't read."""
    if not escape or escape not in text:
        return plain(text)
    pieces = text.split(escape)
    out, index = [pieces[0]], 1
    while index < len(pieces):
        read = _one(pieces[index], meaning, codec) if index + 1 < len(pieces) else None
        if read is None:
            out.append(escape + pieces[index])
            index += 1
        else:
            out.append(read + pieces[index + 1])
            index += 2
    return plain("".join(out))


def _one(code: str, meaning: Mapping[str, str], codec: str) -> str | None:
    if code in meaning:
        return meaning[code]
    if code in _BREAKS:
        return _BREAKS[code]
    if re.fullmatch(r"X([0-9A-Fa-f]{2})+", code):
        return bytes.fromhex(code[1:]).decode(codec, errors="replace")
    if re.fullmatch(r"\.(sp|in|ti|sk)[+-]?\d{1,3}", code):
        return "\n" if code.startswith(".sp") else " "
    return None


def plain(text: str) -> str:
    """Characters that no text may hold (NUL, other controls) shown as U+FFFD, never dropped."""
    return _NOT_TEXT.sub("\ufffd", text)
