"""Requests a second through the whole stack: granian, Django, token, policy, validation, index, audit, fsync.

    python -m benchmarks.http_fhir

The client is on the same cores. Gates of TRUST: CRUD mix (70 % read, 10 % search, 20 % update, 32 connections) 600 a
second, search 300; goals 1,300 and 1,000. `healthz`, which does nothing, is the baseline.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, Line, cpu_seconds, home, machine, postmaster, rate, server, token

SECONDS = 2.0 if QUICK else 8.0
CONNECTIONS = 32
PEOPLE = 400 if QUICK else 2_000


def patient(number: int) -> dict[str, object]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": str(number)}],
        "name": [{"family": f"Duarte{number % 97}", "given": ["Maria"]}],
        "gender": "female",
        "birthDate": f"19{number % 80 + 10}-03-04",
        "telecom": [{"system": "phone", "value": "713-555-0100"}],
        "address": [{"line": ["1 Main St"], "city": "Houston", "state": "TX", "postalCode": "77002"}],
    }


class Asks:
    """What the connections ask for. ids: of people who are there."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.dice = random.Random(7)

    def nothing(self, line: Line, number: int) -> None:
        line.ask("GET", "/healthz")

    def create(self, line: Line, number: int) -> None:
        made = line.ask("POST", "/fhir/Patient", json.dumps(patient(number)).encode())
        self.ids.append(json.loads(made)["id"])

    def read(self, line: Line, number: int) -> None:
        line.ask("GET", f"/fhir/Patient/{self.dice.choice(self.ids)}")

    def search_number(self, line: Line, number: int) -> None:
        line.ask("GET", f"/fhir/Patient?identifier=urn:mrn|{number % PEOPLE}")

    def search_name(self, line: Line, number: int) -> None:
        line.ask("GET", f"/fhir/Patient?family=duarte{number % 97}&birthdate=19{number % 80 + 10}&_count=10")

    def update(self, line: Line, number: int) -> None:
        id = self.dice.choice(self.ids)
        line.ask("PUT", f"/fhir/Patient/{id}", json.dumps({**patient(number), "id": id}).encode())

    def mix(self, line: Line, number: int) -> None:
        roll = self.dice.random()
        (self.read if roll < 0.7 else self.search_number if roll < 0.8 else self.update)(line, number)


def main() -> None:
    with home() as place:
        print(f"{machine(place)}; {CONNECTIONS} connections, {SECONDS:.0f} s each, 2 workers")
        key = token()
        with server() as (port, web):
            asks, line = Asks(), Line(port, key)
            for number in range(PEOPLE):
                asks.create(line, number)
            baseline = 0.0
            for name, ask in (
                ("healthz (baseline)", asks.nothing),
                ("create", asks.create),
                ("read", asks.read),
                ("search by number (gate 300, goal 1,000)", asks.search_number),
                ("search by name and year", asks.search_name),
                ("update", asks.update),
                ("CRUD mix 70/10/20 (gate 600, goal 1,300)", asks.mix),
            ):
                rate(CONNECTIONS, 0.5, lambda: Line(port, key), ask)
                used = Used(web.pid, postmaster(place))
                found, p95 = rate(CONNECTIONS, SECONDS, lambda: Line(port, key), ask)
                baseline = baseline or found
                print(
                    f"{name:<41} {found:7,.0f}/s, p95 {p95:4.0f} ms, {found / baseline:.2f} of the baseline; "
                    f"{used.told(found * SECONDS)}",
                    flush=True,
                )


class Used:
    """Core milliseconds a request. Other work on the machine moves them little; two idle cores give 2,000 a second."""

    def __init__(self, web: int, database: int) -> None:
        self.web, self.database = web, database
        self.begun = self._now()

    def _now(self) -> tuple[float, float, float]:
        return cpu_seconds(self.web), cpu_seconds(self.database), time.process_time()

    def told(self, requests: float) -> str:
        parts = [(now - begun) * 1000 / requests for now, begun in zip(self._now(), self.begun, strict=True)]
        return "web {:.2f} + database {:.2f} + client {:.2f} ms: idle, {:,.0f}/s".format(
            *parts, 2000 / sum(parts)
        )


if __name__ == "__main__":
    main()
