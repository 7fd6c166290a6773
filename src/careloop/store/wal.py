"""The log of the embedded database, followed as it is written and sealed beside the backups: so that a restore reaches
the last minute, or any moment before it.

`pg_receivewal` follows it into <home>/wal through a slot, which keeps what was not yet received; every half minute what
is new is sealed into <target>/wal, the unfinished segment included, and signed.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg

from careloop.store import embedded
from careloop.store.backup_files import (
    BackupFault,
    RecoveryKey,
    SealingKey,
    digest_of,
    seal,
    sync_folder,
    write_durably,
)

SLOT: Final = "careloop_wal"
_WHOLE: Final = re.compile(r"[0-9A-F]{24}|[0-9A-F]{8}\.history")
_PARTIAL: Final = ".partial"
_MOST_KEPT: Final = "4GB"


def spool_of(home: Path) -> Path:
    return home / "wal"


def place_of(target: Path) -> Path:
    return target / "wal"


def prepare(home: Path) -> bool:
    """The slot. False when it had to be made anew: then the log has a gap, and a base backup must follow."""
    spool_of(home).mkdir(mode=0o700, exist_ok=True)
    with embedded.superuser(home / "postgres") as server:
        server.execute(f"alter system set max_slot_wal_keep_size = '{_MOST_KEPT}'".encode())
        server.execute("select pg_reload_conf()")
        row = server.execute(
            "select wal_status from pg_replication_slots where slot_name = %s", [SLOT]
        ).fetchone()
        if row is not None and row[0] != "lost":
            return True
        if row is not None:
            server.execute("select pg_drop_replication_slot(%s)", [SLOT])
        server.execute("select pg_create_physical_replication_slot(%s, true)", [SLOT])
    for path in spool_of(home).iterdir():
        path.unlink()
    return False


def forget(home: Path) -> None:
    """Ends it: without its slot the server keeps no log for us."""
    with suppress(psycopg.Error), embedded.superuser(home / "postgres") as server:
        server.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s",
            [SLOT],
        )


def follow(home: Path) -> subprocess.Popen[bytes]:
    """Runs until it is ended, or the database is."""
    folder = home / "postgres"
    command = [
        *(str(embedded.binaries() / "pg_receivewal"), "-D", str(spool_of(home)), "-S", SLOT),
        *("-h", str(embedded.socket_folder(folder)), "-p", embedded.PORT, "-U", embedded.SUPERUSER, "-w"),
        *("--no-loop", "--status-interval=1"),
    ]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def received(home: Path) -> str:
    """Up to where the log was received, as the server counts; empty without a slot."""
    with embedded.superuser(home / "postgres") as server:
        row = server.execute(
            "select restart_lsn::text from pg_replication_slots where slot_name = %s", [SLOT]
        ).fetchone()
    return str(row[0]) if row and row[0] else ""


def ship(home: Path, target: Path, key: SealingKey, seen: dict[str, int] | None = None) -> int:
    """Seals what is new. seen: when each unfinished segment last changed, kept by the caller between two calls.
    Returns how many were sealed. Raises BackupFault; what is in the spool stays there."""
    place, seen = place_of(target), seen if seen is not None else {}
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = sorted(spool_of(home).iterdir())
    except OSError as failed:
        raise BackupFault(f"{place} can’t be written: {failed.strerror}.") from failed
    done = 0
    for path in found:
        if _WHOLE.fullmatch(path.name):
            _seal(path, place, key)
            (place / f"{path.name}{_PARTIAL}.age").unlink(missing_ok=True)
            path.unlink()
            done += 1
        elif path.name.endswith(_PARTIAL) and seen.get(path.name) != (at := path.stat().st_mtime_ns):
            _seal(path, place, key)
            seen[path.name] = at
            done += 1
    return done


def _seal(path: Path, place: Path, key: SealingKey) -> None:
    """The list of signatures names the file of before as well, so that one of them fits whenever we are ended."""
    beside, final, signatures = (
        place / f".{path.name}.next",
        place / f"{path.name}.age",
        place / f"{path.name}.sig",
    )
    with path.open("rb") as file:
        digest = seal(file, beside, key.recipient)["sha256"]
    before = signatures.read_text().splitlines()[-1:] if signatures.exists() else []
    write_durably(signatures, "\n".join([*before, f"{digest} {_signed(path.name, digest, key)}"]).encode())
    beside.replace(final)
    sync_folder(place)


def _signed(name: str, digest: str, key: SealingKey) -> str:
    return key.sign(f"{name} {digest}".encode())


def sealed(target: Path, since: str, key: RecoveryKey) -> list[tuple[Path, str]]:
    """What a restore plays: (file, name that PostgreSQL asks for), from the segment `since` on. A file whose signature
    does not fit is not played, nor any after it, for the log would have a gap."""
    found = []
    for path in sorted(place_of(target).glob("*.age"), key=lambda path: path.name.removesuffix(".age")):
        name = path.name.removesuffix(".age")
        wanted = name.removesuffix(_PARTIAL)
        if not _WHOLE.fullmatch(wanted) or (len(wanted) == 24 and wanted[8:] < since[8:]):
            continue
        if name != wanted and (path.parent / f"{wanted}.age").exists():
            continue
        if not _is_ours(path, name, key):
            break
        found.append((path, wanted))
    return found


def _is_ours(path: Path, name: str, key: RecoveryKey) -> bool:
    try:
        lines = [line.partition(" ") for line in (path.parent / f"{name}.sig").read_text().splitlines()]
    except OSError:
        return False
    found = digest_of(path)
    return any(said == found and key.has_signed(f"{name} {said}".encode(), by) for said, _, by in lines)


def prune(target: Path, since: str) -> int:
    """Removes what lies before the oldest base backup. Returns how many went."""
    old = [
        path
        for path in place_of(target).glob("*.age")
        if len(name := path.name.partition(".")[0]) == 24 and since and name[8:] < since[8:]
    ]
    for path in old:
        path.unlink()
        path.with_suffix(".sig").unlink(missing_ok=True)
    return len(old)
