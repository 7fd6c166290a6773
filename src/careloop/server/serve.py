"""`careloop serve` and `careloop demo`: one supervisor over web workers, the work loop and the MLLP listener.

A child that dies is started again, after a pause that grows while it keeps dying. SIGTERM and Ctrl-C stop the
children first (they finish what they hold), then the embedded PostgreSQL when this process started it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import FrameType

import click
import psycopg

from careloop.kernel.errors import CareError
from careloop.store import embedded


class PortTaken(CareError):
    """Another program is using this port."""

    code, status = "port-taken", 409


@dataclass(frozen=True)
class Plan:
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    threads: int = 8
    hl7_host: str = "127.0.0.1"
    hl7_port: int = 0

    def environment(self) -> dict[str, str]:
        """What the web workers are told of this plan. One thread more than work at once: it is the one that tells
        others to come again."""
        return {"CARELOOP_MOST_AT_ONCE": str(self.threads), "CARELOOP_WORKERS": str(self.workers)}

    def commands(self) -> dict[str, list[str]]:
        """Name -> the command line of each child."""
        web = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi"),
            *("--host", self.host, "--port", str(self.port)),
            *("--workers", str(self.workers), "--blocking-threads", str(self.threads + 1)),
            # A thread holds a connection of the database with its prepared plans: a new one costs a tenth of a second.
            *("--blocking-threads-idle-timeout", "600"),
            *("--backpressure", str(self.threads * 16), "--log-level", "warning", "--no-ws"),
            *("--http", "1", "--http1-buffer-size", "65536", "--http1-header-read-timeout", "10000"),
            *("--respawn-failed-workers", "--workers-kill-timeout", "5"),
            "careloop.server.wsgi:application",
        ]
        children = {"web": web, "work": [sys.executable, "-m", "careloop.server", "work"]}
        if os.environ.get("CARELOOP_BACKUP_DIR"):
            children["backup"] = [sys.executable, "-m", "careloop.server", "backup", "keep"]
        if self.hl7_port:
            children["listen"] = [
                *(sys.executable, "-m", "careloop.server", "listen", "hl7"),
                *("--host", self.hl7_host, "--port", str(self.hl7_port)),
            ]
        return children


class Child:
    """One process under supervision."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name, self.command = name, command
        self.pause = 0.5
        self.next_start = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    def tend(self, now: float) -> None:
        """Starts the child when it is not running and its pause is over."""
        if self.process is not None and self.process.poll() is None:
            return
        if self.process is not None:
            code = self.process.returncode
            self.pause = 0.5 if now - self.started > 60 else min(self.pause * 2, 30)
            self.next_start = now + self.pause
            self.process = None
            click.echo(
                f"careloop: {self.name} ended with {code}; starting it again in {self.pause:.0f} s", err=True
            )
        if now >= self.next_start:
            self.started = now
            self.process = subprocess.Popen(self.command)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Database:
    """The embedded server, looked after like a child: when it died (it does when there is no space for its log) it is
    started again, as often as it takes. Whoever asks meanwhile is answered 503."""

    LOOKED_EVERY = 1.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.next_look = 0.0
        self.pause = self.LOOKED_EVERY
        self.starting: threading.Thread | None = None

    def tend(self, now: float) -> None:
        if now < self.next_look or (self.starting is not None and self.starting.is_alive()):
            return
        if embedded.postmaster_pid(self.folder) is not None:
            self.next_look, self.pause = now + self.LOOKED_EVERY, self.LOOKED_EVERY
            return
        self.next_look, self.pause = now + self.pause, min(self.pause * 2, 30.0)
        click.echo("careloop: the database ended; starting it again", err=True)
        # Beside: recovery may take a while, and the children are looked after meanwhile.
        self.starting = threading.Thread(target=self._start, daemon=True)
        self.starting.start()

    def _start(self) -> None:
        try:
            embedded.ensure_running(self.folder)
        except (CareError, OSError, psycopg.Error) as failed:
            said = failed.sentence if isinstance(failed, CareError) else type(failed).__name__
            click.echo(f"careloop: the database does not start yet: {said}", err=True)


def supervise(plan: Plan, *, stop_database: Path | None = None) -> None:
    """Runs until SIGTERM, SIGINT or SIGHUP."""
    refuse_taken_port(plan.host, plan.port)
    for variable, value in plan.environment().items():
        os.environ.setdefault(variable, value)
    is_stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal is_stopping
        is_stopping = True

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, stop)
    children = [Child(name, command) for name, command in plan.commands().items()]
    home = Path(os.environ.get("CARELOOP_HOME", "var")).resolve()
    database = None if os.environ.get("DATABASE_URL") else Database(home / "postgres")
    try:
        while not is_stopping:
            if database is not None:
                database.tend(time.monotonic())
            for child in children:
                child.tend(time.monotonic())
            time.sleep(0.2)
    finally:
        _stop_all(children)
        if stop_database is not None:
            embedded.stop(stop_database)


def _stop_all(children: list[Child]) -> None:
    for child in children:
        child.stop()
    deadline = time.monotonic() + 10
    for child in children:
        child.wait(deadline)


def refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as taken:
            raise PortTaken(
                f"{host}:{port} can't be bound ({taken.strerror}). Try PORT={port + 1}."
            ) from taken


def start_demo(*, port: int, people: int, seed: int, workers: int, hl7_port: int) -> None:
    """Database, tables, community, then the server; everything after the first time is already there."""
    refuse_taken_port("127.0.0.1", port)
    if hl7_port:
        refuse_taken_port("127.0.0.1", hl7_port)
    home = Path(os.environ.get("CARELOOP_HOME", "var")).resolve()
    os.environ.setdefault("CARELOOP_HOME", str(home))
    os.environ["CARELOOP_DEMO"] = "1"  # made-up people need no second factor; `check --deploy` refuses it
    os.environ.setdefault("CARELOOP_CODES", "file")  # codes of the family's door; refused there, too
    folder = None if os.environ.get("DATABASE_URL") else home / "postgres"
    was_running = folder is not None and embedded.is_running(folder)
    if folder is not None:
        embedded.ensure_running(folder)
    migrate_if_needed(home)
    from careloop.server.command import ready

    ready(start=False)
    from careloop.server.demo import prepare

    summary = prepare(home=home, people=people, seed=seed, today=date.today())  # noqa: DTZ011  # the machine's own day: it is a demo on this machine
    from django.db import connections

    connections.close_all()
    click.echo(summary.text(port=port, hl7_port=hl7_port))
    supervise(
        Plan(port=port, workers=workers, threads=6, hl7_port=hl7_port),
        stop_database=folder if not was_running else None,
    )


def migrate_if_needed(home: Path) -> None:
    """Runs `careloop migrate` as the owner, in a process of its own, unless it ran with these very files."""
    stamp, wanted = home / "migrated", migrations_fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "careloop.server", "migrate"], check=True)
    home.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)


def migrations_fingerprint() -> str:
    """All migrations with what they say, and where the database is: what decides whether there is work to do."""
    root = Path(__file__).resolve().parent.parent
    digest = sha256(os.environ.get("DATABASE_URL", "embedded").encode())
    for path in sorted(
        [*root.glob("*/migrations/0*.py"), *root.glob("*/*.sql"), *root.glob("*/migrations/*.sql")]
    ):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
