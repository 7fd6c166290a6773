"""The power goes while writes are in flight, as often as asked (500; quick: 10): what no fsync had reached is
lost, half of the time sector by sector.

    python -m benchmarks.trust_power [rounds]

Gate of TRUST: nothing acknowledged lost, nothing corrupt. The control, synchronous_commit=off, must lose something.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, machine
from benchmarks.trust_crash import told

CONTROL_ROUNDS = 6


def main(rounds: int) -> int:
    from tests.crash.power import missing

    if why := missing():
        print(f"nothing was measured: {why}")
        return 1
    code = played(rounds)
    return code or control()


def played(rounds: int) -> int:
    from tests.crash.power import Disk
    from tests.crash.rounds import Tally, one_round, prepare, what_is_wrong, yard
    from tests.crash.test_power import BUSY

    from careloop.store import embedded

    place = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
    disk = Disk.under(place)
    try:
        print(machine(place))
        prepare(disk.root, *BUSY)
        tally = Tally()
        begun = time.perf_counter()
        with yard(disk.root, disk) as ours:
            for _ in range(rounds):
                one_round(ours, 0.3, tally)
            taken = time.perf_counter() - begun
            wrong = what_is_wrong(disk.root)
    finally:
        embedded.stop(disk.root / "postgres")
        shutil.rmtree(place)
    sectors = sum(lost.sectors - lost.kept for lost in disk.losses)
    print(f"the disk forgot {sectors:,} sectors and {sum(lost.names for lost in disk.losses):,} names")
    return told(tally, taken, wrong)


def control() -> int:
    """0 when the weaker setting was found out."""
    from tests.crash.power import Disk
    from tests.crash.rounds import Tally, one_round, prepare, yard

    from careloop.store import embedded

    place = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
    disk = Disk.under(place)
    try:
        prepare(disk.root, "synchronous_commit = off")
        tally = Tally()
        with yard(disk.root, disk) as ours:
            while not tally.problems and tally.rounds < CONTROL_ROUNDS:
                one_round(ours, 0.3, tally)
    finally:
        embedded.stop(disk.root / "postgres")
        shutil.rmtree(place)
    print(
        f"control, synchronous_commit=off: {len(tally.problems)} lost in {tally.rounds} rounds (must be more than 0)"
    )
    return 0 if tally.problems else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10 if QUICK else 500))
