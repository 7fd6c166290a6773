"""Whoever writes about a person, and whoever puts RESTRICTED on all her rows, take turns: a row that is written while a
denial commits would otherwise never get it, since neither sees what the other has not yet committed.

Not a lock of the row in `people`: that one is deleted and written anew with each version of her Patient or CareTeam,
and who waited for the old one would hold nothing. People share lots, so that a commit about thousands holds few locks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from careloop.store.arrays import numbers

# First half of the two-part advisory locks; the second half is the lot. Beside LANE_LOCK and WORKER_LOCK.
TURN_LOCK: Final = 0x7042
_LOTS: Final = 256
# Of many a lot always the lowest first, so that two who want the same ones don't wait for one another.
_TAKE: Final = f"""
select case when alone then pg_advisory_xact_lock({TURN_LOCK}, lot)::text
  else pg_advisory_xact_lock_shared({TURN_LOCK}, lot)::text end
from (select mod(u.person, {_LOTS})::integer as lot, bool_or(u.alone <> 0) as alone
  from unnest(%s::bigint[], %s::integer[]) as u(person, alone)
  where u.person <> 0 group by 1 order by 1 offset 0) as lots
"""


def take(cursor: Any, people: Collection[int], alone: Collection[int] = ()) -> None:
    """Until the commit. people: who is written about, many at a time; alone: whose rows may all be marked, one at a
    time and nobody beside. Labels are read by a later statement, so that they are what the others left."""
    everybody = sorted({*people, *alone})
    if everybody:
        cursor.execute(_TAKE, [numbers(everybody), numbers(int(p in alone) for p in everybody)])
