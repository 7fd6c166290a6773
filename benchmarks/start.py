"""How soon it is there: the application loaded in a fresh process, and `careloop demo` the first and the second time.

    python -m benchmarks.start

The second start of the demo should take less than 5 seconds. The baseline is a Python that does nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, free_port, home, machine

PEOPLE = 10 if QUICK else 60
LOADED = "import django, careloop.server.wsgi"


def seconds(*words: str) -> float:
    """The best of three."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def demo(place: Path) -> float:
    """Until the sign-in page answers; then it is stopped."""
    port = free_port()
    environment = os.environ | {"CARELOOP_HOME": str(place)}
    command = [sys.executable, "-m", "careloop.server", "demo", "--port", str(port), "--hl7-port", "0"]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--people", str(PEOPLE)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in", timeout=5).read()
                return time.perf_counter() - begun
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if process.poll() is not None or time.perf_counter() - begun > 300:
                    raise SystemExit("the demo did not start") from None
                time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    with home() as place:
        print(machine(place))
        base, loaded = seconds("-c", "pass"), seconds("-c", LOADED)
        print(f"Python that does nothing (baseline)     {base:6.2f} s")
        print(f"the application loaded                  {loaded:6.2f} s, {loaded / base:.0f} times that")
    with tempfile.TemporaryDirectory(prefix="careloop-bench-") as folder:
        from careloop.store import embedded

        try:
            first = demo(Path(folder))
            second = demo(Path(folder))
        finally:
            embedded.stop(Path(folder) / "postgres")
        print(f"careloop demo, first time, {PEOPLE} people   {first:6.2f} s")
        print(f"careloop demo, second time (at most 5)  {second:6.2f} s")


if __name__ == "__main__":
    main()
