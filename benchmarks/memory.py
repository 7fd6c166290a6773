"""What a web worker holds: just started, after the first request of each kind, and after a thousand more.

    python -m benchmarks.memory

RSS counts shared memory whole, PSS by its share; Linux only. The baseline is a Python that has loaded Django alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, Line, children, home, machine, resident, server, token
from benchmarks.http_fhir import Asks, patient

REQUESTS = 300 if QUICK else 1_000


def django_alone() -> float:
    code = "import django, django.http, django.db, sys; print(1); sys.stdout.flush(); sys.stdin.read()"
    idle = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert idle.stdout is not None
    idle.stdout.readline()
    try:
        return resident(idle.pid)[1]
    finally:
        idle.communicate(b"")


def main() -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        print("this system does not tell what a process holds: nothing was measured")
        return
    with home() as place:
        print(machine(place))
        key, base = token(), django_alone()
        print(f"Django alone (baseline)           PSS {base:5.0f} MB")
        with server(workers=1, threads=8) as (port, process):
            asks, line = Asks(), Line(port, key)
            (worker,) = children(process.pid)[-1:]

            def tell(what: str) -> None:
                rss, pss = resident(worker)
                print(
                    f"{what:<33} PSS {pss:5.0f} MB, RSS {rss:5.0f} MB, {pss / base:.1f} of the baseline",
                    flush=True,
                )

            asks.nothing(line, 0)
            tell("a worker, just started")
            asks.create(line, 1)
            for ask in (asks.read, asks.search_name, asks.update):
                ask(line, 2)
            line.ask("GET", "/fhir/metadata")
            tell("after the first of each kind")
            for number in range(REQUESTS):
                asks.mix(line, number)
                if number % 20 == 0:
                    line.ask("POST", "/fhir/Patient", json.dumps(patient(number)).encode())
            tell(f"after {REQUESTS:,} more")
            for number in range(REQUESTS):
                asks.mix(line, number)
            tell(f"after another {REQUESTS:,}")


if __name__ == "__main__":
    main()
