"""Whom somebody names exactly, though she is not in their care: for emergencies alone. The whole birth date with
a name or a record number; never a list to look through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from careloop.projections.finder_words import words_in
from careloop.store import Unit

MOST: Final = 3


@dataclass(frozen=True, repr=False)
class Named:
    """is_hers: the reader may open her page without an emergency."""

    person: int
    id: str
    name: str
    birth_date: date | None
    mrn: str | None
    is_hers: bool

    def __repr__(self) -> str:
        return f"Named({self.person})"


_NAMED: Final = """
select b.person, b.id, b.name, b.birth_date, b.mrn from briefs b
join people p on p.person = b.person and p.merged_into is null
where b.person <> all(%s::bigint[]) and
"""


def named(unit: Unit, *, born: date | None, family: str = "", mrn: str = "") -> list[Named]:
    """At most three; always by the whole birth date. Nothing tells where she is cared for: that may be a program whose
    name alone is a secret. Into the audit trail goes whoever was shown, and the question itself when nobody was."""
    if born is None or not (mrn.strip() or family.strip()):
        return []
    denied = sorted(unit.scope.actor.denied)
    query = f"{_NAMED} b.birth_date = %s::date order by b.name, b.person limit 500"
    wanted = set(words_in(family))
    rows = unit.cursor().execute(query, [denied, born]).fetchall()
    fitting = [row for row in rows if _fits(row, mrn.strip(), wanted)][:MOST]
    unit.saw([row[0] for row in fitting], "emergency search")
    return [_named(row, unit.may_see(row[0])) for row in fitting]


def _fits(row: Sequence[Any], mrn: str, wanted: set[str]) -> bool:
    return row[4] == mrn if mrn else wanted <= set(words_in(row[2]))


def _named(row: Sequence[Any], is_hers: bool) -> Named:
    person, id, name, born, mrn = row
    return Named(person, id, name, born, mrn, is_hers)
