"""`careloop backup`: once, or kept up beside the server: a base backup a day, the log every half minute."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
import psycopg
from django.conf import settings

from careloop.access import Scope, system_actor
from careloop.actions.note_event import note
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError
from careloop.store import backup, embedded, wal
from careloop.store.backup_files import BackupFault, SealingKey, make_key, write_durably

LATE_AFTER: Final = timedelta(minutes=5)  # what TRUST allows to be lost
_TRIED_AGAIN: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Settings:
    """From the environment. target: None when nothing is kept up."""

    target: Path | None
    every: timedelta = timedelta(days=1)
    keep: int = 14
    log_seconds: float = 30.0

    @classmethod
    def read(cls) -> Settings:
        """Raises BackupFault when a number is none."""
        named = os.environ.get("CARELOOP_BACKUP_DIR", "")
        try:
            hours = float(os.environ.get("CARELOOP_BACKUP_HOURS", "24"))
            keep = int(os.environ.get("CARELOOP_BACKUP_KEEP", "14"))
            log_seconds = float(os.environ.get("CARELOOP_BACKUP_LOG_SECONDS", "30"))
        except ValueError as wrong:
            raise BackupFault("CARELOOP_BACKUP_HOURS, _KEEP and _LOG_SECONDS are numbers.") from wrong
        if hours <= 0 or keep < 1 or not 1 <= log_seconds <= LATE_AFTER.total_seconds() / 2:
            raise BackupFault(
                "CARELOOP_BACKUP_HOURS is more than 0, _KEEP at least 1, _LOG_SECONDS from 1 to 150."
            )
        return cls(Path(named).resolve() if named else None, timedelta(hours=hours), keep, log_seconds)


@dataclass
class State:
    """What the work loop and /readyz look at: <home>/backup-state.json. A sentence of why, without values."""

    base: str = ""  # when the last base backup was whole
    log: str = ""  # until when the log is sealed
    fault: str = ""
    since: str = ""  # of the fault

    @classmethod
    def read(cls, home: Path) -> State:
        try:
            return cls(**json.loads((home / "backup-state.json").read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, home: Path) -> None:
        with suppress(OSError):  # a full disk: the old state grows old, which is said as well
            write_durably(home / "backup-state.json", json.dumps(vars(self)).encode())

    def problem(self, now: datetime, wanted: Settings, *, is_embedded: bool) -> str:
        """Why somebody should look; empty when all is well."""
        if self.fault:
            return self.fault
        if not self.base:
            return "No backup has been taken yet."
        if now - datetime.fromisoformat(self.base) > wanted.every * 2:
            return "The last backup is more than twice as old as it should be."
        if is_embedded and (not self.log or now - datetime.fromisoformat(self.log) > LATE_AFTER):
            return "The log of the database has not been saved for more than five minutes."
        return ""


def is_embedded() -> bool:
    return embedded.url_for(Path(settings.HOME) / "postgres") == settings.DATABASE_URL


def owner_url() -> str:
    return str(settings.DATABASE_URL)


def _scope() -> Scope:
    return Scope(system_actor("jobs"), "command", "operations")


def key_create() -> None:
    text = make_key(Path(settings.HOME) / backup.KEY_FOLDER)
    click.echo("The recovery key. It is shown once and kept nowhere on this machine:\n")
    click.echo(f"  {text}\n")
    click.echo("Keep it in two places outside this building: without it no backup can be opened, by nobody.")


def take_one(target: Path, keep: int) -> dict[str, Any]:
    """One backup, old ones removed; written down in the audit trail."""
    home, now = Path(settings.HOME), system_clock()
    # Written down first: what can't be, is not done.
    note(_scope(), f"backup {backup.stamp_of(now.astimezone(UTC))}", (), now)
    with _alone(home):
        manifest = backup.take(
            home, target, owner_url(), SealingKey.read(home / backup.KEY_FOLDER), now.astimezone(UTC)
        )
        state = State.read(home)
        state.base = now.isoformat()
        state.write(home)
        for gone in backup.prune(target, keep):
            click.echo(f"{gone.name} is older than the {keep} that are kept, and was removed.")
    if manifest["kind"] == backup.PHYSICAL and (oldest := backup.backups_in(target)):
        wal.prune(target, str(json.loads((oldest[0] / "manifest.json").read_text()).get("start_wal", "")))
    return manifest


def command_take(target: Path, keep: int) -> None:
    begun = time.monotonic()
    manifest = take_one(target, keep)
    size = sum(entry["size"] for entry in manifest["files"])
    rows = manifest["rows"]
    click.echo(
        f"{target / manifest['stamp']}: {rows['heads']:,} resources, {rows['versions']:,} versions, "
        f"{rows['audit']:,} audit rows; {size / 1e6:,.1f} MB, sealed and signed, in {time.monotonic() - begun:.1f} s."
    )


def command_list(target: Path) -> None:
    for place in backup.backups_in(target):
        told = json.loads((place / "manifest.json").read_text())
        size = sum(entry["size"] for entry in told["files"])
        click.echo(
            f"{place.name}  {told['kind']:8}  {told['rows']['heads']:>10,} resources  {size / 1e6:>9,.1f} MB"
        )
    found = sorted(wal.place_of(target).glob("*.age"))
    if found:
        newest = max(path.stat().st_mtime for path in found)
        click.echo(
            f"log: {len(found)} segments, until {datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M:%S} UTC"
        )


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One backup at a time. The lock dies with its holder."""
    import fcntl

    with (home / "backup.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise BackupFault("Another backup is being taken just now.") from taken
        yield


# --- kept up beside the server


@dataclass
class Keeper:
    """One turn does what is due. A failure is written into the state, and tried again."""

    wanted: Settings
    target: Path
    state: State
    receiver: subprocess.Popen[bytes] | None = None
    has_slot: bool = False
    next_base: datetime | None = None
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return Path(settings.HOME)

    def turn(self, now: datetime) -> None:
        try:
            if is_embedded():
                self._follow(now)
            if self.next_base is None:
                self.next_base = self._first(now)
            if now >= self.next_base:
                self.next_base = now + _TRIED_AGAIN
                take_one(self.target, self.wanted.keep)
                self.state.base, self.next_base = now.isoformat(), now + self.wanted.every
            self.state.fault = self.state.since = ""
        except (CareError, OSError, psycopg.Error) as fault:
            said = fault.sentence if isinstance(fault, CareError) else f"{type(fault).__name__}"
            self.state.since = self.state.since or now.isoformat()
            self.state.fault = f"A backup failed: {said}"
            click.echo(f"careloop: {self.state.fault}", err=True)
        self.state.write(self.home)

    def _first(self, now: datetime) -> datetime:
        taken = backup.backups_in(self.target)
        if not taken or not self.state.base:
            return now
        return datetime.fromisoformat(self.state.base) + self.wanted.every

    def _follow(self, now: datetime) -> None:
        key = SealingKey.read(self.home / backup.KEY_FOLDER)
        if self.receiver is None or self.receiver.poll() is not None:
            self.has_slot = wal.prepare(self.home)
            if not self.has_slot:
                self.next_base = now  # the log has a gap: only a new base reaches over it
            self.receiver = wal.follow(self.home)
            time.sleep(0.3)
        wal.ship(self.home, self.target, key, self.seen)
        if self.receiver.poll() is not None:
            raise BackupFault("The log of the database can’t be received.")
        self.state.log = now.isoformat()

    def stop(self) -> None:
        if self.receiver is not None and self.receiver.poll() is None:
            self.receiver.terminate()
            self.receiver.wait(10)


def keep_up() -> None:
    """Until SIGTERM or SIGINT. Run by `careloop serve` when CARELOOP_BACKUP_DIR is set."""
    wanted = Settings.read()
    if wanted.target is None:
        raise BackupFault("Set CARELOOP_BACKUP_DIR to the folder that backups shall go to.")
    stop = threading.Event()

    def ended(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ended)
    keeper = Keeper(wanted, wanted.target, State.read(Path(settings.HOME)))
    try:
        while not stop.is_set():
            keeper.turn(system_clock())
            stop.wait(wanted.log_seconds)
    finally:
        keeper.stop()
