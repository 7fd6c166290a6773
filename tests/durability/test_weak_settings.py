"""On a server that may lose what it acknowledges nothing starts, whether it is ours or the house's own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from careloop.store import embedded
from tests.durability.house import House
from tests.durability.server import database


def test_the_house_s_own(tmp_path: Path) -> None:
    with database("weak") as url:
        house = House(tmp_path / "home", tmp_path / "backups", url)
        with psycopg.connect(url, autocommit=True) as connection:
            name = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("alter database {} set synchronous_commit = off").format(name))
        for words in (("migrate",), ("work", "--once"), ("verify",)):
            assert "synchronous_commit is off" in house.refuses(*words)


def test_one_that_is_not_in_utf8_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with database("ascii", "encoding SQL_ASCII locale 'C' template template0") as url:
        house = House(tmp_path / "home", tmp_path / "backups", url)
        for words in (("migrate",), ("serve",), ("work", "--once"), ("check",), ("check", "--deploy")):
            said = house.refuses(*words)
            assert "is SQL_ASCII, and it must be UTF8" in said
            assert "encoding 'UTF8' template template0" in said
        with psycopg.connect(url) as connection:
            assert connection.execute(
                "select count(*) from pg_tables where schemaname = 'public'"
            ).fetchone() == (0,)


def test_ours() -> None:
    place = Path(tempfile.mkdtemp(prefix="careloop-weak-"))
    place.chmod(0o755)  # another account runs the server when we are root
    house = House(place / "home", place / "backups")
    folder = house.home / "postgres"
    try:
        embedded.ensure_running(folder)
        embedded.stop(folder)
        with (folder / "postgresql.conf").open("a") as conf:
            conf.write("fsync = off\nfull_page_writes = off\n")
        said = house.refuses("migrate")
        assert "fsync is off" in said
        assert "full_page_writes is off" in said
    finally:
        embedded.stop(folder)
        shutil.rmtree(place)
