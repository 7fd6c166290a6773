"""What happens inside an installation that was just restored, before anybody may use it: is it what the backup said,
and is it whole? Then what must not go on as if nothing had happened is ended. Run by server/restore.py as a process of
its own, over the folder or database that is being restored, as the owner of its tables.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import psycopg
from django.db import connection
from psycopg import sql

from careloop.access import Scope, system_actor
from careloop.actions.note_event import note
from careloop.jobs import outbox
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError
from careloop.server import upkeep
from careloop.store import digest as digesting
from careloop.store import verify as verifying

# What let somebody in before the restore, or would: (table, statement). Whoever holds one signs in again; a link or
# token that was ended after the backup was taken must not come to life again.
ENDED: Final = {
    "django_session": "delete from django_session",
    "accounts_signedin": "update accounts_signedin set ended = %s, why_ended = 'restored' where ended is null",
    "accounts_ticket": "update accounts_ticket set used_at = %s where used_at is null",
    "accounts_apiclient": "update accounts_apiclient set expires_at = least(expires_at, %s)",
    "accounts_appgrant": "update accounts_appgrant set ended = %s, why = 'restored' where ended is null",
    "accounts_authorization": "update accounts_authorization set ended = %s, why = 'restored' where ended is null",
    "accounts_authorizationcode": "delete from accounts_authorizationcode",
    "accounts_refreshtoken": "delete from accounts_refreshtoken",
    "accounts_accesstoken": "delete from accounts_accesstoken",
    "accounts_familycode": "update accounts_familycode set used_at = %s where used_at is null",
    "accounts_launchcontext": "delete from accounts_launchcontext",
}
MAY_HAVE_LEFT: Final = "Careloop was restored from a backup: this may have been sent already."


class NotWhole(CareError):
    """What was restored is not what the backup says, or is not whole. The installation of before is untouched."""

    code, status = "restore-not-whole", 409


def finish(manifest_file: Path, *, is_compared: bool, has_gone_on: bool) -> None:
    """Raises NotWhole. is_compared: also derive everything again and compare. has_gone_on: the database is from a later
    moment than the manifest, so that it may hold more."""
    manifest = json.loads(manifest_file.read_text())
    now = system_clock()
    connection.ensure_connection()
    problems = problems_of(connection.connection, manifest, has_gone_on=has_gone_on)
    if not problems:
        _migrate()
        upkeep.read_consents_again_where_rules_changed()
    report = verifying.whole(connection.connection.cursor())
    problems += report.problems
    if problems:
        raise NotWhole(" ".join(problems[:10]))
    click.echo(f"{report.rows:,} audit rows in {report.lanes} lanes: whole.")
    upkeep.digest()
    if is_compared and upkeep.rebuild(check=True):
        raise NotWhole("Something derived is not what the versions give.")
    begin_again(manifest["stamp"], now)


def problems_of(pg: psycopg.Connection[Any], manifest: dict[str, Any], *, has_gone_on: bool) -> list[str]:
    """Chains that do not hold the rows they ended with then, and tables that grow only and are shorter."""
    found = []
    for lane, (seq, told) in sorted(manifest["heads"].items()):
        row = pg.execute(
            "select encode(hash, 'hex') from audit where lane = %s and seq = %s", [int(lane), seq]
        ).fetchone()
        if row is None or row[0] != told:
            found.append(f"Lane {lane}, row {seq}: not the one that the backup tells.")
    for table in ("versions", "audit", "feed", "ids", "inbox"):
        row = pg.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
        if row is None or row[0] < manifest["rows"][table]:
            found.append(f"The table {table} is shorter than the backup tells.")
    cursor = pg.cursor()
    cursor.execute("set statement_timeout = 0")
    for table, told in {} if has_gone_on else manifest.get("digest", {}).items():
        if digesting.of_table(cursor, table) != told:
            found.append(f"The table {table} is not what the backup tells.")
    return found


def _migrate() -> None:
    """An older backup is brought up to this version."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def begin_again(stamp: str, now: datetime) -> None:
    """A new generation of the feed; sessions, links and tokens end; no letter leaves twice."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into generations(generation, why) select max(generation) + 1, %s from generations",
            [f"restored from {stamp}"],
        )
        for table, statement in ENDED.items():
            cursor.execute("select to_regclass(%s)", [table])
            if cursor.fetchone() != (None,):
                cursor.execute(statement, [now] * statement.count("%s"))
    held = outbox.set_aside(MAY_HAVE_LEFT, now)
    note(Scope(system_actor("rebuild"), "command", "maintenance"), f"restored from {stamp}", (), now)
    click.echo("A new generation of the feed began; everybody signs in again, and programs need new tokens.")
    if held:
        click.echo(f"{held} letters may have left already and wait in Review, where each can be sent again.")
