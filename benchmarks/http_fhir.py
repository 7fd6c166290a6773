"""Requests a second through the whole stack: granian, Django, token, policy, validation, index, audit, fsync.

Client on the same cores. Gates of TRUST: CRUD mix 600/s, search 300/s.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 3.0 if os.environ.get("CARELOOP_BENCH_QUICK") else 10.0
CONNECTIONS = 32
PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "Duarte", "given": ["Maria"]}],
    "birthDate": "1958-03-04",
}
TOKEN_SCRIPT = """
import django; django.setup()
from datetime import datetime, UTC
from careloop.accounts.models import ApiClient
print(ApiClient.issue("bench", "system/*.cruds", datetime.now(UTC))[1])
"""

Ask = Callable[[http.client.HTTPConnection, random.Random], None]


def fsync_ms(folder: Path) -> float:
    with (folder / "probe").open("wb") as probe:
        started = time.perf_counter()
        for _ in range(50):
            probe.write(b"x" * 8192)
            probe.flush()
            os.fsync(probe.fileno())
        return (time.perf_counter() - started) * 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Bench:
    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
        self.ids: list[str] = []

    def send(self, line: http.client.HTTPConnection, method: str, path: str, body: object = None) -> bytes:
        line.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        response = line.getresponse()
        content = response.read()
        if response.status >= 400:
            raise SystemExit(f"{method} {path}: {response.status} {content[:300]!r}")
        return content

    def healthz(self, line: http.client.HTTPConnection, dice: random.Random) -> None:
        self.send(line, "GET", "/healthz")

    def create(self, line: http.client.HTTPConnection, dice: random.Random) -> None:
        self.ids.append(json.loads(self.send(line, "POST", "/fhir/Patient", PATIENT))["id"])

    def read(self, line: http.client.HTTPConnection, dice: random.Random) -> None:
        self.send(line, "GET", f"/fhir/Patient/{dice.choice(self.ids)}")

    def search(self, line: http.client.HTTPConnection, dice: random.Random) -> None:
        self.send(line, "GET", f"/fhir/Patient?_id={dice.choice(self.ids)}")

    def update(self, line: http.client.HTTPConnection, dice: random.Random) -> None:
        birth = f"19{dice.randrange(10, 99)}-0{dice.randrange(1, 9)}-1{dice.randrange(0, 9)}"
        id = dice.choice(self.ids)
        self.send(line, "PUT", f"/fhir/Patient/{id}", {**PATIENT, "id": id, "birthDate": birth})

    def mix(self, line: http.client.HTTPConnection, dice: random.Random) -> None:
        roll = dice.random()
        (self.read if roll < 0.7 else self.search if roll < 0.8 else self.update)(line, dice)

    def measure(self, name: str, ask: Ask) -> None:
        counts = [0] * CONNECTIONS
        until = time.perf_counter() + SECONDS

        def work(at: int) -> None:
            line, dice = http.client.HTTPConnection("127.0.0.1", self.port), random.Random(at)
            while time.perf_counter() < until:
                ask(line, dice)
                counts[at] += 1

        threads = [threading.Thread(target=work, args=(at,)) for at in range(CONNECTIONS)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{name:<34} {sum(counts) / (time.perf_counter() - started):8,.0f} requests/s")


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="careloop-bench-") as home:
        environment = os.environ | {
            "CARELOOP_HOME": home,
            "DJANGO_SETTINGS_MODULE": "careloop.server.settings",
        }
        run = [sys.executable, "-m", "careloop.server"]
        subprocess.run([*run, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        token = subprocess.run(
            [sys.executable, "-c", TOKEN_SCRIPT], env=environment, check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        port = free_port()
        web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "2"]
        web += [
            "--blocking-threads",
            "8",
            "--log-level",
            "warning",
            "--no-ws",
            "careloop.server.wsgi:application",
        ]
        server = subprocess.Popen(web, env=environment)
        try:
            wait_for(port)
            print(f"fsync {fsync_ms(Path(home)):.2f} ms; {CONNECTIONS} connections, {SECONDS:.0f} s each")
            bench = Bench(port, token)
            bench.measure("healthz (baseline)", bench.healthz)
            bench.measure("create", bench.create)
            bench.measure("read", bench.read)
            bench.measure("search (gate 300)", bench.search)
            bench.measure("CRUD mix 70/10/20 (gate 600)", bench.mix)
        finally:
            server.terminate()
            server.wait(10)
            from careloop.store import embedded

            embedded.stop(Path(home) / "postgres")


if __name__ == "__main__":
    main()
