"""docs/runbooks/own-postgresql.md, done: the lines of its code blocks are run on Debian's PostgreSQL 15, with only the
places, the moment and the address of the example exchanged. Page and drill can't drift apart."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.durability.house import REPO, House

BINARIES = Path("/usr/lib/postgresql/15/bin")
PAGE = REPO / "docs" / "runbooks" / "own-postgresql.md"
BLOCK = re.compile(r"^ *```(?:sh|ini) ([a-z-]+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
URL_OF_THE_PAGE = "postgresql://careloop:…@localhost:5433/careloop"

pytestmark = pytest.mark.skipif(
    not (BINARIES / "initdb").exists(), reason="no PostgreSQL 15 here (Debian: apt-get install postgresql-15)"
)


@dataclass
class Drill:
    """One machine's disks below `place`; `then` is the moment that is gone back to."""

    place: Path
    then: datetime = datetime(2026, 11, 23, 20, 4, tzinfo=UTC)
    done: list[str] = field(default_factory=list)

    @property
    def account(self) -> dict[str, object]:
        """PostgreSQL refuses root; its package has made this account."""
        if os.geteuid() != 0:
            return {}
        found = pwd.getpwnam("postgres")
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}

    def url(self, port: int) -> str:
        return f"postgresql://careloop@/careloop?host={quote(str(self.place), safe='/')}&port={port}"

    def block(self, name: str) -> str:
        text = dict(BLOCK.findall(PAGE.read_text()))[name]
        self.done.append(name)
        for said, meant in {
            "/var/lib/postgresql/15/": f"{self.place}/",
            "/mnt/postgres/": f"{self.place}/archive/",
            "/mnt/backups/careloop": f"{self.place}/backups",
            "/var/lib/look": f"{self.place}/look",
            "2026-11-23 14:04:00-06:00": f"{self.then:%Y-%m-%d %H:%M:%S.%f}+00:00",
            "2026-11-23T14:04:00-06:00": self.then.isoformat(),
            "20261123T200400Z": f"{self.then:%Y%m%dT%H%M%SZ}",
            URL_OF_THE_PAGE: f"'{self.url(5433)}'",
        }.items():
            text = text.replace(said, meant)
        return textwrap.dedent(text)

    def shell(self, text: str, environment: dict[str, str], **account: object) -> str:
        done = subprocess.run(  # type: ignore[call-overload]  # user and group belong together
            ["/bin/bash", "-euo", "pipefail", "-c", text],
            env=environment,
            cwd=self.place,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            **account,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def as_postgres(self, text: str, port: int = 5432) -> str:
        environment = {"PGHOST": str(self.place), "PGPORT": str(port), "PGUSER": "postgres", "LC_ALL": "C"}
        found = {**environment, "PATH": "/usr/bin:/bin"}
        return self.shell(self.block("begin") + text, found, **self.account)

    def do(self, name: str, port: int = 5432) -> str:
        return self.as_postgres(self.block(name), port)


@pytest.fixture
def drill() -> Iterator[Drill]:
    found = Drill(Path(tempfile.mkdtemp(prefix="careloop-own-")))
    found.place.chmod(0o755)
    if found.account:
        shutil.chown(found.place, "postgres", "postgres")
    try:
        yield found
    finally:
        for name in ("main", "then"):
            if (found.place / name / "postmaster.pid").exists():
                found.as_postgres(f"pg_ctl -D {found.place / name} -m immediate stop")
        shutil.rmtree(found.place)


def served(drill: Drill) -> House:
    """A server with the settings of the page, and a house on it."""
    place = drill.place
    drill.as_postgres(
        f"initdb -D {place}/main -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null"
    )
    ours = f"listen_addresses = ''\nunix_socket_directories = '{place}'\n"
    with (place / "main" / "postgresql.conf").open("a") as conf:
        conf.write(ours + drill.block("settings"))
    drill.as_postgres(f"pg_ctl -D {place}/main -l {place}/main.log -w start >/dev/null")
    drill.as_postgres("psql -qc 'create role careloop login createdb createrole' postgres")
    drill.as_postgres("createdb -O careloop careloop")
    house = House(place / "home", place / "backups", drill.url(5432))
    house.settle_in()
    return house


def careloop(drill: Drill, house: House) -> str:
    environment = house.environment
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    return drill.shell(drill.block("careloop"), environment)


def archived(drill: Drill, failed: int = 0) -> None:
    deadline = time.monotonic() + 20
    while True:
        _, count, _ = drill.do("watch").strip().split("|")
        assert int(count) == failed
        if not list((drill.place / "main" / "pg_wal" / "archive_status").glob("*.ready")):
            return
        assert time.monotonic() < deadline, "the log did not reach the archive"
        time.sleep(0.1)


def test_back_to_the_moment_before_the_tables_were_dropped(drill: Drill) -> None:
    house = served(drill)
    house.lives("everything")
    drill.do("base")
    drill.do("prune")
    house.say("backup", str(house.target))
    house.lives("people", "after-the-backup")
    digest = house.say("verify", "--digest").strip()
    drill.then = datetime.now(UTC)
    house.lives("people", "after-the-moment")

    # The one in use is not taken for a recovered one, whose people would all be signed out.
    recovered = ("restore", str(house.target), "--to", str(drill.place / "not"), "--recovered", "--until")
    assert "It holds what was written at" in house.refuses(*recovered, drill.then.isoformat())
    with psycopg.connect(house.url) as server:
        server.execute("drop table versions, audit, heads cascade")
    drill.do("switch")
    archived(drill)

    assert "recovery stopping before commit" in drill.do("recover")
    then = House(house.home, house.target, drill.url(5433), house.recovery)
    # The heads of today miss what came after: the home has to go back with the database.
    assert "Its end was cut off." in then.run("verify").stderr
    said = careloop(drill, house)
    assert digest in said
    assert said.strip().endswith("whole.")

    look = then.moved_to(drill.place / "look")
    found = look.lives("look")
    assert {"maria", "after-the-backup"} <= set(found["people"])
    assert "after-the-moment" not in found["people"]
    assert found["letters"] == ["sending dead", "sent sent", "waiting dead"]
    assert (found["sessions"], found["signed in"], found["programs"]) == ([], 0, 0)
    assert len(found["generations"]) == 2

    # For good: its own log goes on, in a line of its own.
    drill.do("go-on")
    drill.do("base", port=5433)
    assert {path.name[:8] for path in (drill.place / "archive" / "log").glob("*.gz")} == {
        "00000001",
        "00000002",
    }
    assert set(drill.done) == {name for name, _ in BLOCK.findall(PAGE.read_text())}
