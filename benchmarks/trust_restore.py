"""A backup of a large record, and its restore into an empty folder: how long, and whether the digest is equal.

    python -m benchmarks.trust_restore [resources]

Gate of TRUST: 1,000,000 resources restored in 15 minutes. Quick: 20,000, held to the same rate.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, SLOW, careloop, home, machine

GATE_SECONDS_A_MILLION = 900
AT_ONCE = 500
WRITE = """
import sys, django; django.setup()
from datetime import UTC, datetime, timedelta
from careloop.access import Scope, system_actor
from careloop.actions.record import begin
from tests.projections import builders as b
scope, now = Scope(system_actor("import"), "command", "operations"), datetime.now(UTC)
def observation(number):
    return {"resourceType": "Observation", "status": "final", "subject": {"reference": f"Patient/p{number // 10}"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
            "effectiveDateTime": (now - timedelta(minutes=number)).isoformat(),
            "valueQuantity": {"value": 60 + number % 50, "unit": "beats/minute"}}
for start in range(int(sys.argv[1]), int(sys.argv[2]), 500):
    with begin(scope, now) as unit:
        for number in range(start, start + 500):
            if number % 10 == 0:
                unit.update(b.patient(f"p{number // 10}", "Maria", f"Family{number}"), create=True)
            else:
                unit.create(observation(number))
"""


def fill(count: int) -> None:
    half = count // 2 // AT_ONCE * AT_ONCE
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(start), str(end)], cwd=Path(__file__).resolve().parent.parent
        )
        for start, end in ((0, half), (half, count))
    ]
    if any(writer.wait() for writer in writers):
        raise SystemExit("the record could not be filled")


def main(count: int) -> int:
    from careloop.store import embedded
    from careloop.store.backup_files import make_key

    target = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
    target.chmod(0o755)
    try:
        with home() as place:
            print(machine(place))
            os.environ["CARELOOP_RECOVERY_KEY"] = make_key(place / "backup-key")
            begun = time.perf_counter()
            fill(count)
            print(f"{count:,} resources written in {time.perf_counter() - begun:.0f} s")
            begun = time.perf_counter()
            print(careloop("backup", str(target / "backups")).strip().splitlines()[-1])
            print(f"backup: {time.perf_counter() - begun:.1f} s")
            before = careloop("verify", "--digest")
            embedded.stop(place / "postgres")
            begun = time.perf_counter()
            said = careloop("restore", str(target / "backups"), "--to", str(target / "new"))
            taken = time.perf_counter() - begun
    finally:
        embedded.stop(target / "new" / "postgres")
        shutil.rmtree(target)
    is_equal = before.strip() in said
    a_million = taken * 1_000_000 / count
    print(
        f"restore, verified and compared: {taken:.1f} s; {a_million:.0f} s a million (gate {GATE_SECONDS_A_MILLION})"
    )
    print(f"digest {'equal' if is_equal else 'NOT equal'} (gate)")
    return 1 if not is_equal else 0 if a_million <= GATE_SECONDS_A_MILLION else SLOW


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000 if QUICK else 1_000_000))
