"""Text of people put into formats that give some characters a meaning: tables, calendars, mail headers, file names.

The one place for it; every export uses these. What a person reads afterwards is what was written, or is told apart by
an apostrophe where a spreadsheet would have computed it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# Excel, LibreOffice and Google Sheets take a cell that begins so for a formula, also behind blanks and full-width.
_FORMULA: Final = re.compile(r"[\s\u00a0\ufeff]*[=+\-@\t\r＝＋－＠]")
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?\Z")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_LINE_ENDS: Final = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]+")
_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%;\u202a-\u202e\u2066-\u2069]+')
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}
)


def csv_cell(value: object) -> str:
    """One cell, quoted where it must be. Text that a spreadsheet would compute gets an apostrophe; numbers do not."""
    text = _CONTROLS.sub(" ", "" if value is None else str(value))
    if _FORMULA.match(text) and not _NUMBER.match(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',;"\t\r\n') else text


def csv_line(cells: Iterable[object]) -> str:
    """RFC 4180: commas, CRLF."""
    return ",".join(map(csv_cell, cells)) + "\r\n"


def ics_text(text: str) -> str:
    """A value of RFC 5545, of kind TEXT."""
    plain = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    for mark in ("\\", ";", ","):
        plain = plain.replace(mark, "\\" + mark)
    return plain.replace("\n", "\\n")


def ics_line(name: str, text: str) -> str:
    """`NAME:value`, folded so that no line has more than 75 bytes and no character is cut in two."""
    parts: list[str] = []
    line = ""
    for letter in f"{name}:{ics_text(text)}":
        if len((line + letter).encode()) > (75 if not parts else 74):
            parts.append(line)
            line = ""
        line += letter
    return "\r\n ".join([*parts, line]) + "\r\n"


def mail_header(text: str) -> str:
    """For a subject or a name in a mail: one line, so that nobody adds a header of their own."""
    return _CONTROLS.sub("", _LINE_ENDS.sub(" ", text)).strip()[:200]


def file_name(text: str, otherwise: str = "file") -> str:
    """A name for a download: no folder, no control, no character that turns the reading direction, not a device."""
    plain = _NOT_IN_NAMES.sub("-", unicodedata.normalize("NFC", text)).strip(" .-")[:100]
    stem = plain.partition(".")[0].lower()
    return otherwise if not plain or stem in _DEVICES else plain


def attachment(name: str) -> str:
    """The value of Content-Disposition: always saved, never shown in our name (RFC 6266)."""
    from urllib.parse import quote

    clean = file_name(name)
    ascii_only = clean.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{ascii_only}\"; filename*=UTF-8''{quote(clean, safe='')}"
