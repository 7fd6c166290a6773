"""A criterion of a search as SQL over the index tables: what rows match, which resources have such a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from careloop.fhir.definitions import SearchParam
from careloop.fhir.search import Criterion
from careloop.fhir.search_values import (
    Composite,
    Date,
    Number,
    Quantity,
    Reference,
    Text,
    Token,
    Uri,
    Value,
    component_params,
)
from careloop.fhir.terms import key_of

Sql = tuple[str, list[Any]]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_CHARACTER: Final = 0x10FFFF


@dataclass(frozen=True)
class Matching:
    """targets: references ("Type/id") to integer keys, those that have one. now: for `ap`, which asks how long ago."""

    type: str
    targets: Mapping[str, int]
    now: datetime

    def of_head(self, criterion: Criterion) -> Sql:
        """True of a row `h` of heads whose resource matches. A subquery of its own and never a join, so that the
        side from which the search starts is ours to choose and not the planner's."""
        if criterion.param.code == "_lastUpdated":
            return _any_of(
                [_updated(value, self.now) for value in criterion.values if isinstance(value, Date)]
            )
        if criterion.param.code == "_id":
            return "h.rid = any(%s::bigint[])", [self.ids(criterion)]
        if criterion.param.type == "composite":
            return _any_of(
                [self._joined(criterion.param, v) for v in criterion.values if isinstance(v, Composite)]
            )
        match, given = self.rows(criterion.param, criterion.values, "t")
        text = (
            f"coalesce((select true from index_{criterion.param.type} t where t.person = h.person "
            f"and t.rid = h.rid and {match} limit 1), false)"
        )
        return text, given

    def resources(self, criterion: Criterion) -> Sql | None:
        """(person, rid) of resources that match, or may match (a composite: its first part); None where only the
        head can tell. To start a search from."""
        param, values = criterion.param, criterion.values
        if param.code == "_lastUpdated":
            return None
        if param.code == "_id":
            return "select person, rid from ids t where t.rid = any(%s::bigint[])", [self.ids(criterion)]
        if param.type == "composite":
            first = component_params(self.type, param)[0][0]
            values = tuple(value.parts[0] for value in values if isinstance(value, Composite))
            param = first
        match, given = self.rows(param, values, "t")
        return f"select t.person, t.rid from index_{param.type} t where {match}", given

    def ids(self, criterion: Criterion) -> list[int]:
        named = [f"{self.type}/{value.code}" for value in criterion.values if isinstance(value, Token)]
        return [self.targets[name] for name in named if name in self.targets]

    def rows(self, param: SearchParam, values: tuple[Value, ...], alias: str) -> Sql:
        """True of a row of the parameter's table."""
        text, given = _any_of([self._row(value, alias) for value in values])
        return f"{alias}.param = {param.id} and {text}", given

    def _row(self, value: Value, alias: str) -> Sql:
        match value:
            case Token():
                return _token(value, alias)
            case Text(norm):
                return _starts_with(norm, alias)
            case Date():
                return _date(value, alias, self.now)
            case Number():
                return _number(value, alias)
            case Quantity(number, units):
                text, given = _number(number, alias)
                return (
                    (f"({alias}.unit = any(%s::bigint[]) and {text})", [list(units), *given])
                    if units
                    else (text, given)
                )
            case Reference(targets):
                keys = [self.targets.get(t) if isinstance(t, str) else t for t in targets]
                return f"{alias}.target = any(%s::bigint[])", [[key for key in keys if key is not None]]
            case Uri(uri):
                return f"{alias}.uri = %s::text", [uri]
            case Composite():
                raise TypeError("composites do not nest")

    def _joined(self, param: SearchParam, value: Composite) -> Sql:
        """All parts in one resource, and in one occurrence of what the composite speaks of."""
        tables, matches, given = [], [], []
        first_inside: str | None = None
        for at, ((part, is_inside), wanted) in enumerate(
            zip(component_params(self.type, param), value.parts, strict=True)
        ):
            alias = f"c{at}"
            tables.append(f"index_{part.type} {alias}")
            matches.append(f"{alias}.person = h.person and {alias}.rid = h.rid")
            if is_inside and first_inside:
                matches.append(f"{alias}.g = {first_inside}.g")
            first_inside = first_inside or (alias if is_inside else None)
            text, values = self.rows(part, (wanted,), alias)
            matches.append(text)
            given += values
        said = f"select true from {', '.join(tables)} where {' and '.join(matches)} limit 1"
        return f"coalesce(({said}), false)", given


def _any_of(parts: list[Sql]) -> Sql:
    if not parts:
        return "false", []
    return f"({' or '.join(text for text, _ in parts)})", [value for _, given in parts for value in given]


def _token(value: Token, alias: str) -> Sql:
    parts: list[str] = []
    given: list[Any] = []
    if value.code is not None:
        parts.append(f"{alias}.code = %s::text")
        given.append(value.code)
    if value.system is not None:
        parts.append(f"{alias}.system = %s::bigint")
        given.append(key_of(value.system))
    return f"({' and '.join(parts)})", given


def _starts_with(norm: str, alias: str) -> Sql:
    after = _after_all_that_start_with(norm)
    if after is None:
        return f"{alias}.norm >= %s::text", [norm]
    return f"({alias}.norm >= %s::text and {alias}.norm < %s::text)", [norm, after]


def _after_all_that_start_with(norm: str) -> str | None:
    """The smallest text behind them in code point order; None when there is none."""
    for at in range(len(norm) - 1, -1, -1):
        point = ord(norm[at]) + 1
        if point <= _LAST_CHARACTER:
            point = 0xE000 if 0xD800 <= point <= 0xDFFF else point
            return norm[:at] + chr(point)
    return None


def _margin(value: Date, now: datetime) -> int:
    """`ap`: a tenth of how long ago, or how far ahead, it is. Source: FHIR R4 search, prefixes."""
    instant = (now - EPOCH) // timedelta(microseconds=1)
    return abs(instant - (value.low + value.high) // 2) // 10


# l and h: what the search covers. Source: FHIR R4 search, table of prefixes. Each begins with a bound on `low` or on
# `high` alone, which an index can use; so `ge` and `le` say first what both their halves have in common.
_DATES: Final = {
    "eq": ("({a}.low >= %s::bigint and {a}.high <= %s::bigint)", "lh"),
    "ne": ("({a}.low < %s::bigint or {a}.high > %s::bigint)", "lh"),
    "gt": ("{a}.high > %s::bigint", "h"),
    "lt": ("{a}.low < %s::bigint", "l"),
    "ge": ("({a}.high >= %s::bigint and ({a}.high > %s::bigint or {a}.low >= %s::bigint))", "lhl"),
    "le": ("({a}.low <= %s::bigint and ({a}.low < %s::bigint or {a}.high <= %s::bigint))", "hlh"),
    "sa": ("{a}.low >= %s::bigint", "h"),
    "eb": ("{a}.high <= %s::bigint", "l"),
    "ap": ("({a}.low < %s::bigint and {a}.high > %s::bigint)", "hl"),
}


def _date(value: Date, alias: str, now: datetime) -> Sql:
    margin = _margin(value, now) if value.prefix == "ap" else 0
    bounds = {"l": _within(value.low - margin), "h": _within(value.high + margin)}
    text, wanted = _DATES[value.prefix]
    return text.format(a=alias), [bounds[end] for end in wanted]


def _within(micros: int) -> int:
    return max(-(2**63), min(2**63 - 1, micros))


def _updated(value: Date, now: datetime) -> Sql:
    """heads.at is one instant: the same table with low = at and high just behind it."""
    margin = _margin(value, now) if value.prefix == "ap" else 0
    low, high = _instant(value.low - margin), _instant(value.high + margin)
    match value.prefix:
        case "eq" | "ap":
            return "(h.at >= %s::timestamptz and h.at < %s::timestamptz)", [low, high]
        case "ne":
            return "(h.at < %s::timestamptz or h.at >= %s::timestamptz)", [low, high]
        case "gt" | "sa":
            return "h.at >= %s::timestamptz", [high]
        case "ge":
            return "h.at >= %s::timestamptz", [low]
        case "lt" | "eb":
            return "h.at < %s::timestamptz", [low]
        case "le":
            return "h.at < %s::timestamptz", [high]


def _instant(micros: int) -> str:
    try:
        return (EPOCH + timedelta(microseconds=micros)).isoformat()
    except OverflowError:
        return "infinity" if micros > 0 else "-infinity"


# x: as written; l, h: what its digits imply. Source: FHIR R4 search, number.
_NUMBERS: Final[Mapping[str, tuple[str, str]]] = {
    "eq": ("({a}.low >= %s::float8 and {a}.high < %s::float8)", "lh"),
    "ne": ("({a}.low < %s::float8 or {a}.high >= %s::float8)", "lh"),
    "gt": ("{a}.high > %s::float8", "x"),
    "lt": ("{a}.low < %s::float8", "x"),
    "ge": ("{a}.high >= %s::float8", "x"),
    "le": ("{a}.low <= %s::float8", "x"),
    "sa": ("{a}.low > %s::float8", "x"),
    "eb": ("{a}.high < %s::float8", "x"),
    "ap": ("({a}.low <= %s::float8 and {a}.high >= %s::float8)", "+-"),
}


def _number(value: Number, alias: str) -> Sql:
    tenth = abs(value.exact) / 10
    ends: dict[str, float] = {
        **{"x": value.exact, "l": value.low, "h": value.high},
        **{"+": value.exact + tenth, "-": value.exact - tenth},
    }
    text, wanted = _NUMBERS[value.prefix]
    return text.format(a=alias), [ends[end] for end in wanted]
