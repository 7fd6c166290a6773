"""For the person herself: who looked at her record, and what left the house about her.

`looks_at` is for the family's pages; `accounting_of` is what the paper of 45 CFR 164.528 is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from careloop.access import decide, labels
from careloop.access.shares import SELF
from careloop.care.disclosure import lets
from careloop.kernel.errors import Forbidden
from careloop.projections import disclosures
from careloop.projections.disclosures import Disclosure
from careloop.projections.principals import Who, principals
from careloop.store import Unit

YEARS: Final = 6
# What her own paper leaves out, as her own copy of the record does: somebody else may find it.
NOT_ON_PAPER: Final = labels.SENSITIVE & ~lets("self")
_OUTSIDE: Final = frozenset({"client", "app", "partner"})
_PEOPLE: Final = frozenset({"staff", "person", "client", "app", "partner"})


@dataclass(frozen=True)
class Look:
    """One account on one day (UTC). roles: codes of access/roles.py; pages say them in words. is_writing: something was
    written, not read alone."""

    day: date
    who: Who
    times: int
    is_writing: bool


@dataclass(frozen=True)
class Program:
    """Reads by one program or app: the first and the last day, and how often (45 CFR 164.528(b)(3))."""

    who: Who
    first: date
    last: date
    times: int


@dataclass(frozen=True, repr=False)
class Accounting:
    since: datetime
    until: datetime
    disclosures: tuple[Disclosure, ...]
    programs: tuple[Program, ...]
    senders: dict[int, Who]

    def __repr__(self) -> str:
        return f"Accounting({len(self.disclosures)} + {len(self.programs)})"


def looks_at(unit: Unit, person: int, since: datetime, until: datetime) -> list[Look]:
    """Newest day first, by day and account; Careloop's own work is left out. person: rid. Asked by the person herself,
    by whoever fully stands for her, or by an auditor. Raises Forbidden."""
    actor = unit.scope.actor
    if (person, SELF) not in actor.shares and not decide(actor, "search", "AuditEvent").allowed:
        raise Forbidden("Only the person herself is told who looked.")
    rows = unit.cursor().execute(
        "select day, actor, sum(times), bool_or(action in ('C', 'U', 'D')) from audit_person "
        "where person = %s and day between %s and %s and actor > 0 group by day, actor order by day desc, 3 desc",
        [person, since.date(), until.date()],
    )
    found = rows.fetchall()
    who = principals({actor for _, actor, _, _ in found})
    unit.saw([person], "who looked")
    return [Look(day, who[a], int(n), wrote) for day, a, n, wrote in found if who[a].kind in _PEOPLE]


def accounting_of(
    unit: Unit, person: int, until: datetime, years: int = YEARS, *, is_paper: bool = False
) -> Accounting:
    """All that is known to have left, whether the law asks for it or not; which lines, as far as the actor may see
    them. is_paper: for the person to keep. Raises Forbidden, NotFound."""
    since = until - timedelta(days=round(365.25 * years))
    told = disclosures.of_person(unit, person, since, without=NOT_ON_PAPER if is_paper else 0)
    unit.saw([person], "accounting")
    return Accounting(
        since, until, tuple(told), tuple(_programs(unit, person, since)), principals({d.actor for d in told})
    )


def _programs(unit: Unit, person: int, since: datetime) -> Sequence[Program]:
    rows = unit.cursor().execute(
        "select actor, min(day), max(day), sum(times) from audit_person where person = %s and day >= %s and actor > 0 "
        "and action in ('R', 'E') group by actor order by 2",
        [person, since.date()],
    )
    found = rows.fetchall()
    who = principals({actor for actor, *_ in found})
    return [Program(who[a], first, last, int(n)) for a, first, last, n in found if who[a].kind in _OUTSIDE]
