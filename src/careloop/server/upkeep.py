"""`careloop reindex`, `rebuild` and `verify`: long work with a bar, ending in a plain summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from django.db import connection
from tqdm import tqdm

from careloop.access import Scope, system_actor
from careloop.actions import record
from careloop.fhir.index import VERSION
from careloop.kernel.clock import system_clock
from careloop.library.labels import rules
from careloop.projections import consented, rebuilding
from careloop.store import digest as digesting
from careloop.store import heads_key
from careloop.store import reindex as indexing
from careloop.store import relabel as relabeling
from careloop.store import verify as verifying


def _scope() -> Scope:
    return Scope(system_actor("rebuild"), "command", "maintenance")


@contextmanager
def _bar(what: str, unit: str) -> Iterator[Callable[[int], None]]:
    with tqdm(desc=what, unit=f" {unit}", disable=None) as bar:

        def progress(count: int) -> None:
            bar.update(count)

        yield progress


def reindex() -> None:
    """Old index rows brought up to this version and labels computed again by today's rules, a commit a batch; may be
    stopped and started again."""
    began = time.monotonic()
    with _bar("Reindexing", "resources") as progress:
        done = indexing.reindex(_scope(), now=system_clock(), progress=progress)
    seconds = time.monotonic() - began
    click.echo(f"{done:,} resources brought to index version {VERSION} in {seconds:.1f} s.")
    relabel()


def relabel() -> None:
    """Labels of everything that is current, and of what is derived from it, by today's rules."""
    now = system_clock()
    with _bar("Labels", "resources") as progress:
        found = relabeling.relabel(_scope(), now=now, progress=progress)
    with record.begin(_scope(), now) as unit:
        consented.catch_up(unit)
        unit.claim(_RULES, rules().digest)
    click.echo(f"labels: {_said(found.resources, 'resources', found.missing, found.surplus)}")


# In `once`: the rules by which everything was labeled.
_RULES: Final = "label-rules"
_LABELED: Final = "select exists (select from once where kind = %s and key = %s)"


def relabel_where_rules_changed() -> None:
    """After an upgrade: what was written under other rules, or before there were any, is labeled before it is read."""
    with record.begin(_scope(), system_clock()) as unit:
        row = unit.cursor().execute(_LABELED, [_RULES, rules().digest]).fetchone()
    if row is not None and not row[0]:
        relabel()


def read_consents_again_where_rules_changed() -> None:
    """After an upgrade: what was kept of Consents under another reading is worked out before it lets anybody see."""
    with record.begin(_scope(), system_clock()) as unit:
        if consented.is_current(unit):
            return
        unit.cursor().execute("set local statement_timeout = 0")
        unit.cursor().execute("lock table consented in exclusive mode")
        consented.Consented().rebuild(unit)
        consented.catch_up(unit)
        consented.mark_current(unit)
        ((are_there,),) = unit.cursor().execute("select exists (select from consented)").fetchall()
    if are_there:
        click.echo("What Consents say was worked out again, by the rules of this version.")


def rebuild(*, check: bool) -> int:
    """0 when everything derived was already what the versions give, or has been made so; 1 when --check finds a
    difference."""
    now = system_clock()
    with _bar("Index", "resources") as progress:
        index = indexing.rebuild_index(_scope(), now=now, check=check, progress=progress)
    click.echo(f"index: {_said(index.resources, 'resources', index.missing, index.surplus)}")
    with _bar("Labels", "resources") as progress:
        labels = relabeling.relabel(_scope(), now=now, check=check, progress=progress)
    click.echo(f"labels: {_said(labels.resources, 'resources', labels.missing, labels.surplus)}")
    tables = rebuilding.rebuild(_scope(), now, check=check)
    _say_reading(check=check)
    for one in tables:
        click.echo(f"{one.table}: {_said(one.rows, 'rows', one.missing, one.surplus)}")
    is_whole = index.is_whole and labels.is_whole and all(one.is_whole for one in tables)
    if is_whole:
        click.echo("Everything derived is what the versions give.")
        return 0
    click.echo("Differences were found; nothing was changed." if check else "Differences were put right.")
    return 1 if check else 0


def _say_reading(*, check: bool) -> None:
    with record.begin(_scope(), system_clock()) as unit:
        if not consented.is_current(unit):
            if check:
                click.echo("Consents were read by the rules of another version: run careloop migrate.")
            else:
                consented.mark_current(unit)


def _said(count: int, things: str, missing: int, surplus: int) -> str:
    wrong = f"{missing:,} missing, {surplus:,} too many" if missing or surplus else "the same"
    return f"{count:,} {things}, {wrong}"


def verify() -> int:
    """0 when the audit chains, their heads outside the database and the record fit each other; else 1."""
    connection.ensure_connection()
    with _bar("Verifying", "rows") as progress:
        report = verifying.whole(connection.connection.cursor(), _since_last(progress))
    for problem in report.problems:
        click.echo(problem, err=True)
    state = "whole" if report.is_whole else f"not whole: {len(report.problems)} problems"
    click.echo(f"{report.rows:,} audit rows in {report.lanes} lanes: {state}.")
    return 0 if report.is_whole else 1


def digest() -> int:
    """Prints a figure over the record and one over its audit trail; always 0."""
    connection.ensure_connection()
    record, trail = digesting.digests(connection.connection.cursor())
    click.echo(f"record {record}\ntrail {trail}")
    return 0


def rotate_audit_key() -> None:
    """What was signed before stays good; whoever keeps the public keys elsewhere gets the new one here."""
    new = heads_key.rotate(system_clock())
    click.echo(f"The heads of the audit trail are signed with key {new} from now on.")
    click.echo(f"Its public half stands in {heads_key.list_file()}: keep a copy in another place.")


def _since_last(progress: Callable[[int], None]) -> Callable[[int], None]:
    """From totals to steps, which is what a bar takes."""
    told = 0

    def update(total: int) -> None:
        nonlocal told
        progress(total - told)
        told = total

    return update
