"""What a request costs the machine, in seconds of a core: its thread's, and its database session's where the database
is on this machine and the kernel tells. Else the time it took, which also holds what it waited for others."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Mark:
    """wall, thread: seconds so far. session: this thread's, None before it has any. database: its own."""

    wall: float
    thread: float
    session: Any
    database: float


class _Counter:
    """What the kernel counts for one database session; open as long as a thread keeps it."""

    def __init__(self, pg: Any) -> None:
        self.file = -1
        if str(pg.info.host).startswith("/"):
            with suppress(OSError):
                self.file = os.open(f"/proc/{pg.info.backend_pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def seconds(self) -> float | None:
        """None when it can't be told: the database is elsewhere, or the kernel hides other users' processes."""
        if self.file < 0:
            return None
        try:
            return int(os.pread(self.file, 64, 0).split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            return None

    def __del__(self) -> None:
        if self.file >= 0:
            os.close(self.file)


class _Kept(threading.local):
    """Of this thread's connection."""

    pg: Any = None
    counter: _Counter | None = None


_kept = _Kept()


def mark() -> Mark:
    """To be taken and read by the thread that works."""
    pg, database = _so_far()
    return Mark(time.monotonic(), time.thread_time(), pg, database or 0.0)


def since(began: Mark) -> float:
    pg, database = _so_far()
    if database is None:
        return time.monotonic() - began.wall
    return time.thread_time() - began.thread + database - (began.database if pg is began.session else 0.0)


def _so_far() -> tuple[Any, float | None]:
    """This thread's session and its seconds: 0 without one, None when they can't be told."""
    pg = connection.connection
    if pg is None or pg.closed:
        _kept.pg = _kept.counter = None
        return None, 0.0
    if pg is not _kept.pg:
        _kept.pg, _kept.counter = pg, _Counter(pg)
    assert _kept.counter is not None
    return pg, _kept.counter.seconds()
