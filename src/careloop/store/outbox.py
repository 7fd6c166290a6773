"""What leaves the house: written in the commit that causes it (Unit.send), carried out by jobs afterwards.

A key is sent once. Failures are tried again, later each time and never all at the same moment; after the last try
a person sees it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from careloop.store import bodies

if TYPE_CHECKING:
    from careloop.store.unit import Unit

CHANNEL: Final = "careloop_outbox"
MOST_TRIES: Final = 8
_FIRST_WAIT: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = timedelta(hours=2)
_COLUMNS: Final = "id, key, person, kind, dest, due, tries, state, payload, error"
TAKE: Final = f"""
update outbox set state = 'sending', due = %s where id in (
  select id from outbox where state in ('waiting', 'sending') and due <= %s and at <= %s
    and (%s::text[] is null or kind = any(%s::text[])) order by due, id limit %s for update skip locked)
returning {_COLUMNS}
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """payload is patient data: kept out of repr."""

    id: int
    key: str
    person: int
    kind: str
    dest: str = field(repr=False)
    due: datetime
    tries: int
    state: str
    payload: dict[str, Any] = field(repr=False)
    error: str | None


def take(
    unit: Unit,
    until: datetime,
    limit: int = 10,
    *,
    held: timedelta = timedelta(),
    kinds: Sequence[str] | None = None,
) -> list[Letter]:
    """Those that are due and were written at least `held` ago. They are being sent from this commit on: no undo, and
    no other worker, until `until`; whoever has not said `sent` or `failed` by then is taken for dead."""
    cursor = unit.cursor()
    cursor.execute(
        TAKE, [until, unit.now, unit.now - held, kinds and list(kinds), kinds and list(kinds), limit]
    )
    return sorted((_letter(row) for row in cursor.fetchall()), key=lambda letter: letter.id)


def unsent(unit: Unit, limit: int = 100) -> list[Letter]:
    """Every one that waits or is being sent, whenever it is due; locked until the commit."""
    cursor = unit.cursor()
    cursor.execute(
        f"select {_COLUMNS} from outbox where state in ('waiting', 'sending') order by id limit %s for update",
        [limit],
    )
    return [_letter(row) for row in cursor.fetchall()]


def sent(unit: Unit, letter: Letter) -> None:
    unit.cursor().execute(
        "update outbox set state = 'sent', tries = tries + 1, done_at = %s, error = null where id = %s",
        [unit.now, letter.id],
    )


def failed(
    unit: Unit, letter: Letter, error: str, *, jitter: float | None = None, is_hopeless: bool = False
) -> bool:
    """Waits twice as long each time, plus up to half of that; after the last try it is dead and a person sees it, at
    once when it is_hopeless. Returns whether it is dead now. jitter: 0 to 1; random when not given."""
    tries = letter.tries + 1
    is_dead = is_hopeless or tries >= MOST_TRIES
    wait = min(_FIRST_WAIT * 2 ** (tries - 1), _LONGEST_WAIT)
    share = random.random() if jitter is None else jitter  # noqa: S311  # spreads load, guards nothing
    unit.cursor().execute(
        "update outbox set state = %s, tries = %s, due = %s, error = %s where id = %s",
        ["dead" if is_dead else "waiting", tries, unit.now + wait * (1 + share / 2), error, letter.id],
    )
    return is_dead


def withdraw(unit: Unit, key: str) -> bool:
    """For undo: True when it had not left yet; what is being sent just now has left."""
    cursor = unit.cursor()
    cursor.execute(
        "update outbox set state = 'withdrawn', done_at = %s where key = %s and state = 'waiting' returning id",
        [unit.now, key],
    )
    return cursor.fetchone() is not None


def has_left(unit: Unit, key: str) -> bool:
    row = (
        unit.cursor()
        .execute("select 1 from outbox where key = %s and state in ('sending', 'sent')", [key])
        .fetchone()
    )
    return row is not None


def revive(unit: Unit, letter_id: int, person: int = 0) -> bool:
    """A person says: try again. False when it was not given up, or is about somebody else."""
    cursor = unit.cursor()
    cursor.execute(
        "update outbox set state = 'waiting', tries = 0, due = %s where id = %s and person = %s and state = 'dead'"
        " returning id",
        [unit.now, letter_id, person],
    )
    if cursor.fetchone() is None:
        return False
    unit.notify(CHANNEL)
    return True


def _letter(row: Sequence[Any]) -> Letter:
    id, key, person, kind, dest, due, tries, state, payload, error = row
    return Letter(id, key, person, kind, dest, due, tries, state, bodies.decode(bytes(payload)), error)
