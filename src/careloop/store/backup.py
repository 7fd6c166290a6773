"""Takes a backup while the record is used: the whole database as of one moment, the keys, the files beside it.

The embedded server is copied as it lies on disk (`pg_basebackup`), so that its log can be played on top of it up to any
second; a server of the house's own is dumped (`pg_dump`), because we may not read its disk. docs/decisions/0070.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

import psycopg

from careloop import __version__
from careloop.store import digest as digesting
from careloop.store import embedded
from careloop.store.backup_files import (
    FORMAT,
    MANIFEST,
    BackupFault,
    SealingKey,
    seal,
    sync_folder,
    write_manifest,
)

DATABASE_FILE: Final = "database.age"
FILES: Final = "files.tar.age"
KEYS: Final = "keys.tar.age"
PHYSICAL, LOGICAL = "physical", "logical"

KEY_FOLDER: Final = "backup-key"
# Below the home folder and not in its backup: the database itself, what is made again, and what was set aside.
_NOT_TAKEN: Final = ("postgres", "wal", "before-", ".restoring", "migrated", "backup-state")
_SECRET: Final = ("key", "secret", ".pem")


def stamp_of(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"


def take(home: Path, target: Path, url: str, key: SealingKey, now: datetime) -> dict[str, Any]:
    """Writes <target>/<stamp> and returns its manifest. now: in UTC. Raises BackupFault; then nothing of it stays."""
    place = target / f".{stamp_of(now)}.new"
    try:
        target.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
    except OSError as failed:
        raise BackupFault(f"{target} can’t be written: {failed.strerror}.") from failed
    try:
        manifest = _filled(place, home, url, key, now)
        place.rename(target / stamp_of(now))
        sync_folder(target)
    except BaseException:
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
        raise
    return manifest


def _filled(place: Path, home: Path, url: str, key: SealingKey, now: datetime) -> dict[str, Any]:
    is_embedded = url == embedded.url_for(home / "postgres")
    # Heads before the database: what they tell must be in its chains.
    entries = [_seal_tar(place / name, home, paths, key) for name, paths in _files_of(home).items()]
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local statement_timeout = 0")
        facts = facts_of(connection)
        if is_embedded:
            more: dict[str, Any] = {"kind": PHYSICAL, "start_wal": _wal_name(home)}
        else:
            more = {"kind": LOGICAL, "digest": _digest_in(connection)}
            entries.append(_dump(place / DATABASE_FILE, url, key, connection))
    if is_embedded:
        entries.append(_copy(place / DATABASE_FILE, home / "postgres", key))
    manifest = {
        "format": FORMAT,
        "careloop": __version__,
        "taken_at": now.isoformat(),
        "stamp": stamp_of(now),
        "files": entries,
        **more,
        **facts,
    }
    write_manifest(place, manifest, key)
    return manifest


# --- what the manifest tells, and a restore must find again

_ROWS: Final = ("versions", "audit", "feed", "heads", "ids", "inbox", "outbox")


def facts_of(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    ends = connection.execute(
        "select distinct on (lane) lane, seq, encode(hash, 'hex') from audit order by lane, seq desc"
    ).fetchall()
    generation = connection.execute("select max(generation) from generations").fetchone()
    latest = connection.execute(
        "select generation, xid::text, pos from feed order by generation desc, xid desc, pos desc limit 1"
    ).fetchone()
    migrations = connection.execute("select app, max(name) from django_migrations group by app").fetchall()
    return {
        "postgres": connection.info.server_version // 10_000,
        "generation": generation[0] if generation else 1,
        "feed": list(latest) if latest else None,
        "heads": {str(lane): [seq, told] for lane, seq, told in ends},
        "rows": {name: _count(connection, name) for name in _ROWS},
        "migrations": dict(migrations),
        "bytes": _count_bytes(connection),
    }


def _count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    return int(row[0]) if row else 0


def _count_bytes(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def _digest_in(connection: psycopg.Connection[Any]) -> dict[str, str]:
    cursor = connection.cursor()
    return {table: digesting.of_table(cursor, table) for table in digesting.TABLES}


# --- the database


@contextmanager
def _output_of(command: list[str], environment: dict[str, str]) -> Iterator[IO[bytes]]:
    """Raises BackupFault when it did not end well; its words may name tables, never values."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.stdout.close()
            code = process.wait()
        if code:
            errors.seek(0)
            said = errors.read()[-500:].decode(errors="replace").strip()
            raise BackupFault(f"{Path(command[0]).name} said: {said}")


def _copy(path: Path, folder: Path, key: SealingKey) -> dict[str, Any]:
    """The log that belongs to it goes with it; a slot keeps the server from recycling it meanwhile."""
    with embedded.superuser(folder) as held:
        held.execute(
            "select pg_create_physical_replication_slot(%s, true, true)", [f"careloop_{os.getpid()}"]
        )
        command = [
            *(str(embedded.binaries() / "pg_basebackup"), "-h", str(embedded.socket_folder(folder))),
            *("-p", embedded.PORT, "-U", embedded.SUPERUSER, "-w", "-D", "-", "-F", "tar", "-X", "fetch"),
            *("--checkpoint=fast", "--label=careloop"),
        ]
        with _output_of(command, _clean_environment()) as output:
            return seal(output, path, key.recipient)


def _dump(path: Path, url: str, key: SealingKey, connection: psycopg.Connection[Any]) -> dict[str, Any]:
    row = connection.execute("select pg_export_snapshot()").fetchone()
    assert row is not None
    command = [
        str(program("pg_dump", connection.info.server_version // 10_000)),
        *("--format=custom", "--compress=0", "--no-owner", "--no-password", f"--snapshot={row[0]}"),
    ]
    with _output_of(command, connection_environment(url)) as output:
        return seal(output, path, key.recipient)


def program(name: str, major: int) -> Path:
    """Of the server's own version where the machine has it: a newer one writes what an older server can't read."""
    same = Path(f"/usr/lib/postgresql/{major}/bin") / name
    return same if same.exists() else embedded.binaries() / name


def connection_environment(url: str) -> dict[str, str]:
    """For PostgreSQL's programs; never on the command line, which others on the machine can read."""
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    found = {
        "PGHOST": unquote(query.get("host", "") or parts.hostname or ""),
        "PGPORT": str(query.get("port", "") or parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGSSLMODE": query.get("sslmode", ""),
        "PGSSLROOTCERT": unquote(query.get("sslrootcert", "")),
    }
    return _clean_environment() | {name: value for name, value in found.items() if value}


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _wal_name(home: Path) -> str:
    """The segment of the log that is being written: none before it is needed."""
    with embedded.superuser(home / "postgres") as connection:
        row = connection.execute("select pg_walfile_name(pg_current_wal_lsn())").fetchone()
    return str(row[0]) if row else ""


# --- the files beside it


def _files_of(home: Path) -> dict[str, list[Path]]:
    """Keys by themselves; the audit heads first among the others."""
    every = [path for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink()]
    every = [path for path in every if not path.relative_to(home).as_posix().startswith(_NOT_TAKEN)]
    every = [path for path in every if not path.name.endswith((".lock", ".new", ".out"))]
    keys = [path for path in every if any(word in path.relative_to(home).as_posix() for word in _SECRET)]
    return {FILES: [path for path in every if path not in keys], KEYS: keys}


def _seal_tar(path: Path, home: Path, members: list[Path], key: SealingKey) -> dict[str, Any]:
    with tempfile.TemporaryFile() as scratch:
        with tarfile.open(fileobj=scratch, mode="w") as tar:
            for member in members:
                data = member.read_bytes()  # a file that grows meanwhile is taken as long as it was just now
                info = tarfile.TarInfo(member.relative_to(home).as_posix())
                info.size, info.mode = len(data), member.stat().st_mode & 0o700
                info.mtime = int(member.stat().st_mtime)
                tar.addfile(info, io.BytesIO(data))
        scratch.seek(0)
        return seal(scratch, path, key.recipient)


# --- which there are


def backups_in(target: Path) -> list[Path]:
    """Whole ones, oldest first."""
    return sorted(path for path in target.glob("[0-9]*T[0-9]*Z") if (path / MANIFEST).exists())


def prune(target: Path, keep: int) -> list[Path]:
    """Removes all but the newest `keep`. Returns what went."""
    gone = backups_in(target)[:-keep] if keep > 0 else []
    for place in gone:
        (place / MANIFEST).unlink()  # first: half a backup is none
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
    return gone
