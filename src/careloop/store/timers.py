"""Times at which something must be looked at again. Written in the change's own commit (Unit.set_timer), fired by
`careloop work`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from careloop.store.unit import Unit

MOST_TRIES: Final = 3
DUE: Final = """
select person, kind, key, due, tries from timers
where done is null and due <= %s and (tries < %s or kind = any(%s::text[]))
order by kind = any(%s::text[]) desc, due, person limit %s for update skip locked
"""


@dataclass(frozen=True, slots=True)
class Timer:
    person: int
    kind: str
    key: str
    due: datetime
    tries: int = 0


def due(unit: Unit, limit: int = 100, *, lasting: Collection[str] = ()) -> list[Timer]:
    """Those whose time has come at unit.now, locked until the commit: two workers never fire the same one.
    lasting: kinds that are tried again however often they failed; they come first, so that no backlog of others, as
    after an import, keeps urgent work waiting."""
    first = sorted(lasting)
    rows = unit.cursor().execute(DUE, [unit.now, MOST_TRIES, first, first, limit]).fetchall()
    return [Timer(*row) for row in rows]


def done(unit: Unit, timer: Timer) -> None:
    unit.cursor().execute(
        "update timers set done = %s where person = %s and kind = %s and key = %s and due = %s",
        [unit.now, timer.person, timer.kind, timer.key, timer.due],
    )


def failed(unit: Unit, timer: Timer, error: str, *, again: datetime | None = None) -> bool:
    """Counts a failure and puts it off until `again`; after the third it is left alone, unless its kind is lasting, and
    listed by `stuck`. Returns whether it has failed so often. One that was set anew meanwhile keeps its new hour."""
    row = (
        unit.cursor()
        .execute(
            "update timers set tries = least(tries + 1, 1000), error = %s, due = %s "
            "where person = %s and kind = %s and key = %s and due = %s and done is null returning tries",
            [error, again or timer.due, timer.person, timer.kind, timer.key, timer.due],
        )
        .fetchone()
    )
    return row is not None and row[0] >= MOST_TRIES


def stuck(unit: Unit, limit: int = 100) -> list[Timer]:
    """Timers that failed three times or more: a person looks."""
    rows = (
        unit.cursor()
        .execute(
            "select person, kind, key, due, tries from timers where done is null and tries >= %s "
            "order by due limit %s",
            [MOST_TRIES, limit],
        )
        .fetchall()
    )
    return [Timer(*row) for row in rows]


def due_at(unit: Unit, person: int, kind: str, key: str) -> datetime | None:
    """When this one fires; None when it was cleared or has fired."""
    row = (
        unit.cursor()
        .execute(
            "select due from timers where person = %s and kind = %s and key = %s and done is null",
            [person, kind, key],
        )
        .fetchone()
    )
    return row[0] if row else None
