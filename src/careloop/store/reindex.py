"""Brings old index rows up to date while the record serves, and proves that the rows are what the bodies say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope
from careloop.fhir.elements import Resource
from careloop.fhir.index import VERSION, extract
from careloop.store import bodies, index, keys
from careloop.store.unit import Unit, open

Progress = Callable[[int], None]
Head = tuple[int, int, Resource]  # person, rid, body
_EXAMPLES: Final = 20

# skip locked: whoever is writing that resource right now brings its rows up as well.
OLD = """
select h.person, h.rid, v.codec, v.body from heads h
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.state = 1 and (h.iv < %s or h.iv > %s) limit %s for no key update of h skip locked
"""
EVERY = """
select h.person, h.rid, v.codec, v.body from heads h
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.state = 1 and (h.person, h.rid) > (%s::bigint, %s::bigint) order by h.person, h.rid limit %s
"""
NOW_CURRENT = """
update heads h set iv = %s from unnest(%s::bigint[], %s::bigint[]) as u(person, rid)
where h.person = u.person and h.rid = u.rid
"""


@dataclass
class Difference:
    """missing: rows that should stand there. surplus: rows that should not, those of deleted resources included.
    where: the first few, as (table, row)."""

    resources: int = 0
    missing: int = 0
    surplus: int = 0
    where: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.surplus)


def reindex(scope: Scope, *, now: datetime, batch: int = 500, progress: Progress | None = None) -> int:
    """Rewrites the rows of every resource whose index version is another than ours; a commit a batch, so that it may
    be stopped at any time and serves beside it. Returns how many. progress: told how many each batch brought up."""
    done = 0
    while count := _one_batch(scope, now, batch):
        done += count
        if progress:
            progress(count)
    return done


def _one_batch(scope: Scope, now: datetime, batch: int) -> int:
    with open(scope, now=now) as unit:
        heads = [_head(row) for row in unit.cursor().execute(OLD, [VERSION, VERSION, batch]).fetchall()]
        if heads:
            _rewrite(unit, heads)
        return len(heads)


def _rewrite(unit: Unit, heads: list[Head]) -> None:
    entries = [index.Entry(person, rid, None, extract(body), is_current=False) for person, rid, body in heads]
    index.write(unit.cursor(), entries, unit.mention_many)
    unit.cursor().execute(NOW_CURRENT, [VERSION, [head[0] for head in heads], [head[1] for head in heads]])


def rebuild_index(
    scope: Scope, *, now: datetime, check: bool = False, batch: int = 500, progress: Progress | None = None
) -> Difference:
    """Compares the stored rows of every live resource with those its body gives; unless only checking, rewrites the
    resources that differ and removes rows that belong to nothing. The difference is the one that was found."""
    found = Difference()
    last = (-1, -1)
    while True:
        with open(scope, now=now) as unit:
            unit.cursor().execute("set local statement_timeout = 0")
            heads = [_head(row) for row in unit.cursor().execute(EVERY, [*last, batch]).fetchall()]
            if not heads:
                _orphans(unit, found, remove=not check)
                return found
            wrong = _compare(unit, heads, found)
            if wrong and not check:
                _rewrite(unit, [head for head in heads if head[:2] in wrong])
        last = heads[-1][:2]
        if progress:
            progress(len(heads))


def _head(row: tuple[Any, ...]) -> Head:
    return row[0], row[1], bodies.unpack(row[2], bytes(row[3]))


def _compare(unit: Unit, heads: list[Head], found: Difference) -> set[tuple[int, int]]:
    """Which (person, rid) differ."""
    wanted = Counter(_wanted(unit, heads))
    stored = Counter(_stored(unit, [head[:2] for head in heads]))
    missing, surplus = wanted - stored, stored - wanted
    found.resources += len(heads)
    found.missing += missing.total()
    found.surplus += surplus.total()
    found.where += [*missing, *surplus][: _EXAMPLES - len(found.where)]
    return {(row[0], row[1]) for _, row in (*missing, *surplus)}


def _wanted(unit: Unit, heads: list[Head]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    rows = [found for person, rid, body in heads for found in index.rows_of(body, person, rid)]
    local = {row[5] for table, row in rows if table == "reference" and isinstance(row[5], str)}
    parts = {reference: found for reference in local if (found := keys.parts_of(reference))}
    known = keys.look_up(unit.cursor(), set(parts.values()))
    for table, row in rows:
        if table == "reference" and isinstance(row[5], str):
            yield table, (*row[:5], known.get(parts[row[5]]))
        else:
            yield table, row


def _stored(unit: Unit, heads: list[tuple[int, int]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    pairs = [[head[0] for head in heads], [head[1] for head in heads]]
    for table, columns in index.COLUMNS.items():
        names = ", ".join(f"t.{name}" for name in (*index.LEAD, *columns))
        text = (
            f"select {names} from unnest(%s::bigint[], %s::bigint[]) as u(person, rid) "
            f"join index_{table} t on t.person = u.person and t.rid = u.rid"
        )
        for row in unit.cursor().execute(text.encode(), pairs).fetchall():
            yield table, row


def _orphans(unit: Unit, found: Difference, *, remove: bool) -> None:
    """Rows of resources that are deleted, moved away or never were."""
    for table in index.COLUMNS:
        without = (
            f"from index_{table} t where not exists (select from heads h "
            "where h.person = t.person and h.rid = t.rid and h.state = 1)"
        )
        rows = unit.cursor().execute(f"select t.person, t.rid, t.param, t.n {without}".encode()).fetchall()
        found.surplus += len(rows)
        found.where += [(table, row) for row in rows[: _EXAMPLES - len(found.where)]]
        if rows and remove:
            unit.cursor().execute(f"delete {without}".encode())
