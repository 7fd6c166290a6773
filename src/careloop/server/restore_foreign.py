"""Restoring onto a server of the house's own: into a new database beside the one in use, then the names change."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from careloop.kernel.errors import CareError
from careloop.store import backup
from careloop.store.backup_files import BackupFault, RecoveryKey, open_sealed


class DatabaseNotEmpty(CareError):
    """The database in DATABASE_URL has tables. Nothing was touched. To keep it aside and go on, say --replace."""

    code, status = "database-not-empty", 409


class NotRecovered(CareError):
    """The database in DATABASE_URL is not one that was recovered to that moment. Nothing was touched."""

    code, status = "not-recovered", 409


def _with_name(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name)}"))


def _name(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def refuse(url: str, *, is_replacing: bool) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            tables = connection.execute(
                "select count(*) from pg_tables where schemaname = 'public'"
            ).fetchone()
            may = connection.execute(
                "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
            ).fetchone()
            used = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            ).fetchone()
    except psycopg.OperationalError as failed:
        raise BackupFault("The server in DATABASE_URL does not answer. Nothing was touched.") from failed
    if may != (True,):
        raise BackupFault("The owner in DATABASE_URL may not create databases: grant it CREATEDB.")
    if tables != (0,) and not is_replacing:
        raise DatabaseNotEmpty
    if used != (0,):
        raise BackupFault("Somebody is connected to the database: stop Careloop first. Nothing was touched.")


def refuse_unless_recovered(url: str, until: datetime | None) -> None:
    """Is it the server that was recovered, and has it come to the end of that? Everybody who uses it is signed out and
    its letters are held back, so the one in use must not be taken for it."""
    if not url or until is None:
        raise NotRecovered("Say where it stands (DATABASE_URL) and of which moment (--until).")
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            is_recovering = connection.execute("select pg_is_in_recovery()").fetchone()
            used = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            ).fetchone()
            newest = connection.execute("select max(at) from audit").fetchone()
    except psycopg.OperationalError as failed:
        raise BackupFault("The server in DATABASE_URL does not answer. Nothing was touched.") from failed
    except psycopg.errors.UndefinedTable as empty:
        raise NotRecovered("There is no record in the database in DATABASE_URL.") from empty
    if is_recovering != (False,):
        raise NotRecovered("It is still being recovered, or waits: recovery_target_action is promote.")
    if used != (0,):
        raise BackupFault("Somebody is connected to the database: stop Careloop first. Nothing was touched.")
    if newest and newest[0] and newest[0] > until:
        raise NotRecovered(f"It holds what was written at {newest[0].isoformat(timespec='seconds')}.")


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """The url of a new, empty database on that server; gone again when it was not put in place."""
    name = f"{_name(url)}_restoring"
    with psycopg.connect(_with_name(url, "postgres"), autocommit=True) as server:
        server.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
        make = sql.SQL("create database {} encoding 'UTF8' template template0")
        server.execute(make.format(sql.Identifier(name)))
    try:
        yield _with_name(url, name)
    finally:
        with psycopg.connect(_with_name(url, "postgres"), autocommit=True) as server:
            server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def load(sealed: Path, url: str, key: RecoveryKey, manifest: dict[str, Any]) -> None:
    """All of it or nothing that would be used. The role of the application must be there before its grants."""
    with psycopg.connect(url, autocommit=True) as connection:
        major = connection.info.server_version // 10_000
        if major < manifest["postgres"]:
            raise BackupFault(
                f"The backup is of PostgreSQL {manifest['postgres']}, and this server is {major}: "
                "it needs to be as new."
            )
        connection.execute(
            "do $$ begin create role careloop_app nologin; exception when duplicate_object then null; end $$"
        )
        connection.execute(
            "do $$ begin if not (select rolsuper from pg_roles where rolname = current_user) then "
            "execute format('grant careloop_app to %I', current_user); end if; end $$"
        )
    with tempfile.NamedTemporaryFile() as dump:
        open_sealed(sealed, dump.file, key)
        dump.flush()
        command = [
            str(backup.program("pg_restore", major)),
            *(
                "--no-owner",
                "--no-password",
                "--exit-on-error",
                "--jobs=2",
                "--dbname",
                _name(url),
                dump.name,
            ),
        ]
        done = subprocess.run(
            command, env=backup.connection_environment(url), check=False, capture_output=True, text=True
        )
    if done.returncode:
        raise BackupFault(f"pg_restore said: {done.stderr.strip()[-300:]}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("analyze")


def put_in_place(url: str, beside: str) -> str:
    """Changes the names; returns what the one of before is called now."""
    now, old = _name(url), f"{_name(url)}_before_{backup.stamp_of(datetime.now(UTC)).lower()}"
    with psycopg.connect(_with_name(url, "postgres"), autocommit=True) as server:
        rename = sql.SQL("alter database {} rename to {}")
        server.execute(rename.format(sql.Identifier(now), sql.Identifier(old)))
        server.execute(rename.format(sql.Identifier(_name(beside)), sql.Identifier(now)))
    return old
