"""One data folder, killed or without power again and again. Used by the tests and by benchmarks/trust_*.py."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from careloop.store import embedded
from tests.crash.power import Disk

REPO = Path(__file__).resolve().parent.parent.parent
WRITERS = 2
WORK = Path(__file__).with_name("work.py")


@dataclass
class Tally:
    """acknowledged: reference to the version last said to be safe."""

    rounds: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    ready_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Yard:
    """home: the installation. forge: a process that has everything loaded and writes nothing itself; writers are its
    children. disk: one that forgets, when power losses are played."""

    home: Path
    forge: subprocess.Popen[str]
    disk: Disk | None = None
    pick: random.Random = field(default_factory=lambda: random.Random(7))

    def writers(self, said: list[Path], turn: int) -> list[int]:
        assert self.forge.stdin is not None
        assert self.forge.stdout is not None
        for number, path in enumerate(said):
            path.unlink(missing_ok=True)
            self.forge.stdin.write(f"{turn * 10 + number} {path}\n")
        self.forge.stdin.flush()
        return [int(self.forge.stdout.readline()) for _ in said]

    def start(self) -> str:
        with self.disk.below() if self.disk else nullcontext():
            return embedded.ensure_running(self.home / "postgres")


def environment_of(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**kept, "CARELOOP_HOME": str(home), "DJANGO_SETTINGS_MODULE": "careloop.server.settings", **more}


def prepare(home: Path, *settings: str) -> None:
    """settings: further lines of postgresql.conf, for the controls."""
    embedded.ensure_running(home / "postgres")
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0", "--skip-checks"]
    subprocess.run(command, env=environment_of(home, CARELOOP_DB_ROLE=""), cwd=REPO, check=True)
    if settings:
        with (home / "postgres" / "postgresql.conf").open("a") as conf:
            conf.write("\n".join(["", *settings, ""]))


@contextmanager
def yard(home: Path, disk: Disk | None = None) -> Iterator[Yard]:
    """Ends its processes. What was written before is safe: the database is stopped and started, with its settings."""
    embedded.stop(home / "postgres")
    below = disk.environment if disk else {}
    forge = subprocess.Popen(
        [sys.executable, str(WORK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment_of(home, **below),
        cwd=REPO,
        text=True,
    )
    here = Yard(home, forge, disk)
    try:
        here.start()
        yield here
    finally:
        forge.kill()
        forge.wait()
        for pipe in (forge.stdin, forge.stdout):
            if pipe:
                pipe.close()
        embedded.stop(home / "postgres")


def one_round(yard: Yard, seconds: float, tally: Tally) -> None:
    """Writers run, everything is killed at once, PostgreSQL too; then it starts again and is looked at."""
    said = [yard.home.parent / f"said.{yard.home.name}.{number}" for number in range(WRITERS)]
    writers = yard.writers(said, tally.rounds)
    deadline = time.monotonic() + 60
    while not all(path.exists() and path.stat().st_size for path in said):
        if time.monotonic() > deadline:
            raise TimeoutError("a writer acknowledged nothing within a minute")
        time.sleep(0.02)
    time.sleep(seconds)
    _kill_everything(yard.home / "postgres", writers)
    for path in said:
        _read_acknowledged(path, tally)
        path.unlink()
    if yard.disk:
        # Every second time the disk had written some sectors by itself: torn pages, torn lines.
        yard.disk.lose_power(yard.pick if tally.rounds % 2 else None)
    begun = time.monotonic()
    url = yard.start()
    tally.ready_seconds.append(time.monotonic() - begun)
    tally.rounds += 1
    with psycopg.connect(url) as connection:
        tally.problems += problems_of(connection, tally)


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of careloop over that folder."""
    command = [sys.executable, "-m", "careloop.server", *words]
    return subprocess.run(
        command, env=environment_of(home), cwd=REPO, check=False, capture_output=True, text=True
    )


def _kill_everything(folder: Path, writers: list[int]) -> None:
    for pid in writers + embedded._processes(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in writers) or embedded._processes(folder):
        if time.monotonic() > deadline:
            raise TimeoutError("killed processes are still there after 30 s")
        time.sleep(0.005)


def _read_acknowledged(path: Path, tally: Tally) -> None:
    for line in path.read_text().splitlines():
        if len(parts := line.split(" ")) == 3 and parts[2].isdecimal():
            tally.acknowledged[parts[1]] = max(int(parts[2]), tally.acknowledged.get(parts[1], 0))


def problems_of(connection: psycopg.Connection[Any], tally: Tally) -> list[str]:
    """Lost acknowledged versions; they are compared with what stands in the heads."""
    rows = connection.execute("select i.id, h.version from heads h join ids i on i.rid = h.rid").fetchall()
    there = dict(rows)
    return [
        f"round {tally.rounds}: {reference} was acknowledged at version {version} and is at {there.get(id, 'none')}"
        for reference, version in tally.acknowledged.items()
        if there.get(id := reference.split("/")[1], 0) < version
    ]


def what_is_wrong(home: Path) -> list[str]:
    """After the last round: chains, index rows and projections, B-trees and the checksums of pages."""
    wrong = []
    for words in (("verify",), ("rebuild", "--check")):
        done = run(home, *words)
        if done.returncode:
            wrong.append(f"{' '.join(words)}: {(done.stdout + done.stderr).strip()[-600:]}")
    with embedded._connection(home / "postgres", embedded.SUPERUSER, embedded.DATABASE) as connection:
        connection.execute("create extension if not exists amcheck")
        try:
            connection.execute(CHECK_TREES)
        except psycopg.Error as found:
            wrong.append(f"an index: {found.diag.message_primary}")
    embedded.stop(home / "postgres")
    cut_torn_ends(home / "postgres" / "base")
    sums = embedded._run(
        home / "postgres", "pg_checksums", "--check", "-D", str(home / "postgres"), check=False
    )
    if sums.returncode:
        wrong.append(f"checksums: {sums.stdout.strip()[-300:]}")
    return wrong


def cut_torn_ends(files: Path) -> None:
    """A table that was growing when the power went may end in a part of a page. PostgreSQL counts whole pages only and
    writes over it, while pg_checksums stumbles: it is cut off, after all else has been found whole."""
    for path in files.rglob("*"):
        if path.is_file() and path.name.partition("_")[0].partition(".")[0].isdigit():
            size = path.stat().st_size
            if size % PAGE:
                os.truncate(path, size - size % PAGE)


PAGE = 8192
CHECK_TREES = """
select bt_index_check(c.oid, true) from pg_class c join pg_am a on a.oid = c.relam
join pg_namespace n on n.oid = c.relnamespace
where a.amname = 'btree' and c.relkind = 'i' and n.nspname = 'public'
"""
