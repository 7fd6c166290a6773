"""kill -9 of everything while writes are in flight, as often as asked (20): what was lost, and how soon it is ready.

    python -m benchmarks.crash [rounds]

Gate of TRUST: nothing acknowledged lost, no orphaned index row, no break in a chain, ready in 10 seconds.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, machine


def main(rounds: int) -> int:
    from tests.crash.rounds import Tally, one_round, prepare, run

    from careloop.store import embedded

    home = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
    try:
        print(machine(home))
        begun = time.perf_counter()
        prepare(home)
        tally = Tally()
        for _ in range(rounds):
            one_round(home, 0.7, tally)
        taken = time.perf_counter() - begun
        checks = [run(home, *words) for words in (("verify",), ("rebuild", "--check"))]
    finally:
        embedded.stop(home / "postgres")
        shutil.rmtree(home)
    ready = sorted(tally.ready_seconds)
    print(
        f"{rounds} rounds in {taken:.0f} s; {len(tally.acknowledged):,} acknowledged, {len(tally.problems)} lost"
    )
    print(f"ready again in {ready[len(ready) // 2]:.2f} s (median), {ready[-1]:.2f} s (slowest; gate 10)")
    for check in checks:
        print((check.stdout + check.stderr).strip().splitlines()[-1])
    return 1 if tally.problems or any(check.returncode for check in checks) else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3 if QUICK else 20))
