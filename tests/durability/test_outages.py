"""No space left, a database that dies under load: refused with 503 and a time to come again, nothing acknowledged that
is not kept, and everything goes on by itself."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from benchmarks._stage import TOKEN, free_port, wait_for

from careloop.kernel.errors import CareError
from careloop.store import embedded
from tests.crash.power import Disk, missing
from tests.crash.rounds import environment_of, prepare, run
from tests.durability.house import REPO

PEN = Path(__file__).with_name("pen.py")


@pytest.fixture
def place() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="careloop-outage-"))
    found.chmod(0o755)
    yield found
    embedded.stop(found / "home" / "postgres")
    shutil.rmtree(found)


def until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


class Pen:
    def __init__(self, disk: Disk) -> None:
        self.acknowledged: set[str] = set()
        self.process = subprocess.Popen(
            [sys.executable, str(PEN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_of(disk.root, **disk.environment),
            cwd=REPO,
            text=True,
        )

    def writes(self, id: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{id}\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().strip()
        if said.startswith("ok"):
            self.acknowledged.add(id)
        return said

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.skipif(bool(missing()), reason=missing() or "it can be played")
def test_a_full_disk_refuses_and_recovers_by_itself(place: Path) -> None:
    disk = Disk.under(place)
    prepare(disk.root)
    embedded.stop(disk.root / "postgres")
    with disk.below():
        embedded.ensure_running(disk.root / "postgres")
        pen = Pen(disk)
    try:
        assert pen.writes("before") == "ok 1"
        with disk.full():
            said = [pen.writes(f"full-{number}") for number in range(5)]
            assert {word.rpartition(" ")[2] for word in said} == {"503"}, said
            if embedded.postmaster_pid(disk.root / "postgres") is None:
                pytest.fail("the database ended for want of space, though its log had room")
        until(lambda: pen.writes("after").startswith("ok"), 20)
    finally:
        pen.close()
    _is_whole(disk, pen)


def _is_whole(disk: Disk, pen: Pen) -> None:
    """Nothing that was acknowledged is missing, and the trail says so itself."""
    with psycopg.connect(embedded.url_for(disk.root / "postgres")) as connection:
        there = {
            id
            for (id,) in connection.execute("select id from ids i join heads h on h.rid = i.rid").fetchall()
        }
    assert {"before", "after"} <= pen.acknowledged <= there
    done = run(disk.root, "verify")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(bool(missing()), reason=missing() or "it can be played")
def test_a_full_disk_of_the_databases_log_ends_the_database_and_nothing_else(place: Path) -> None:
    """pg_wal on a disk of its own, with no space for the next segment: PostgreSQL gives up (PANIC) rather than
    acknowledge. It does not start again without space; with space, it goes on where it stood."""
    disk = Disk.under(place)
    prepare(disk.root)
    postgres = disk.root / "postgres"
    embedded.stop(postgres)
    with disk.below():
        embedded.ensure_running(postgres)
        pen = Pen(disk)
        try:
            assert pen.writes("before") == "ok 1"
            with disk.full("full-log"):
                _use_up_the_log(postgres)
                said = [pen.writes(f"full-{number}") for number in range(3)]
                assert {word.rpartition(" ")[2] for word in said} == {"503"}, said
                assert _last_words(postgres, "PANIC") >= 1
                with pytest.raises((CareError, psycopg.Error)):
                    embedded.ensure_running(postgres, is_tried_again=False)
            until(lambda: _starts(postgres) and pen.writes("after").startswith("ok"), 60)
        finally:
            pen.close()
    _is_whole(disk, pen)


def _use_up_the_log(postgres: Path) -> None:
    """Until the segments that are there are used up and the next one can't be made."""
    with contextlib.suppress(psycopg.Error):
        with embedded.superuser(postgres) as connection:
            connection.autocommit = True
            for _ in range(100):
                connection.execute("select pg_logical_emit_message(false, 'drill', 'one more segment')")
                connection.execute("select pg_switch_wal()")
        pytest.fail("the log never ended")


def _last_words(postgres: Path, word: str) -> int:
    return sum(path.read_text(errors="replace").count(word) for path in (postgres / "log").glob("*.log"))


def _starts(postgres: Path) -> bool:
    """As `careloop serve` does, every second (server.serve.Database)."""
    try:
        embedded.ensure_running(postgres)
    except (CareError, psycopg.Error):
        return False
    return True


@pytest.fixture
def serving(place: Path) -> Iterator[tuple[int, str, Path]]:
    """`careloop serve`: its port, a token, its home."""
    home = place / "home"
    prepare(home)
    environment = environment_of(home)
    token = subprocess.run(
        [sys.executable, "-c", TOKEN], env=environment, check=True, capture_output=True, text=True, cwd=REPO
    ).stdout.split()[-1]
    port = free_port()
    command = [sys.executable, "-m", "careloop.server", "serve", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(command, env=environment, cwd=REPO, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, 60)
        yield port, token, home
    finally:
        process.terminate()
        process.wait(30)


def asked(port: int, token: str, method: str = "GET", body: str = "") -> tuple[int, str | None, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    connection.request(method, "/fhir/Organization", body or None, headers)
    answer = connection.getresponse()
    found = (answer.status, answer.getheader("Retry-After"), answer.read().decode())
    connection.close()
    return found


def test_a_database_that_dies_is_answered_for_and_started_again(serving: tuple[int, str, Path]) -> None:
    port, token, home = serving
    place = json.dumps({"resourceType": "Organization", "name": "Bayview"})
    assert asked(port, token, "POST", place)[0] == 201
    pid = embedded.postmaster_pid(home / "postgres")
    assert pid is not None
    for victim in embedded._processes(home / "postgres"):
        os.kill(victim, signal.SIGKILL)
    killed, answers = time.monotonic(), []
    while not answers or answers[-1][0] != 200:
        answers.append(asked(port, token))
        assert time.monotonic() - killed < 30, answers[-1]
        time.sleep(0.05)
    refused = [answer for answer in answers if answer[0] != 200]
    assert refused, "the database was killed and nobody noticed"
    assert {(status, bool(retry)) for status, retry, _ in refused} == {(503, True)}
    assert all("Traceback" not in text and "postgres" not in text.lower() for _, _, text in refused)
    assert asked(port, token, "POST", place)[0] == 201
    # The work loop goes on, too: it follows what was written after.
    until(lambda: _is_followed(home), 30)


def _is_followed(home: Path) -> bool:
    with psycopg.connect(embedded.url_for(home / "postgres")) as connection:
        row = connection.execute(
            "select count(*) from feed f, cursors c where c.name = 'reactions' and (f.generation, f.xid, f.pos) <= "
            "(c.generation, c.xid, c.pos)"
        ).fetchone()
    return row == (2,)
