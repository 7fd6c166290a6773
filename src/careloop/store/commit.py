"""How a unit of work opens, sends what it wrote, and ends: all of it with its audit row, or nothing. After a failure,
what was seen or denied is written down by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from django.db import DatabaseError, transaction

from careloop.access import Scope
from careloop.kernel.errors import CareError, Conflict
from careloop.store import audit, keys, lane_heads, wall, writing
from careloop.store.connection import Keeper, drop, keeper
from careloop.store.errors import AlreadyExists, AuditUnavailable, RecordFault, RecordUnavailable, TooCostly
from careloop.store.stored import Change, Projector


class Commit:
    """changes: what was written so far, in order. What it sends and asks for at its end, `sight` and `unit` say."""

    def __init__(self, scope: Scope, now: datetime, projectors: tuple[Projector, ...]) -> None:
        self.scope, self.now = scope, now
        self.changes: list[Change] = []
        self._projectors = projectors
        self._pending = writing.Pending()
        self._new_keys: dict[tuple[str, str], int] = {}
        self._trail = audit.Trail()
        self._denied = False
        self._atomic: transaction.Atomic | None = None
        self._notices: set[str] = set()
        self._keeper: Keeper

    def __enter__(self) -> Self:
        self._keeper = keeper()
        if self._keeper.unit_is_open or transaction.get_connection().in_atomic_block:
            raise RuntimeError("a unit of work opens outside of any other transaction, and units do not nest")
        with self._failures():
            wall.raise_for(self._keeper, self.scope.actor)
        self._keeper.unit_is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                with self._failures():
                    self._commit()
            else:
                self._abandon(error)
        except BaseException as failed:
            if failed is not error:
                self._abandon(failed)
            raise
        finally:
            self._keeper.unit_is_open = False
        if isinstance(error, psycopg.Error | DatabaseError):
            raise _in_our_words(error) from error

    def _commit(self) -> None:
        self._project()
        self._check_after()
        if self._atomic is None and not self._trail.has_begun:
            return
        lane_heads.descriptor(self.now)
        row = audit.row_of(self._keeper, self.scope, self.now, self._trail, self._trail.outcome())
        if self._atomic is None:
            self._keeper.cursor().execute(audit.INSERT, row)
        else:
            with self._keeper.pg.pipeline():
                self._send_pending()
                self._keeper.cursor().execute(audit.INSERT, row)
                atomic, self._atomic = self._atomic, None
                atomic.__exit__(None, None, None)
        self._committed(row)
        self._notify()

    def _committed(self, row: tuple[Any, ...]) -> None:
        self._keeper.seq, self._keeper.digest = row[1], row[-1]
        lane_heads.append(self._keeper, self.now)
        if self._new_keys:
            keys.remember(self._new_keys)

    def _notify(self) -> None:
        # After the commit, by itself: a NOTIFY inside would hold a lock of the whole database across fsync.
        if self.changes:
            self._notices.add("careloop_feed")
        for channel in sorted(self._notices):
            self._keeper.cursor().execute("select pg_notify(%s, '')", [channel])

    def _abandon(self, error: BaseException) -> None:
        """Rolls back; then says in the audit trail what was seen or refused before it failed."""
        if self._atomic is not None:
            atomic, self._atomic = self._atomic, None
            try:
                atomic.__exit__(type(error), error, None)
            except (psycopg.Error, DatabaseError):
                drop()
                return
        if self._keeper.pg.closed or self._keeper.pg.broken:
            drop()
            return
        self._keeper.reload()
        if not (self._denied or self._trail.has_begun):
            return
        self._trail.written.clear()
        outcome = audit.DENIED if self._denied else audit.FAILED
        with self._failures():
            row = audit.row_of(self._keeper, self.scope, self.now, self._trail, outcome)
            self._keeper.cursor().execute(audit.INSERT, row)
            self._keeper.seq, self._keeper.digest = row[1], row[-1]
            lane_heads.append(self._keeper, self.now)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, DatabaseError) as failed:
            raise _in_our_words(failed) from failed

    def _begin(self) -> None:
        if self._atomic is None:
            self._atomic = transaction.atomic(durable=True)
            self._atomic.__enter__()

    def cursor(self) -> psycopg.Cursor[Any]:
        """A cursor of the same transaction, parameters bound by the server. Earlier writes are there."""
        self.flush()
        self._begin()
        return self._keeper.cursor()

    def glance(self) -> psycopg.Cursor[Any]:
        """A cursor for a question alone. It opens no transaction, so a unit that hands nothing out commits nothing,
        and asking every second whether anything changed costs no fsync. Nothing is written through it."""
        self.flush()
        return self._keeper.cursor()

    def ask(self, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """As a glance, for a large statement that is asked all day: $1, $2, … for its parameters, and one plan a
        connection, made for any of them. Only where the plan is right whatever they are."""
        self.flush()
        pg = self._keeper.pg
        with self._failures(), pg.pipeline():
            cursor = psycopg.RawCursor(pg)
            self._keeper.cursor().execute("set plan_cache_mode = force_generic_plan")
            cursor.execute(query.encode(), parameters, prepare=True)
            self._keeper.cursor().execute("set plan_cache_mode = auto")
            return cursor.fetchall()

    def _run(self, query: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
        """A read of our own: without a transaction as long as nothing was written."""
        with self._failures():
            return self._keeper.cursor().execute(query.encode(), parameters)

    def flush(self) -> None:
        """Sends waiting writes to the database, so that searches and projectors see them."""
        if self._pending.staged:
            with self._failures(), self._keeper.pg.pipeline():
                self._send_pending()

    def _send_pending(self) -> None:
        pending, self._pending = self._pending, writing.Pending()
        if pending.staged:
            # What is written, and what projections make of it, goes by keys: one plan does for all. Planning each anew
            # cost twice what it took to carry it out (docs/performance.md). A range asked for later sets it back.
            self._keeper.cursor().execute("set local plan_cache_mode = force_generic_plan")
            writing.flush(self._keeper.cursor(), pending, self._keeper.tx(), self.mention_many)

    @property
    def tx(self) -> int:
        """The number of this commit: lane and seq of its audit row."""
        return self._keeper.tx()

    def cover(self, number: int, digest: bytes) -> None:
        """A row that stands beside the record (disclosures), among what the audit row of this commit answers for."""
        self._trail.wrote(-number, 0, 0, digest)

    def notify(self, channel: str) -> None:
        """After the commit."""
        self._notices.add(channel)

    def mention_many(self, references: Collection[str]) -> dict[str, int]:
        raise NotImplementedError

    def _project(self) -> None:
        raise NotImplementedError

    def _check_after(self) -> None:
        raise NotImplementedError


# Refused because of what was written, and it would be refused again. A missing table is an outage, not a fault of this.
OUR_FAULTS: Final = (psycopg.DataError, psycopg.IntegrityError)


def _in_our_words(failed: BaseException) -> CareError:
    """The database's errors as ours. Nothing of their text is passed on: it may quote values."""
    cause = failed.__cause__ if isinstance(failed, DatabaseError) and failed.__cause__ else failed
    if isinstance(cause, psycopg.errors.QueryCanceled):
        return TooCostly()
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return AlreadyExists() if cause.diag.table_name == "heads" else Conflict()
    if isinstance(cause, psycopg.Error) and "audit" in (cause.diag.message_primary or ""):
        return AuditUnavailable()
    if isinstance(cause, OUR_FAULTS):
        return RecordFault()
    return RecordUnavailable()
