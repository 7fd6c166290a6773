"""The search grammar: the pairs of a query string become a frozen Query, or a BadSearch that names what is wrong.

Strict: whatever is not understood is refused, never silently ignored, for an ignored condition widens the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Literal

from careloop.fhir import definitions, index, terms
from careloop.fhir.definitions import SearchParam
from careloop.fhir.search_values import BadSearch, Value, split, value_of
from careloop.kernel.ids import is_fhir_id

__all__ = ["BadSearch", "Criterion", "Query", "Sort", "Total", "UnknownParameter", "parse"]

Total = Literal["none", "accurate", "estimate"]

COUNT_DEFAULT: Final = 50
COUNT_LIMIT: Final = 200  # more is asked for in pages
CRITERIA_LIMIT: Final = 30
VALUES_LIMIT: Final = 500  # alternatives in the whole search
SORT_LIMIT: Final = 4

SORTABLE: Final = frozenset({"token", "string", "date", "number", "quantity", "uri"})
FOR_THE_DOOR: Final = frozenset({"_format", "_pretty"})  # how to write the answer: api's
NOT_YET: Final = frozenset(
    {
        "_include",
        "_revinclude",
        "_has",
        "_elements",
        "_contained",
        "_containedType",
        "_list",
        "_type",
        "_score",
    }
)
_ONCE: Final = frozenset({"_count", "_sort", "_total", "_summary", "_cursor"})


class UnknownParameter(BadSearch):
    """There is no such search parameter."""

    code = "unknown-parameter"


@dataclass(frozen=True, slots=True)
class Criterion:
    """The resource must match one of the values."""

    param: SearchParam
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    param: SearchParam
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """criteria: all must hold. sort: empty is the order in which resources came to be.
    cursor: where the last page ended, opaque; store/search.py reads it. signature: of what is asked, without paging."""

    type: str
    criteria: tuple[Criterion, ...] = ()
    sort: tuple[Sort, ...] = ()
    count: int = COUNT_DEFAULT
    total: Total = "none"
    is_count_only: bool = False
    cursor: str | None = None
    signature: str = ""


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    type: str
    params: dict[str, SearchParam]
    criteria: list[Criterion] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)


def parse(resource_type: str, pairs: Sequence[tuple[str, str]]) -> Query:
    """Raises BadSearch naming the parameter, UnknownParameter where there is none of that name.
    pairs: decoded names and values, in any order."""
    if resource_type not in definitions.RESOURCE_TYPES:
        raise BadSearch(f"“{resource_type}” is not a resource type.")
    reading = _Reading(resource_type, dict(definitions.search_params(resource_type)))
    for name, text in pairs:
        _check_text(name, text)
        _read(reading, name, text)
    _check_cost(reading.criteria)
    settings = reading.settings
    count = _count(settings.get("_count"))
    return Query(
        type=resource_type,
        criteria=tuple(reading.criteria),
        sort=_sort(reading.params, settings.get("_sort")),
        count=count,
        total=_total(settings.get("_total", "none")),
        is_count_only=_is_count_only(settings.get("_summary", "false")) or count == 0,
        cursor=settings.get("_cursor"),
        signature=_signature(resource_type, pairs),
    )


def _read(reading: _Reading, name: str, text: str) -> None:
    if name in FOR_THE_DOOR:
        return
    if name in _ONCE:
        if name in reading.settings:
            raise BadSearch(f"“{name}” can be given once.", parameter=name)
        reading.settings[name] = text
        return
    reading.criteria.append(_criterion(reading, _known(reading, name), text))


def _check_text(name: str, text: str) -> None:
    """What no resource of ours can hold, and no index can be asked for."""
    if "\0" in name or "\0" in text:
        raise BadSearch("A text contains a NUL character (%00); take it out.")
    if not (name + text).isascii() and any("\ud800" <= c <= "\udfff" for c in name + text):
        raise BadSearch("A text contains half a character (a lone surrogate).")


def _known(reading: _Reading, name: str) -> SearchParam:
    bare = name.partition(":")[0].partition(".")[0]
    if bare in NOT_YET:
        raise BadSearch(f"“{bare}” is not supported yet.", parameter=name)
    if bare in index.LEFT_OUT:
        raise BadSearch(f"“{bare}” is not supported yet: {index.LEFT_OUT[bare]}.", parameter=name)
    param = reading.params.get(bare)
    if param is None:
        raise UnknownParameter(f"{reading.type} has no search parameter “{bare[:80]}”.", parameter=name)
    if "." in name:
        raise BadSearch(f"The chain “{name}” is not supported yet.", parameter=name)
    if ":" in name:
        raise BadSearch(f"The modifier of “{name}” is not supported yet.", parameter=name)
    return param


def _criterion(reading: _Reading, param: SearchParam, text: str) -> Criterion:
    values = tuple(value_of(reading.type, param, part) for part in split(text, ","))
    if param.code == "_id":
        for value in values:
            _check_id(value)
    return Criterion(param, values)


def _check_id(value: Value) -> None:
    if getattr(value, "system", None) is not None or not is_fhir_id(getattr(value, "code", None) or ""):
        raise BadSearch("“_id” takes ids: letters, digits, - and ., at most 64.", parameter="_id")


def _check_cost(criteria: list[Criterion]) -> None:
    if len(criteria) > CRITERIA_LIMIT:
        raise BadSearch(f"At most {CRITERIA_LIMIT} conditions can be given.")
    if sum(len(criterion.values) for criterion in criteria) > VALUES_LIMIT:
        raise BadSearch(f"At most {VALUES_LIMIT} alternatives can be given.")


def _count(text: str | None) -> int:
    if text is None:
        return COUNT_DEFAULT
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadSearch("“_count” takes a whole number.", parameter="_count")
    return min(int(text), COUNT_LIMIT)


def _total(text: str) -> Total:
    match text:
        case "none" | "accurate" | "estimate":
            return text
    raise BadSearch("“_total” takes none, accurate or estimate.", parameter="_total")


def _is_count_only(text: str) -> bool:
    if text not in ("count", "false"):
        raise BadSearch(f"“_summary={text[:40]}” is not supported yet; “count” is.", parameter="_summary")
    return text == "count"


def _sort(params: dict[str, SearchParam], text: str | None) -> tuple[Sort, ...]:
    if text is None:
        return ()
    sorts = []
    for part in text.split(","):
        code = part.removeprefix("-")
        param = params.get(code)
        if param is None or param.type not in SORTABLE or code in index.LEFT_OUT:
            raise BadSearch(f"“_sort” can't order by “{code[:80]}”.", parameter="_sort")
        sorts.append(Sort(param, part.startswith("-")))
    if len({sort.param.code for sort in sorts}) < len(sorts) or len(sorts) > SORT_LIMIT:
        raise BadSearch(f"“_sort” takes up to {SORT_LIMIT} different parameters.", parameter="_sort")
    return tuple(sorts)


def _signature(resource_type: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A cursor is good for the search it came from, and for no other."""
    paging = FOR_THE_DOOR | {"_cursor", "_count", "_total"}
    asked = sorted((name, text) for name, text in pairs if name not in paging)
    return blake2b(repr((resource_type, terms.STRING_LIMIT, asked)).encode(), digest_size=8).hexdigest()
