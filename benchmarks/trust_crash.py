"""kill -9 of everything while writes are in flight, as often as asked (500; quick: 10): what was lost, and how soon
it is ready.

    python -m benchmarks.trust_crash [rounds]

Gate of TRUST: nothing acknowledged lost, no orphaned index row, no break in a chain, ready in 10 seconds.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, SLOW, machine


def main(rounds: int) -> int:
    from tests.crash.rounds import Tally, one_round, prepare, what_is_wrong, yard

    from careloop.store import embedded

    place = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
    home = place / "home"
    try:
        print(machine(place))
        prepare(home)
        tally = Tally()
        begun = time.perf_counter()
        with yard(home) as ours:
            for _ in range(rounds):
                one_round(ours, 0.3, tally)
            taken = time.perf_counter() - begun
            wrong = what_is_wrong(home)
    finally:
        embedded.stop(home / "postgres")
        shutil.rmtree(place)
    return told(tally, taken, wrong)


def told(tally: Any, taken: float, wrong: list[str]) -> int:
    """tally: of tests.crash.rounds. 0 when every gate was reached."""
    ready = sorted(tally.ready_seconds)
    lost = len(tally.problems)
    print(
        f"{tally.rounds} rounds in {taken:.0f} s; {len(tally.acknowledged):,} acknowledged, {lost} lost (gate 0)"
    )
    print(f"ready again in {ready[len(ready) // 2]:.2f} s (median), {ready[-1]:.2f} s (slowest; gate 10)")
    print("\n".join(wrong) or "chains, index rows, projections, B-trees and page checksums: whole (gate)")
    return 1 if lost or wrong else SLOW if ready[-1] > 10 else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10 if QUICK else 500))
