"""Today through the whole application (session, policy, page, audit, commit) at 60, 10,000 and 100,000 people: what it
must not do is grow.

    python -m benchmarks.today

Sixty people are written the way everything is written, through the unit of work. The rest are copies of their rows in
the derived tables that Today reads (people, enrolled, briefs, names, work, story), made by SQL for this benchmark only:
each copy has coordinators of its own, so that a caseload stays a caseload, and the same five sites, so that the team's
list is a fifth of the house.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
QUICK = bool(os.environ.get("CARELOOP_BENCH_QUICK"))
TOLD = 60
SIZES = (60, 10_000) if QUICK else (60, 10_000, 100_000)
ROUNDS = 20 if QUICK else 60
WARM = 3  # rounds that are not counted
ANA = "ana.reyes@careloop.example"
POLL = {"X-Careloop-Poll": "1", "HX-Request": "true"}

# Keys of copy n are n million higher; sites stay who they are.
COPIES = {
    "people": "person + {n}, site, team + {n}, lead + {n}, labels, zone, null",
    "enrolled": "person + {n}, program, since, until, rid + {n}",
    "briefs": "person + {n}, id || '-' || k, name, birth_date, mrn, language, needs_interpreter, pronouns, gender,"
    " phone, is_deceased",
    "names": "rid + {n}, name",
    "work": "person + {n}, task + {n}, task_id || '-' || k, version, is_open, class, due, aim, wake, since, is_waiting,"
    " owner + {n}, team + {n}, site, own_site, program, labels, position, kind, title, because, waiting_on, source,"
    " rule, zone, attempts, is_protected, is_acknowledged, reason, lead + {n}",
    "story": "person + {n}, rid + {n}, key, at, kind, title, detail, who, why, reference",
}


def grow(people: int) -> None:
    """Copies until there are so many people."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(person) / 1000000, 0) from people")
        begun = int(cursor.fetchone()[0])
        copies = people // TOLD - 1
        for table, columns in COPIES.items():
            key = "rid" if table == "names" else "person"
            copied = columns.format(n="k * 1000000")
            cursor.execute(
                f"insert into {table} select {copied} from {table}, generate_series({begun + 1}, {copies}) k"
                f" where {table}.{key} < 1000000"
            )
        for table in COPIES:
            cursor.execute(f"analyze {table}")


@contextmanager
def as_the_application() -> Iterator[None]:
    """What is measured works as the application does: as its own role, behind the second wall, with its time limit."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("set role careloop_app")
        cursor.execute("set statement_timeout = 5000")
    yield
    with connection.cursor() as cursor:
        cursor.execute("reset role")
        cursor.execute("reset statement_timeout")


def milliseconds(ask: Any, rounds: int = ROUNDS) -> tuple[float, float]:
    """(median, 95th percentile)."""
    for _ in range(WARM):
        ask()
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(took), statistics.quantiles(took, n=20)[-1]


def asked(client: Any) -> dict[str, Any]:
    """name of a question -> asking it once, with its answer checked."""

    def page(view: str) -> Any:
        def ask() -> None:
            assert client.get("/today", {"view": view}).status_code == 200

        return ask

    def unchanged() -> None:
        etag = client.get("/today", headers=POLL)["ETag"]
        answers = [
            client.get("/today", headers={**POLL, "If-None-Match": etag}).status_code for _ in range(2)
        ]
        assert 304 in answers  # the list is made anew at each full minute

    etag = client.get("/today", headers=POLL)["ETag"]
    return {
        "page, mine": page("mine"),
        "page, team": page("team"),
        "page, unclaimed": page("unclaimed"),
        "page, program": page("program:transitions"),
        "poll, changed": lambda: client.get("/today", headers=POLL),
        "poll, unchanged (304)": lambda: client.get("/today", headers={**POLL, "If-None-Match": etag}),
        "three polls": unchanged,
    }


def measure() -> None:
    import tests.signed  # noqa: F401  # force_login begins a session with it
    from django.test import Client, override_settings

    from careloop.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(email=ANA))
    first: dict[str, float] = {}
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        for people in SIZES:
            grow(people)
            print(f"{people:,} people")
            for name, ask in asked(client).items():
                if name == "three polls":
                    ask()
                    continue
                middle, high = milliseconds(ask)
                growth = high / first.setdefault(name, high)
                print(f"  {name:24} p50 {middle:6.1f} ms   p95 {high:6.1f} ms   x{growth:.2f} of 60 people")


def main() -> int:
    with ExitStack() as ending:
        home = Path(tempfile.mkdtemp(prefix="careloop-bench-"))
        ending.callback(shutil.rmtree, home)
        os.environ |= {"CARELOOP_HOME": str(home), "DJANGO_SETTINGS_MODULE": "careloop.server.settings"}
        os.environ["CARELOOP_DB_ROLE"] = ""  # the copies are written as the owner
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


def _tell() -> None:
    from careloop.kernel.clock import system_clock
    from careloop.server.demo import prepare

    home = Path(os.environ["CARELOOP_HOME"])
    begun = time.perf_counter()
    summary = prepare(home=home, people=TOLD, seed=7, today=system_clock().date())
    took = time.perf_counter() - begun
    print(f"{TOLD} people told in {summary.resources:,} resources, {summary.resources / took:,.0f} a second")


if __name__ == "__main__":
    sys.exit(main())
