"""The registry at 60, 10,000 and 100,000 people, for a coordinator of one site and a director of all: a page’s cost.

    python -m benchmarks.registry

The larger communities are made as `benchmarks/today.py` makes them; two of three people get a course of PHQ-9, every
second one of a blood pressure, made by SQL with the heads that say who may see them. Then one act on 1,000 people.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.today import ANA, SIZES, _tell, grow, milliseconds

PAGES = {
    "mine": "/registry",
    "all, by name": "/registry?whose=all",
    "diabetes": "/registry?whose=all&condition=diabetes",
    "PHQ-9 of 10 or more": "/registry?whose=all&measure=phq-9&low=10",
    "PHQ-9, worst first": "/registry?whose=all&measure=phq-9&sort=value",
    "PHQ-9, stuck": "/registry?whose=all&measure=phq-9&standing=stuck",
    "not reached for 30 days": "/registry?whose=all&heard=30",
    "longest not reached first": "/registry?whose=all&sort=heard",
    "something late, with a need": "/registry?whose=all&late=1&need=any",
    "four filters at once": "/registry?whose=all&condition=hypertension&measure=phq-9&low=10&heard=30&late=1",
    "nobody fits": "/registry?whose=all&condition=pregnancy&measure=phq-9&low=27",
}
HELD = """
insert into held select person + k * 1000000, rid + k * 1000000, is_need, icd, words
from held, generate_series({begun}, {copies}) k where person < 1000000"""
HEARD = """
insert into heard select person + k * 1000000, rid + k * 1000000, at
from heard, generate_series({begun}, {copies}) k where person < 1000000"""
HEADS = """
insert into heads select h.person + k * 1000000, h.rid + k * 1000000, h.type, 1, h.at, 1, h.labels, h.iv
from heads h, generate_series({begun}, {copies}) k
where h.person between 1 and 999999 and h.rid in
  (select rid from held union select rid from heard union select rid from enrolled)"""
COURSES = """
insert into courses select person, %s, now() - interval '20 weeks', 6 + person %% 19, {second}, %s + person,
  now() - (person %% 90) * interval '1 day', greatest(0, 6 + person %% 19 - person %% 13), {second}, %s + person
from people where person %% 6 < %s on conflict do nothing"""
COURSE_HEADS = """
insert into heads select person, %s + person, %s, 1, now(), 1, 0, 1 from people where person %% 6 < %s
on conflict do nothing"""


def fill(people: int) -> None:
    """What the registry remembers of the copies."""
    from django.db import connection

    from careloop.store.keys import number_of

    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(person) / 1000000, 0) from held")
        begun = int(cursor.fetchone()[0]) + 1
        copies = people // 60 - 1
        if copies >= begun:
            for text in (HEADS, HELD, HEARD):
                cursor.execute(text.format(begun=begun, copies=copies) + " on conflict do nothing")
        for measure, second, base, share, type in (
            ("score:phq-9", "null", 10**12, 4, "QuestionnaireResponse"),
            ("reading:blood-pressure", "80", 2 * 10**12, 3, "Observation"),
        ):
            cursor.execute(COURSES.format(second=second), [measure, base, base, share])
            cursor.execute(COURSE_HEADS, [base, number_of(type), share])
        for table in ("held", "heard", "courses", "heads"):
            cursor.execute(f"analyze {table}")


def clients() -> dict[str, Any]:
    import tests.signed  # noqa: F401  # force_login begins a session with it
    from django.test import Client

    from careloop.accounts.models import User

    ana = User.objects.get(email=ANA)
    everywhere = sorted({site for user in User.objects.all() for site in user.sites})
    director = User.objects.create_user(
        "director@careloop.example",
        "a long word for a bench",
        "Director",
        roles=["supervisor"],
        sites=everywhere,
        practitioner="director",
        zone="America/Chicago",
    )
    found = {}
    for name, user in (("one site", ana), ("all sites", director)):
        client: Any = Client()
        client.force_login(user)
        found[name] = client
    return found


def measure() -> None:
    from django.test import override_settings

    asking = clients()
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        for people in SIZES:
            grow(people)
            fill(people)
            print(f"{people:,} people")
            for who, client in asking.items():
                for name, url in PAGES.items():
                    answer = client.get(url)
                    assert answer.status_code == 200, name
                    middle, high = milliseconds(lambda client=client, url=url: client.get(url))
                    size = len(answer.content) / 1024
                    print(f"  {who:9} {name:28} p50 {middle:6.1f} ms   p95 {high:6.1f} ms   {size:4.0f} kB")
        act(asking["one site"])


def act(client: Any) -> None:
    """A to-do for those of the told people whom Ana may see, again and again until 1,000 were written."""
    begun, written, longest = time.perf_counter(), 0, 0.0
    while written < 1_000:
        told = client.post(
            "/registry/many", {"question": "whose=all&condition=hypertension", "all": "1", "act": "todo"}
        )
        address = told["Location"].partition("?")[0]
        title = {"act": "todo", "title": f"Send letter {written}", "owner": "lead", "due": ""}
        assert client.post(address, title).status_code == 302
        while True:
            part = time.perf_counter()
            client.post(f"{address}/go")
            longest = max(longest, time.perf_counter() - part)
            page = client.get(address).content.decode()
            if "progress-line" not in page:
                break
        from careloop.store.connection import keeper

        row = keeper().cursor().execute("select count(*) from work where kind = 'to-do'").fetchone()
        assert row is not None
        if row[0] == written:
            break
        written = row[0]
    took = time.perf_counter() - begun
    print(
        f"to-dos for {written:,} people: {took:.1f} s, {written / took:,.0f} a second; longest commit {longest:.2f} s"
    )


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
