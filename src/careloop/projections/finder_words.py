"""What a find box means: names, dates in many spellings, phones and record numbers, told apart. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

# Letters that Unicode does not take apart into a letter and an accent.
_LETTERS = str.maketrans(
    {"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}
)
_FULL = (
    "january february march april may june july august september october november december",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
)
_SHORT = (
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "ene feb mar abr may jun jul ago sep oct nov dic",
)
_MONTHS = {name: number for line in (*_FULL, *_SHORT) for number, name in enumerate(line.split(), 1)} | {
    "sept": 9
}
_ISO = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
_US = re.compile(r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})\b")
_MONTH_FIRST = re.compile(r"\b([a-z]{3,10})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b")
_DAY_FIRST = re.compile(r"\b(\d{1,2})\s+(?:de\s+)?([a-z]{3,10})\.?,?\s+(?:de\s+)?(\d{4})\b")
_PHONE = re.compile(r"(?:\+?1[\s.-]*)?\(?\d{3}\)?[\s.-]*\d{3}[\s.-]*\d{4}\b|\b\d{3}[\s.-]\d{4}\b")
_BIGGEST = 200


@dataclass(frozen=True, repr=False)
class Asked:
    """words: normalized name parts. dates: each reading of a date that could be meant. phones: 7 or 10 digits.
    numbers: what may be a record number."""

    words: tuple[str, ...] = ()
    dates: tuple[date, ...] = ()
    phones: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.dates or self.phones or self.numbers)


def plain(text: str) -> str:
    """Lower case, without accents: “Gutiérrez” and “GUTIERREZ” are the same."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def words_in(text: str) -> list[str]:
    """Name parts; hyphens and apostrophes separate nothing that matters: “Marie-Claire” is two, “O'Neil” is one."""
    joined = re.sub(r"['’`´]", "", plain(text))
    return re.findall(r"[^\W\d_]+", joined)


def number_in(text: str) -> str:
    """Letters and digits only, leading zeros gone: “MRN 00-80317” and “80317” are the same number."""
    return re.sub(r"[\W_]", "", plain(text)).lstrip("0")


def digits_in(text: str) -> str:
    """The last ten digits of a phone number."""
    return re.sub(r"\D", "", text)[-10:]


def asked(text: str, today: date) -> Asked:
    """today: births lie before it, so that “3/2/59” is 1959 and “3/2/19” is 2019."""
    left = plain(text[:_BIGGEST])
    dates, left = _dates(left, today)
    phones = [digits_in(found) for found in _PHONE.findall(left)]
    left = _PHONE.sub(lambda match: f" {digits_in(match.group())} ", left)
    numbers = [number_in(part) for part in left.split() if any(letter.isdigit() for letter in part)]
    dates += [day for part in numbers if (day := _eight_digits(part, today))]
    names = " ".join(part for part in left.split() if not any(letter.isdigit() for letter in part))
    words = [word for word in words_in(names) if word not in ("mrn", "dob", "tel")]
    return Asked(
        tuple(words[:6]), tuple(dict.fromkeys(dates)), tuple(phones[:3]), tuple(n for n in numbers[:4] if n)
    )


def _dates(text: str, today: date) -> tuple[list[date], str]:
    found: list[date] = []

    def keep(year: str, month: str | int, day: str) -> str:
        made = _date(int(year), int(month), int(day), today, is_short=len(year) == 2)
        if made:
            found.append(made)
        return " " if made else f"{year} {month} {day}"

    text = _ISO.sub(lambda m: keep(m[1], m[2], m[3]), text)
    text = _US.sub(lambda m: keep(m[3], m[1], m[2]), text)
    text = _MONTH_FIRST.sub(lambda m: keep(m[3], _MONTHS[m[1]], m[2]) if m[1] in _MONTHS else m[0], text)
    text = _DAY_FIRST.sub(lambda m: keep(m[3], _MONTHS[m[2]], m[1]) if m[2] in _MONTHS else m[0], text)
    return found, text


def _date(year: int, month: int, day: int, today: date, *, is_short: bool = False) -> date | None:
    if is_short:
        year += 2000 if 2000 + year <= today.year else 1900
    if month > 12 >= day:  # written day first
        month, day = day, month
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _eight_digits(text: str, today: date) -> date | None:
    """03021959 or 19590302; a leading zero is gone already."""
    if not (text.isascii() and text.isdecimal()) or len(text) not in (7, 8):
        return None
    text = text.zfill(8)
    made = _date(int(text[:4]), int(text[4:6]), int(text[6:]), today) if text[:2] in ("19", "20") else None
    made = made or _date(int(text[4:]), int(text[:2]), int(text[2:4]), today)
    return made if made and 1890 < made.year <= today.year else None
