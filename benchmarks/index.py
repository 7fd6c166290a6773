"""What a resource costs before it reaches the database: reading its JSON, checking it, taking its index rows.

    python -m benchmarks.index

Over the Synthea bundles beside the checkout, or the demo community where they are absent. The baseline is the standard
library's `json.loads` over the same bytes. Pure Python, one core.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import CORPORA, QUICK


def resources() -> tuple[str, list[dict[str, Any]]]:
    from careloop.fhir import wire

    folder = CORPORA / "synthea-r4"
    if not folder.is_dir():
        from careloop.server.demo.generator import generate

        now = datetime.now(UTC)
        return "the demo community", list(generate(60, 7, today=now.date(), now=now))
    paths = sorted(folder.glob("*.json.gz"))[: 8 if QUICK else None]
    bundles = [wire.loads(gzip.decompress(path.read_bytes()), limits=wire.FILE_LIMITS) for path in paths]
    return f"{len(paths)} Synthea bundles", [e["resource"] for b in bundles for e in b["entry"]]


def micros(work: Callable[[Any], object], over: Sequence[Any]) -> float:
    """A resource; the best of three goes, for whatever else runs on this machine only ever adds."""
    for one in over[:300]:
        work(one)
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        for one in over:
            work(one)
        best = min(best, time.perf_counter() - begun)
    return best / len(over) * 1e6


def main() -> None:
    from careloop.fhir import index, validate, wire
    from careloop.store import bodies

    origin, found = resources()
    texts = [wire.dumps(one) for one in found]
    packed = [bodies.pack(one) for one in found]
    size = sum(map(len, texts)) / len(texts)
    rows = sum(sum(map(len, index.extract(one))) for one in found) / len(found)
    print(f"{len(found):,} resources of {origin}, {size:,.0f} bytes and {rows:.1f} index rows each")
    base = micros(json.loads, texts)
    measured: tuple[tuple[str, Callable[[Any], object], Sequence[Any]], ...] = (
        ("read strictly (wire.loads)", wire.loads, texts),
        ("check (validate)", validate.check, found),
        ("index rows (extract)", index.extract, found),
        ("pack (JSON, zstd)", bodies.pack, found),
        ("unpack", lambda one: bodies.unpack(*one), packed),
    )
    print(f"{'json.loads (baseline)':<28} {base:7.1f} µs")
    for name, work, over in measured:
        taken = micros(work, over)
        print(f"{name:<28} {taken:7.1f} µs, {taken / base:4.1f} of the baseline")


if __name__ == "__main__":
    main()
