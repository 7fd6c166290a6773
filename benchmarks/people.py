"""The list of people and a person's page at 60, 10,000 and 100,000 people: what they must not do is grow.

    python -m benchmarks.people

The larger communities are made as `benchmarks/today.py` makes them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.today import ANA, SIZES, _tell, grow, milliseconds

PAGES = {
    "people, mine": "/people",
    "people, what is next first": "/people?sort=next",
    "people, not heard": "/people?only=silent",
    "people, all": "/people?view=all",
    "people, all, something late": "/people?view=all&only=late",
    "people, all, page 10": "/people?view=all&page=10",
    "story": "/people/{maria}/story",
    "plan": "/people/{maria}/plan",
    "work": "/people/{maria}/work",
    "assessments": "/people/{maria}/assessments",
    "health history": "/people/{maria}/health",
}


def measure() -> None:
    import tests.signed  # noqa: F401  # force_login begins a session with it
    from django.test import Client, override_settings

    from careloop.accounts.models import User
    from careloop.server.demo.chart import ident

    client: Any = Client()
    client.force_login(User.objects.get(email=ANA))
    maria = ident(7, "Patient", "maria-duarte")
    first: dict[str, float] = {}
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        for people in SIZES:
            grow(people)
            print(f"{people:,} people")
            for name, address in PAGES.items():
                url = address.format(maria=maria)
                assert client.get(url).status_code == 200, name
                middle, high = milliseconds(lambda url=url: client.get(url))
                growth = high / first.setdefault(name, high)
                print(f"  {name:28} p50 {middle:6.1f} ms   p95 {high:6.1f} ms   x{growth:.2f} of 60 people")


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


if __name__ == "__main__":
    sys.exit(main())
