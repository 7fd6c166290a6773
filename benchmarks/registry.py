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

from benchmarks.today import ANA, QUICK, SIZES, _tell, grow, milliseconds

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


BENCHED = "Benchmark"
MANY = 200 if QUICK else 1_000


def tell(people: int) -> None:
    """Real people of Ana’s site, through the unit of work, each with one problem that they are found by."""
    from careloop import projections, store
    from careloop.access import Scope, system_actor
    from careloop.accounts.models import User
    from careloop.kernel.clock import system_clock

    house, now = Scope(system_actor("demo"), "command", "maintenance"), system_clock()
    site = f"Organization/{User.objects.get(email=ANA).sites[0]}"
    for first in range(0, people, 100):
        with store.open(house, now=now, projectors=projections.ALL) as unit:
            for n in range(first, min(first + 100, people)):
                name = [{"use": "official", "given": [f"Given{n}"], "family": "Bench"}]
                patient = {
                    "resourceType": "Patient",
                    "name": name,
                    "managingOrganization": {"reference": site},
                }
                person = unit.create(patient).reference
                unit.create(
                    {"resourceType": "Condition", "subject": {"reference": person}, "code": {"text": BENCHED}}
                )


def act(client: Any) -> None:
    """One to-do for each of so many people, from the choice to the last result; then all of it taken back."""
    tell(MANY)
    begun = time.perf_counter()
    told = client.post(
        "/registry/many", {"question": f"whose=all&condition={BENCHED}", "all": "1", "act": "todo"}
    )
    address = told["Location"].partition("?")[0]
    client.post(address, {"act": "todo", "title": "Send the letter", "owner": "lead", "due": ""})
    client.get(address)
    looked = time.perf_counter() - begun
    went = parts(client, f"{address}/go", MANY)
    back = parts(client, f"{address}/undo", MANY)
    print(f"{MANY:,} people chosen and looked at in {looked * 1_000:,.0f} ms")
    for name, taken in (("to-dos written", went), ("taken back", back)):
        took = sum(taken)
        rate = f"{took:5.1f} s, {MANY / took:4.0f} people a second"
        print(f"  {name:16} {rate}, longest part {max(taken):.2f} s")


def parts(client: Any, address: str, people: int) -> list[float]:
    """Seconds of each part; the demonstration’s own people are left out by the words they are found by."""
    from careloop.actions.act_on_many import PART

    taken = []
    for _ in range(-(-people // PART)):
        begun = time.perf_counter()
        assert client.post(address).status_code == 302
        taken.append(time.perf_counter() - begun)
    return taken


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
