"""`careloop restore`: a backup into an empty place, checked before anything there is touched.

Signature, digests, versions and room first; then everything is unpacked and started in a folder (or database) beside
the target, checked there by server/restored.py, and only then put in place. What stood there is kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import click
import psycopg

from careloop.kernel.errors import CareError
from careloop.server import restore_foreign
from careloop.store import backup, embedded, wal
from careloop.store.backup_files import BackupFault, NotOurs, RecoveryKey, open_sealed, read_manifest

STAGING: Final = ".restoring"
READY_SECONDS: Final = 3600  # the log of a day on a slow disk
_ROOM: Final = 1.3  # of what is unpacked


class NotEmpty(CareError):
    """There is an installation here already. Nothing was touched. To keep it aside and go on, say --replace."""

    code, status = "not-empty", 409


class StillUsed(CareError):
    """Careloop is running here. Stop it first; nothing was touched."""

    code, status = "still-used", 409


class LogEnds(CareError):
    """The log ends before that moment, or is damaged there: ask for an earlier one. Nothing was touched."""

    code, status = "log-ends", 409


class WrongVersion(CareError):
    """This backup was made by another version. Nothing was touched."""

    code, status = "wrong-version", 409


@dataclass(frozen=True)
class Wish:
    """source: a backup, or a folder of them. until: play the log up to then, else to its end. is_base_only: no log.
    is_recovered: the database in DATABASE_URL was brought to `until` by its own tools; only what goes with it is ours.
    """

    source: Path
    home: Path
    key: RecoveryKey
    until: datetime | None = None
    is_base_only: bool = False
    is_replacing: bool = False
    is_compared: bool = True
    is_recovered: bool = False


def restore(wish: Wish) -> None:
    """Raises NotOurs, WrongVersion, NotEmpty, StillUsed, BackupFault, NotWhole: then the target is as it was."""
    begun = time.monotonic()
    place = chosen(wish.source, wish.until)
    manifest = read_manifest(place, wish.key)
    url = os.environ.get("DATABASE_URL", "")
    refuse_versions(manifest, url)
    refuse_target(wish, url)
    refuse_room(wish.home, manifest)
    click.echo(f"{place.name}: signature and {len(manifest['files'])} files are in order.")
    staging = wish.home / STAGING
    with _staged(staging):
        _unpack(place / backup.FILES, staging, wish.key)
        _unpack(place / backup.KEYS, staging, wish.key)
        for path in staging.iterdir():
            if path.is_dir():
                path.chmod(0o700)
        if manifest["kind"] == backup.PHYSICAL:
            _start(wish, place, manifest, staging)
            _finish(place, staging, wish)
            embedded.stop(staging / "postgres")
            kept = _put_in_place(staging, wish.home)
        elif wish.is_recovered:
            _finish(place, staging, wish, url)
            kept = _put_in_place(staging, wish.home)
        else:
            kept = _dumped(wish, place, manifest, staging, url)
    click.echo(
        f"Restored in {time.monotonic() - begun:.1f} s." + (f" What was here is in {kept}." if kept else "")
    )


def chosen(source: Path, until: datetime | None) -> Path:
    """The backup itself, or the newest in that folder that was taken before `until`."""
    if (source / "manifest.json").exists():
        return source
    found = backup.backups_in(source) if source.is_dir() else []
    if until is not None:
        found = [place for place in found if place.name <= backup.stamp_of(until.astimezone(UTC))]
    if not found:
        raise NotOurs(f"There is no backup in {source}{' from before that moment' if until else ''}.")
    return found[-1]


# --- refusals, before anything is touched


def refuse_versions(manifest: dict[str, Any], url: str) -> None:
    if unknown := [
        f"{app} {name}" for app, name in manifest["migrations"].items() if not _is_known(app, name)
    ]:
        raise WrongVersion(
            f"This backup was made by a newer Careloop ({manifest['careloop']}: {', '.join(sorted(unknown))}). "
            "Install that version; nothing was touched."
        )
    if manifest["kind"] == backup.PHYSICAL:
        ours = embedded._major_of(embedded.binaries())
        if url:
            raise WrongVersion(
                "This is a backup of the embedded database: unset DATABASE_URL. Nothing was touched."
            )
        if manifest["postgres"] != ours:
            raise WrongVersion(
                f"This backup is of PostgreSQL {manifest['postgres']}, and this is {ours}. Set CARELOOP_POSTGRES_BIN "
                f"to the programs of PostgreSQL {manifest['postgres']}; nothing was touched."
            )


def _is_known(app: str, name: str) -> bool:
    """Whether our own code has this migration; those of libraries follow their lock."""
    folder = Path(__file__).resolve().parent.parent / app / "migrations"
    return not folder.is_dir() or (folder / f"{name}.py").exists()


def refuse_target(wish: Wish, url: str) -> None:
    stands = [path for path in _ours(wish.home) if path.name not in {"secret-key"}]
    if wish.is_recovered:
        restore_foreign.refuse_unless_recovered(url, wish.until)
    elif url:
        restore_foreign.refuse(url, is_replacing=wish.is_replacing)
    if stands and not wish.is_replacing:
        raise NotEmpty(f"{wish.home} is not empty ({stands[0].name}).")
    folder = wish.home / "postgres"
    if not url and embedded.is_running(folder) and _sessions(folder):
        raise StillUsed


def _sessions(folder: Path) -> int:
    with embedded.superuser(folder) as server:
        row = server.execute(
            "select count(*) from pg_stat_activity where usename = %s", [embedded.OWNER]
        ).fetchone()
    return int(row[0]) if row else 0


def refuse_room(home: Path, manifest: dict[str, Any]) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(home).free, int(manifest["bytes"] * _ROOM)
    if free < needed:
        raise BackupFault(f"{home} has room for {free / 1e9:.1f} GB, and {needed / 1e9:.1f} GB are needed.")


def _ours(home: Path) -> list[Path]:
    """What of an installation stands in this folder; not what we set aside, nor what is being restored."""
    if not home.is_dir():
        return []
    return sorted(
        path
        for path in home.iterdir()
        if path.name != STAGING and not path.name.startswith("before-") and not path.name.endswith(".lock")
    )


# --- unpacking, beside the target


@contextmanager
def _staged(staging: Path) -> Iterator[None]:
    """What an earlier try left is removed, and so is this one when it fails."""
    _remove(staging)
    staging.mkdir(mode=0o700)
    try:
        yield
    finally:
        if staging.exists():
            with suppress(CareError):
                embedded.stop(staging / "postgres")
            _remove(staging)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)


def _unpack(sealed: Path, folder: Path, key: RecoveryKey) -> None:
    """A sealed tar into a folder; nothing in it may lie outside. Ownership is not taken over."""
    reading, writing = os.pipe()
    failed: list[CareError] = []

    def pour() -> None:
        with os.fdopen(writing, "wb") as target:
            try:
                open_sealed(sealed, target, key)
            except CareError as error:
                failed.append(error)

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as source:
            _extract(source, folder)
    except (tarfile.TarError, EOFError) as broken:
        thread.join()
        raise failed[0] if failed else NotOurs(f"{sealed.name} is damaged. Nothing was touched.") from broken
    except OSError as full:
        thread.join()
        raise BackupFault(f"{folder}: {full.strerror}. Nothing was touched.") from full
    thread.join()
    if failed:
        raise failed[0]


def _extract(source: IO[bytes], folder: Path) -> None:
    with tarfile.open(fileobj=source, mode="r|") as tar:
        for member in tar:
            if member.isfile() or member.isdir():
                tar.extract(member, folder, filter="data")
                if member.isdir() or member.mode & 0o077 == 0:
                    (folder / member.name).chmod(member.mode & 0o700)


def _start(wish: Wish, place: Path, manifest: dict[str, Any], staging: Path) -> None:
    """The database of the backup, with the log played on top of it, as far as was asked."""
    folder = staging / "postgres"
    folder.mkdir(mode=0o700)
    _unpack(place / backup.DATABASE_FILE, folder, wish.key)
    segments = [] if wish.is_base_only else wal.sealed(place.parent, str(manifest["start_wal"]), wish.key)
    if wish.until is not None and not segments:
        raise NotOurs("There is no log beside this backup: it can’t be taken to a moment of its own.")
    log = staging / "log"
    log.mkdir(mode=0o700)
    for path, name in segments:
        with (log / name).open("wb") as target:
            open_sealed(path, target, wish.key)
    if segments:
        _ask_for_recovery(folder, log, wish.until)
    embedded.hand_over(folder, log)
    if segments:
        click.echo(f"Playing {len(segments)} segments of the log.")
    try:
        embedded.ensure_running(folder, is_tried_again=False)
    except (embedded.CannotStart, psycopg.Error) as failed:
        raise LogEnds from failed
    _wait_until_writable(folder)


def _ask_for_recovery(folder: Path, log: Path, until: datetime | None) -> None:
    lines = [f'restore_command = \'cp "{log}/%f" "%p"\'']
    if until is not None:
        lines += [f"recovery_target_time = '{until.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"]
        lines += ["recovery_target_action = 'promote'"]
    with (folder / "postgresql.auto.conf").open("a") as conf:
        conf.write("\n".join(["", *lines, ""]))
    (folder / "recovery.signal").touch()


def _wait_until_writable(folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(psycopg.Error), embedded.superuser(folder) as server:
            if server.execute("select pg_is_in_recovery()").fetchone() == (False,):
                for name in ("restore_command", "recovery_target_time", "recovery_target_action"):
                    server.execute(f"alter system reset {name}".encode())
                return
        if embedded.postmaster_pid(folder) is None:
            raise LogEnds
        time.sleep(0.1)
    raise BackupFault("The log could not be played in an hour. Nothing was touched.")


def _finish(place: Path, home: Path, wish: Wish, url: str = "") -> None:
    """In a process of its own, with nothing of this one's surroundings that names another place."""
    environment = {
        **os.environ,
        "CARELOOP_HOME": str(home),
        "CARELOOP_DB_ROLE": "",
        "CARELOOP_AUDIT_HEADS": "",
    }
    environment.pop("DATABASE_URL", None)
    if url:
        environment["DATABASE_URL"] = url
    words = ["after-restore", str(place / "manifest.json"), *([] if wish.is_compared else ["--no-compare"])]
    words += ["--recovered"] if wish.is_recovered else []
    done = subprocess.run(
        [sys.executable, "-m", "careloop.server", *words],
        env=environment,
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["without a word"]
        raise BackupFault(f"What was restored did not stand the check: {said[0]} Nothing was touched.")


def _dumped(wish: Wish, place: Path, manifest: dict[str, Any], staging: Path, url: str) -> str:
    """Into a database of its own on that server, or a new embedded one; then names are changed."""
    if not url:
        here = embedded.ensure_running(staging / "postgres")
        restore_foreign.load(place / backup.DATABASE_FILE, here, wish.key, manifest)
        _finish(place, staging, wish)
        embedded.stop(staging / "postgres")
        return _put_in_place(staging, wish.home)
    with restore_foreign.fresh_database(url) as beside:
        restore_foreign.load(place / backup.DATABASE_FILE, beside, wish.key, manifest)
        _finish(place, staging, wish, beside)
        kept = _put_in_place(staging, wish.home)
        name = restore_foreign.put_in_place(url, beside)
    return ", ".join(part for part in (kept, name and f"the database {name}") if part)


def _put_in_place(staging: Path, home: Path) -> str:
    """What stands in the home folder goes into before-<now>; a home may be a mount point, so it is not renamed itself.
    Interrupted, it is done again by the same command with --replace."""
    if (log := staging / "log").exists():
        shutil.rmtree(log)
    embedded.stop(home / "postgres")
    before = home / f"before-{backup.stamp_of(datetime.now(UTC))}"
    if old := _ours(home):
        before.mkdir(mode=0o700)
        for path in old:
            path.rename(before / path.name)
    for path in sorted(staging.iterdir()):
        if not path.name.endswith(".lock"):
            path.rename(home / path.name)
    return before.name if old else ""
