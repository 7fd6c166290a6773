"""`careloop migrate`: tables forward to this version, or back to an earlier one, with what is in them.

Each step is a transaction of its own, so that being ended in the middle only means to begin again. One process at a
time: the others wait. A database that a newer Careloop has changed is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from careloop.kernel.errors import CareError

APPS: Final = ("store", "accounts", "projections")
LOCK: Final = 0x316


class NewerDatabase(CareError):
    """A newer Careloop has changed this database. Run that version; to come back, its `careloop migrate --to`."""

    code, status = "newer-database", 409


class UnknownStep(CareError):
    """There is no such step. Say an app and the number it shall stand at, such as --to store 0003."""

    code, status = "unknown-step", 404


def forward() -> None:
    """Raises NewerDatabase before anything is changed."""
    with _alone():
        refuse_newer()
        call_command("migrate", verbosity=0, interactive=False)


def back(app: str, number: str, *, backup_to: Path | None) -> list[str]:
    """Takes back what came after that step, also in the other apps where they build on it. Returns what was undone.
    backup_to: a backup is taken there first; None when whoever asks has one."""
    from careloop.server.backup import take_one

    with _alone():
        refuse_newer()
        executor = MigrationExecutor(connection)
        names = [
            name
            for known, name in executor.loader.disk_migrations
            if known == app and name.startswith(number)
        ]
        if app not in APPS or len(names) != 1 or not number:
            raise UnknownStep
        plan = executor.migration_plan([(app, names[0])])
        if any(not is_back for _, is_back in plan):
            raise UnknownStep(f"{app} stands before {names[0]}; `careloop migrate` goes forward.")
        if not plan:
            return []
        if backup_to is not None:
            click.echo(f"Backed up to {backup_to / take_one(backup_to, keep=1_000)['stamp']}.")
        call_command("migrate", app, names[0], verbosity=0, interactive=False)
        return [f"{migration.app_label} {migration.name}" for migration, _ in plan]


def refuse_newer() -> None:
    """Steps of ours that this version does not know."""
    executor = MigrationExecutor(connection)
    known, applied = executor.loader.disk_migrations, executor.loader.applied_migrations
    unknown = sorted(f"{app} {name}" for app, name in applied if app in APPS and (app, name) not in known)
    if unknown:
        raise NewerDatabase(
            f"A newer Careloop has changed this database ({', '.join(unknown)}). Run that version; nothing was touched."
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Held by the connection: it goes when the process dies."""
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
        cursor.execute("select pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [LOCK])
