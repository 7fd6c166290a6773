"""Who looked at a person's record, for the person herself: a line a day and looker, from what the audit trail derives
(`audit_person`). Careloop's own work is left out: it looks at everybody all the time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from careloop.accounts.models import Principal, User
from careloop.store import Unit

Kind = Literal["staff", "person", "partner", "client"]
READS: Final = ("R", "E")
LOOKS: Final = """
select day, actor, sum(times) filter (where action = any(%s::text[])),
       sum(times) filter (where not action = any(%s::text[]))
from audit_person where person = %s and day between %s and %s and actor > 0 and actor <> %s
group by day, actor order by day desc, actor limit 2000
"""


@dataclass(frozen=True, repr=False)
class Look:
    """kind: of the account. roles: of staff. read, wrote: how often."""

    day: date
    name: str
    kind: str
    roles: tuple[str, ...]
    read: int
    wrote: int

    def __repr__(self) -> str:
        return f"Look({self.day})"


def looks_at(unit: Unit, person: int, since: date, until: date, me: int) -> list[Look]:
    """person: rid, which the actor must be. me: principal whose own looks are left out. Newest first."""
    unit.saw([person], "who looked at me")
    given = [list(READS), list(READS), person, since, until, me]
    rows = unit.cursor().execute(LOOKS, given).fetchall()
    known = _named({row[1] for row in rows})
    return [
        Look(day, *known[actor], int(read or 0), int(wrote or 0))
        for day, actor, read, wrote in rows
        if actor in known
    ]


def _named(numbers: Collection[int]) -> dict[int, tuple[str, str, tuple[str, ...]]]:
    users = {user.principal_id: user for user in User.objects.filter(principal__in=numbers)}
    found = {}
    for principal in Principal.objects.filter(pk__in=numbers):
        user = users.get(principal.pk)
        found[principal.pk] = (str(user or principal), principal.kind, tuple(user.roles) if user else ())
    return found
