"""The primitive types of FHIR: whether a JSON value is one, and what to say when it is not.

Patterns are the standard's where they are safe. Not taken over: base64Binary's, which takes exponential time on a
hostile text; and those of dates are followed by a look at the calendar, because 30 February fits the pattern.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

Test = Callable[[Any], bool]

_LONGEST_TEXT = 1024 * 1024

_YEAR = r"((?!0000)[0-9]{4})"
_DAY = rf"{_YEAR}(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{1,18})?"
_OFFSET = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_WHOLE_DAY = rf"{_YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"

_date = re.compile(rf"{_DAY}\Z", re.ASCII).match
_date_time = re.compile(rf"(?:{_WHOLE_DAY}T{_CLOCK}{_OFFSET}|{_DAY})\Z", re.ASCII).match
_instant = re.compile(rf"{_WHOLE_DAY}T{_CLOCK}{_OFFSET}\Z", re.ASCII).match
_time = re.compile(rf"{_CLOCK}\Z", re.ASCII).match
_code = re.compile(r"[^\s]+(?:\s[^\s]+)*\Z").match
_id = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z").match
_uri = re.compile(r"\S+\Z").match
_oid = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+\Z").match
_uuid = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z").match
_base64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z").match
_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search


def _day_exists(year: str | None, month: str | None, day: str | None) -> bool:
    if year is None or month is None or day is None or day < "29":
        return True
    return int(day) <= monthrange(int(year), int(month))[1]


def is_date(value: Any) -> bool:
    match = _date(value) if type(value) is str else None
    return match is not None and _day_exists(*match.groups())


def is_date_time(value: Any) -> bool:
    match = _date_time(value) if type(value) is str else None
    if match is None:
        return False
    found = match.groups()
    return _day_exists(*(found[:3] if found[0] is not None else found[3:]))


def is_instant(value: Any) -> bool:
    match = _instant(value) if type(value) is str else None
    return match is not None and _day_exists(*match.groups())


def is_time(value: Any) -> bool:
    return type(value) is str and _time(value) is not None


def is_string(value: Any) -> bool:
    """Some text without control characters but for tab and ends of lines."""
    if type(value) is not str or not value:
        return False
    return (value.isprintable() or _control(value) is None) and len(value) <= _LONGEST_TEXT


def is_code(value: Any) -> bool:
    return type(value) is str and _code(value) is not None


def is_id(value: Any) -> bool:
    return type(value) is str and _id(value) is not None


def is_uri(value: Any) -> bool:
    return type(value) is str and _uri(value) is not None


def is_oid(value: Any) -> bool:
    return type(value) is str and _oid(value) is not None


def is_uuid(value: Any) -> bool:
    return type(value) is str and _uuid(value) is not None


def is_base64(value: Any) -> bool:
    if type(value) is not str:
        return False
    packed = value if value.isalnum() else "".join(value.split())
    return len(packed) % 4 == 0 and _base64(packed) is not None


def is_boolean(value: Any) -> bool:
    return value is True or value is False


def is_integer(value: Any) -> bool:
    return type(value) is int and -(2**31) <= value < 2**31


def is_unsigned(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


def is_positive(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**31


def is_decimal(value: Any) -> bool:
    """int or Decimal; never float, which can't keep what was written."""
    return type(value) is int or (type(value) is Decimal and value.is_finite())


def is_xhtml(value: Any) -> bool:
    """A whole <div>, without a document type. It is kept as sent; what is shown of it is cleaned when it is shown."""
    if type(value) is not str:
        return False
    text = value.strip()
    return (
        text.startswith("<div")
        and text.endswith((">",))
        and "<!DOCTYPE" not in text
        and "<!ENTITY" not in text
    )


TESTS: Final[dict[str, Test]] = {
    "base64Binary": is_base64,
    "boolean": is_boolean,
    "canonical": is_uri,
    "code": is_code,
    "date": is_date,
    "dateTime": is_date_time,
    "decimal": is_decimal,
    "id": is_id,
    "instant": is_instant,
    "integer": is_integer,
    "markdown": is_string,
    "oid": is_oid,
    "positiveInt": is_positive,
    "string": is_string,
    "time": is_time,
    "unsignedInt": is_unsigned,
    "uri": is_uri,
    "url": is_uri,
    "uuid": is_uuid,
    "xhtml": is_xhtml,
}

_DATES = "and the day has to exist in the calendar"
WANTED: Final[dict[str, str]] = {
    "base64Binary": "base64 (letters, digits, + and /, padded with =)",
    "boolean": "true or false, without quotes",
    "canonical": "an address without spaces, like http://example.org/plan|1",
    "code": "a code: text in quotes, without spaces at its ends or two in a row",
    "date": f"a date like 2026, 2026-11 or 2026-11-23, {_DATES}",
    "dateTime": f"a date like 2026-11-23, or with time and offset 2026-11-23T14:05:00-06:00, {_DATES}",
    "decimal": "a number, without quotes",
    "id": "an id: 1 to 64 letters, digits, hyphens and dots",
    "instant": f"a time with its offset, like 2026-11-23T14:05:00.000Z, {_DATES}",
    "integer": "a whole number between -2147483648 and 2147483647, without quotes",
    "markdown": "text in quotes, not empty, without control characters",
    "oid": "an OID, like urn:oid:2.16.840.1.113883",
    "positiveInt": "a whole number from 1 up, without quotes",
    "string": "text in quotes, not empty, without control characters",
    "time": "a time of day with seconds, like 14:05:00",
    "unsignedInt": "a whole number from 0 up, without quotes",
    "uri": "an address without spaces",
    "url": "an address without spaces",
    "uuid": "a UUID in small letters, like urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "xhtml": "XHTML in one <div>, without a document type",
}
