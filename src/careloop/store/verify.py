"""Is the record whole? Walks the audit chains and compares their ends with the files outside the database; `whole`
also compares what is derived inside the store with what it is derived from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from careloop.store import audit, connection, disclosed, lane_heads, wall

Progress = Callable[[int], None]

_ROWS: Final = f"select {audit.COLUMNS}, hash from audit order by lane, seq, at"
_VERSIONS: Final = (
    f"select tx, rid, version, op, body from versions union all {disclosed.AS_VERSIONS} order by tx"
)
_INDEX_TABLES: Final = ("token", "string", "date", "reference", "quantity", "number", "uri")


@dataclass
class Report:
    """problems: sentences, each naming lane and number; empty means whole."""

    rows: int = 0
    lanes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.problems


def verify(cursor: Any, progress: Progress = lambda done: None) -> Report:
    """cursor: of a plain psycopg connection. progress is told how many rows are done, now and then.

    Finds: a changed row or body (hash), a removed or swapped one (numbers, hash before), a cut end (the files).
    Rows are read in one snapshot through a server-side cursor, so that memory stays small.
    """
    report = Report()
    heads, _, wrong = lane_heads.read()
    report.problems += wrong
    wall.lower_for_session(cursor)
    connection.forget()  # whoever opens a unit on this connection says anew who asks
    with cursor.connection.transaction():
        cursor.execute("set transaction isolation level repeatable read")
        expected = _walk(cursor.connection, report, heads, progress)
        _check_versions(cursor.connection, report, expected)
    return report


def _stream(connection: Any, query: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="careloop_verify") as rows:
        rows.itersize = 5_000
        rows.execute(query)
        yield from rows


def _walk(
    connection: Any, report: Report, heads: dict[int, tuple[int, str]], progress: Progress
) -> dict[int, bytes]:
    """Returns the digest of versions that each commit's audit row tells, by tx."""
    written: dict[int, bytes] = {}
    ends: set[int] = set()
    for lane, rows in itertools.groupby(_stream(connection, _ROWS), key=lambda row: row[0]):
        report.lanes += 1
        seq, digest, told = 0, b"", heads.get(lane)
        for row in rows:
            _check_link(report, row, seq, digest)
            seq, digest = row[1], bytes(row[-1])
            if row[14] is not None:
                written[lane << 48 | seq] = bytes(row[14])
            if told is not None and seq == told[0] and digest.hex() != told[1]:
                report.problems.append(f"Lane {lane}, row {seq}: not the one that the files of heads tell.")
            report.rows += 1
            if report.rows % 5_000 == 0:
                progress(report.rows)
        ends.add(lane)
        if told is not None and seq < told[0]:
            report.problems.append(
                f"Lane {lane} ends at {seq}; the files of heads tell {told[0]}. Its end was cut off."
            )
    for lane in sorted(heads.keys() - ends):
        report.problems.append(f"Lane {lane} is missing; the files of heads tell {heads[lane][0]} rows.")
    progress(report.rows)
    return written


def _check_link(report: Report, row: tuple[Any, ...], seq: int, before: bytes) -> None:
    where = f"Lane {row[0]}, row {row[1]}"
    if row[1] != seq + 1:
        report.problems.append(f"{where}: {row[1] - seq - 1} rows before it are missing or stand twice.")
    if not _is_linked(before, row):
        report.problems.append(f"{where}: it was changed, or the row before it was.")


def _is_linked(before: bytes, row: tuple[Any, ...]) -> bool:
    return audit.hash_of(before, row[:-1]) == bytes(row[-1])


def _check_versions(connection: Any, report: Report, expected: dict[int, bytes]) -> None:
    for tx, rows in itertools.groupby(_stream(connection, _VERSIONS), key=lambda row: row[0]):
        digest = audit.digest_of_written((row[1], row[2], row[3], bytes(row[4])) for row in rows)
        told = expected.pop(tx, None)
        if told is None:
            report.problems.append(f"Versions of {_commit(tx)} have no audit row.")
        elif told != digest:
            report.problems.append(f"Versions of {_commit(tx)} were changed or removed.")
    for tx in sorted(expected):
        report.problems.append(f"Versions of {_commit(tx)} were removed.")


def _commit(tx: int) -> str:
    return f"lane {tx >> 48}, row {tx & (1 << 48) - 1}"


_CHECKS: Final = {
    "heads without their version": (
        "select count(*) from heads h where not exists (select from versions v "
        "where v.person = h.person and v.rid = h.rid and v.version = h.version)"
    ),
    "versions newer than their head": (
        "select count(*) from versions v join heads h on h.rid = v.rid where v.version > h.version"
    ),
    "versions without a head": (
        "select count(*) from versions v where not exists (select from heads h where h.rid = v.rid)"
    ),
    "gaps between versions": (
        "select count(*) from (select rid from versions group by rid having count(*) <> max(version)) gaps"
    ),
    "heads without a key": (
        "select count(*) from heads h where not exists (select from ids i where i.rid = h.rid and i.person = h.person)"
    ),
    "versions without an event in the feed": (
        "select count(*) from versions v where not exists "
        "(select from feed f where f.person = v.person and f.rid = v.rid and f.version = v.version)"
    ),
    "events in the feed without their version": (
        "select count(*) from feed f where not exists "
        "(select from versions v where v.person = f.person and v.rid = f.rid and v.version = f.version)"
    ),
    "members without a live head": (
        "select count(*) from members m where not exists "
        "(select from heads h where h.person = m.home and h.rid = m.rid and h.state = 1)"
    ),
    **{
        f"rows of index_{name} without a live head": (
            f"select count(*) from index_{name} x where not exists "
            "(select from heads h where h.person = x.person and h.rid = x.rid and h.state = 1)"
        )
        for name in _INDEX_TABLES
    },
}


def whole(cursor: Any, progress: Progress = lambda done: None) -> Report:
    """The audit chains, and that heads, versions, feed, keys and index rows fit each other."""
    cursor.execute("set statement_timeout = 0")
    try:
        report = verify(cursor, progress)
        report.problems += disclosed.problems(cursor)
        for what, query in _CHECKS.items():
            cursor.execute(query)
            if count := cursor.fetchone()[0]:
                report.problems.append(f"There are {count} {what}.")
    finally:
        cursor.execute("reset statement_timeout")
    return report
