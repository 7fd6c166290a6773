"""What a request costs the machine, in seconds of a core: its thread's, and its database session's where the database
is on this machine and the kernel tells. Else the time it took, which also holds what it waited for others."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from django.db import connection


@dataclass(frozen=True, slots=True)
class Mark:
    """wall, thread: seconds so far. session: process number of the database session, 0 for none. database: its own."""

    wall: float
    thread: float
    session: int
    database: float


def mark() -> Mark:
    """To be taken and read by the thread that works."""
    session = _session()
    return Mark(time.monotonic(), time.thread_time(), session, _seconds_of(session) or 0.0)


def since(began: Mark) -> float:
    session = _session()
    database = 0.0
    if session:
        total = _seconds_of(session)
        if total is None:
            return time.monotonic() - began.wall
        database = total - (began.database if session == began.session else 0.0)
    return time.thread_time() - began.thread + database


def _session() -> int:
    pg = connection.connection
    return 0 if pg is None or pg.closed else int(pg.info.backend_pid)


def _seconds_of(session: int) -> float | None:
    """None when it can't be told: the database is elsewhere, or the kernel hides other users' processes."""
    if not session or not str(connection.connection.info.host).startswith("/"):
        return None
    try:
        return int(Path(f"/proc/{session}/schedstat").read_bytes().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return None
