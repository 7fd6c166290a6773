"""What the plan page's two parts cost a person, and how many of the demonstration's people they name something of.

    python -m benchmarks.plan_checks

Completeness and conflicts of each of 60 people, in milliseconds (median, p95), beside their plan page. No gate.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.today import _tell


def measure() -> None:
    from datetime import UTC, datetime

    from careloop import store
    from careloop.access import Scope, system_actor
    from careloop.care.completeness import completeness
    from careloop.library import load
    from careloop.projections.plan_evidence import shown_of
    from careloop.projections.plans_beside import beside_of

    library, now = load(), datetime.now(UTC)
    took: dict[str, list[float]] = {"completeness": [], "conflicts": []}
    named: Counter[str] = Counter()
    with store.open(Scope(system_actor("demo"), "command", "maintenance"), now=now) as unit:
        people = list(unit.search("Patient", [("_count", "100")]).entries)
        for patient in people:
            begun = time.perf_counter()
            judged = completeness(shown_of(unit, patient, library), library, now)
            took["completeness"].append((time.perf_counter() - begun) * 1_000)
            begun = time.perf_counter()
            found = beside_of(unit, patient, library)
            took["conflicts"].append((time.perf_counter() - begun) * 1_000)
            named.update(f"held to {each.standard.id}" for each in judged)
            named.update(f"conflict: {each.conflict.rule.id}" for each in found.named)
            named.update(["with plans of others"] if found.theirs else [])
    print(f"{len(people)} people")
    for name, times in took.items():
        p95 = statistics.quantiles(times, n=20)[-1]
        print(f"  {name:14} p50 {statistics.median(times):6.1f} ms   p95 {p95:6.1f} ms")
    for name, count in sorted(named.items()):
        print(f"  {name:32} {count}")


def main() -> int:
    with ExitStack() as ending:
        home = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
        ending.callback(shutil.rmtree, home)
        os.environ |= {"CARELOOP_HOME": str(home), "DJANGO_SETTINGS_MODULE": "careloop.server.settings"}
        os.environ["CARELOOP_DB_ROLE"] = ""
        from careloop.store import embedded

        os.environ["DATABASE_URL"] = embedded.ensure_running(home / "postgres")
        ending.callback(embedded.stop, home / "postgres")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        _tell()
        measure()
    return 0


if __name__ == "__main__":
    sys.exit(main())
