"""Searches inside the record, at 10,000 people: each side a search may start from, for one who may see everybody, two
sites, or all of them.

    python -m benchmarks.search

One connection, policy and audit on. The baseline is a search by id of one person. People and index rows are made by
SQL (tests/store/bulk.py): what they say is dull, how many they are and how they are spread is true to life.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, home, machine

ROUNDS = 60 if QUICK else 300


def main() -> None:
    with home() as place:
        import django

        django.setup()
        from tests.store import bulk

        from careloop import store
        from careloop.access import Actor, Scope, system_actor

        print(machine(place))
        bulk.ten_thousand_people()
        everybody = system_actor("rebuild")
        coordinator, director = (
            Actor(
                principal=7, kind="staff", name="x", roles=frozenset({"supervisor"}), sites=frozenset(sites)
            )
            for sites in ((5, 6), range(1, bulk.SITES + 1))
        )
        now, someone = datetime.now(UTC), bulk.patient(4)
        by_person = {"patient": f"Patient/{someone}", "code": f"{bulk.LOINC}|4548-4", "_sort": "-date"}
        searches = (
            ("one person by id (baseline)", "Patient", {"_id": someone}),
            ("by number", "Patient", {"identifier": "urn:mrn|1004"}),
            (
                "by name and birth date",
                "Patient",
                {"family": "family12", "birthdate": "lt1960", "_count": "10"},
            ),
            ("a person's readings, newest first", "Observation", by_person),
            (
                "everybody's readings of a kind",
                "Observation",
                {"code": f"{bulk.LOINC}|4548-4", "_count": "10"},
            ),
            ("the same, newest first", "Observation", {"code": f"{bulk.LOINC}|4548-4", "_sort": "-date"}),
            ("a coordinator's open tasks", "Task", {"owner": "Practitioner/d105", "status": "requested"}),
            ("how many open tasks there are", "Task", {"status": "requested", "_summary": "count"}),
        )
        baseline = 0.0
        print(
            f"{'median (p95) in ms, one connection':<40} {'everybody':>16} {'two sites':>16} {'all sites':>16}"
        )
        for name, kind, asked in searches:
            told = []
            for actor in (everybody, coordinator, director):
                times = []
                for number in range(ROUNDS + 10):
                    begun = time.perf_counter()
                    with store.open(Scope(actor, "fhir", "coordination"), now=now) as unit:
                        unit.search(kind, asked)
                    if number >= 10:
                        times.append((time.perf_counter() - begun) * 1000)
                median = statistics.median(times)
                baseline = baseline or median
                told.append(f"{median:7.1f} ({sorted(times)[int(len(times) * 0.95)]:.1f})")
            print(f"{name:<40} " + " ".join(f"{one:>16}" for one in told), flush=True)
        print(f"the baseline took {baseline:.1f} ms: {1000 / baseline:,.0f} a second")


if __name__ == "__main__":
    main()
