"""One hostile user asks the most expensive questions she can, as many at once as she likes: others' p99 may double.

    python -m benchmarks.trust_overload [seconds]

Eight others, each with a token and a line, read and search; by turns alone and beside 24 lines of the hostile one. She
is told 429 with Retry-After once she takes more than her share; nobody else may be. Told so, each of her lines waits a
tenth of a second and tries again: she works on the same cores here, and a flood of refusals is the proxy's matter.
"""

from __future__ import annotations

import collections
import http.client
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, SLOW, TOKEN, Line, home, machine, server

PEOPLE = 1_000 if QUICK else 5_000
SECONDS = 10.0 if QUICK else 50.0
ROUNDS = 2 if QUICK else 5
LINES, PAUSE, HERS = 8, 0.05, 24
GATE = 2.0
EXPENSIVE = (
    "Patient?name:contains=a&address=e&_sort=-birthdate,family&_total=accurate&_count=200",
    "Patient?family=d,u,a,r,t,e,m,s,l,o&given=m,a&_total=accurate&_sort=family&_count=200",
    "Patient?birthdate=ge1900&birthdate=le2030&_lastUpdated=ge2000&_total=accurate&_sort=birthdate&_count=200",
    "Observation?_sort=-date&_total=accurate&date=ge1900&_count=200",
    "Task?_sort=-_lastUpdated&_total=accurate&status=requested,draft,ready,accepted&_count=200",
)


def tokens(names: list[str]) -> list[str]:
    """One of a client of its own for each name."""
    called, _, told = TOKEN.partition("print(")
    script = called + f"for name in {names!r}:\n    print(" + told.replace('"bench"', "name")
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return done.stdout.split()[-len(names) :]


def fill(port: int, key: str) -> list[str]:
    """People in bundles; their ids."""
    line, ids = Line(port, key), []
    for begin in range(0, PEOPLE, 250):
        entries = [
            {
                "resource": {
                    "resourceType": "Patient",
                    "identifier": [{"system": "urn:mrn", "value": str(number)}],
                    "name": [{"family": f"Duarte{number % 97}", "given": ["Maria"]}],
                    "birthDate": f"19{number % 80 + 10}-03-04",
                    "address": [
                        {"line": ["1 Main St"], "city": "Houston", "state": "TX", "postalCode": "77002"}
                    ],
                },
                "request": {"method": "POST", "url": "Patient"},
            }
            for number in range(begin, begin + 250)
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = json.loads(line.ask("POST", "/fhir", json.dumps(bundle).encode()))
        ids += [entry["response"]["location"].split("/")[-3] for entry in answer["entry"]]
    return ids


class Seen:
    def __init__(self) -> None:
        self.took: list[float] = []
        self.answers: collections.Counter[int] = collections.Counter()

    def add(self, more: Seen) -> None:
        self.took += more.took
        self.answers += more.answers


def asking(port: int, key: str, paths: list[str], until: float, seen: Seen, pause: float) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    at = 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        line.request("GET", f"/fhir/{paths[at % len(paths)]}", headers={"Authorization": f"Bearer {key}"})
        answer = line.getresponse()
        answer.read()
        seen.took.append(time.perf_counter() - began)
        seen.answers[answer.status] += 1
        at += 7
        time.sleep(0.1 if answer.status in (429, 503) else pause)


def run(port: int, keys: list[str], paths: list[str], pause: float, seconds: float) -> Seen:
    """A line for each key."""
    until, seen = time.perf_counter() + seconds, Seen()
    threads = [threading.Thread(target=asking, args=(port, key, paths, until, seen, pause)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def storm(port: int, keys: list[str], seconds: float, told: multiprocessing.Queue[Seen]) -> None:
    """She, in a process of her own: what her lines cost this client must not slow the others' lines."""
    os.nice(19)  # in life her machine is another one
    told.put(run(port, keys, list(EXPENSIVE), 0.0, seconds))


def beside(
    port: int, keys: list[str], others: tuple[list[str], list[str], float], seconds: float
) -> tuple[Seen, Seen]:
    told: multiprocessing.Queue[Seen] = multiprocessing.Queue()
    she = multiprocessing.Process(target=storm, args=(port, keys, seconds, told))
    she.start()
    seen = run(port, *others, seconds)
    hers = told.get()
    she.join()
    return seen, hers


def p99(times: list[float]) -> float:
    return sorted(times)[min(int(len(times) * 0.99), len(times) - 1)] * 1000


def spread(times: list[float]) -> str:
    every = sorted(times)
    return ", ".join(f"p{at} {every[int(len(every) * at / 100)] * 1000:.0f} ms" for at in (50, 90, 99))


def main(seconds: float) -> int:
    with home() as place:
        print(machine(place))
        everyone, crowd = (
            tokens([f"other {n}" for n in range(LINES)]),
            tokens([f"she {n}" for n in range(HERS)]),
        )
        she = [crowd[0]] * HERS
        with server(workers=2, threads=8) as (port, _):
            ids = fill(port, everyone[0])
            paths = [f"Patient/{id}" for id in ids[:200]] + [
                f"Patient?identifier=urn:mrn|{n}" for n in range(50)
            ]
            others = (everyone, paths, PAUSE)
            run(port, everyone * 2, paths, PAUSE, 4)  # each thread has its connection, each type is compiled
            alone, together, hostile = Seen(), Seen(), Seen()
            for _ in range(ROUNDS):  # by turns, for the machine's other work comes and goes
                alone.add(run(port, *others, seconds / ROUNDS))
                seen, hers = beside(port, she, others, seconds / ROUNDS)
                together.add(seen)
                hostile.add(hers)
            # The same storm under 24 names, each within her share: what the limit is good for.
            unlimited, _ = beside(port, crowd, others, seconds / ROUNDS)
    ratio = p99(together.took) / p99(alone.took)
    told = {"others alone": alone, "others beside her": together, "she": hostile, "control": unlimited}
    for name, one in told.items():
        print(f"{name}: {len(one.took):,} requests, {spread(one.took)}, {dict(one.answers)}")
    refused = sum(count for status, count in together.answers.items() if status != 200)
    failed = sum(count for status, count in hostile.answers.items() if status not in (200, 400, 429, 503))
    print(
        f"others' p99 x{ratio:.2f} (gate x{GATE:.0f}), {refused} of theirs refused (gate 0), {failed} failures"
    )
    print(
        f"control, the same storm under {HERS} names: others' p99 x{p99(unlimited.took) / p99(alone.took):.2f}"
    )
    return 1 if failed else 0 if ratio <= GATE and not refused else SLOW


if __name__ == "__main__":
    os.environ.setdefault("CARELOOP_SECRET_KEY", "only for this measure; nothing real is kept under it")
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
