"""The command `careloop`. Long work shows a progress bar and ends with a plain summary."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from careloop import __version__
from careloop.kernel.errors import CareError
from careloop.server import command_guard
from careloop.server.app_commands import app
from careloop.server.backup_commands import after_restore, backup, restore
from careloop.server.options import describes_a_sender
from careloop.server.protocol_commands import protocols
from careloop.server.user_commands import sso, user

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(click.Group):
    """Errors of ours are a sentence and exit code 1, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except CareError as error:
            click.echo(f"careloop: {error.sentence}", err=True)
            sys.exit(1)


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="careloop")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Where keys, the embedded database and files live (default: var).",
)
def main(home: Path | None) -> None:
    """Careloop: care coordination. Every need found, every promise kept, every loop closed."""
    if home is not None:
        os.environ["CARELOOP_HOME"] = str(home.resolve())


def ready(*, as_owner: bool = False, start: bool = True) -> None:
    """Django with its database running. as_owner: for migrations, which may change what the application may not."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "careloop.server.settings")
    if as_owner:
        os.environ["CARELOOP_DB_ROLE"] = ""
    if start and not os.environ.get("DATABASE_URL"):
        from careloop.store import embedded

        home = Path(os.environ.get("CARELOOP_HOME", "var")).resolve()
        embedded.ensure_running(home / "postgres")
    import django

    from careloop.server.logs import quiet_last_words

    if not os.environ.get("CARELOOP_DEBUG"):
        quiet_last_words()
    django.setup()
    refuse_unfit_database()


def refuse_unfit_database() -> None:
    """Raises NotDurable when a commit here could be acknowledged before it is on disk (TRUST 6); NotUtf8."""
    from django.db import connection

    from careloop.store import embedded

    with connection.cursor() as cursor:
        embedded.check_settings(cursor)
        embedded.check_encoding(cursor)


@main.command()
@click.option("--port", default=8000, show_default=True, help="Port on loopback.")
@click.option("--people", default=60, show_default=True, help="How many people live in the community.")
@click.option("--seed", default=7, show_default=True, help="The same seed and day make the same community.")
@click.option("--workers", default=1, show_default=True, help="Web worker processes.")
@click.option("--hl7-port", default=2575, show_default=True, help="Port of the MLLP listener; 0 for none.")
def demo(port: int, people: int, seed: int, workers: int, hl7_port: int) -> None:
    """Start Careloop with a made-up community, on this machine only."""
    from careloop.server.serve import start_demo

    start_demo(port=port, people=people, seed=seed, workers=workers, hl7_port=hl7_port)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Web worker processes.")
@click.option(
    "--threads", default=8, show_default=True, help="Threads a worker; each holds one database connection."
)
@click.option("--hl7-host", default="127.0.0.1", show_default=True)
@click.option("--hl7-port", default=0, help="Also listen for HL7 v2 over MLLP on this port.")
def serve(host: str, port: int, workers: int, threads: int, hl7_host: str, hl7_port: int) -> None:
    """Run everything: web workers, the work loop, and the MLLP listener when a port is given."""
    from careloop.server.serve import Plan, supervise

    ready()
    command_guard.refuse_unsafe((hl7_host, hl7_port))
    from careloop.server import first_run

    first_run.announce(f"http://{host}:{port}")
    supervise(Plan(host, port, workers, threads, hl7_host, hl7_port))


@main.command()
@click.option("--to", "step", nargs=2, metavar="APP NUMBER", help="Back to an earlier step: store 0003.")
@click.option(
    "--backup",
    "backup_to",
    envvar="CARELOOP_BACKUP_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where a backup goes before a step back (else CARELOOP_BACKUP_DIR).",
)
@click.option("--no-backup", is_flag=True, help="I have a backup: go back without another.")
def migrate(step: tuple[str, str] | None, backup_to: Path | None, no_backup: bool) -> None:
    """Bring the database to this version's tables; data stays. Ended in the middle, it is just run again."""
    ready(as_owner=True)
    from careloop.server import migrating

    if step is not None:
        if backup_to is None and not no_backup:
            raise click.UsageError("Going back needs a backup first: --backup FOLDER, or --no-backup.")
        undone = migrating.back(*step, backup_to=None if no_backup else backup_to)
        click.echo("\n".join([*(f"Taken back: {name}" for name in undone), "The database is there."]))
        return
    migrating.forward()
    from careloop.server import first_run, upkeep

    upkeep.relabel_where_rules_changed()
    upkeep.read_consents_again_where_rules_changed()
    click.echo("The database is up to date.")
    first_run.announce()


@main.command()
@click.option("--once", is_flag=True, help="Do what is waiting, then stop.")
def work(once: bool) -> None:
    """Turn messages, changes and timers into work; send what waits to be sent."""
    ready()
    command_guard.refuse_unsafe(("127.0.0.1", 0))
    from careloop.server.wiring import run_work

    run_work(once=once)


@main.group()
def listen() -> None:
    """Receive messages from other systems."""


@listen.command("hl7")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=2575, show_default=True)
def listen_hl7(host: str, port: int) -> None:
    """HL7 v2 over MLLP: checked, stored, committed, then acknowledged."""
    ready()
    command_guard.refuse_unsafe((host, port))
    from careloop.server.wiring import run_hl7_listener

    run_hl7_listener(host, port)


@main.group("import")
def import_() -> None:
    """Take in files."""


@import_.command("fhir")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--stop-at-error", is_flag=True, help="Stop at the first file that is refused.")
def import_fhir(files: tuple[Path, ...], stop_at_error: bool) -> None:
    """FHIR R4: resources, Bundles or NDJSON (.json, .ndjson, also .gz). A file is taken whole or not at all."""
    ready()
    from careloop.server.imports import import_fhir_files

    sys.exit(import_fhir_files(files, stop_at_error=stop_at_error))


@import_.command("hl7")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--sender", required=True, help="Which configured sender these come from.")
def import_hl7(files: tuple[Path, ...], sender: str) -> None:
    """HL7 v2 files: the same way a message over MLLP takes."""
    ready()
    from careloop.server.imports import import_hl7_files

    sys.exit(import_hl7_files(files, sender))


@import_.command("panel")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--site", required=True, help="Organization id that the people belong to.")
@click.option(
    "--column", "columns", multiple=True, help="Put the guess right: given=Nickname; repeat for more."
)
@click.option("--program", default="", help="Also put them at the front door of this program.")
@click.option("--apply", "is_real", is_flag=True, help="Write; without it this is a dry run.")
def import_panel(file: Path, site: str, columns: tuple[str, ...], program: str, is_real: bool) -> None:
    """A panel of people as CSV: mapping shown, dry run first, errors by row."""
    ready()
    from careloop.server.imports import import_panel_file

    sys.exit(import_panel_file(file, site, is_real=is_real, columns=columns, program=program))


@main.command()
def reindex() -> None:
    """Bring rows of an older search index up to this version, while serving."""
    ready()
    from careloop.server.upkeep import reindex as run

    run()


@main.command()
@click.option("--check", is_flag=True, help="Only compare; exit code 1 when a row differs.")
def rebuild(check: bool) -> None:
    """Derive every index row and projection again from the versions."""
    ready()
    from careloop.server.upkeep import rebuild as run

    sys.exit(run(check=check))


@main.command()
@click.option(
    "--digest", is_flag=True, help="Only print a figure over the record and one over its trail, to compare."
)
def verify(digest: bool) -> None:
    """Check the audit chains, their heads outside the database, and the record's wholeness."""
    ready()
    from careloop.server import upkeep

    sys.exit(upkeep.digest() if digest else upkeep.verify())


@main.group()
def audit() -> None:
    """The key that signs the heads of the audit trail."""


@audit.command("rotate-key")
def audit_rotate_key() -> None:
    """Sign with a new key from now on; the old one vouches for it in audit/keys.log."""
    ready()
    from careloop.server.upkeep import rotate_audit_key

    rotate_audit_key()


@main.command()
@click.argument("names", nargs=-1)
@click.option("--quick", is_flag=True, help="Smaller runs, for a look.")
def bench(names: tuple[str, ...], quick: bool) -> None:
    """Measure, on this machine, each figure the project promises (needs a checkout)."""
    from careloop.server.bench import run

    sys.exit(run(names, quick=quick))


@main.group("api-client")
def api_client() -> None:
    """Programs that may speak FHIR with us."""


@api_client.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="A SMART scope, e.g. system/Patient.rs; repeat for more.",
)
@click.option("--days", default=365, show_default=True, help="The token ends after so many days.")
def api_client_create(name: str, scopes: tuple[str, ...], days: int) -> None:
    """Make a client and print its bearer token, once."""
    ready()
    from careloop.server.people import create_client

    create_client(name, scopes, days)


@api_client.command("list")
def api_client_list() -> None:
    """Names, scopes and when they end; never a token."""
    ready()
    from careloop.server.people import list_clients

    list_clients()


@api_client.command("revoke")
@click.argument("name")
def api_client_revoke(name: str) -> None:
    """End a client's access now."""
    ready()
    from careloop.server.people import revoke_client

    revoke_client(name)


@main.group()
def sender() -> None:
    """Systems that may send HL7 v2 messages."""


@sender.command("create")
@click.argument("name")
@describes_a_sender(is_new=True)
def sender_create(name: str, **said: Any) -> None:
    """Set up a hospital's feed, from its next message on."""
    ready()
    from careloop.server.senders import Told, create_sender

    create_sender(name, Told(**said))


@sender.command("change")
@click.argument("name")
@describes_a_sender(is_new=False)
@click.option("--enable", "is_enabled", is_flag=True, help="Let a disabled sender send again.")
def sender_change(name: str, is_enabled: bool, **said: Any) -> None:
    """Change a sender; what is not said stays. Addresses replace those before, codes are added."""
    ready()
    from careloop.server.senders import Told, change_sender

    change_sender(name, Told(**said), is_enabled=is_enabled)


@sender.command("list")
def sender_list() -> None:
    """Who may send, from where, for which site, with their own codes."""
    ready()
    from careloop.server.senders import list_senders

    list_senders()


@sender.command("disable")
@click.argument("name")
def sender_disable(name: str) -> None:
    """End a sender's access now; what it sent is kept."""
    ready()
    from careloop.server.senders import disable_sender

    disable_sender(name)


main.add_command(user)
main.add_command(sso)
main.add_command(app)
main.add_command(protocols)
main.add_command(backup)
main.add_command(restore)
main.add_command(after_restore)
main.add_command(command_guard.destination)
main.add_command(command_guard.check)
