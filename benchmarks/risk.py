"""Risk scores of a thousand people: worked out the first time, again when nothing changed, and after one change.

python -m benchmarks.risk            CARELOOP_BENCH_QUICK=1 for 50
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._stage import QUICK, fsync_ms, home

PEOPLE = 50 if QUICK else 1_000
READINGS = 100
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
CODES = ("I50.9", "E11.22", "N18.4", "J44.9", "I10", "E78.5")


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def record_of(person: str) -> list[dict[str, Any]]:
    """A stay, six diagnoses, a hundred weights and Medicare."""
    subject = {"reference": f"Patient/{person}"}
    days = [(NOW - timedelta(days=n)).isoformat() for n in range(READINGS)]
    weights = [
        {
            "resourceType": "Observation",
            "status": "final",
            "subject": subject,
            "code": coded("http://loinc.org", "29463-7"),
            "effectiveDateTime": day,
            "valueQuantity": {"value": 80, "unit": "kg"},
        }
        for day in days
    ]
    conditions = [
        {
            "resourceType": "Condition",
            "subject": subject,
            "code": coded("http://hl7.org/fhir/sid/icd-10-cm", code),
        }
        for code in CODES
    ]
    stay = {
        "resourceType": "Encounter",
        "status": "finished",
        "subject": subject,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "period": {"start": days[9], "end": days[3]},
    }
    cover = {
        "resourceType": "Coverage",
        "status": "active",
        "beneficiary": subject,
        "payor": [{"display": "Medicare Part B"}],
    }
    return [*weights, *conditions, stay, cover]


def times(run: Callable[[int], object], count: int) -> tuple[float, float]:
    """(middle, 95th of a hundred) in milliseconds."""
    found = []
    for n in range(count):
        began = time.perf_counter()
        run(n)
        found.append((time.perf_counter() - began) * 1_000)
    return median(found), quantiles(found, n=20)[-1]


def measure() -> None:
    from careloop import library, projections, store
    from careloop.access import Scope, system_actor
    from careloop.actions.assess_risk import refresh, worker
    from careloop.actions.record import begin
    from careloop.projections.risks import risks_of

    content, scope = library.load(), Scope(system_actor("rebuild"), "command", "maintenance")
    rids: list[int] = []
    for n in range(PEOPLE):
        with store.open(scope, now=NOW, projectors=projections.ALL) as unit:
            patient = {
                "resourceType": "Patient",
                "id": f"p{n}",
                "birthDate": "1955-03-02",
                "gender": "female",
            }
            rids.append(unit.create_named(patient).rid)
            for one in record_of(f"p{n}"):
                unit.create(one)

    def work_out(n: int) -> None:
        with begin(worker(), NOW) as unit:
            refresh(unit, rids[n], content)

    def change(n: int) -> None:
        with store.open(scope, now=NOW, projectors=projections.ALL) as unit:
            subject = {"reference": f"Patient/p{n}"}
            code = coded("http://hl7.org/fhir/sid/icd-10-cm", "C78.01")
            unit.create({"resourceType": "Condition", "subject": subject, "code": code})

    print(f"{PEOPLE:,} people, {READINGS} readings each")
    for name in ("the first time, four scores written", "again, nothing changed, nothing written"):
        found = times(work_out, PEOPLE)
        print(f"{name}: p50 {found[0]:.1f} ms, p95 {found[1]:.1f} ms")
    few = min(PEOPLE, 50)
    for n in range(few):
        change(n)
    found = times(work_out, few)
    print(f"after one diagnosis more: p50 {found[0]:.1f} ms, p95 {found[1]:.1f} ms")

    def listed(_: int) -> None:
        with store.open(scope, now=NOW) as unit:
            assert len(risks_of(unit, rids[:50])) >= 50

    found = times(listed, 50)
    print(f"the scores of 50 people for a list: p50 {found[0]:.1f} ms, p95 {found[1]:.1f} ms")


def main() -> int:
    with home() as place:
        import django

        django.setup()
        print(f"fsync {fsync_ms(place):.2f} ms")
        measure()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
