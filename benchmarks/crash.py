"""kill -9 of everything while writes are in flight, as often as asked (20): what was lost, and how soon it is ready.

python -m benchmarks.crash [rounds]
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(rounds: int) -> int:
    home = Path(tempfile.mkdtemp(prefix="careloop-crash-"))
    os.environ.update(CARELOOP_HOME=str(home), DJANGO_SETTINGS_MODULE="careloop.server.settings")
    import psycopg
    from tests.crash.rounds import Tally, one_round, prepare

    from careloop.store import embedded, verify

    try:
        prepare(home)
        tally = Tally()
        for number in range(rounds):
            one_round(home, 0.7, tally)
            print(f"round {number + 1}: ready in {tally.ready_seconds[-1]:.2f} s")
        with psycopg.connect(embedded.url_for(home / "postgres"), autocommit=True) as connection:
            report = verify.whole(connection.cursor())
    finally:
        embedded.stop(home / "postgres")
        shutil.rmtree(home)
    print(f"{len(tally.acknowledged)} acknowledged resources, {len(tally.problems)} lost")
    print(f"{report.rows} audit rows in {report.lanes} lanes, {len(report.problems)} problems")
    print(f"slowest start {max(tally.ready_seconds):.2f} s (gate 10)")
    return 1 if tally.problems or report.problems else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
