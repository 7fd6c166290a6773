"""What the record keeps beside each of Django's connections: its lane of the audit trail, and a block of keys.

A connection holds its lane by a session advisory lock for as long as it lives; whoever takes the lane next reads
where its chain ended. Never one chain for all: commits would wait for each other across fsync.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

import django.db
import psycopg
from psycopg.types.datetime import TimestamptzLoader

from careloop.store import keys
from careloop.store.errors import RecordUnavailable

# First half of the two-part advisory locks; the second half is the lane.
LANE_LOCK: Final = 0x1A9E
_KEYS_AT_ONCE: Final = 100
_TRUSTED_SECONDS: Final = 5.0
_epoch = 0


class Moment(TimestamptzLoader):
    """A timestamptz of a session in UTC, as Django’s loader reads it in seven times the time. timezone: Django asks its
    loaders for it."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        text = str(data, "ascii")
        if text.endswith("+00"):
            try:
                return datetime.fromisoformat(text)
            except ValueError:
                pass  # a year that Python does not know: the driver says so in its own words
        return super().load(data).astimezone(UTC)


@dataclass
class Keeper:
    """seq, digest: of the lane's last committed audit row. unit_is_open: units do not nest. used: when it last was,
    by the monotonic clock. wall: who this session says it is (store/wall.py); empty before it said anything."""

    pg: psycopg.Connection[Any]
    lane: int
    seq: int
    digest: bytes
    epoch: int
    unit_is_open: bool = False
    wall: tuple[str, ...] = ()
    used: float = field(default_factory=time.monotonic)
    free_keys: list[int] = field(default_factory=list)

    def cursor(self) -> psycopg.Cursor[Any]:
        # Not Django's cursor: parameters are bound by the server, so that plans are prepared once.
        return psycopg.Cursor(self.pg)

    def new_keys(self, count: int) -> list[int]:
        """Fresh rids; taken from the sequence a block at a time. Unused ones are lost, which harms nobody."""
        if len(self.free_keys) < count:
            rows = self.cursor().execute(
                "select nextval('rids') from generate_series(1, %s)", [max(count, _KEYS_AT_ONCE)]
            )
            self.free_keys = [row[0] for row in rows.fetchall()] + self.free_keys
        taken, self.free_keys = self.free_keys[:count], self.free_keys[count:]
        return taken

    def tx(self) -> int:
        """The number of the commit that comes next: lane and seq of its audit row."""
        return self.lane << 48 | (self.seq + 1)

    def reload(self) -> None:
        self.seq, self.digest = _end_of(self.pg, self.lane)


def forget() -> None:
    """Drops everything remembered about the database: another one stands behind the connection now."""
    global _epoch
    _epoch += 1
    keys.forget()


def keeper() -> Keeper:
    """Of this thread's connection, which is opened when there is none. Raises RecordUnavailable."""
    connection = django.db.connection
    kept = cast("Keeper | None", getattr(connection, "careloop_keeper", None))
    if (
        kept is not None
        and kept.pg is connection.connection
        and kept.epoch == _epoch
        and (kept.unit_is_open or _is_alive(kept))
    ):
        kept.used = time.monotonic()
        # Django would ask again before each transaction.
        connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs do not know it
        return kept
    try:
        if connection.connection is not None and connection.connection.closed:
            connection.close()
        connection.ensure_connection()
        pg = cast("psycopg.Connection[Any]", connection.connection)
        pg.prepare_threshold, pg.prepared_max = 2, 400
        pg.adapters.register_loader("timestamptz", Moment)
        lane = kept.lane if kept is not None and kept.pg is pg else _take_lane(pg)
        seq, digest = _end_of(pg, lane)
    except (django.db.Error, psycopg.Error) as failed:
        raise RecordUnavailable from failed
    connection.careloop_keeper = Keeper(pg, lane, seq, digest, _epoch)  # type: ignore[attr-defined]  # ours
    return cast(Keeper, connection.careloop_keeper)  # type: ignore[attr-defined]


def _is_alive(kept: Keeper) -> bool:
    """Asked of the server when nobody has used it for a while. What breaks in between is answered with 503, once."""
    if kept.pg.closed:
        return False
    if time.monotonic() - kept.used < _TRUSTED_SECONDS:
        return True
    try:
        kept.cursor().execute("select 1")
    except psycopg.Error:
        django.db.connection.close()
        return False
    return True


def drop() -> None:
    """Closes this thread's connection after it broke; the next unit opens a new one and takes a lane."""
    django.db.connection.close()


def _take_lane(pg: psycopg.Connection[Any]) -> int:
    cursor = psycopg.Cursor(pg)
    lane = 0
    while True:
        cursor.execute("select pg_try_advisory_lock(%s::integer, %s::integer)", [LANE_LOCK, lane])
        if cursor.fetchone() == (True,):
            break
        lane += 1
    cursor.execute(
        "insert into lanes(lane, holder, since) values (%s, %s, now()) "
        "on conflict (lane) do update set holder = excluded.holder, since = excluded.since",
        [lane, f"{socket.gethostname()}:{os.getpid()}"],
    )
    return lane


def _end_of(pg: psycopg.Connection[Any], lane: int) -> tuple[int, bytes]:
    cursor = psycopg.Cursor(pg)
    cursor.execute("select seq, hash from audit where lane = %s order by seq desc limit 1", [lane])
    row = cursor.fetchone()
    return (row[0], bytes(row[1])) if row else (0, b"")
