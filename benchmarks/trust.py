"""`make bench-trust`: every benchmarks/trust_*.py, each in a process of its own, with a table at the end.

    python benchmarks/trust.py [--quick] [NAME ...]

A measure says by its exit code whether its gates were reached: 0 all, 3 (SLOW) only a speed was missed, else something
is wrong. --quick is the part for CI: smaller runs, a few minutes each; a speed is printed there and turns nothing red,
for it is the machine's as much as ours. What does not come to an end in its time is red: it measured nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import SLOW

FOLDER = Path(__file__).resolve().parent
QUICK_SECONDS = 400  # a measure; on two busy cores the longest takes 150
REACHED, TOO_SLOW, OUT_OF_TIME = "reached", "slower than its gate", "stopped: out of time"


def measures(names: list[str]) -> list[Path]:
    known = {path.stem: path for path in sorted(FOLDER.glob("trust_*.py"))}
    unknown = [name for name in names if name not in known and f"trust_{name}" not in known]
    if unknown:
        sys.exit(f"There is no measure {', '.join(unknown)}; there are {', '.join(known)}.")
    return [known.get(name) or known[f"trust_{name}"] for name in names] or list(known.values())


def run(path: Path, *, is_quick: bool, seconds: float | None) -> str:
    environ = os.environ | ({"CARELOOP_BENCH_QUICK": "1"} if is_quick else {})
    try:
        done = subprocess.run([sys.executable, str(path)], env=environ, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return OUT_OF_TIME
    return {0: REACHED, SLOW: TOO_SLOW}.get(done.returncode, "WRONG")


def main(words: list[str]) -> int:
    if {"-h", "--help"} & set(words):
        print(__doc__)
        return 0
    is_quick = "--quick" in words
    told = []
    for path in measures([word for word in words if not word.startswith("-")]):
        print(f"\n== {path.stem}", flush=True)
        at = time.monotonic()
        state = run(path, is_quick=is_quick, seconds=QUICK_SECONDS if is_quick else None)
        told.append((path.stem, state, time.monotonic() - at))
    print("\n== gates")
    for name, state, seconds in told:
        print(f"{name:<28} {state:<24} {seconds:6.0f} s")
    fine = {REACHED, TOO_SLOW} if is_quick else {REACHED}
    return 0 if all(state in fine for _, state, _ in told) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
