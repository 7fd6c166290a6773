"""Bulk import with validation: `careloop import fhir` over the Synthea bundles, every projection on, beside what plain
COPY of the same bytes into one table takes.

    python -m benchmarks.import

Gate of TRUST: 1,000 resources a second; goal 4,000.
"""

from __future__ import annotations

import gzip
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import CORPORA, QUICK, careloop, home, machine


def files() -> list[Path]:
    found = sorted((CORPORA / "synthea-r4").glob("*.json.gz"))
    # Hospitals and practitioners first: the others refer to them by number.
    found.sort(key=lambda path: not path.name.startswith(("hospitalInformation", "practitionerInformation")))
    return found[:16] if QUICK else found


def copied(paths: list[Path]) -> float:
    """Seconds that the bodies alone take, with nothing known about them."""
    import psycopg
    from django.conf import settings

    from careloop.fhir import wire

    bundles = [wire.loads(gzip.decompress(path.read_bytes()), limits=wire.FILE_LIMITS) for path in paths]
    texts = [wire.dumps(entry["resource"]) for bundle in bundles for entry in bundle["entry"]]
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        connection.execute("create table copied(n integer primary key, body bytea)")
        begun = time.perf_counter()
        with connection.cursor().copy("copy copied from stdin") as rows:
            for number, text in enumerate(texts):
                rows.write_row((number, text))
        return time.perf_counter() - begun


def main() -> None:
    paths = files()
    if not paths:
        print("the Synthea bundles are not beside this checkout: nothing was measured")
        return
    with home() as place:
        print(machine(place))
        begun = time.perf_counter()
        said = careloop("import", "fhir", *map(str, paths))
        taken = time.perf_counter() - begun
        print(said.strip())
        count = int(re.findall(r"[\d,]+", said)[0].replace(",", ""))
        bare = copied(paths)
        print(
            f"with the start of the command {taken:.1f} s: {count / taken:,.0f} resources/s (gate 1,000, goal 4,000)"
        )
        print(f"COPY of the bodies alone {count / bare:,.0f}/s (baseline): {bare / taken:.3f} of it")


if __name__ == "__main__":
    main()
