"""The registry at 60, 10,000 and 100,000 people, for a coordinator of one site and a director of all: a page’s cost.

    python -m benchmarks.registry

The larger communities are made as `benchmarks/today.py` makes them; two of three people get a course of PHQ-9, every
second one of a blood pressure, made by SQL with the heads that say who may see them, one in 25 with a label.
What is measured works as the application does: as its own role, behind the second wall. Then one act on 1,000 people.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _stage as stage
from benchmarks.today import ANA, QUICK, SIZES, WARM, _tell, as_the_application, grow, milliseconds

ALL = "/registry?whose=all"
PAGES = {
    "mine": "/registry",
    "all, by name": ALL,
    "a program": f"{ALL}&program=transitions",
    "a condition": f"{ALL}&condition=diabetes",
    "a condition, in words": f"{ALL}&condition_words=failure",
    "a need, any": f"{ALL}&need=any",
    "PHQ-9 of 10 or more": f"{ALL}&measure=phq-9&low=10",
    "PHQ-9 of 2 or less": f"{ALL}&measure=phq-9&high=2",
    "PHQ-9 fell by 5": f"{ALL}&measure=phq-9&moved_by=5&moved_way=fell",
    "PHQ-9, stuck": f"{ALL}&measure=phq-9&standing=stuck",
    "PHQ-9, in target": f"{ALL}&measure=phq-9&standing=target",
    "PHQ-9, due": f"{ALL}&measure=phq-9&standing=due",
    "PHQ-9, never measured": f"{ALL}&measure=phq-9&standing=unmeasured",
    "PHQ-9, worst first": f"{ALL}&measure=phq-9&sort=value",
    "PHQ-9, least better first": f"{ALL}&measure=phq-9&sort=change",
    "PHQ-9, longest due first": f"{ALL}&measure=phq-9&sort=review",
    "pressure, worst first": f"{ALL}&measure=reading:blood-pressure&sort=value",
    "not reached for 30 days": f"{ALL}&heard=30",
    "not reached for 180 days": f"{ALL}&heard=180",
    "longest not reached first": f"{ALL}&sort=heard",
    "something late": f"{ALL}&late=1",
    "something late, with a need": f"{ALL}&late=1&need=any",
    "four filters at once": f"{ALL}&condition=hypertension&measure=phq-9&low=10&heard=30&late=1",
    "nobody fits": f"{ALL}&condition=pregnancy&measure=phq-9&low=27",
}
ROUNDS = 12 if QUICK else 40
# A page of the same people is to come within this, whatever is asked.
WITHIN_MS = 300
# One in so many values of a course carries a label that some may not see.
LABELED = 25
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
insert into heads select person, %s + person, %s, 1, now(), 1, case when person %% %s = 0 then %s else 0 end, 1
from people where person %% 6 < %s on conflict do nothing"""


def fill(people: int) -> None:
    """What the registry remembers of the copies."""
    from django.db import connection

    from careloop.access.labels import MENTAL_HEALTH
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
            cursor.execute(COURSE_HEADS, [base, number_of(type), LABELED, MENTAL_HEALTH, share])
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
            with as_the_application():
                for who, client in asking.items():
                    pages(who, client)
        act(asking["one site"])


def pages(who: str, client: Any) -> None:
    """core: processor time of Python and the database together, which other work on the machine hardly moves; beside
    the first page, which asks for hardly anybody: what any page of the registry costs."""
    high: dict[str, float] = {}
    floor = 0.0
    for name, url in PAGES.items():
        answer = client.get(url)
        assert answer.status_code == 200, name
        middle, high[name], core = timed(client, url)
        floor = floor or core
        size = f"{len(answer.content) / 1024:4.0f} kB"
        times = f"p50 {middle:6.1f} ms   p95 {high[name]:6.1f} ms"
        print(f"  {who:9} {name:28} {times}   core {core:5.1f} ms x{core / floor:4.1f}   {size}", flush=True)
        further = unescape(answer.content.decode().partition('" rel="next"')[0].rpartition('href="')[2])
        if name == "all, by name" and further:
            middle, late, core = timed(client, further)
            print(
                f"  {who:9} {'  its second page':28} p50 {middle:6.1f} ms   p95 {late:6.1f} ms   core {core:5.1f} ms"
            )
    slowest = max(high, key=lambda name: high[name])
    over = [name for name, each in high.items() if each > WITHIN_MS]
    print(
        f"  {who:9} slowest: {slowest}, p95 {high[slowest]:.0f} ms; over {WITHIN_MS} ms: {', '.join(over) or 'none'}"
    )


def timed(client: Any, url: str) -> tuple[float, float, float]:
    """(median, 95th of a hundred, processor time a request), all in milliseconds."""
    whose = (os.getpid(), stage.postmaster(Path(os.environ["CARELOOP_HOME"])))
    before = stage.cpu_seconds(*whose)
    middle, high = milliseconds(lambda: client.get(url), ROUNDS)
    return middle, high, (stage.cpu_seconds(*whose) - before) * 1_000 / (ROUNDS + WARM)


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
