"""`careloop backup` and `careloop restore`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import click

from careloop.kernel.errors import CareError


def _ready() -> None:
    from careloop.server import command

    command.ready()


class SayWhere(CareError):
    """Say where to: `careloop backup FOLDER`, or set CARELOOP_BACKUP_DIR."""

    code, status = "no-target", 400


class NeedsZone(CareError):
    """Say the moment with its offset from UTC, such as 2026-11-23T14:05:00-06:00."""

    code, status = "no-offset", 400


class TakesFolder(click.Group):
    """`careloop backup FOLDER` is `careloop backup take FOLDER`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["take", *args]
        return super().parse_args(ctx, args)


@click.group(cls=TakesFolder)
def backup() -> None:
    """Encrypted backups of everything, taken while Careloop is used: `careloop backup FOLDER`."""


@backup.group("key")
def key() -> None:
    """The key that backups are sealed with."""


@key.command("create")
def key_create() -> None:
    """Make the key, and print the recovery key, once."""
    _ready()
    from careloop.server.backup import key_create as run

    run()


@backup.command("take")
@click.argument("target", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", default=14, show_default=True, type=click.IntRange(1), help="How many stay.")
def take(target: Path | None, keep: int) -> None:
    """One backup now, into a folder TARGET (else CARELOOP_BACKUP_DIR)."""
    _ready()
    from careloop.server.backup import command_take

    command_take(_target(target), keep)


@backup.command("list")
@click.argument("target", required=False, type=click.Path(file_okay=False, exists=True, path_type=Path))
def list_(target: Path | None) -> None:
    """What there is, oldest first, and how far the log reaches."""
    from careloop.server.backup import command_list

    command_list(_target(target))


@backup.command("keep")
def keep() -> None:
    """Go on for ever: a backup a day, the log each half minute (`careloop serve` runs this)."""
    _ready()
    from careloop.server.backup import keep_up

    keep_up()


def _target(named: Path | None) -> Path:
    chosen = named or Path(os.environ.get("CARELOOP_BACKUP_DIR", ""))
    if chosen == Path():
        raise SayWhere
    return chosen.resolve()


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to", "home", type=click.Path(path_type=Path), help="The home folder to make (else the one of --home)."
)
@click.option(
    "--until", help="Play the log up to this moment, such as 2026-11-23T14:05:00-06:00; else to its end."
)
@click.option("--base-only", is_flag=True, help="The backup as it was taken, without the log that followed.")
@click.option(
    "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Holds the recovery key."
)
@click.option("--replace", is_flag=True, help="Put what stands there aside, and keep it.")
@click.option(
    "--no-compare", is_flag=True, help="Do not derive everything again to compare; sooner, and less sure."
)
@click.option(
    "--recovered",
    is_flag=True,
    help="The PostgreSQL in DATABASE_URL stands at --until by its own log: keep it, and bring what goes with it.",
)
def restore(
    source: Path,
    home: Path | None,
    until: str | None,
    base_only: bool,
    key_file: Path | None,
    replace: bool,
    no_compare: bool,
    recovered: bool,
) -> None:
    """From SOURCE, a backup or a folder of them. Everything is checked before anything is touched."""
    from careloop.server.restore import Wish
    from careloop.server.restore import restore as run
    from careloop.store.backup_files import RecoveryKey

    where = (home or Path(os.environ.get("CARELOOP_HOME", "var"))).resolve()
    os.environ["CARELOOP_HOME"] = str(where)
    moment = _moment(until)
    parsed = RecoveryKey.parse(_recovery_key(key_file))
    run(Wish(source.resolve(), where, parsed, moment, base_only, replace, not no_compare, recovered))


def _recovery_key(file: Path | None) -> str:
    """Never an argument: others on the machine could read it."""
    if file is not None:
        return file.read_text()
    return os.environ.get("CARELOOP_RECOVERY_KEY") or str(click.prompt("Recovery key", hide_input=True))


def _moment(said: str | None) -> datetime | None:
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError as wrong:
        raise NeedsZone from wrong
    if found.tzinfo is None:
        raise NeedsZone
    return found


@click.command("after-restore", hidden=True)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--no-compare", is_flag=True)
@click.option("--recovered", is_flag=True)
def after_restore(manifest: Path, no_compare: bool, recovered: bool) -> None:
    """Run by `careloop restore` over what it has unpacked."""
    from careloop.server import command

    command.ready(as_owner=True)
    from careloop.server.restored import finish

    finish(manifest, is_compared=not no_compare, has_gone_on=recovered)
