"""What `careloop demo` finds ready: made once, finished when it was cut off, filled again when it was emptied."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from careloop import reactions, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import ApiClient, hash_token
from careloop.actions.switch_protocol import switch_protocol, switches
from careloop.actions.urgent import TIMER
from careloop.care.stay import visit_key
from careloop.care.transition import bereavement_key
from careloop.care.work import WorkClass, work_of
from careloop.fhir import validate
from careloop.fhir.elements import Resource, name_of
from careloop.kernel.clock import system_clock
from careloop.library import load
from careloop.library.reviewing import review_from
from careloop.server.demo import Summary, prepare
from careloop.server.demo.generator import charts, generate
from careloop.server.demo.watching import LEFT_OFF
from careloop.store import Stored, feed
from tests.conftest import empty_the_record

MONDAY = date(2026, 11, 23)
SCOPE = Scope(system_actor("demo"), "command", "maintenance")


def made(home: Path, people: int = 7) -> Summary:
    return prepare(home=home, people=people, seed=7, today=system_clock().date())


def tasks() -> list[Stored]:
    with store.open(SCOPE, now=system_clock()) as unit:
        return unit.search("Task", {"_count": "500"}).entries


@pytest.mark.parametrize("people", [200])
def test_every_resource_is_what_fhir_asks_for(people: int) -> None:
    wrong = [
        (resource["resourceType"], issue.expression, issue.text)
        for resource in generate(people, 7, today=MONDAY)
        for issue in validate.problems(resource)
        if issue.severity in ("error", "fatal")
    ]
    assert wrong == []


def test_a_second_start_finds_everything_and_writes_nothing(record: None, tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    assert (first.is_new, second.is_new, second.resources) == (True, False, 0)
    assert first.token == second.token


def test_an_emptied_database_is_filled_again_in_spite_of_the_stamp(record: None, tmp_path: Path) -> None:
    first = made(tmp_path)
    empty_the_record()
    again = made(tmp_path)
    assert again.is_new
    assert again.resources == first.resources
    assert again.token != first.token
    assert ApiClient.objects.filter(token_hash=hash_token(again.token), is_active=True).exists()


def test_a_community_that_stands_half_is_finished(record: None, tmp_path: Path) -> None:
    made(tmp_path, people=3)
    grown = made(tmp_path, people=7)
    whole = len(list(generate(7, 7, today=system_clock().date())))
    part = len(list(generate(3, 7, today=system_clock().date())))
    assert grown.resources == whole - part
    assert not made(tmp_path, people=7).is_new
    assert len([task for task in tasks() if work_of(task.resource).kind == "resolve-match"]) <= 1


def test_one_message_waits_for_a_person_to_decide_who_it_is(record: None, tmp_path: Path) -> None:
    made(tmp_path)
    found = [work_of(task.resource) for task in tasks() if work_of(task.resource).kind == "resolve-match"]
    assert len(found) == 1
    assert "Birth dates differ in one digit." in found[0].because
    with store.open(SCOPE, now=system_clock()) as unit:
        rows = unit.cursor().execute("select state, ack from inbox").fetchall()
    assert rows == [("held", "AA")]


def test_the_urgent_work_has_its_clock(record: None, tmp_path: Path) -> None:
    made(tmp_path)
    urgent = next(task for task in tasks() if work_of(task.resource).klass is WorkClass.DANGER)
    with store.open(SCOPE, now=system_clock()) as unit:
        rows = unit.cursor().execute("select key, due from timers where kind = %s", [TIMER]).fetchall()
    assert rows == [(urgent.reference, work_of(urgent.resource).due)]


def test_nobody_else_may_read_the_token(record: None, tmp_path: Path) -> None:
    summary = made(tmp_path, people=1)
    kept = tmp_path / "demo-token"
    assert kept.read_text().strip() == summary.token
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert summary.token in summary.text(port=8000, hl7_port=0)


def test_work_carries_the_keys_that_the_decisions_would_give_it() -> None:
    people = {name_of(chart[0]): chart for chart in charts(20, 7, today=MONDAY)}
    frank = _work(people["Frank Delgado"], "bereavement")
    assert frank.dedupe == bereavement_key(f"Patient/{people['Frank Delgado'][0]['id']}")
    curtis = people["Curtis Bell"]
    stay = next(r for r in curtis if r["resourceType"] == "Encounter" and r["class"]["code"] == "EMER")
    assert _work(curtis, "call-after-emergency").dedupe == f"discharge:{visit_key(stay)}:call-after-emergency"


def _work(chart: list[Resource], kind: str) -> object:
    every = (work_of(task) for task in chart if task["resourceType"] == "Task")
    return next(work for work in every if work.kind == kind)


def test_protocols_are_on_with_a_review_that_says_it_is_made_up(record: None, tmp_path: Path) -> None:
    made(tmp_path)
    with store.open(SCOPE, now=system_clock()) as unit:
        known = switches(unit)
    assert set(load().protocols) - set(known) == LEFT_OFF
    weight = known["heart-failure-weight"]
    assert (weight.is_on, weight.name) == (True, "Dr. Wei Chen")
    assert "Made-up" in weight.why
    review = review_from(weight.review)
    assert review is not None
    assert review.owner == "Dr. Wei Chen, medical director (made up)"


def test_what_somebody_switched_off_stays_off_at_the_next_start(record: None, tmp_path: Path) -> None:
    made(tmp_path)
    now = system_clock()
    switch_protocol(SCOPE, "glucose", is_on=False, because="too many", library=load(), now=now)
    made(tmp_path)
    with store.open(SCOPE, now=now) as unit:
        assert not switches(unit)["glucose"].is_on


def test_todays_first_look_has_alerts_that_say_why(record: None, tmp_path: Path) -> None:
    """Teresa's scale, once the sweeps of what was switched on have looked."""
    made(tmp_path)
    assert feed.wait_until_settled(60)
    while reactions.run_timers(system_clock(), load()):
        assert feed.wait_until_settled(60)
    alerts = [work for task in tasks() if (work := work_of(task.resource)).kind == "call-protocol"]
    assert any("Weight is up 2.1 kg: 63 kg on" in work.because for work in alerts)
    assert all(work.rule and work.source and work.reasons for work in alerts)
