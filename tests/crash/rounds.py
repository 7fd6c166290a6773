"""One data folder, killed again and again. Used by the test and by benchmarks/crash.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from careloop.store import embedded

REPO = Path(__file__).resolve().parent.parent.parent
WRITERS = 2


@dataclass
class Tally:
    """acknowledged: reference to the version last said to be safe; None after a deletion."""

    rounds: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    ready_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def prepare(home: Path) -> None:
    embedded.ensure_running(home / "postgres")
    environment = {**os.environ, "CARELOOP_HOME": str(home), "CARELOOP_DB_ROLE": ""}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0", "--skip-checks"]
    settings = {"DJANGO_SETTINGS_MODULE": "careloop.server.settings"}
    subprocess.run(command, env={**environment, **settings}, cwd=REPO, check=True)


def one_round(home: Path, seconds: float, tally: Tally) -> None:
    """Writers run, everything is killed at once, PostgreSQL too; then it starts again and is looked at."""
    environment = {**os.environ, "CARELOOP_HOME": str(home)}
    environment.pop("DATABASE_URL", None)
    said = [home / f"said.{number}" for number in range(WRITERS)]
    writers = [
        subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("work.py")),
                str(home),
                str(tally.rounds * 10 + number),
            ],
            stdout=said[number].open("w"),
            env=environment,
            cwd=REPO,
            start_new_session=True,
        )
        for number in range(WRITERS)
    ]
    deadline = time.monotonic() + 20
    while any(path.stat().st_size == 0 for path in said) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(seconds)
    _kill_everything(home / "postgres", writers)
    for path in said:
        _read_acknowledged(path, tally)
    begun = time.monotonic()
    url = embedded.ensure_running(home / "postgres")
    tally.ready_seconds.append(time.monotonic() - begun)
    tally.rounds += 1
    with psycopg.connect(url) as connection:
        tally.problems += problems_of(connection, tally)


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of careloop over that folder."""
    environment = {**os.environ, "CARELOOP_HOME": str(home)}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "careloop.server", *words]
    return subprocess.run(command, env=environment, cwd=REPO, check=False, capture_output=True, text=True)


def _kill_everything(folder: Path, writers: list[subprocess.Popen[Any]]) -> None:
    victims = [writer.pid for writer in writers] + embedded._processes(folder)
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for writer in writers:
        writer.wait()


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
