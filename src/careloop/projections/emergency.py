"""Whom somebody names exactly, though she is not in their care: for emergencies alone. A family name with the whole
birth date, or a record number; never a list to look through."""

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
    site: str | None
    is_hers: bool

    def __repr__(self) -> str:
        return f"Named({self.person})"


_NAMED: Final = """
select b.person, b.id, b.name, b.birth_date, b.mrn, n.name from briefs b
join people p on p.person = b.person and p.merged_into is null
left join names n on n.rid = p.site
where b.person <> all(%s::bigint[]) and
"""


def named(unit: Unit, *, family: str = "", born: date | None = None, mrn: str = "") -> list[Named]:
    """At most three. Into the audit trail goes whoever was shown, and the question itself when nobody was."""
    denied = sorted(unit.scope.actor.denied)
    by_number: tuple[str, object] = ("b.mrn = %s::text", mrn.strip())
    which, given = by_number if mrn.strip() else ("b.birth_date = %s::date", born)
    if not given or not (mrn.strip() or family.strip()):
        return []
    query = f"{_NAMED} {which} order by b.name, b.person limit 500"
    rows = unit.cursor().execute(query, [denied, given]).fetchall()
    wanted = set(words_in(family))
    fitting = [row for row in rows if mrn.strip() or wanted <= set(words_in(row[2]))][:MOST]
    unit.saw([row[0] for row in fitting], "emergency search")
    return [_named(row, unit.may_see(row[0])) for row in fitting]


def _named(row: Sequence[Any], is_hers: bool) -> Named:
    person, id, name, born, mrn, site = row
    return Named(person, id, name, born, mrn, site, is_hers)
