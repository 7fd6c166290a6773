"""FHIR JSON in and out: strict on the way in, exact in both directions.

Decoding is the standard library's, because it alone can refuse a key that comes twice and keep 1.10 as 1.10;
whatever it would accept beyond JSON, or could be hurt by, is refused first.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NoReturn

import msgspec

from careloop.fhir.elements import Resource
from careloop.kernel.errors import CareError


class MalformedBody(CareError):
    """This is not FHIR JSON that we can read."""

    code, status, issue_type = "malformed-body", 400, "structure"


class TooLarge(CareError):
    """This is more than we take at once."""

    code, status, issue_type = "too-large", 413, "too-long"


@dataclass(frozen=True, slots=True)
class Limits:
    """bytes: of the body as sent. depth: of nested objects and lists. entries: of a Bundle. unpacked: bytes of what
    came packed."""

    bytes: int = 10 * 1024 * 1024
    depth: int = 64
    entries: int = 1_000
    unpacked: int = 50 * 1024 * 1024


LIMITS: Final = Limits()
UNPACKED_LIMITS: Final = Limits(bytes=LIMITS.unpacked)
# Files that the house's own people import: larger, otherwise as strict.
FILE_LIMITS: Final = Limits(bytes=200 * 1024 * 1024, entries=100_000)

_MOST_EXPONENT = 300
_MOST_DIGITS = 300
_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_TEXT = re.compile(rb'"[^"]*"')
_NOT_BRACKETS = bytes(set(range(256)) - set(b'{}[]"'))
_AS_BRACES = bytes.maketrans(b"[]", b"{}")
# What may turn out to be a NUL or half a surrogate pair; looked at closely only when it occurs.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

_PLAIN_WORDS = {
    "Expecting value": "a value is missing or isn't JSON",
    "Expecting property name enclosed in double quotes": "a property name in double quotes is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Extra data": "there is more after the end of the resource",
    "Unterminated string starting at": "a text has no closing quote",
    "Invalid control character at": "a text contains a control character; write it as an escape, like \\n",
    "Illegal trailing comma before end of object": "there is a comma before a closing bracket",
    "Illegal trailing comma before end of array": "there is a comma before a closing bracket",
}


def unpacked(data: bytes, coding: str, *, limits: Limits = LIMITS) -> bytes:
    """The body behind its Content-Encoding; never more of it in memory than allowed. Raises MalformedBody, TooLarge."""
    kind = coding.strip().lower()
    if kind in ("", "identity"):
        return data
    if kind not in ("gzip", "x-gzip"):
        raise MalformedBody("Send it unpacked, or packed with gzip.")
    unpacker = zlib.decompressobj(31)
    try:
        found = unpacker.decompress(data, limits.unpacked + 1)
    except zlib.error:
        raise MalformedBody("It says that it is packed with gzip, and isn't.") from None
    if len(found) > limits.unpacked:
        raise TooLarge(f"It unpacks to more than {limits.unpacked // (1024 * 1024)} MB.")
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedBody("Its packing is cut off, or something stands behind it.")
    return found


def loads(data: bytes | str, *, limits: Limits = LIMITS) -> Resource:
    """One resource, its decimals as Decimal. Raises MalformedBody or TooLarge with a sentence that says what to do.

    It says only that this is a JSON object with a resourceType; whether it is right, `validate` says.
    """
    parsed = loads_json(data, limits=limits)
    if not isinstance(parsed, dict):
        raise MalformedBody("Send one resource: a JSON object that begins with {.")
    kind = parsed.get("resourceType")
    if not isinstance(kind, str) or not kind:
        raise MalformedBody("It has no “resourceType”; a FHIR resource begins with one.")
    entries = parsed.get("entry")
    if kind == "Bundle" and isinstance(entries, list) and len(entries) > limits.entries:
        raise TooLarge(
            f"A Bundle may hold {limits.entries:,} entries; this one has {len(entries):,}. Send parts."
        )
    return parsed


def loads_json(data: bytes | str, *, limits: Limits = LIMITS) -> Any:
    """Any JSON value within the limits; for bodies that are not resources."""
    text = _text(data, limits)
    try:
        parsed = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as fault:
        raise _malformed(fault) from None
    return parsed


def dumps(resource: Any, *, pretty: bool = False) -> bytes:
    """JSON in UTF-8, properties in their order, decimals exactly as they came."""
    packed = _ENCODER.encode(resource)
    return msgspec.json.format(packed, indent=2) if pretty else packed


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _text(data: bytes | str, limits: Limits) -> str:
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError:
            raise MalformedBody("It contains half a character (a lone surrogate).") from None
    if len(data) > limits.bytes:
        raise TooLarge(f"A body may have {limits.bytes // (1024 * 1024)} MB.")
    data = data.removeprefix(_BOM)
    if not data.strip():
        raise MalformedBody("The body is empty.")
    _check_depth(data, limits.depth)
    if _SUSPECT.search(data) is not None:
        _check_escapes(data)
    try:
        return data.decode()
    except UnicodeDecodeError as fault:
        raise MalformedBody(f"It is not UTF-8 (at byte {fault.start + 1:,}).") from None


def _check_depth(data: bytes, depth: int) -> None:
    """Looks at brackets only, before the parser does, which recurses. Each pass takes off the innermost level."""
    if b"\\" in data:
        data = _ESCAPE.sub(b"", data)
    brackets = _TEXT.sub(b"", data.translate(None, _NOT_BRACKETS)).translate(_AS_BRACES)
    for _ in range(depth):
        if not brackets:
            return
        brackets = brackets.replace(b"{}", b"")
    # What is left is too deep, or was not closed. A little of the latter is for the parser, which says it better.
    if b"{}" in brackets or brackets.count(b"{") > depth:
        raise MalformedBody(f"It is nested more than {depth} levels deep, or its brackets are not closed.")


def _check_escapes(data: bytes) -> None:
    """Refuses NUL and lone surrogates written as escapes. An escaped backslash before a u is no escape."""
    high = False
    last_end = -1
    for found in re.finditer(rb"\\(?:u([0-9a-fA-F]{4})|.)", data, re.DOTALL):
        unit = int(found.group(1), 16) if found.group(1) else 0x20
        follows = found.start() == last_end
        if unit == 0:
            raise MalformedBody("A text contains a NUL character (\\u0000); take it out.")
        if high and not (follows and 0xDC00 <= unit <= 0xDFFF):
            raise MalformedBody("A text contains half a character (a lone surrogate).")
        if not high and 0xDC00 <= unit <= 0xDFFF:
            raise MalformedBody("A text contains half a character (a lone surrogate).")
        high = 0xD800 <= unit <= 0xDBFF
        last_end = found.end()
    if high:
        raise MalformedBody("A text contains half a character (a lone surrogate).")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise MalformedBody(f"The property “{twice[:64]}” comes twice in one object; keep one.")
    return found


def _decimal(text: str) -> Decimal:
    power = text.lower().partition("e")[2]
    if len(text) > _MOST_DIGITS or (power and (len(power) > 5 or abs(int(power)) > _MOST_EXPONENT)):
        raise MalformedBody("A number is larger, smaller or longer than we can keep exactly.")
    return Decimal(text)


def _integer(text: str) -> int | Decimal:
    """Whole numbers past 18 digits stay Decimal: a JSON number of any length is kept, but as what it is."""
    return int(text) if len(text) <= 18 else _decimal(text)


def _no_constant(name: str) -> NoReturn:
    raise MalformedBody(f"{name} is not a number in JSON.")


def _malformed(fault: json.JSONDecodeError) -> MalformedBody:
    said = _PLAIN_WORDS.get(fault.msg, "it doesn't follow the rules of JSON")
    return MalformedBody(f"Line {fault.lineno}, column {fault.colno}: {said}.")
