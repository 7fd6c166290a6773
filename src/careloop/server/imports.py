"""`careloop import`: files in, a progress bar, a plain summary. A file is taken whole or not at all."""

from __future__ import annotations

import gzip
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from careloop.access import Scope, system_actor
from careloop.actions.record import begin
from careloop.fhir import wire
from careloop.fhir.elements import Resource
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError
from careloop.store import inbox

NDJSON_BATCH = 200


def import_fhir_files(files: Sequence[Path], *, stop_at_error: bool) -> int:
    """0 when every file was taken, 1 when one was refused."""
    began, taken, refused = time.monotonic(), 0, []
    for path in tqdm(files, unit="file", disable=None):
        try:
            for bundle in transactions_of(path):
                taken += len(bundle["entry"])
                with begin(Scope(system_actor("import"), "file", "operations"), system_clock()) as unit:
                    unit.transaction(bundle)
        except CareError as error:
            refused.append((path, error.sentence))
            if stop_at_error:
                break
    seconds = max(time.monotonic() - began, 1e-9)
    click.echo(
        f"{taken} resources from {len(files) - len(refused)} files in {seconds:.1f} s ({taken / seconds:.0f} a second)."
    )
    for path, why in refused:
        click.echo(f"refused: {path.name}: {why}", err=True)
    return 1 if refused else 0


def transactions_of(path: Path) -> Iterator[Resource]:
    """The file's content as transaction Bundles: a Bundle as it is, one resource, or NDJSON in batches."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".ndjson" in path.suffixes:
        lines = [line for line in data.splitlines() if line.strip()]
        for first in range(0, len(lines), NDJSON_BATCH):
            yield transaction([wire.loads(line) for line in lines[first : first + NDJSON_BATCH]])
        return
    resource = wire.loads(data, limits=wire.FILE_LIMITS)
    if resource.get("resourceType") != "Bundle":
        yield transaction([resource])
    elif resource.get("type") in ("transaction", "batch"):
        yield resource | {"type": "transaction"}
    else:
        yield transaction([entry["resource"] for entry in resource.get("entry", ()) if "resource" in entry])


def transaction(resources: Sequence[Resource]) -> Resource:
    """One transaction that puts each resource under its own id, or creates it when it has none."""
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": resource, "request": _request(resource)} for resource in resources],
    }


def _request(resource: Resource) -> Resource:
    kind = resource.get("resourceType", "")
    return (
        {"method": "PUT", "url": f"{kind}/{resource['id']}"}
        if "id" in resource
        else {"method": "POST", "url": kind}
    )


def import_hl7_files(files: Sequence[Path], sender: str) -> int:
    """The same way as over MLLP, then taken in at once. 0 when everything became part of the record; 1 when something
    was refused or waits for a person."""
    from careloop.connect.hl7v2 import files as hl7_files
    from careloop.connect.hl7v2 import process, receive, senders

    source = senders.named(sender)
    answers: Counter[str] = Counter()
    with tqdm(total=len(files), unit="file", disable=None) as bar:
        for path in files:
            for number, raw in enumerate(hl7_files.messages_in(path.read_bytes()), 1):
                ack = receive.accept(raw, "", system_clock(), sender=source)
                answers["again" if ack.is_duplicate and ack.code == "AA" else ack.code] += 1
                if ack.code != "AA":
                    tqdm.write(f"{path.name}, message {number}: {ack.code}: {ack.reason}", file=sys.stderr)
                if not ack.is_kept:
                    raise CareError("The record can't be written just now. Run the same command again.")
            bar.update()
    before = _hl7_standing(sender)
    while process.run(system_clock()):
        pass
    after = _hl7_standing(sender)
    waiting = sum(after[state] - before[state] for state in ("held", "review"))
    click.echo(
        f"{answers['AA']} taken in, {answers['again']} known already, {answers['AE']} in error, "
        f"{answers['AR']} not acted on; everything is kept."
    )
    if waiting:
        click.echo(f"{waiting} of them wait for a person, in Review.")
    return 1 if waiting or answers["AE"] or answers["AR"] else 0


def _hl7_standing(sender: str) -> Counter[str]:
    with begin(Scope(system_actor("import"), "file", "operations"), system_clock()) as unit:
        return Counter(inbox.counts(unit, sender))


def import_panel_file(
    path: Path, site: str, *, is_real: bool, columns: Sequence[str] = (), program: str = ""
) -> int:
    """columns: “given=First name” puts the guess right. 0 when every row was taken or known."""
    from careloop import library
    from careloop.actions.import_panel import import_panel
    from careloop.actions.panel_file import guess, read_panel

    scope = Scope(system_actor("import"), "file", "operations")
    data = path.read_bytes()
    panel = read_panel(data)
    mapped = guess(panel.columns)
    for told in columns:
        name, _, column = told.partition("=")
        mapped = {**mapped, name: panel.column(column)}
    bar: tqdm[Any]
    with tqdm(total=len(panel.rows), unit="row", disable=None) as bar:
        report = import_panel(
            scope,
            data,
            site=site,
            now=system_clock(),
            mapped=mapped,
            dry_run=not is_real,
            program=program,
            library=library.load(),
            progress=lambda rows: _advance(bar, rows),
        )
    click.echo(report.text())
    return 0 if report.is_clean else 1


def _advance(bar: tqdm[Any], rows: int) -> None:
    bar.update(rows)
