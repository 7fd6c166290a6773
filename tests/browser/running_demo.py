"""`careloop demo` as a stranger starts it, in a home of its own: processes, sockets, the machine's own clock."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPO

START, END = b"\x0b", b"\x1c\r"


@dataclass(frozen=True)
class Demo:
    url: str
    hl7_port: int
    said: str
    started_in: float
    home: Path

    @property
    def token(self) -> str:
        """Of the API client that may do everything here."""
        return (self.home / "demo-token").read_text().strip()

    def send(self, raw: bytes) -> str:
        """One message over MLLP; the acknowledgment."""
        with socket.create_connection(("127.0.0.1", self.hl7_port), timeout=10) as line:
            line.sendall(START + raw + END)
            answer = b""
            while not answer.endswith(END):
                more = line.recv(65_536)
                assert more, "the listener closed without an answer"
                answer += more
        return answer.strip(START + END).decode()


@contextlib.contextmanager
def running_demo(home: Path, people: int = 60) -> Iterator[Demo]:
    """Ends with everything stopped; the home stays, so that it can be started again."""
    port, hl7_port = free_port(), free_port()
    home.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "CARELOOP_SECRET_KEY")}
    environment |= {"CARELOOP_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "careloop.server", "demo", "--port", str(port)]
    command += ["--hl7-port", str(hl7_port), "--people", str(people)]
    began, log = time.monotonic(), home / "demo.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=REPO, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait_for(process, f"http://127.0.0.1:{port}/healthz", hl7_port, log)
        yield Demo(f"http://127.0.0.1:{port}", hl7_port, log.read_text(), time.monotonic() - began, home)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(
    process: subprocess.Popen[bytes], url: str, hl7_port: int, log: Path, seconds: float = 120
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-4_000:]
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            socket.create_connection(("127.0.0.1", hl7_port), timeout=2).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"the demonstration did not start in {seconds} s:\n{log.read_text()[-4_000:]}")


def new_home(name: str) -> Path:
    """Short: PostgreSQL's socket lies in it, and a socket's path has at most 107 characters."""
    home = REPO / "var" / f"{name}-{os.getpid()}"
    shutil.rmtree(home, ignore_errors=True)
    return home
