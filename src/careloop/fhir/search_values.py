"""The values of a search, parameter type by parameter type: text in, frozen values out.

Separators are `,` (or), `$` (parts of a composite) and `|` (inside a value); after a backslash they stand for
themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from careloop.fhir import definitions, terms
from careloop.fhir.definitions import ParamType, SearchParam
from careloop.fhir.ranges import date_range, implied_range
from careloop.kernel.errors import CareError
from careloop.kernel.ids import is_fhir_id

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]

_PREFIXED = re.compile(rf"(?P<prefix>{'|'.join(get_args(Prefix))})?(?P<rest>.*)\Z", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?\Z")
_LARGEST_EXPONENT: Final = 300


class BadSearch(CareError):
    """This search can't be answered as asked."""

    code, status, issue_type = "bad-search", 400, "value"


@dataclass(frozen=True, slots=True)
class Token:
    """system: None for any, empty for none. code: None for any of that system."""

    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Text:
    """The beginning of a string, normalized."""

    norm: str


@dataclass(frozen=True, slots=True)
class Date:
    """[low, high) in microseconds."""

    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Number:
    """exact: as written. [low, high): what its digits imply, for eq and ne."""

    prefix: Prefix
    exact: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quantity:
    """units: any of these keys; empty for any unit."""

    number: Number
    units: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """targets: any of `Type/id` or a number for an address elsewhere."""

    targets: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Uri:
    text: str


@dataclass(frozen=True, slots=True)
class Composite:
    parts: tuple[Value, ...]


Value = Token | Text | Date | Number | Quantity | Reference | Uri | Composite


def split(text: str, separator: str) -> list[str]:
    """At unescaped separators; what is left stays escaped."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == separator:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def unescaped(text: str) -> str:
    return re.sub(r"\\([,$|\\])", r"\1", text)


def value_of(resource_type: str, param: SearchParam, text: str) -> Value:
    """text: one alternative, still escaped. Raises BadSearch naming the parameter."""
    if not text:
        raise BadSearch(f"“{param.code}” needs a value.", parameter=param.code)
    if param.type == "composite":
        return _composite(resource_type, param, text)
    reader = _READERS.get(param.type)
    if reader is None:
        raise BadSearch(f"Searching by “{param.code}” is not supported yet.", parameter=param.code)
    return reader(param, text)


def component_params(resource_type: str, composite: SearchParam) -> list[tuple[SearchParam, bool]]:
    """The parameters a composite joins, and whether each lies within its occurrence (False: anywhere in the
    resource, where the definition says %resource)."""
    params = definitions.search_params(resource_type)
    return [(params[part.code], not part.expression.startswith("%resource")) for part in composite.components]


def _composite(resource_type: str, param: SearchParam, text: str) -> Composite:
    parts, wanted = split(text, "$"), component_params(resource_type, param)
    if len(parts) != len(wanted):
        names = "$".join(found.code for found, _ in wanted)
        raise BadSearch(f"“{param.code}” is asked as {names}.", parameter=param.code)
    return Composite(
        tuple(value_of(resource_type, found, part) for (found, _), part in zip(wanted, parts, strict=True))
    )


def _token(param: SearchParam, text: str) -> Token:
    parts = [unescaped(part) for part in split(text, "|")]
    if len(parts) == 1:
        return Token(None, parts[0])
    if len(parts) > 2 or parts == ["", ""]:
        raise BadSearch(
            f"“{param.code}” is asked as code, system|code, |code or system|.", parameter=param.code
        )
    return Token(parts[0], parts[1] or None)


def _text(param: SearchParam, text: str) -> Text:
    said = unescaped(text)
    norm = terms.sounded(said) if param.code == "phonetic" else terms.normalized(said)
    if not norm or len(norm) > terms.STRING_LIMIT:
        raise BadSearch(f"“{param.code}” takes 1 to {terms.STRING_LIMIT} characters.", parameter=param.code)
    return Text(norm)


def _prefixed(text: str) -> tuple[Prefix, str]:
    match = _PREFIXED.match(text)
    prefix: Prefix = (match and match["prefix"]) or "eq"  # type: ignore[assignment]  # the pattern lists the same words
    return prefix, match["rest"] if match else text


def _date(param: SearchParam, text: str) -> Date:
    prefix, rest = _prefixed(unescaped(text))
    try:
        # An unescaped + of a time zone arrives as a space.
        return Date(prefix, *date_range(rest.replace(" ", "+")))
    except (ValueError, OverflowError) as wrong:
        raise BadSearch(
            f"“{param.code}” takes a date like 2026-11-23, 2026-11 or ge2026, not “{rest[:40]}”.",
            parameter=param.code,
        ) from wrong


def _number(param: SearchParam, text: str) -> Number:
    prefix, rest = _prefixed(unescaped(text))
    if not _NUMBER.match(rest) or abs(Decimal(rest).adjusted()) > _LARGEST_EXPONENT:
        raise BadSearch(f"“{param.code}” takes a number, not “{rest[:40]}”.", parameter=param.code)
    value = Decimal(rest)
    return Number(prefix, float(value), *implied_range(value))


def _quantity(param: SearchParam, text: str) -> Quantity:
    number, *unit = split(text, "|")
    if len(unit) not in (0, 2):
        raise BadSearch(
            f"“{param.code}” is asked as 5.4, 5.4|system|code or 5.4||code.", parameter=param.code
        )
    system, code = (unescaped(part) for part in unit) if unit else ("", "")
    return Quantity(_number(param, number), _units(param, system, code))


def _units(param: SearchParam, system: str, code: str) -> tuple[int, ...]:
    if not code:
        if system:
            raise BadSearch(f"“{param.code}” needs a unit code after its system.", parameter=param.code)
        return ()
    if system:
        return (terms.key_of(f"{system}|{code}"),)
    return (terms.key_of(f"{terms.UCUM}|{code}"), terms.key_of(f"|{code}"))


def _reference(param: SearchParam, text: str) -> Reference:
    said = unescaped(text)
    if is_fhir_id(said):
        return Reference(
            tuple(f"{target}/{said}" for target in param.targets or sorted(definitions.RESOURCE_TYPES))
        )
    target = terms.target_of(said)
    if target is None:
        raise BadSearch(f"“{param.code}” takes an id, Type/id or an address.", parameter=param.code)
    kind = target.partition("/")[0] if isinstance(target, str) else ""
    if kind and param.targets and kind not in param.targets:
        raise BadSearch(
            f"“{param.code}” refers to {' or '.join(param.targets)}, not {kind}.", parameter=param.code
        )
    return Reference((target,))


def _uri(param: SearchParam, text: str) -> Uri:
    return Uri(terms.folded(unescaped(text)))


_READERS: Final[Mapping[ParamType, Callable[[SearchParam, str], Value]]] = {
    "token": _token,
    "string": _text,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "reference": _reference,
    "uri": _uri,
}
