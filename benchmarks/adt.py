"""From a discharge over MLLP to a row on the worklist: listener, inbox, identity, record, reactions, projections.

    python -m benchmarks.adt

The listener and the work loop run as processes of their own, as in production; the client is on the same cores. The
baseline is a bare insert and commit of the same bytes on one connection: what durability alone costs here.
"""

from __future__ import annotations

import random
import socket
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from string import ascii_lowercase
from zoneinfo import ZoneInfo

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, free_port, home, machine, wait_for

ONE_BY_ONE = 40 if QUICK else 200
BURST = 100 if QUICK else 500
HOUSTON = ZoneInfo("America/Chicago")
GOAL_SECONDS = 1.0  # “stands on Today within a second”

SENDER = """
import django; django.setup()
from datetime import datetime, UTC
from careloop.access import Scope, system_actor
from careloop.accounts.models import Principal, Sender
from careloop.actions.record import begin
with begin(Scope(system_actor("demo"), "command", "maintenance"), datetime.now(UTC)) as unit:
    place = [{"city": "Houston", "state": "TX", "postalCode": "77002"}]
    unit.create({"resourceType": "Organization", "name": "Bayview", "address": place}, id="bayview")
Sender.objects.create(principal=Principal.objects.create(kind="sender", name="bench"), name="bench",
                      peers=["127.0.0.0/8"], site="bayview", zone="America/Chicago")
"""
ZIPS = [f"770{n:02}" for n in range(2, 100) if n not in (1, 10)]


def discharge(n: int, now: datetime) -> bytes:
    """Of somebody nobody has seen before, yesterday at 16:20."""
    left = now.replace(hour=16, minute=20, second=0, microsecond=0) - timedelta(days=1)
    came, dice = left - timedelta(days=3), random.Random(n)
    family, given = ("".join(dice.choices(ascii_lowercase, k=length)) for length in (8, 6))
    zip_code = dice.choice(ZIPS)
    born = datetime(1930, 1, 1) + timedelta(days=n * 37 % 25_000)  # noqa: DTZ001 - a birth date
    stay = f"V{n}|||||||||||||||||01||||||||{left_text(came)}|{left_text(left)}"
    return (
        f"MSH|^~\\&|EPIC|BENCH|CARELOOP|BAYVIEW|{left_text(now)}||ADT^A03^ADT_A03|B{n}|P|2.5.1\r"
        f"EVN|A03|{left_text(left + timedelta(minutes=5))}\r"
        f"PID|1||{n}^^^BENCH^MR||{family}^{given}||{born:%Y%m%d}|F|||{n} Elm St^^Houston^TX^{zip_code}||832{n:07}\r"
        f"PV1|1|I|4W^412|||| {n % 90}^Alaz^Mohammed||||||||||||{stay}\r"
        f"DG1|1||I50.9^Heart failure^I10|||F\r"
    ).encode()


def left_text(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S%z}"


def send(line: socket.socket, raw: bytes) -> None:
    line.sendall(b"\x0b" + raw + b"\x1c\r")
    got = b""
    while not got.endswith(b"\x1c\r"):
        got += line.recv(4096)
    if b"MSA|AA" not in got:
        raise SystemExit(f"refused: {got!r}")


def wait_for_worker(record: psycopg.Connection) -> None:
    """Until the work loop listens for what there is to do."""
    ready = "select exists (select from pg_stat_activity where query ilike 'listen careloop%')"
    for _ in range(600):
        found = record.execute(ready).fetchone()
        if found and found[0]:
            return
        time.sleep(0.1)
    raise SystemExit("the work loop did not start")


def rows(record: psycopg.Connection) -> int:
    found = record.execute(
        "select count(*) from work where kind = 'call-after-discharge' and is_open"
    ).fetchone()
    return int(found[0]) if found else 0


def wait_for_rows(record: psycopg.Connection, wanted: int, seconds: float = 60.0) -> None:
    until = time.perf_counter() + seconds
    while rows(record) < wanted:
        if time.perf_counter() > until:
            raise SystemExit(f"{rows(record)} of {wanted} rows stood on the worklist after {seconds:.0f} s")
        time.sleep(0.002)


def baseline(record: psycopg.Connection, raw: bytes) -> list[float]:
    record.execute("create table if not exists bare(raw bytea)")
    took = []
    for _ in range(ONE_BY_ONE):
        began = time.perf_counter()
        record.execute("insert into bare values (%s)", [raw])
        took.append(time.perf_counter() - began)
    return took


def said(name: str, took: list[float], bare: float, gate: str = "") -> None:
    ordered = sorted(took)
    p50, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    print(f"{name:<38} p50 {p50 * 1000:7.1f} ms  p95 {p95 * 1000:7.1f} ms  {p50 / bare:6.1f} x bare{gate}")


def measure(record: psycopg.Connection, port: int, now: datetime) -> None:
    wait_for_worker(record)
    bare = baseline(record, discharge(0, now))
    line = socket.create_connection(("127.0.0.1", port), 30)
    began = time.perf_counter()
    send(line, discharge(1, now))
    wait_for_rows(record, 1)
    print(f"the first message after a start        {(time.perf_counter() - began) * 1000:11.1f} ms")
    for n in range(2, 6):  # statements prepared
        send(line, discharge(n, now))
    wait_for_rows(record, 5)
    acks, seen = [], []
    for n in range(6, 6 + ONE_BY_ONE):
        began = time.perf_counter()
        send(line, discharge(n, now))
        acks.append(time.perf_counter() - began)
        wait_for_rows(record, n)
        seen.append(time.perf_counter() - began)
        time.sleep(0.02)
    middle = statistics.median(bare)
    said("bare insert and commit (baseline)", bare, middle)
    said("message to AA", acks, middle)
    said("message to worklist row (goal 1,000 ms)", seen, middle)
    burst(record, line, now)


def burst(record: psycopg.Connection, line: socket.socket, now: datetime) -> None:
    first, began = 6 + ONE_BY_ONE, time.perf_counter()
    for n in range(first, first + BURST):
        send(line, discharge(n, now))
    acknowledged = time.perf_counter() - began
    wait_for_rows(record, first + BURST - 1, 300)
    print(
        f"a burst of {BURST}: {BURST / acknowledged:,.0f} acknowledged a second; "
        f"all on the worklist at {BURST / (time.perf_counter() - began):,.0f} a second"
    )


def main() -> None:
    from careloop.store import embedded

    with home() as place:
        print(machine(place))
        subprocess.run([sys.executable, "-c", SENDER], check=True)
        port = free_port()
        run = [sys.executable, "-m", "careloop.server"]
        children = [
            subprocess.Popen([*run, "work"]),
            subprocess.Popen([*run, "listen", "hl7", "--port", str(port)]),
        ]
        try:
            wait_for(port)
            with psycopg.connect(embedded.ensure_running(place / "postgres"), autocommit=True) as record:
                measure(record, port, datetime.now(HOUSTON))
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(20)


if __name__ == "__main__":
    main()
