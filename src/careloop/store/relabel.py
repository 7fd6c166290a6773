"""Labels of everything that is current, computed again: after the rules changed, after an Organization became a Part 2
program, and as proof that each row carries what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope, labels
from careloop.fhir.elements import Resource
from careloop.library.labeling import cited, labels_of
from careloop.store import bodies, keys
from careloop.store.labeled import Labels, set_labels
from careloop.store.unit import Unit, open

Progress = Callable[[int], None]
PEOPLE: Final = "select distinct person from heads where person > %s and state = 1 order by person limit %s"
# Of nobody's rows there may be very many: they come in pieces, and none of them inherits from another.
ROWS: Final = """
select i.type, i.id, h.rid, h.labels, v.codec, v.body, h.version from heads h join ids i on i.rid = h.rid
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.person = %s and h.state = 1 and h.rid > %s order by h.rid limit %s
"""
_PIECE: Final = 5_000
_MANY: Final = 1_000_000


@dataclass
class Relabeled:
    """missing: resources that should carry a label which they do not; surplus: the other way round."""

    resources: int = 0
    missing: int = 0
    surplus: int = 0

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.surplus)


@dataclass(frozen=True)
class _Row:
    reference: str
    rid: int
    bits: int
    body: Resource
    version: int

    def __repr__(self) -> str:
        return f"_Row({self.reference})"


def relabel(
    scope: Scope, *, now: datetime, check: bool = False, people: int = 50, progress: Progress | None = None
) -> Relabeled:
    """A commit for so many people, so that it may be stopped at any time and serves beside it. check: only compares."""
    found = Relabeled()
    last = -1
    while True:
        with open(scope, now=now) as unit:
            unit.cursor().execute("set local statement_timeout = 0")
            some = [row[0] for row in unit.cursor().execute(PEOPLE, [last, people]).fetchall()]
            before = found.resources
            for person in some:
                _of_person(unit, person, found, check=check)
        if not some:
            return found
        last = some[-1]
        if progress:
            progress(found.resources - before)


def _of_person(unit: Unit, person: int, found: Relabeled, *, check: bool) -> None:
    """What had a newer version before its labels were set is looked at again."""
    is_late = False
    for rows in _pieces(unit, person):
        wanted = _computed(unit, rows)
        wrong = {row.rid: wanted[row.reference] for row in rows if wanted[row.reference] != row.bits}
        found.resources += len(rows)
        found.missing += sum(bool(wanted[row.reference] & ~row.bits) for row in rows)
        found.surplus += sum(bool(row.bits & ~wanted[row.reference]) for row in rows)
        if wrong and not check:
            versions = {row.rid: row.version for row in rows}
            is_late |= not set_labels(unit.cursor(), person, wrong, versions)
    if is_late:
        _of_person(unit, person, Relabeled(), check=False)


def _pieces(unit: Unit, person: int) -> Iterator[list[_Row]]:
    last, piece = -1, _PIECE if person == 0 else _MANY
    while True:
        read: list[Any] = unit.cursor().execute(ROWS, [person, last, piece]).fetchall()
        if read:
            yield [
                _Row(
                    f"{keys.name_of(row[0])}/{row[1]}",
                    row[2],
                    row[3] & ~labels.RESTRICTED,
                    bodies.unpack(row[4], bytes(row[5])),
                    row[6],
                )
                for row in read
            ]
        if len(read) < piece:
            return
        last = read[-1][2]


def _computed(unit: Unit, rows: list[_Row]) -> dict[str, int]:
    """From nothing, so that a circle does not hold itself up."""
    citing = {row.reference: cited(row.body) for row in rows}
    outside = Labels()
    outside.look_up(unit.cursor(), {r for each in citing.values() for r in each.all} - citing.keys())
    looked_up = dict(outside.known)
    bodies_of = {row.reference: row.body for row in rows}
    touched = set(bodies_of)
    while touched:
        changed = set()
        for reference in touched:
            bits = labels_of(bodies_of[reference], looked_up)
            if bits != looked_up.get(reference):
                looked_up[reference] = bits
                changed.add(reference)
        touched = {reference for reference, each in citing.items() if each.all & changed}
    return {row.reference: looked_up[row.reference] for row in rows}
