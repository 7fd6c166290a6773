"""Rows of projections that tell of resources of many types: each is seen by whoever may see what it tells of, never by
whoever may merely see the person."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from careloop.access import Condition, is_of_anybody
from careloop.store import Unit
from careloop.store.keys import number_of

Sql = tuple[str, list[Any]]
NOTHING: Final[Sql] = ("false", [])


def searchable(unit: Unit, types: Collection[str]) -> list[str]:
    """Those of these types that the reader may look for at all."""
    return [kind for kind in types if unit.may_search(kind)]


def seen_of_type(unit: Unit, type: str, alias: str) -> Sql:
    """Whether the reader may see a row (with columns person and labels) that is of this one type."""
    if not unit.may_search(type):
        return NOTHING
    return unit.people_sql(unit.condition(type, "search"), f"{alias}.person", labels=f"{alias}.labels")


def seen_lines(unit: Unit, types: Collection[str], alias: str = "s") -> Sql:
    """Whether the reader may see a line of the story: only these types tell lines."""
    return _seen(unit, types, alias, f"split_part({alias}.reference, '/', 1) = any(%s::text[])", sorted)


def seen_heads(unit: Unit, types: Collection[str]) -> Sql:
    """Whether the row h of heads is of one of these types, and the reader may see it."""
    allowed, told = _seen(unit, types, "h", "h.type = any(%s::integer[])", _numbers)
    return f"h.type = any(%s::integer[]) and {allowed}", [_numbers(types), *told]


def seen_versions(unit: Unit, types: Collection[str]) -> Sql:
    """As seen_heads, of an older version v of it: what a later one does not say any more, this one still says."""
    parts, told = [], list[Any]()
    for kind in types:
        if unit.may_look_back(kind):
            said, given = unit.rows_sql(unit.condition(kind, "history"), "h", labels="(h.labels | v.labels)")
            parts.append(f"(h.type = any(%s::integer[]) and {said})")
            told += [_numbers([kind]), *given]
    return (f"({' or '.join(parts)})", told) if parts else NOTHING


def seen_behind(unit: Unit, types: Collection[str], person: str, rid: str) -> Sql:
    """Whether the reader may see the resource, of one of these types, that a row of a projection tells of. person, rid:
    the columns that name it."""
    if not searchable(unit, types):
        return NOTHING
    if all(unit.may_search(kind) and is_of_anybody(unit.condition(kind, "search")) for kind in types):
        return "true", []
    said, told = seen_heads(unit, types)
    return (
        f"exists (select from heads h where h.person = {person} and h.rid = {rid} and h.state = 1 and {said})",
        told,
    )


def seen_row(unit: Unit, types: Collection[str], person: str, rid: str) -> Sql:
    """Whether the reader may see the resource that a row here comes from; what is deleted has no row. Whoever may see
    her sees what carries no label, where one rule speaks for both: then only those that carry one are looked up, in an
    index of their own.
    For a query that has asked already whether she may be seen; seen_behind asks that too."""
    if not searchable(unit, types):
        return NOTHING
    full, told = seen_heads(unit, types)
    lies = f"from heads h where h.person = {person} and h.rid = {rid}"
    hers = unit.condition("Patient", "search")
    if all(unit.may_search(type) and unit.condition(type, "search") == hers for type in types):
        return f"coalesce((select ({full}) {lies} and h.state = 1 and h.labels <> 0 limit 1), true)", told
    # `<> 0`, not `= 1`: for that a partial index over all that a person has looks as good as the key.
    return f"coalesce((select ({full}) {lies} and h.state <> 0), false)", told


def _numbers(types: Collection[str]) -> list[int]:
    return sorted(number_of(kind) for kind in types)


def _seen(unit: Unit, types: Collection[str], alias: str, is_of: str, told_as: Any) -> Sql:
    groups: dict[Condition, list[str]] = {}
    for kind in searchable(unit, types):
        groups.setdefault(unit.condition(kind, "search"), []).append(kind)
    if not groups:
        return NOTHING
    parts: list[str] = []
    told: list[Any] = []
    for condition, kinds in groups.items():
        said, given = unit.rows_sql(condition, alias)
        if len(kinds) == len(types):  # who may see all of them pays for no look at the type
            return said, given
        parts.append(f"({is_of} and {said})")
        told += [told_as(kinds), *given]
    return f"({' or '.join(parts)})", told
