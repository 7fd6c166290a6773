"""What the measures share: a home of their own with a database in it, a server, a plain HTTP client, and the figures of
the machine to hold a result against."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

QUICK = bool(os.environ.get("CARELOOP_BENCH_QUICK"))
SLOW = 3  # exit code of a measure that missed a speed and nothing else
REPO = Path(__file__).resolve().parent.parent
CORPORA = REPO.parent / "shared" / "corpora"
TOKEN = """
import django; django.setup()
from datetime import datetime, UTC
from careloop.accounts.models import ApiClient
print(ApiClient.issue("bench", "system/*.cruds", datetime.now(UTC))[1])
"""


@contextmanager
def home() -> Iterator[Path]:
    """An empty folder with a migrated database; gone at the end. Nothing of the caller's own is touched."""
    from careloop.store import embedded

    place = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(
        CARELOOP_HOME=str(place), DJANGO_SETTINGS_MODULE="careloop.server.settings", CARELOOP_LOG="ERROR"
    )
    try:
        careloop("migrate")
        yield place
    finally:
        embedded.stop(place / "postgres")
        shutil.rmtree(place)


def careloop(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "careloop.server", *words], check=True, capture_output=True, text=True
    )
    return done.stdout


def token() -> str:
    done = subprocess.run([sys.executable, "-c", TOKEN], check=True, capture_output=True, text=True)
    return done.stdout.split()[-1]


def fsync_ms(folder: Path) -> float:
    with (folder / "probe").open("wb") as probe:
        started = time.perf_counter()
        for _ in range(50):
            probe.write(b"x" * 8192)
            probe.flush()
            os.fsync(probe.fileno())
        return (time.perf_counter() - started) * 20


def machine(folder: Path) -> str:
    """How fast this machine is just now: other work on it moves every figure below."""
    started = time.perf_counter()
    sum(n * n for n in range(1_000_000))
    turn = (time.perf_counter() - started) * 1000
    load = os.getloadavg()[0]
    sync = fsync_ms(folder)
    return f"{os.cpu_count()} cores, load {load:.1f} before, fsync {sync:.2f} ms, a Python loop {turn:.0f} ms"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(workers: int = 2, threads: int = 8) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The web server as `careloop serve` starts it; gives its port and its process."""
    from careloop.server.serve import Plan

    plan = Plan(port=free_port(), workers=workers, threads=threads)
    port, command = plan.port, plan.commands()["web"]
    process = subprocess.Popen(command, env={**os.environ, **plan.environment()})
    try:
        wait_for(port)
        yield port, process
    finally:
        process.terminate()
        process.wait(15)


def wait_for(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the server did not start")


class Line:
    """One connection that stays open. As little as HTTP needs, so that the client leaves the cores to the server."""

    def __init__(self, port: int, token: str = "") -> None:
        self.port = port
        self.head = f"Host: 127.0.0.1:{port}\r\nContent-Type: application/fhir+json\r\n" + (
            f"Authorization: Bearer {token}\r\n" if token else ""
        )
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer. Ends the run when it is no success: a figure with refusals in it is none."""
        self.socket.sendall(
            f"{method} {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._more()
        head = got[:end].lower()
        wanted = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
        content = got[end + 4 :]
        while len(content) < wanted:
            content += self._more()
        if not head.startswith(b"http/1.1 2"):
            raise RuntimeError(f"{method} {path}: {head[:20]!r} {content[:300]!r}")
        return content

    def _more(self) -> bytes:
        got = self.socket.recv(65536)
        if not got:
            raise RuntimeError("the server closed the connection")
        return got


Ask = Callable[[Line, int], object]


def rate(connections: int, seconds: float, open_line: Callable[[], Line], ask: Ask) -> tuple[float, float]:
    """(requests a second, p95 in ms) of so many connections that ask one after the other for so long.
    ask: told the number of the request, which no two share."""
    times: list[list[float]] = [[] for _ in range(connections)]
    failed: list[BaseException] = []
    until = time.perf_counter() + seconds

    def work(at: int) -> None:
        try:
            line, number = open_line(), at
            while (begun := time.perf_counter()) < until:
                ask(line, number)
                times[at].append(time.perf_counter() - begun)
                number += connections
        except (RuntimeError, OSError) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"a request failed: {failed[0]}")
    every = sorted(taken for each in times for taken in each)
    return len(every) / (time.perf_counter() - started), every[int(len(every) * 0.95)] * 1000


def resident(pid: int) -> tuple[float, float]:
    """(RSS, PSS) of a process in MB; PSS counts what is shared by parts. Linux only."""
    found = {}
    for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = row.partition(":")
        found[name] = int(rest.split()[0]) / 1024
    return found["Rss"], found["Pss"]


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(found for child in children(pid) for found in tree(child))]


def postmaster(place: Path) -> int:
    return int((place / "postgres" / "postmaster.pid").read_text().split()[0])


def cpu_seconds(*roots: int) -> float:
    """What these processes and those below them have used so far. Other work on the machine does not move it."""
    ticks = 0
    for pid in (found for root in roots for found in tree(root)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
