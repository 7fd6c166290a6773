"""100,000 readings: written one by one as devices send them, in bundles of a file, looked up, settled after a late one.

python -m benchmarks.readings            CARELOOP_BENCH_QUICK=1 for 5,000
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._stage import QUICK, fsync_ms, home

PEOPLE = 50 if QUICK else 1_000
EACH = 100
AT_ONCE = 100
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def weight(person: str, n: int, kilograms: Decimal) -> dict[str, Any]:
    at = (NOW - timedelta(days=EACH - n)).isoformat().replace("+00:00", "Z")
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{person}"},
        "device": {"display": "scale"},
        "effectiveDateTime": at,
        "valueQuantity": {
            "value": kilograms,
            "unit": "kg",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        },
    }


def times(run: Callable[[], object], count: int) -> tuple[float, float]:
    """(middle, 95th of a hundred) in milliseconds."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        run()
        found.append((time.perf_counter() - began) * 1_000)
    return median(found), quantiles(found, n=20)[-1]


def tell(name: str, found: tuple[float, float]) -> None:
    print(f"{name}: p50 {found[0]:.1f} ms, p95 {found[1]:.1f} ms")


def measure() -> None:
    from careloop import library, projections, store
    from careloop.access import Scope, system_actor
    from careloop.projections import readings
    from careloop.projections.rebuilding import rebuild

    scope = Scope(system_actor("rebuild"), "command", "maintenance")
    people = [f"p{n}" for n in range(PEOPLE)]
    with store.open(scope, now=NOW, projectors=projections.ALL) as unit:
        for person in people:
            unit.create_named({"resourceType": "Patient", "id": person, "name": [{"family": person}]})
    library.load()

    written, began = 0, time.perf_counter()
    for person in people:
        for start in range(0, EACH, AT_ONCE):
            with store.open(scope, now=NOW, projectors=projections.ALL) as unit:
                for n in range(start, min(start + AT_ONCE, EACH)):
                    unit.create(weight(person, n, Decimal(80) + Decimal(n % 7) / 10))
                    written += 1
    took = time.perf_counter() - began
    print(f"written in bundles of {AT_ONCE}: {written:,} readings, {written / took:,.0f} a second")

    def one() -> None:
        with store.open(scope, now=NOW, projectors=projections.ALL) as unit:
            unit.create(weight(people[0], EACH + 1, Decimal("81.2")))

    tell("one reading, its own commit", times(one, 100))

    def late() -> None:
        with store.open(scope, now=NOW, projectors=projections.ALL) as unit:
            unit.create(weight(people[1], 1, Decimal("80.3")))

    tell("one that came late, before a hundred others", times(late, 100))

    with store.open(scope, now=NOW) as unit:
        rids = [unit.rid_of(f"Patient/{person}") or 0 for person in people]

    def look(read: Callable[[Any], object]) -> Callable[[], None]:
        def looked() -> None:
            with store.open(scope, now=NOW) as unit:
                read(unit)

        return looked

    for name, read in {
        "one person, one kind, 90 days": lambda unit: readings.readings_of(
            unit, rids[5], ["weight"], since=NOW - timedelta(days=90)
        ),
        "the last of 50 people": lambda unit: readings.latest(unit, rids[:50], "weight"),
        f"the last of {PEOPLE:,} people": lambda unit: readings.latest(unit, rids, "weight"),
    }.items():
        tell(name, times(look(read), 50))

    began = time.perf_counter()
    found = rebuild(scope, NOW, check=True)
    print(
        f"rebuilt and compared: {time.perf_counter() - began:.1f} s, whole: {all(d.is_whole for d in found)}"
    )


def main() -> int:
    with home() as place:
        import django

        django.setup()
        print(f"fsync {fsync_ms(place):.2f} ms")
        measure()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
