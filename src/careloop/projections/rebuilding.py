"""Every projection derived again from the versions, and proof that what stood there was the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop import projections, store
from careloop.access import Scope
from careloop.store import Unit

# What each table says. The worklist's `position` only tells pollers that something changed, so it is not compared.
COMPARED: Final = {
    "people": "person, site, team, lead, labels, zone, merged_into",
    "enrolled": "person, program, since, until, rid",
    "consented": "*",
    "briefs": "*",
    "names": "*",
    "story": "*",
    "work": "person, task, task_id, version, is_open, class, due, aim, wake, since, is_waiting, owner, team, site,"
    " own_site, lead, program, labels, kind, title, because, waiting_on, source, rule, zone, attempts, is_protected,"
    " is_acknowledged, reason",
    "finder": "*",
    "portal_shares": "*",
    "readings": "*",
    "reading_limits": "*",
    "scores": "*",
    "risks": "*",
    "held": "*",
    "heard": "*",
    "courses": "*",
}


@dataclass(frozen=True)
class Difference:
    """missing: rows that a rebuild gives and that did not stand there; surplus: the other way round."""

    table: str
    rows: int
    missing: int
    surplus: int

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.surplus)


class _OnlyLooked(Exception):
    """Rolls the rebuild back after comparing."""


def rebuild(scope: Scope, now: datetime, *, check: bool = False) -> list[Difference]:
    """One commit for all tables; reading goes on beside it, writing waits. check: compares and changes nothing."""
    found: list[Difference] = []
    try:
        with store.open(scope, now=now) as unit:
            found += _rebuild(unit)
            if check:
                raise _OnlyLooked
    except _OnlyLooked:
        pass
    return found


def _rebuild(unit: Unit) -> list[Difference]:
    cursor = unit.cursor()
    cursor.execute("set local statement_timeout = 0")
    cursor.execute(f"lock table {', '.join(COMPARED)} in exclusive mode")
    for table, columns in COMPARED.items():
        cursor.execute(f"create temp table stood_{table} on commit drop as select {columns} from {table}")
    for projector in projections.ALL:
        projector.rebuild(unit)
    return [_difference(unit, table, columns) for table, columns in COMPARED.items()]


def _difference(unit: Unit, table: str, columns: str) -> Difference:
    now, before = f"select {columns} from {table}", f"select * from stood_{table}"
    counts = [
        _count(unit, rows) for rows in (now, f"{now} except all {before}", f"{before} except all {now}")
    ]
    return Difference(table, *counts)


def _count(unit: Unit, rows: str) -> int:
    ((found,),) = unit.cursor().execute(f"select count(*) from ({rows}) as counted").fetchall()
    return int(found)
