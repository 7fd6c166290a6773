"""Keeps the index rows of resources in step with their bodies, inside the unit of work.

What changed is worked out from the two bodies, since the same body always gives the same rows; the tables are not
read. A batch of any size costs at most two statements. Tables: schema_index.sql.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from careloop.fhir import index
from careloop.fhir.elements import Resource
from careloop.store.arrays import numbers, texts

Mention = Callable[[Collection[str]], Mapping[str, int]]
Row = tuple[Any, ...]

# After person, rid, param, n, g: what fhir.index.Rows says of each table, in its order.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "token": {"system": "bigint", "code": "text"},
    "string": {"part": "smallint", "norm": "text", "exact": "text"},
    "date": {"low": "bigint", "high": "bigint"},
    "reference": {"target": "bigint"},
    "quantity": {"low": "float8", "high": "float8", "unit": "bigint"},
    "number": {"low": "float8", "high": "float8"},
    "uri": {"uri": "text"},
}
_KEY: Final = {"person": "bigint", "rid": "bigint", "param": "integer", "n": "smallint"}
LEAD: Final = {**_KEY, "g": "smallint"}
_WRITERS: Final = {
    table: [texts if kind == "text" else numbers for kind in (*LEAD.values(), *columns.values())]
    for table, columns in COLUMNS.items()
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource whose index must follow. before: rows of the body that was indexed (None: nothing was);
    after: rows of the body now (None: deleted). was_person: home before, where it differs.
    is_current: False when the head's `iv` is not `fhir.index.VERSION`: then all old rows are replaced."""

    person: int
    rid: int
    before: index.Rows | None
    after: index.Rows | None
    was_person: int | None = None
    is_current: bool = True

    @property
    def starts_afresh(self) -> bool:
        """Whether all rows there may be have to go first."""
        has_moved = self.was_person is not None and self.was_person != self.person
        return not self.is_current or has_moved or (self.before is not None and self.after is None)


def write(cursor: Any, entries: Sequence[Entry], mention: Mention) -> None:
    """Brings the rows of all entries up to date in at most one statement that removes and one that adds.
    mention: references ("Patient/1") to integer keys, for many at once, making those that are new."""
    gone: dict[str, list[Row]] = {}
    put: dict[str, list[Row]] = {}
    wiped = [(home, entry.rid) for entry in entries if entry.starts_afresh for home in _homes(entry)]
    for entry in entries:
        _sort_out(entry, gone, put)
    if "reference" in put:
        put["reference"] = _with_targets(put["reference"], mention)
    if wiped or gone:
        cursor.execute(*_removal(wiped, gone))
    if put:
        is_update = any(entry.before is not None and not entry.starts_afresh for entry in entries)
        statement = _addition(tuple(put), is_update)
        cursor.execute(statement, [column for table, rows in put.items() for column in _columns(table, rows)])


def rows_of(resource: Resource, person: int, rid: int) -> Iterator[tuple[str, Row]]:
    """(table, full row) of a resource; the target of a reference is still `Type/id` or a negative number."""
    return _full(index.extract(resource), person, rid)


def _full(found: index.Rows, person: int, rid: int) -> Iterator[tuple[str, Row]]:
    for table, rows in zip(index.TABLES, found, strict=True):
        for row in rows:
            yield table, (person, rid, *row)


def _homes(entry: Entry) -> set[int]:
    return {entry.person, entry.person if entry.was_person is None else entry.was_person}


def _sort_out(entry: Entry, gone: dict[str, list[Row]], put: dict[str, list[Row]]) -> None:
    if (entry.before is None or entry.starts_afresh) and entry.after is not None:
        for table, row in _full(entry.after, entry.person, entry.rid):
            put.setdefault(table, []).append(row)
        return
    after = dict(_keyed(entry.after, entry))
    before = {} if entry.starts_afresh else dict(_keyed(entry.before, entry))
    for key, row in after.items():
        if before.get(key) != row:
            put.setdefault(key[0], []).append(row)
    for key in before.keys() - after.keys():
        gone.setdefault(key[0], []).append(key[1:])


def _keyed(rows: index.Rows | None, entry: Entry) -> Iterator[tuple[tuple[Any, ...], Row]]:
    """((table, person, rid, param, n), row)."""
    if rows is not None:
        for table, row in _full(rows, entry.person, entry.rid):
            yield (table, *row[:4]), row


def _with_targets(rows: list[Row], mention: Mention) -> list[Row]:
    local = {row[5] for row in rows if isinstance(row[5], str)}
    keys = mention(local) if local else {}
    return [(*row[:5], keys[row[5]] if isinstance(row[5], str) else row[5]) for row in rows]


def _columns(table: str, rows: Iterable[Row]) -> list[str]:
    """As PostgreSQL's arrays. Rows may end after their key."""
    columns = zip(*rows, strict=True)
    return [write(column) for write, column in zip(_WRITERS[table], columns, strict=False)]


@cache
def _addition(tables: tuple[str, ...], is_update: bool) -> str:
    parts = []
    for table in tables:
        columns = {**LEAD, **COLUMNS[table]}
        arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        text = f"insert into index_{table}({', '.join(columns)}) select * from unnest({arrays})"
        if is_update:
            values = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in _KEY)
            text += f" on conflict (person, rid, param, n) do update set {values}"
        parts.append(f"added_{table} as ({text})")
    return f"with {', '.join(parts)} select 1"


def _removal(wiped: list[tuple[int, int]], gone: dict[str, list[Row]]) -> tuple[str, list[Any]]:
    parts, given = [], []
    for table in COLUMNS:
        matches = []
        if wiped:
            matches.append("(person, rid) in (select * from unnest(%s::bigint[], %s::bigint[]))")
            given += [numbers(column) for column in zip(*wiped, strict=True)]
        if table in gone:
            arrays = ", ".join(f"%s::{kind}[]" for kind in _KEY.values())
            matches.append(f"({', '.join(_KEY)}) in (select * from unnest({arrays}))")
            given += _columns(table, gone[table])
        for at, match in enumerate(matches):
            parts.append(f"removed_{table}_{at} as (delete from index_{table} where {match})")
    return f"with {', '.join(parts)} select 1", given
