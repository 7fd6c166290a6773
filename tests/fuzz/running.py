"""Sends malformed cases through the real doors, in this process, and counts what came back."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from careloop.connect.hl7v2 import process, receive
from tests.connect.hl7v2.messages import HERE, adt
from tests.fuzz.cases import Case

SLOW = 2.0


@dataclass
class Tally:
    """wall, own: seconds of the slowest, by the clock and by this thread's own work. broken: cases answered 5xx, or
    without words. taken: what a door took in as good. slowest: the case."""

    cases: int = 0
    wall: float = 0.0
    own: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)

    def count(self, case: Case, answer: str, wall: float, own: float) -> None:
        self.cases += 1
        self.kinds[case.kind] += 1
        self.answers[answer] += 1
        self.wall, self.own = max(self.wall, wall), max(self.own, own)
        if own > SLOW:
            self.slow.append(f"{own:.1f} s: {case!r}")

    def told(self) -> str:
        made = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.kinds.items()))
        came = ", ".join(f"{count:,} x {answer}" for answer, count in sorted(self.answers.items()))
        return (
            f"{self.cases:,} cases ({made}); answers: {came}; {len(self.broken)} broken, {len(self.slow)} over 2 s; "
            f"slowest {self.wall:.2f} s ({self.own:.2f} s of it ours)"
        )


def fhir(door: Any, cases: Iterable[Case]) -> Tally:
    """door: tests.api.conftest.Door."""
    tally = Tally()
    for case in cases:
        began, ours = time.perf_counter(), time.thread_time()
        named = {name.replace("-", "_"): value for name, value in case.headers.items()}
        response = door.ask(case.method, f"http://testserver/fhir/{case.path}", case.body, **named)
        tally.count(case, str(response.status_code), time.perf_counter() - began, time.thread_time() - ours)
        if response.status_code >= 500 or not _in_words(response, case):
            tally.broken.append(f"{response.status_code} {response.content[:200]!r} for {case!r}")
    return tally


def _in_words(response: Any, case: Case) -> bool:
    """A refusal is an OperationOutcome; HEAD has no body."""
    if response.status_code < 400 or case.method == "HEAD":
        return True
    try:
        return bool(json.loads(response.content)["resourceType"] == "OperationOutcome")
    except (ValueError, KeyError, TypeError):
        return False


def hl7(cases: Iterable[Case], now: datetime, *, at_once: int = 200) -> Tally:
    """Received, and what was taken is processed: a fault found later is a visible item, never a stuck queue."""
    tally = Tally()
    for number, case in enumerate(cases, 1):
        began, ours = time.perf_counter(), time.thread_time()
        ack = receive.accept(case.body, HERE, now)
        tally.count(case, ack.code, time.perf_counter() - began, time.thread_time() - ours)
        if (
            ack.code not in ("AA", "AE", "AR")
            or "could not be stored" in ack.reason
            or b"MSA" not in ack.content
        ):
            tally.broken.append(f"{ack.code} {ack.reason} for {case!r}")
        if number % at_once == 0:
            _process(now, tally)
    _process(now, tally)
    return tally


def _process(now: datetime, tally: Tally) -> None:
    while True:
        began, ours = time.perf_counter(), time.thread_time()
        if not process.run(now, limit=1):
            return
        wall, own = time.perf_counter() - began, time.thread_time() - ours
        tally.wall, tally.own = max(tally.wall, wall), max(tally.own, own)
        if own > SLOW:
            tally.slow.append(f"{own:.1f} s to take in a message")


def good_message(dice: random.Random) -> bytes:
    """What a hospital would send: another person, event and hour each time."""
    event = dice.choice(("A01", "A03", "A04", "A08", "A11", "A13"))
    left = f"Nov {dice.randrange(18, 23)} 16:20" if event == "A03" else ""
    extra = dice.choice(
        ("", "DG1|1||I10^Hypertension^I10", "IN1|1|MCR|1|Medicare", "NK1|1|DUARTE^JOSE|SPO||7135550199")
    )
    return adt(
        event,
        control=f"F{dice.randrange(10**9)}",
        mrn=str(dice.randrange(4_000, 4_200)),
        name=dice.choice(("DUARTE^MARIA^E", "O'BRIEN^ZOË", "NGUYEN^THI^^^MS", "GARCÍA MÁRQUEZ^JOSÉ")),
        visit=f"V{dice.randrange(300)}",
        left=left,
        to=dice.choice(("", "01", "HHA", "20")),
        extra=extra,
    )
