"""What runs beside the pages: the work loop and the MLLP listener, joined from parts that do not know one another."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType

import psycopg
from django.db import DatabaseError, connection, transaction

from careloop import library, reactions
from careloop.accounts import clock_mark, upkeep
from careloop.actions import judge_access
from careloop.connect.hl7v2 import listener, process, receive
from careloop.jobs import by_hand, outbox, portal_codes
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError
from careloop.library import Library
from careloop.server import watch
from careloop.store import audit, feed, lane_heads

log = logging.getLogger("careloop.work")

CHANNELS = ("careloop_feed", "careloop_inbox", "careloop_outbox")
# A wake-up may be lost, and a commit is only readable once older transactions have ended: so it also looks by itself.
IDLE_SECONDS = 1.0
SETTLING_SECONDS = 0.02
FIRST_PAUSE = 0.5


@dataclass
class Station:
    """One kind of work. run: does some and returns how much; 0 when nothing waits. every: seconds between two looks
    at work that nothing announces."""

    name: str
    run: Callable[[datetime], int]
    every: float = 0.0
    _next: float = field(default=0.0, init=False)
    _pause: float = field(default=FIRST_PAUSE, init=False)
    failing_since: datetime | None = field(default=None, init=False)

    @property
    def is_pausing(self) -> bool:
        """After a failure, until it tries again."""
        return self._pause > FIRST_PAUSE and time.monotonic() < self._next

    def turn(self, now: datetime) -> int:
        """A failure here is logged without values, and this station alone pauses, longer each time."""
        if time.monotonic() < self._next:
            return 0
        try:
            done = self.run(now)
        except (
            CareError,
            psycopg.Error,
            DatabaseError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            log.error("%s: %s at %s", self.name, type(error).__name__, _where(error))
            self.failing_since = self.failing_since or now
            self._next, self._pause = time.monotonic() + self._pause, min(self._pause * 2, 30.0)
            connection.close_if_unusable_or_obsolete()
            return 0
        self._pause, self.failing_since = FIRST_PAUSE, None
        self._next = time.monotonic() + self.every if not done else 0.0
        return done


def _where(error: BaseException) -> str:
    """File and line, never a message: messages may hold patient data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


def stations(content: Library) -> list[Station]:
    every = [
        Station("inbox", lambda now: process.run(now, content)),
        Station("reactions", lambda now: reactions.run(now, content)),
        Station("timers", lambda now: reactions.run_timers(now, content), every=IDLE_SECONDS),
        Station("outbox", lambda now: outbox.run(now, by_hand.senders(now)), every=IDLE_SECONDS),
        Station("codes", portal_codes.run, every=IDLE_SECONDS),
        Station("audit", _digest_audit, every=60.0),
        Station("odd access", lambda now: judge_access.run(now, content), every=60.0),
        Station("heads", _sign_heads, every=60.0),
        Station("sign-in", _tidy_sign_in, every=3600.0),
        Station("clock", _keep_clock, every=60.0),
    ]
    return [*every, Station("watch", lambda now: watch.tell(now, _failing(every)), every=60.0)]


def _failing(every: list[Station]) -> dict[str, datetime]:
    return {station.name: station.failing_since for station in every if station.failing_since}


def _digest_audit(now: datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        return audit.digest_people(cursor)


def _sign_heads(now: datetime) -> int:
    lane_heads.sign_heads(now)
    return 0


def _tidy_sign_in(now: datetime) -> int:
    upkeep.tidy(now)
    return 0


def _keep_clock(now: datetime) -> int:
    clock_mark.keep(now)
    return 0


def run_work(*, once: bool) -> None:
    """Until SIGTERM or SIGINT; what is in hand is finished first. once: until nothing is left to do."""
    stop = _stopped_by_signals()
    every = stations(library.load())
    process.prepare()
    if once:
        while work_once(every):
            pass
        return
    bell = Bell()
    while not stop.is_set():
        if not work_once(every):
            bell.wait(SETTLING_SECONDS if _is_settling(every) else IDLE_SECONDS)


def work_once(every: list[Station]) -> int:
    return sum(station.turn(system_clock()) for station in every)


def _is_settling(every: list[Station]) -> bool:
    """Committed, but not yet readable, because an older transaction is still open. What waits for reactions that
    pause after a failure is not settling."""
    if any(station.is_pausing for station in every if station.name == "reactions"):
        return False
    try:
        return feed.lag("reactions", most=1) > 0
    except (psycopg.Error, DatabaseError):
        return False


class Bell:
    """Rings when another process has committed something to do."""

    def __init__(self) -> None:
        self._line: psycopg.Connection[tuple[object, ...]] | None = None

    def wait(self, seconds: float) -> None:
        """Returns early on a ring; without a database it just waits."""
        try:
            for _ in self._connected().notifies(timeout=seconds, stop_after=1):
                return
        except psycopg.Error:
            self._line = None
            time.sleep(IDLE_SECONDS)

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._line is None or self._line.closed:
            found = connection.get_connection_params()
            names = ("host", "port", "user", "password", "dbname", "options")
            self._line = psycopg.connect(
                **{name: found[name] for name in names if found.get(name)}, autocommit=True
            )
            for channel in CHANNELS:
                self._line.execute(f"listen {channel}".encode())
        return self._line


def run_hl7_listener(host: str, port: int) -> None:
    listener.serve(
        host,
        port,
        accept=lambda raw, peer: receive.accept(raw, peer, system_clock()),
        stop=_stopped_by_signals(),
        tls=listener.tls_from(os.environ),
    )


def _stopped_by_signals() -> threading.Event:
    stop = threading.Event()

    def ended(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ended)
    return stop
