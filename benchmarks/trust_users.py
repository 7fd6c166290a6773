"""500 signed-in members of staff who think for 10 seconds between two looks: p95 within 300 ms, not one error.

    python -m benchmarks.trust_users [users] [seconds]

Each has a session of their own with two factors. What they do: Today asks again by itself, they open Today, somebody's
page, story or plan, find by name. Everything is on: session rows, policy, labels, audit with fsync. The client works on
the same cores; how long a request waited for a free line of the client is part of its time.
"""

from __future__ import annotations

import heapq
import http.client
import os
import random
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, SLOW, cpu_seconds, home, machine, postmaster, server

USERS, THINK, SECONDS = 500, 10.0, 20.0 if QUICK else 60.0
# After a start each worker compiles its templates, and each of its connections plans its statements once.
WARM = 20.0
GATE, GOAL = 300.0, 100.0
LINES = 48
POLL = {"X-Careloop-Poll": "1", "HX-Request": "true"}


def people_and_sessions(place: Path, count: int) -> tuple[list[str], list[str]]:
    """(session cookies, ids of people): a small community, and so many of its coordinators."""
    import django

    django.setup()
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import connections
    from django.http import HttpRequest

    from careloop.accounts import sessions
    from careloop.accounts.models import User
    from careloop.kernel.clock import system_clock
    from careloop.server.demo import prepare

    prepare(home=place, people=60, seed=7, today=system_clock().date())
    models = [user for user in User.objects.all() if "coordinator" in user.roles] or list(User.objects.all())
    now, cookies = system_clock(), []
    for number in range(count):
        like = models[number % len(models)]
        said = {
            name: getattr(like, name)
            for name in ("practitioner", "roles", "sites", "teams", "programs", "zone")
        }
        user = User.objects.create_user(f"u{number}@bench.example", None, f"User {number}", **said)
        asked: Any = HttpRequest()
        asked.session, asked.META["REMOTE_ADDR"] = SessionStore(), "127.0.0.1"
        login(asked, user, backend="django.contrib.auth.backends.ModelBackend")
        sessions.begin(asked, user.principal_id, ["password", "totp"], now)
        asked.session.save()
        cookies.append(str(asked.session.session_key))
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select id from briefs order by person")
        ids = [row[0] for row in cursor.fetchall()]
    connections.close_all()
    return cookies, ids


class Crowd:
    """Users wait in a heap for their next look; lines of the client take the next one due."""

    def __init__(
        self, port: int, cookies: list[str], ids: list[str], until: float, etags: dict[int, str]
    ) -> None:
        self.port, self.cookies, self.ids, self.until = port, cookies, ids, until
        self.lock = threading.Lock()
        dice = random.Random(7)
        self.begun = time.perf_counter()
        self.due = [(self.begun + dice.random() * THINK, number) for number in range(len(cookies))]
        heapq.heapify(self.due)
        self.etags = etags
        self.took: dict[str, list[float]] = {}
        self.when: list[tuple[float, float]] = []
        self.errors: list[str] = []

    def look(self, dice: random.Random, number: int) -> tuple[str, str, dict[str, str]]:
        roll, person = dice.random(), dice.choice(self.ids)
        if roll < 0.45:
            etag = {"If-None-Match": self.etags[number]} if number in self.etags else {}
            return "Today asks again", "/today", {**POLL, **etag}
        if roll < 0.6:
            return "Today", "/today", {}
        if roll < 0.75:
            return "story", f"/people/{person}/story", {}
        if roll < 0.85:
            return "plan", f"/people/{person}/plan", {}
        return ("people", "/people", {}) if roll < 0.95 else ("work", f"/people/{person}/work", {})

    def line(self, seed: int) -> None:
        dice = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while (at := time.perf_counter()) < self.until:
            with self.lock:
                due, number = self.due[0]
                if due <= at:
                    heapq.heappop(self.due)
            if due > at:
                time.sleep(min(due - at, 0.02))
                continue
            name, address, headers = self.look(dice, number)
            try:
                connection.request(
                    "GET", address, headers={"Cookie": f"sessionid={self.cookies[number]}", **headers}
                )
                answer = connection.getresponse()
                answer.read()
                self._note(number, name, answer, time.perf_counter() - due)
            except (OSError, http.client.HTTPException) as failed:
                self.errors.append(f"{name}: {type(failed).__name__}")
                connection.close()
            with self.lock:
                heapq.heappush(self.due, (time.perf_counter() + dice.expovariate(1 / THINK), number))

    def _note(self, number: int, name: str, answer: http.client.HTTPResponse, seconds: float) -> None:
        # 404: somebody of another site, which most are; answered with a page like any other
        if answer.status not in (200, 304, 404):
            self.errors.append(f"{name}: {answer.status}")
        if etag := answer.getheader("ETag"):
            self.etags[number] = etag
        self.when.append((time.perf_counter() - self.begun, seconds * 1000))
        self.took.setdefault(name if answer.status != 404 else f"{name} (not hers)", []).append(
            seconds * 1000
        )


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


def main(users: int, seconds: float) -> int:
    with home() as place:
        print(machine(place))
        cookies, ids = people_and_sessions(place, users)
        with server(workers=2, threads=8) as (port, web):
            crowd: Crowd | None = None
            for warm in (WARM, seconds):
                used = cpu_seconds(web.pid), cpu_seconds(postmaster(place)), time.process_time()
                # Whoever looked before has a list, and asks whether it changed.
                crowd = Crowd(port, cookies, ids, time.perf_counter() + warm, crowd.etags if crowd else {})
                lines = [threading.Thread(target=crowd.line, args=(seed,)) for seed in range(LINES)]
                for line in lines:
                    line.start()
                for line in lines:
                    line.join()
            spent = [
                now - before
                for now, before in zip(
                    (cpu_seconds(web.pid), cpu_seconds(postmaster(place)), time.process_time()),
                    used,
                    strict=True,
                )
            ]
    every = [taken for times in crowd.took.values() for taken in times]
    for name, times in sorted(crowd.took.items()):
        print(
            f"  {name:<24} {len(times):6,} p50 {statistics.median(times):6.0f} ms  p95 {p95(times):6.0f} ms"
        )
    steps = range(0, int(seconds), 10)
    windows = [[taken for at, taken in crowd.when if step <= at < step + 10] for step in steps]
    told = [f"{p95(times):.0f}" for times in windows if times]
    print(f"  p95 of each 10 s, after {WARM:.0f} s: {', '.join(told)} ms")
    cost = [taken * 1000 / len(every) for taken in spent]
    idle = sum(cost) * users / (THINK * 2000)
    print(
        "core time a request: web {:.1f} + database {:.1f} + client {:.1f} ms; ".format(*cost)
        + f"this crowd needs {idle:.0%} of two idle cores"
    )
    high = p95(every)
    print(
        f"{users} users, {THINK:.0f} s think time, {seconds:.0f} s: {len(every) / seconds:.0f} requests/s, "
        f"p50 {statistics.median(every):.0f} ms, p95 {high:.0f} ms (gate {GATE:.0f}, goal {GOAL:.0f}), "
        f"{len(crowd.errors)} errors (gate 0) {sorted(set(crowd.errors))[:5]}"
    )
    return 1 if crowd.errors else 0 if high <= GATE else SLOW


if __name__ == "__main__":
    os.environ.setdefault("CARELOOP_SECRET_KEY", "only for this measure; nothing real is kept under it")
    given = [float(word) for word in sys.argv[1:]]
    sys.exit(main(int(given[0]) if given else USERS, given[1] if len(given) > 1 else SECONDS))
