"""What a person's Consents say, row by row for `store/conditions.py`; and the labels of derived rows in step with what
they tell of.

Whoever denies something to somebody gets RESTRICTED on each of her rows, so that only there anybody looks into her
Consents. Dates do not matter for that: they are looked at when something is read.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from careloop.access.labels import RESTRICTED
from careloop.care import consent
from careloop.care.consent import ANYONE, Statement, read
from careloop.library.labels import rules
from careloop.projections import sources
from careloop.projections.people import TELLING
from careloop.store import Change, Stored, Unit, turns

# In `once`: by which reading `consented` was worked out.
READ: Final = "consents-read"
_RESTRICTED: Final = """
select u.person, exists (select from consented c where c.person = u.person and c.denies <> 0) as denies
from unnest(%s::bigint[]) as u(person)
"""
# Only rows that differ are written.
MARK_ROWS: Final = f"""
with w as ({_RESTRICTED})
update heads h set labels = case when w.denies then h.labels | {RESTRICTED} else h.labels & ~{RESTRICTED} end
from w where h.person = w.person and ((h.labels & {RESTRICTED}) <> 0) <> w.denies returning h.person
"""
PEOPLE_FOLLOW: Final = """
update people p set labels = h.labels from heads h
where p.person = any(%s::bigint[]) and h.person = p.person and h.rid = p.person and p.labels <> h.labels
"""
WORK_FOLLOWS: Final = """
update work w set labels = h.labels, position = nextval('work_positions') from heads h
where h.person = w.person and h.rid = w.task and w.labels <> h.labels and {which}
"""
STORY_FOLLOWS: Final = """
update story s set labels = h.labels from heads h
where h.person = s.person and h.rid = s.rid and s.labels <> h.labels and {which}
"""
KEEP: Final = """
insert into consented(person, consent, grantee, n, permits, denies, purposes, since, until)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class Consented:
    """The projector. After `People`, before what copies the labels of rows."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        told = sources.latest(changes, ("Consent",))
        if told:
            unit.cursor().execute("delete from consented where consent = any(%s::bigint[])", [list(told)])
            keep(unit, [change.after for change in told.values() if change.after])
        touched = sources.homes(changes, ("Consent",))
        marked = mark(unit, touched) if touched else set()
        moved = sources.moved(changes, TELLING)
        follow(unit, touched | moved | _people_in(unit), marked, unit.relabeled)

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from consented")
        for batch in sources.every(unit, ("Consent",)):
            keep(unit, batch)
        for batch in sources.every(unit, ("Patient",)):
            mark(unit, {stored.rid for stored in batch})
        unit.cursor().execute(
            "update people p set labels = h.labels from heads h"
            " where h.person = p.person and h.rid = p.person and p.labels <> h.labels"
        )


@lru_cache(maxsize=1)
def reading() -> str:
    """By which code and which rules Consents are read: what was kept under another one has to be worked out again."""
    source = inspect.getsource(consent) + inspect.getsource(sys.modules[__name__])
    return sha256(f"{source}{rules().digest}".encode()).hexdigest()[:16]


def is_current(unit: Unit) -> bool:
    """Whether what is kept was worked out by this reading."""
    asked = unit.glance().execute("select 1 from once where kind = %s and key = %s", [READ, reading()])
    return asked.fetchone() is not None


def mark_current(unit: Unit) -> None:
    unit.cursor().execute("delete from once where kind = %s", [READ])
    unit.claim(READ, reading())


def keep(unit: Unit, consents: Iterable[Stored]) -> None:
    """Statements to somebody whose key is not known get one: who comes later is meant as well."""
    read_ = [(stored, read(stored.resource, rules()).statements) for stored in consents]
    named = {each.grantee for _, said in read_ for each in said if each.grantee != ANYONE}
    rids = {**unit.mention_many(named), ANYONE: 0}
    people = _practitioners(unit, named)
    rows = [row for stored, said in read_ for row in _rows(stored, said, rids, people)]
    if rows:
        unit.cursor().executemany(KEEP, rows)


def _rows(
    stored: Stored, said: Sequence[Statement], rids: dict[str, int], people: dict[str, int]
) -> Iterable[tuple[Any, ...]]:
    for n, each in enumerate(said):
        for at, grantee in enumerate(_meant(each, rids, people)):
            yield (
                *(stored.person, stored.rid, grantee, 2 * n + at),
                *(each.permits, each.denies, each.purposes, each.since, each.until),
            )


def _meant(said: Statement, rids: dict[str, int], people: dict[str, int]) -> list[int]:
    """A role stands for whoever has it; a denial to a role that we know nothing of is one to everybody."""
    if said.grantee.startswith("PractitionerRole/"):
        if said.grantee in people:
            return [people[said.grantee]]
        return [0] if said.denies else []
    return [rids[said.grantee]] if said.grantee in rids else [0] if said.denies else []


def _practitioners(unit: Unit, named: Iterable[str]) -> dict[str, int]:
    roles = {
        name: rid for name in named if name.startswith("PractitionerRole/") and (rid := unit.rid_of(name))
    }
    found = sources.by_rid(unit, set(roles.values()), ("PractitionerRole",))
    holders = {
        name: str((found[rid].resource.get("practitioner") or {}).get("reference", ""))
        for name, rid in roles.items()
        if rid in found
    }
    rids = unit.mention_many({holder for holder in holders.values() if holder})
    return {name: rids[holder] for name, holder in holders.items() if holder in rids}


def mark(unit: Unit, people: Collection[int]) -> set[int]:
    """RESTRICTED on all rows of those who deny something, and off those of everybody else. Returns whose changed."""
    turns.take(unit.cursor(), people, alone=people)
    rows = unit.cursor().execute(MARK_ROWS, [sorted(people)]).fetchall()
    return {row[0] for row in rows}


def follow(unit: Unit, people: Collection[int], marked: Collection[int], rids: Collection[int]) -> None:
    """Derived rows of these people and of these resources."""
    cursor = unit.cursor()
    if people or marked:
        cursor.execute(PEOPLE_FOLLOW, [sorted({*people, *marked})])
    if marked:
        cursor.execute(WORK_FOLLOWS.format(which="w.person = any(%s::bigint[])"), [sorted(marked)])
        cursor.execute(STORY_FOLLOWS.format(which="s.person = any(%s::bigint[])"), [sorted(marked)])
    if rids:
        cursor.execute(WORK_FOLLOWS.format(which="w.task = any(%s::bigint[])"), [sorted(rids)])
        cursor.execute(STORY_FOLLOWS.format(which="s.rid = any(%s::bigint[])"), [sorted(rids)])


def catch_up(unit: Unit) -> None:
    """All derived rows, after labels were computed again for everything."""
    cursor = unit.cursor()
    cursor.execute("set local statement_timeout = 0")
    cursor.execute(WORK_FOLLOWS.format(which="true"))
    cursor.execute(STORY_FOLLOWS.format(which="true"))
    cursor.execute(
        "update people p set labels = h.labels from heads h"
        " where h.person = p.person and h.rid = p.person and p.labels <> h.labels"
    )


def _people_in(unit: Unit) -> set[int]:
    """A Patient's own label may change without a version of hers."""
    return set(unit.relabeled)


__all__ = ["READ", "Consented", "catch_up", "is_current", "mark_current", "reading"]
