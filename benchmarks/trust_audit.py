"""The audit trail: how long a million rows take to verify, what writing it costs a read, and how fast the viewer finds
somebody among them.

    python -m benchmarks.trust_audit [--quick]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, SLOW, home, machine

ROWS = 100_000 if QUICK else 1_000_000
GATE_ROWS_A_SECOND = 1_000_000 / 60
LANES = 8
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def chain(lane: int, count: int, people: int) -> Iterator[tuple[Any, ...]]:
    """Rows as a busy house leaves them: half a year of reads, lists now and then."""
    from careloop.store import audit, bodies, people_sets

    detail = zlib.compress(bodies.encode([["R", "Patient/0f8fad5b-d9cb-469f-a165-70867728950e", 3]]), 1)
    before = b""
    for seq in range(1, count + 1):
        person = 100 + (seq * 7_919 + lane) % people
        seen = {person} if seq % 9 else {person + step for step in range(40)}
        at = NOW - timedelta(seconds=(count - seq) * 15_000_000 / count)
        actor = 1 + (seq * 31 + lane) % 60
        row: tuple[Any, ...] = (
            *(lane, seq, at, actor, None, "R", 0, "coordination", "page", f"{lane:04x}{seq:012x}"),
            *(57_293, person, people_sets.pack(seen), detail, None),
        )
        before = audit.hash_of(before, row)
        yield (*row, before)


def fill(rows: int, people: int = 20_000) -> None:
    from careloop.store import audit
    from careloop.store.connection import keeper

    kept = keeper()
    kept.cursor().execute("set statement_timeout = 0")
    with kept.cursor().copy(f"copy audit({audit.COLUMNS}, hash) from stdin") as copy:
        for lane in range(100, 100 + LANES):
            for row in chain(lane, rows // LANES, people):
                copy.write_row(row)
    kept.cursor().execute("analyze audit")


def seconds_of(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def verified() -> tuple[float, int]:
    from django.db import connection

    from careloop.store import verify

    connection.ensure_connection()
    connection.connection.execute("set statement_timeout = 0")
    begun = time.perf_counter()
    report = verify.verify(connection.connection.cursor())
    assert report.is_whole, report.problems[:3]
    return time.perf_counter() - begun, report.rows


def reads(count: int) -> dict[str, tuple[float, float]]:
    """Reads of one resource by one connection: how many a second, and core microseconds each in Python and in the
    database. Audited; with the row, but nobody waits for the disk; without it."""
    from careloop import store
    from careloop.access import Scope, system_actor
    from careloop.server import spent
    from careloop.store import commit
    from careloop.store.connection import keeper

    scope = Scope(system_actor("reactions"), "work", "operations")
    with store.open(scope, now=NOW) as unit:
        id = unit.create({"resourceType": "Patient", "name": [{"family": "Bench"}]}).id

    def read() -> None:
        for _ in range(count):
            with store.open(scope, now=NOW) as unit:
                unit.read("Patient", id)

    def measured() -> tuple[float, float]:
        read()
        began = spent.mark()
        return count / seconds_of(read), spent.since(began) / count * 1e6

    found = {"audited": measured()}
    keeper().cursor().execute("set synchronous_commit = off")
    found["not waiting for the disk"] = measured()
    keeper().cursor().execute("set synchronous_commit = on")
    with patch.object(commit.Commit, "_commit", lambda self: None):
        found["without"] = measured()
    return found


def looked_for(times: int = 40) -> dict[str, float]:
    """Milliseconds, the slowest but two, of a page of the viewer among all those rows."""
    from careloop import store
    from careloop.access import Actor, Scope
    from careloop.projections import looks
    from careloop.projections.looks import Asked
    from careloop.store import audit
    from careloop.store.connection import keeper

    added = 0
    while done := audit.digest_people(keeper().cursor(), 50_000):
        added += done
    print(f"{added:,} rows added up by person")
    scope = Scope(Actor(7, "staff", "Auditor", frozenset({"auditor"})), "page", "audit")
    asks: dict[str, Callable[[int], Asked]] = {
        "newest": lambda n: Asked(),
        "one of the staff": lambda n: Asked(actor=1 + n),
        "one person": lambda n: Asked(person=100 + n * 331),
        "refused": lambda n: Asked(outcome=4),
        "one day": lambda n: Asked(since=NOW - timedelta(days=n + 1), until=NOW - timedelta(days=n)),
    }
    found = {}
    for name, ask in asks.items():
        took = []
        for n in range(times):
            begun = time.perf_counter()
            with store.open(scope, now=NOW) as unit:
                looks.page(unit, ask(n))
            took.append((time.perf_counter() - begun) * 1000)
        found[name] = sorted(took)[-3]
    return found


def complete(responses: int) -> int:
    """The walk through every page, and the FHIR door, with as many answers as asked; 0 when nobody is missing."""
    test = ["tests/trust/test_audit_completeness.py", "tests/api/test_audit_completeness.py"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *test],
        env={**os.environ, "CARELOOP_AUDIT_RESPONSES": str(responses)},
        cwd=Path(__file__).resolve().parent.parent,
        check=False,
    ).returncode


def main() -> int:
    is_complete = complete(300 if QUICK else 2_000) == 0
    with home() as place:
        print(machine(place))
        import django

        django.setup()
        found = reads(500 if QUICK else 3_000)
        for name, (rate, core) in found.items():
            share = rate / found["without"][0]
            print(f"reads of one resource, {name}: {rate:,.0f}/s ({share:.0%}), {core:.0f} core µs each")
        made = seconds_of(lambda: fill(ROWS))
        print(f"{ROWS:,} rows made in {made:.0f} s")
        took, rows = verified()
        needed = rows / GATE_ROWS_A_SECOND
        print(f"{rows:,} rows verified in {took:.1f} s; gate {needed:.1f} s")
        for name, milliseconds in looked_for().items():
            print(f"viewer, {name}: p95 {milliseconds:.0f} ms")
        print(f"everybody shown stands in the trail: {'yes' if is_complete else 'NO'}")
        return 1 if not is_complete else 0 if took <= needed else SLOW


if __name__ == "__main__":
    sys.exit(main())
