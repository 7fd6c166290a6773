"""The community is the same each time it is asked for, and looks like a Monday whatever the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from careloop.care.stay import visit_key
from careloop.care.work import WorkClass, work_of
from careloop.fhir.elements import Resource, name_of
from careloop.kernel.calendar import BusinessCalendar
from careloop.server.demo.days import monday_morning
from careloop.server.demo.generator import charts, generate

MONDAY = date(2026, 11, 23)
CHICAGO = ZoneInfo("America/Chicago")


def written(people: int = 60, seed: int = 7, today: date = MONDAY) -> list[bytes]:
    encoder = msgspec.json.Encoder(decimal_format="number")
    return [encoder.encode(resource) for resource in generate(people, seed, today=today)]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def chart_of(name: str, today: date = MONDAY) -> list[Resource]:
    return next(chart for chart in charts(20, 7, today=today) if name_of(chart[0]) == name)


def work_in(chart: list[Resource], kind: str) -> Any:
    return next(
        work for task in chart if task["resourceType"] == "Task" and (work := work_of(task)).kind == kind
    )


def test_the_same_seed_and_day_make_the_same_bytes():
    assert written() == written()


def test_another_seed_makes_other_people_with_other_ids():
    assert not set(written(seed=8)) & set(written(seed=7))


def test_a_larger_community_begins_with_the_same_people():
    small = [chart[0] for chart in charts(30, 7, today=MONDAY)]
    large = [chart[0] for chart in charts(40, 7, today=MONDAY)]
    assert large[:30] == small


def test_every_reference_leads_to_something():
    made = list(generate(60, 7, today=MONDAY))
    known = [f"{resource['resourceType']}/{resource['id']}" for resource in made]
    assert len(known) == len(set(known))
    assert set(references(made)) <= set(known)


def test_no_id_tells_a_name():
    for chart in charts(20, 7, today=MONDAY):
        family = chart[0]["name"][0]["family"].lower()
        assert not any(family in resource["id"] for resource in chart)


@pytest.mark.parametrize("day", [MONDAY + timedelta(days=n) for n in range(7)])
def test_maria_left_on_the_last_business_day_and_is_called_two_business_days_later(day: date):
    maria = chart_of("Maria Duarte", day)
    calendar = BusinessCalendar(CHICAGO)
    left = next(r for r in maria if r["resourceType"] == "Encounter" and r["class"]["code"] == "IMP")[
        "period"
    ]["end"]
    left_on = datetime.fromisoformat(left).astimezone(CHICAGO).date()
    call = work_in(maria, "call-after-discharge")
    assert left_on < day
    assert calendar.is_business_day(left_on)
    assert call.due.astimezone(CHICAGO).date() == calendar.add_business_days(left_on, 2)


def test_on_a_monday_that_is_friday_and_tuesday():
    call = work_in(chart_of("Maria Duarte"), "call-after-discharge")
    assert f"{call.target.astimezone(CHICAGO):%A %H:%M}" == "Tuesday 17:00"


@pytest.mark.parametrize("day", [MONDAY, MONDAY + timedelta(days=2), MONDAY + timedelta(days=5)])
def test_it_looks_like_a_real_monday(day: date):
    now = monday_morning(day)
    tasks = [
        r for r in generate(60, 7, today=day) if r["resourceType"] == "Task" and r["status"] != "completed"
    ]
    works = [work_of(task) for task in tasks]
    assert {work.klass for work in works} == set(WorkClass)
    assert sum(work.klass is WorkClass.DANGER for work in works) == 1
    assert sum(work.target is not None and work.target < now for work in works) >= 3
    assert sum(work.waiting_on is not None for work in works) >= 3
    assert any(work.owner is None for work in works)


def test_nothing_that_has_happened_lies_in_the_future():
    dawn = datetime(2026, 11, 23, 5, 0, tzinfo=CHICAGO)
    for resource in generate(60, 7, today=MONDAY, now=dawn):
        for key in ("authored", "effectiveDateTime", "authoredOn"):
            if "T" in resource.get(key, ""):
                assert datetime.fromisoformat(resource[key]) <= dawn, resource["resourceType"]


def test_two_people_have_one_name_and_differ_in_birth_date_and_number():
    pair = [chart[0] for chart in charts(20, 7, today=MONDAY) if name_of(chart[0]) == "Dolores Rivera"]
    assert len(pair) == 2
    assert pair[0]["birthDate"] != pair[1]["birthDate"]
    assert pair[0]["identifier"][0]["value"] != pair[1]["identifier"][0]["value"]


def test_asked_again_the_decisions_find_marias_work_there():
    maria = chart_of("Maria Duarte")
    stay = next(r for r in maria if r["resourceType"] == "Encounter" and r["class"]["code"] == "IMP")
    for kind in ("call-after-discharge", "reconcile-medications", "visit-after-discharge"):
        assert work_in(maria, kind).dedupe == f"discharge:{visit_key(stay)}:{kind}"
