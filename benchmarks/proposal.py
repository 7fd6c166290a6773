"""From the last answer to the proposal on the screen, through the whole application: sign-in, policy, score, proposal,
audit, commit, page. Each time of another person, and of each instrument.

    python -m benchmarks.proposal            CARELOOP_BENCH_QUICK=1 for few

The baseline is the page of one question of the same draft, asked in the same run: what any page of an assessment costs.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks import _stage as stage
from benchmarks.today import ANA, QUICK, TOLD

EACH = 10 if QUICK else 40
INSTRUMENTS = ("phq-9", "ahc-hrsn")


def high_answers(name: str) -> dict[str, str]:
    """What proposes something: of each question the answer before the last; nothing that would be an emergency."""
    from careloop.library import load

    instrument = load().instruments[name]
    critical = {path.rpartition("/")[2] for each in instrument.scoring.critical for path in each.when.reads()}
    chosen = {}
    for question in instrument.form.questions:
        keys = [option.key for option in question.options]
        if keys:
            chosen[question.link_id] = keys[0] if question.link_id in critical else keys[-2]
    return chosen


def asked_of(
    client: Any, person: str, name: str, answers: dict[str, str]
) -> tuple[float, float, float, bool]:
    """(ms of the page of a question; of submitting with what stands there then; of the proposal's page; whether there
    was one)."""
    begun = client.post(f"/people/{person}/assess/{name}", {"language": "en", "told_by": f"Patient/{person}"})
    assert begun.status_code == 302, begun.status_code
    draft = begun["Location"].partition("?")[0]
    for item, value in answers.items():
        client.post(f"{draft}answer", {"item": item, "value": value})
    page = took(lambda: client.get(f"{draft}?q={next(iter(answers))}"))
    started = time.perf_counter()
    done = client.post(f"{draft}complete")
    assert done.status_code == 302, done.content.decode()[:500]
    shown = client.get(done["Location"])
    submitted = (time.perf_counter() - started) * 1_000
    address = shown.content.decode().partition('href="/proposals/')[2].partition('"')[0]
    if not address:
        return page, submitted, 0.0, False
    return page, submitted, took(lambda: client.get(f"/proposals/{address}")), True


def took(ask: Any) -> float:
    begun = time.perf_counter()
    answer = ask()
    assert answer.status_code == 200, answer.status_code
    return (time.perf_counter() - begun) * 1_000


def measure() -> None:
    import tests.signed  # noqa: F401  # force_login begins a session with it
    from django.db import connection
    from django.test import Client, override_settings

    from careloop.accounts.models import User

    user = User.objects.get(email=ANA)
    client = Client()
    client.force_login(user)
    with connection.cursor() as cursor:
        cursor.execute(
            "select b.id from briefs b join people p on p.person = b.person where not b.is_deceased and p.site in"
            " (select rid from ids where id = any(%s)) order by b.person limit %s",
            [list(user.sites), EACH],
        )
        people = [row[0] for row in cursor.fetchall()]
    with override_settings(ALLOWED_HOSTS=["testserver"], SECURE_SSL_REDIRECT=False):
        for name in INSTRUMENTS:
            answers = high_answers(name)
            asked_of(client, people[0], name, answers)  # templates are compiled, statements prepared
            found = [asked_of(client, person, name, answers) for person in people[1:]]
            told(name, len(answers), [each for each in found if each[3]], len(found))


def told(name: str, questions: int, found: list[tuple[float, float, float, bool]], asked: int) -> None:
    print(f"{name}, {questions} answers: {asked} people, {len(found)} proposals")
    if len(found) < 2:
        return
    floor = statistics.median(each[0] for each in found)
    for words, times in (
        ("a page of a question (baseline)", [each[0] for each in found]),
        ("submit, scored and proposed, its page", [each[1] for each in found]),
        ("the proposal's own page", [each[2] for each in found]),
        ("submit to proposal shown", [each[1] + each[2] for each in found]),
    ):
        middle, high = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(
            f"  {words:38} p50 {middle:6.1f} ms   p95 {high:6.1f} ms   x{middle / floor:.1f} of the baseline"
        )


def main() -> int:
    os.environ.setdefault("CARELOOP_SECRET_KEY", "only for this measure; nothing real is kept under it")
    with ExitStack() as ending:
        home = ending.enter_context(stage.home())
        import django

        django.setup()
        from careloop.kernel.clock import system_clock
        from careloop.server.demo import prepare

        prepare(home=home, people=TOLD * 4, seed=7, today=system_clock().date())
        print(stage.machine(home))
        measure()
    return 0


if __name__ == "__main__":
    sys.exit(main())
