"""The record in this process, one connection, audit on: creates, reads, searches and a large transaction a second,
beside bare commits of psycopg on the same server in the same run.

    python -m benchmarks.store
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, home, machine


def patient(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": str(number)}],
        "name": [{"family": f"Family{number % 97}", "given": ["Given"]}],
        "gender": "female",
        "birthDate": "1958-03-02",
        "address": [{"line": ["1 Main St"], "city": "Houston", "state": "TX", "postalCode": "77002"}],
        "telecom": [{"system": "phone", "value": "713-555-0100"}],
    }


def reading(reference: str, number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
        "subject": {"reference": reference},
        "effectiveDateTime": "2026-11-20",
        "valueQuantity": {
            "value": Decimal(number) / 10,
            "unit": "%",
            "system": "http://unitsofmeasure.org",
            "code": "%",
        },
    }


def per_second(count: int, run: Callable[[int], object]) -> float:
    for number in range(20):
        run(-1 - number)
    begun = time.perf_counter()
    for number in range(count):
        run(number)
    return count / (time.perf_counter() - begun)


def figures(count: int = 1_000) -> dict[str, float]:
    from careloop import store
    from careloop.access import Scope, system_actor
    from careloop.store.connection import keeper

    scope = Scope(system_actor("import"), "command", "operations")
    now, ids = datetime.now(UTC), []

    def bare(number: int) -> None:
        keeper().cursor().execute(
            "insert into codes(kind, text) values (99, %s)", [f"{number} {time.time_ns()}"]
        )

    def create(number: int) -> None:
        with store.open(scope, now=now) as unit:
            ids.append(unit.create(patient(number)).id)

    def update(number: int) -> None:
        with store.open(scope, now=now) as unit:
            unit.update(patient(number + 1_000_000) | {"id": ids[number]})

    def read(number: int) -> None:
        with store.open(scope, now=now) as unit:
            _ = unit.read("Patient", ids[number % len(ids)]).json

    def search(number: int) -> None:
        with store.open(scope, now=now) as unit:
            unit.search("Patient", [("identifier", f"urn:mrn|{number}")])

    def bundle(size: int) -> dict[str, Any]:
        entries = [
            {
                "fullUrl": f"urn:uuid:p{n}",
                "resource": patient(n),
                "request": {"method": "POST", "url": "Patient"},
            }
            for n in range(size // 4)
        ]
        entries += [
            {
                "resource": reading(f"urn:uuid:p{n % (size // 4)}", n),
                "request": {"method": "POST", "url": "Observation"},
            }
            for n in range(size - size // 4)
        ]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    def transaction(number: int) -> None:
        with store.open(scope, now=now) as unit:
            unit.transaction(bundle(500))

    found = {"bare commits": per_second(count, bare)}
    found["creates"] = per_second(count, create)
    found["updates"] = per_second(min(count, len(ids)), update)
    found["reads"] = per_second(count * 2, read)
    found["searches"] = per_second(count, search)
    begun = time.perf_counter()
    for number in range(4):
        transaction(number)
    found["resources by transaction"] = 2_000 / (time.perf_counter() - begun)
    return found


def main() -> None:
    with home() as place:
        print(machine(place))
        import django

        django.setup()
        found = figures(200 if QUICK else 1_000)
    base = found["bare commits"]
    for name, value in found.items():
        print(f"{name:28} {value:8.0f} a second {value / base:6.2f} of bare commits")


if __name__ == "__main__":
    main()
