"""One hostile user asks the most expensive questions she can, as many at once as she likes: others' p99 may double.

    python -m benchmarks.trust_overload [seconds]

Others (8 lines, a token of their own) read and search; first alone, then beside 24 lines of the hostile one. She is
told 429 with Retry-After once her questions are slow; nobody else may be. Told so, each of her lines waits a tenth of a
second and tries again: she works on the same cores here, and a flood of refusals is the proxy's matter.
"""

from __future__ import annotations

import collections
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, SLOW, TOKEN, Line, home, machine, server

PEOPLE = 1_000 if QUICK else 5_000
SECONDS = 8.0 if QUICK else 25.0
GATE = 2.0
EXPENSIVE = (
    "Patient?name:contains=a&address=e&_sort=-birthdate,family&_total=accurate&_count=200",
    "Patient?family=d,u,a,r,t,e,m,s,l,o&given=m,a&_total=accurate&_sort=family&_count=200",
    "Patient?birthdate=ge1900&birthdate=le2030&_lastUpdated=ge2000&_total=accurate&_sort=birthdate&_count=200",
    "Observation?_sort=-date&_total=accurate&date=ge1900&_count=200",
    "Task?_sort=-_lastUpdated&_total=accurate&status=requested,draft,ready,accepted&_count=200",
)


def token(name: str) -> str:
    script = TOKEN.replace('"bench"', repr(name))
    return subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()[-1]


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
        time.sleep(0.1 if answer.status == 429 else pause)


def run(port: int, crowds: list[tuple[str, list[str], int, float]], seconds: float) -> list[Seen]:
    until = time.perf_counter() + seconds
    seen = [Seen() for _ in crowds]
    threads = [
        threading.Thread(target=asking, args=(port, key, paths, until, one, pause))
        for (key, paths, count, pause), one in zip(crowds, seen, strict=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def p99(times: list[float]) -> float:
    return sorted(times)[min(int(len(times) * 0.99), len(times) - 1)] * 1000


def main(seconds: float) -> int:
    with home() as place:
        print(machine(place))
        ana, mallory = token("ana"), token("mallory")
        with server(workers=2, threads=8) as (port, _):
            ids = fill(port, ana)
            paths = [f"Patient/{id}" for id in ids[:200]] + [
                f"Patient?identifier=urn:mrn|{n}" for n in range(50)
            ]
            others = (ana, paths, 8, 0.05)
            run(port, [others], 2)
            (alone,) = run(port, [others], seconds)
            beside, hostile = run(port, [others, (mallory, list(EXPENSIVE), 24, 0.0)], seconds)
    ratio = p99(beside.took) / p99(alone.took)
    print(f"others alone: {len(alone.took):,} requests, p99 {p99(alone.took):.0f} ms, {dict(alone.answers)}")
    print(
        f"others beside her: {len(beside.took):,} requests, p99 {p99(beside.took):.0f} ms, {dict(beside.answers)}"
    )
    print(f"she: {dict(hostile.answers)}, slowest {max(hostile.took):.1f} s")
    refused = sum(count for status, count in beside.answers.items() if status != 200)
    failed = sum(count for status, count in hostile.answers.items() if status not in (200, 400, 429, 503))
    print(
        f"others' p99 x{ratio:.2f} (gate x{GATE:.0f}), {refused} of theirs refused (gate 0), {failed} failures"
    )
    return 1 if failed else 0 if ratio <= GATE and not refused else SLOW


if __name__ == "__main__":
    os.environ.setdefault("CARELOOP_SECRET_KEY", "only for this measure; nothing real is kept under it")
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
