"""Where the real files lie: beside the checkout, never in it. Tests that need them are skipped when they are absent."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CORPORA = Path(__file__).resolve().parents[2].parent / "shared" / "corpora"


def folder(name: str) -> Path:
    """That folder of the corpora; skips the test with a plain reason when there is none."""
    found = CORPORA / name
    if not found.is_dir():
        pytest.skip(f"the real files of {name} are not beside this checkout ({CORPORA})")
    return found


def synthea_bundles() -> list[tuple[str, bytes]]:
    """(name, JSON), hospitals and practitioners first, as their origin says."""
    paths = sorted(folder("synthea-r4").glob("*.json.gz"))
    early = ("hospitalInformation", "practitionerInformation")
    paths.sort(
        key=lambda path: next((at for at, name in enumerate(early) if path.name.startswith(name)), len(early))
    )
    return [(path.name, gzip.decompress(path.read_bytes())) for path in paths]


def r4_examples() -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(folder("fhir-r4/examples").glob("*.json"))]


def package_examples(archive: str) -> Iterator[tuple[str, bytes]]:
    """The examples inside an npm-style package of the corpora, such as `us-core/hl7.fhir.us.core-6.1.0.tgz`."""
    path = folder(archive.split("/")[0]) / archive.split("/")[1]
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as package:
        for member in sorted(package.getmembers(), key=lambda found: found.name):
            if member.name.startswith("package/example/") and member.name.endswith(".json"):
                body = package.extractfile(member)
                if body is not None and not Path(member.name).name.startswith("."):
                    yield Path(member.name).name, body.read()
