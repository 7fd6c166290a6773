"""`careloop import`: files in, a progress bar, a plain summary. A file is taken whole or not at all."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from tqdm import tqdm

from careloop.access import Scope, system_actor
from careloop.actions.record import begin
from careloop.fhir import wire
from careloop.fhir.elements import Resource
from careloop.kernel.clock import system_clock
from careloop.kernel.errors import CareError

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
    from careloop.server.wiring import accept_hl7, sender_named

    source = sender_named(sender)
    answers = {"AA": 0, "AE": 0, "AR": 0}
    for path in tqdm(files, unit="message", disable=None):
        ack = accept_hl7(path.read_bytes(), source)
        answers[ack.code] += 1
        if ack.code != "AA":
            tqdm.write(f"{path.name}: {ack.code}, {ack.reason}")
    click.echo(f"{answers['AA']} accepted, {answers['AE']} in error, {answers['AR']} refused; all are kept.")
    return 0 if answers["AA"] == len(files) else 1


def import_panel_file(path: Path, site: str, *, is_real: bool) -> int:
    from careloop.actions.import_panel import import_panel

    scope = Scope(system_actor("import"), "file", "operations")
    report = import_panel(scope, path.read_bytes(), site=site, dry_run=not is_real, now=system_clock())
    click.echo(report.text())
    return 0 if report.is_clean else 1
