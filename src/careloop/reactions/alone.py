"""One worker at a time follows the feed, or fires timers; another one that comes meanwhile has nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from careloop.store.connection import keeper

# First half of the two-part advisory locks; the second half is a hash of the name. Beside store's LANE_LOCK.
WORKER_LOCK: Final = 0x3EAC


@contextmanager
def alone(name: str) -> Iterator[bool]:
    """Whether this worker has it. Held by the connection, without a transaction: it goes when the process dies."""
    row = _run("select pg_try_advisory_lock(%s::integer, hashtext(%s))", name)
    is_mine = row == (True,)
    try:
        yield is_mine
    finally:
        if is_mine:
            _run("select pg_advisory_unlock(%s::integer, hashtext(%s))", name)


def _run(query: str, name: str) -> tuple[object, ...] | None:
    cursor = keeper().cursor()
    return cursor.execute(query.encode(), [WORKER_LOCK, name]).fetchone()
