"""All protocols over 60, 10,000 and 100,000 people; and from one new reading to the row on Today.

    python -m benchmarks.protocols

The larger communities are made as `benchmarks/today.py` makes them, with what protocols read beside it: everybody has
ninety days of weights and blood pressures and a course of PHQ-9, every second one heart failure. Asked of everybody, a
protocol reads and decides and writes nothing; after a new reading the alert, its work and its proposal are written too.
The baseline is deciding alone: the same protocol asked of one person again and again, with all that is known in memory.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _stage as stage
from benchmarks.today import QUICK, SIZES, _tell, grow

WEIGHTS, PRESSURES, SCORES = 90, 30, 4
NEW_READINGS = 10 if QUICK else 40
# Of the told people: resources whose copies are read, and rows derived from them.
COPIES = {
    "heads": "select h.person + {n}, h.rid + {n}, h.type, h.version, h.at, h.state, h.labels, h.iv from heads h,"
    " generate_series({begun}, {copies}) k where h.person between 1 and 999999 and h.rid in (select rid from wanted)",
    "versions": "select v.person + {n}, v.rid + {n}, v.version, v.at, v.op, v.tx, v.codec, v.body from versions v join"
    " heads h on h.person = v.person and h.rid = v.rid and h.version = v.version,"
    " generate_series({begun}, {copies}) k where v.person between 1 and 999999 and v.rid in (select rid from wanted)",
    "ids": "select i.type, i.id || '-' || k, i.rid + {n}, i.person + {n} from ids i,"
    " generate_series({begun}, {copies}) k where i.rid in (select rid from wanted)",
    "readings": "select person + {n}, kind, at, observation + {n}, value, second, unit, comparator, has_hour, source,"
    " device, own, state, why from readings, generate_series({begun}, {copies}) k where person < 1000000",
    "scores": "select person + {n}, instrument, scale, at, value, band, response + {n} from scores,"
    " generate_series({begun}, {copies}) k where person < 1000000",
}
# Of readings only the rows that protocols read are copied: asked of everybody, they do not open the Observations.
WANTED = """
create temp table wanted as
select response as rid from scores union select rid from heads where type = any(%s::integer[])
"""


def tell_series() -> None:
    """Weights, pressures, scores and diagnoses of the first sixty, as their doors write them."""
    from careloop import projections, store
    from careloop.access import Scope, system_actor
    from careloop.fhir import uris
    from careloop.fhir.elements import codeable, fhir_instant, ref

    def observed(person: str, code: str, at: datetime, **value: Any) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": codeable(uris.LOINC, code),
            "subject": ref(person),
            "effectiveDateTime": fhir_instant(at),
            **value,
        }

    scope = Scope(system_actor("demo"), "command", "operations")
    now = datetime.now(UTC)
    for place, person in enumerate(told_people()):
        made: list[dict[str, Any]] = []
        for day in range(WEIGHTS):
            at = now - timedelta(days=WEIGHTS - day, minutes=place)
            grams = 80_000 + (place * 131 + day * 977) % 1_900 + (2_500 if place % 7 == 0 and day > 85 else 0)
            made.append(observed(person, "29463-7", at, valueQuantity=_quantity(Decimal(grams) / 1000, "kg")))
        for day in range(PRESSURES):
            at = now - timedelta(days=3 * (PRESSURES - day), minutes=place)
            upper, lower = 118 + (place * 7 + day * 5) % 30, 70 + (place + day) % 18
            parts = [
                {"code": codeable(uris.LOINC, code), "valueQuantity": _quantity(Decimal(value), "mm[Hg]")}
                for code, value in (("8480-6", upper), ("8462-4", lower))
            ]
            made.append(observed(person, "85354-9", at, component=parts))
        for turn in range(SCORES):
            at = now - timedelta(days=28 * (SCORES - turn) - 14, minutes=place)
            value = Decimal(max(0, 20 - place % 15 - 2 * turn))
            made.append(observed(person, "44261-6", at, valueQuantity=_quantity(value, "{score}")))
        if place % 2 == 0:
            made.append(
                {
                    "resourceType": "Condition",
                    "clinicalStatus": codeable(
                        "http://terminology.hl7.org/CodeSystem/condition-clinical", "active"
                    ),
                    "code": codeable(uris.ICD10CM, "I50.9", "Heart failure"),
                    "subject": ref(person),
                }
            )
        with store.open(scope, now=now, projectors=projections.ALL) as unit:
            for one in made:
                unit.create(one)


def _quantity(value: Decimal, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def told_people() -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select id from briefs where person < 1000000 and not is_deceased order by person")
        return [f"Patient/{id}" for (id,) in cursor.fetchall()]


def copy(people: int) -> None:
    from django.db import connection

    from careloop.store.keys import number_of

    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(person) / 1000000, 0) from readings")
        begun, copies = int(cursor.fetchone()[0]) + 1, people // 60 - 1
        if copies < begun:
            return
        kinds = [number_of(name) for name in ("Condition", "ServiceRequest", "RequestGroup")]
        cursor.execute("drop table if exists wanted")
        cursor.execute(WANTED, [kinds])
        cursor.execute("delete from wanted where rid >= 1000000")
        cursor.execute("analyze wanted")
        for table, text in COPIES.items():
            asked = text.format(n="k * 1000000", begun=begun, copies=copies)
            cursor.execute(f"insert into {table} {asked} on conflict do nothing")
            cursor.execute(f"analyze {table}")


def everybody() -> tuple[int, int, float, list[tuple[str, int, int, float]]]:
    """(people asked, spoken of, seconds, by protocol): every protocol over all of whom it could say anything."""
    from careloop import store
    from careloop.access import Scope, system_actor
    from careloop.actions.protocols_on import On
    from careloop.care.protocol_replay import narrowing
    from careloop.library import load
    from careloop.projections.signals import HORIZON
    from careloop.projections.whom_to_ask import population
    from careloop.reactions.protocols import SLICE, speaking

    library, scope = load(), Scope(system_actor("reactions"), "work", "operations")
    now = datetime.now(UTC)
    rows = []
    for protocol in library.protocols.values():
        began, after, asked, told = time.perf_counter(), 0, 0, 0
        while True:
            with store.open(scope, now=now) as unit:
                people, further = population(unit, narrowing(protocol), now - HORIZON, after, SLICE)
                found, _ = speaking(unit, On(protocol, None), people, library) if people else ({}, {})
            asked, told = asked + len(people), told + len(found)
            if further is None:
                break
            after = further
        rows.append((protocol.id, asked, told, time.perf_counter() - began))
    return sum(r[1] for r in rows), sum(r[2] for r in rows), sum(r[3] for r in rows), rows


def deciding() -> float:
    """Questions a second of every protocol, about one person of whom everything is known."""
    from careloop import store
    from careloop.access import Scope, system_actor
    from careloop.care.protocols import evaluate
    from careloop.library import load
    from careloop.projections.signals import gather

    library, now = load(), datetime.now(UTC)
    with store.open(Scope(system_actor("reactions"), "work", "operations"), now=now) as unit:
        rid = unit.rid_of(told_people()[0])
        paths = {path for protocol in library.protocols.values() for path in protocol.reads}
        signals = gather(unit, [rid or 0], paths, library)[rid or 0]
    began, rounds = time.perf_counter(), 100
    for _ in range(rounds):
        for protocol in library.protocols.values():
            evaluate(protocol, signals, {}, now, in_words=False)
    return rounds * len(library.protocols) / (time.perf_counter() - began)


def one_reading() -> tuple[list[float], list[float]]:
    """Milliseconds from the commit of a reading that sets one off until its row stands; and of one that does not."""
    from careloop import projections, reactions, store
    from careloop.access import Scope, system_actor
    from careloop.fhir import uris
    from careloop.fhir.elements import codeable, fhir_instant, ref
    from careloop.library import load
    from careloop.store import feed

    library, scope = load(), Scope(system_actor("demo"), "api", "operations")
    people = told_people()
    loud: list[float] = []
    calm: list[float] = []
    while feed.wait_until_settled(30) and reactions.run(datetime.now(UTC), library, 1_000):
        pass
    for turn in range(2 * NEW_READINGS):
        person, now = people[(turn // 2 * 2) % len(people)], datetime.now(UTC)
        grams = 79_000 if turn % 2 else 85_000 + turn * 10
        with store.open(scope, now=now, projectors=projections.ALL) as unit:
            unit.create(
                {
                    "resourceType": "Observation",
                    "status": "final",
                    "code": codeable(uris.LOINC, "29463-7", "Body weight"),
                    "subject": ref(person),
                    "effectiveDateTime": fhir_instant(now),
                    "valueQuantity": _quantity(Decimal(grams) / 1000, "kg"),
                }
            )
        began = time.perf_counter()
        feed.wait_until_settled(30)
        reactions.run(datetime.now(UTC), library)
        (calm if turn % 2 else loud).append((time.perf_counter() - began) * 1000)
        while feed.wait_until_settled(30) and reactions.run(datetime.now(UTC), library):
            pass
    return loud, calm


def switch_all_on() -> None:
    from careloop.access import Scope, system_actor
    from careloop.actions.switch_protocol import switch_protocol
    from careloop.library import load

    scope = Scope(system_actor("rebuild"), "command", "operations")
    for name in load().protocols:
        switch_protocol(scope, name, is_on=True, because="a benchmark", library=load(), now=datetime.now(UTC))


def measure() -> None:
    tell_series()
    for people in SIZES:
        grow(people)
        copy(people)
        whose = (os.getpid(), stage.postmaster(Path(os.environ["CARELOOP_HOME"])))
        before = stage.cpu_seconds(*whose)
        asked, told, took, rows = everybody()
        core = stage.cpu_seconds(*whose) - before
        print(
            f"{people:,} people: all {len(rows)} protocols in {took:.1f} s, {asked / took:,.0f} people a second"
        )
        print(f"  {people / took:,.0f} of the community a second, spoken of {told:,} times")
        print(
            f"  core (Python and the database) {core:.1f} s: {asked / core:,.0f} people a second of one core"
        )
        for name, looked, said, seconds in rows:
            print(f"  {name:28} {looked:8,} people {said:7,} spoken of {seconds:7.2f} s")
        alone = deciding()
        print(
            f"  deciding alone (baseline): {alone:,.0f} a second; x{alone / (asked / took):.1f} of all of it"
        )
    switch_all_on()
    loud, calm = one_reading()
    for name, took_ms in (("one that sets it off", loud), ("one that does not", calm)):
        ordered = sorted(took_ms)
        print(
            f"after one new reading, {name}: p50 {statistics.median(ordered):.0f} ms,"
            f" p95 {ordered[int(len(ordered) * 0.95)]:.0f} ms, worst {ordered[-1]:.0f} ms"
        )


def main() -> int:
    with ExitStack() as ending:
        home = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
        ending.callback(shutil.rmtree, home)
        os.environ |= {"CARELOOP_HOME": str(home), "DJANGO_SETTINGS_MODULE": "careloop.server.settings"}
        os.environ["CARELOOP_DB_ROLE"] = ""  # the copies are written as the owner
        from careloop.store import embedded

        os.environ["DATABASE_URL"] = embedded.ensure_running(home / "postgres")
        ending.callback(embedded.stop, home / "postgres")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        _tell()
        measure()
    return 0


if __name__ == "__main__":
    sys.exit(main())
