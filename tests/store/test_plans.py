"""The plans of the searches and lists that a day is made of, pinned at 10,000 people: whichever parameters a statement
was planned for, and for none in particular, it walks no large table from end to end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from careloop import store
from careloop.access import Actor, Scope
from careloop.projections import finder, registry, worklist
from careloop.projections.registry import Asked
from careloop.projections.whom_to_ask import population
from careloop.store import feed, timers
from careloop.store import search as searching
from careloop.store.connection import keeper
from tests.conftest import empty_the_record
from tests.store import bulk

LARGE = re.compile(
    r"heads|versions|ids|index_\w+|work|people|briefs|story|finder|held|heard|courses|feed|audit_now|members|timers"
)
COORDINATOR = Actor(
    principal=7,
    kind="staff",
    name="Ana Reyes",
    roles=frozenset({"coordinator"}),
    sites=frozenset({5, 6}),
    practitioner="Practitioner/d105",
    practitioner_rid=105,
)
DIRECTOR = Actor(
    principal=8,
    kind="staff",
    name="Director",
    roles=frozenset({"supervisor"}),
    sites=frozenset(range(1, bulk.SITES + 1)),
)


@pytest.fixture(scope="module")
def town(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        empty_the_record()
        bulk.ten_thousand_people()
        yield
        empty_the_record()


@pytest.fixture(autouse=True)
def _unblocked(town: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def page(actor: Actor | None = None) -> Scope:
    everyone = Actor(principal=9, kind="system", name="all", roles=frozenset({"system:rebuild"}))
    return Scope(actor or everyone, "page", "coordination")


# --- plans


def plan_for(query: bytes, parameters: list[Any]) -> dict[str, Any]:
    cursor: Any = psycopg.RawCursor(keeper().pg) if b"$1" in query else keeper().cursor()
    return _root(cursor.execute(b"explain (format json) " + query, parameters).fetchone())


def plan_for_any(query: bytes, parameters: list[Any]) -> dict[str, Any]:
    """What PostgreSQL turns to once a statement was prepared and has come a few times."""
    cursor: Any = psycopg.ClientCursor(keeper().pg)
    number = count(1)
    text = re.sub(rb"%[sb]", lambda _: b"$%d" % next(number), query).replace(b"%%", b"%")
    given = f"({', '.join(['%s'] * len(parameters))})" if parameters else ""
    cursor.execute("set plan_cache_mode = force_generic_plan")
    try:
        cursor.execute(b"prepare pinned as " + text)
        return _root(cursor.execute(f"explain (format json) execute pinned {given}", parameters).fetchone())
    finally:
        cursor.execute("reset plan_cache_mode")
        cursor.execute("deallocate pinned")


def _root(row: Any) -> dict[str, Any]:
    found = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return dict(found[0]["Plan"])


def whole_tables(plan: dict[str, Any], *, stops_early: bool = False) -> Iterator[str]:
    """Large tables read from end to end. Not a walk that a LIMIT above it ends as soon as it has found enough."""
    kind = plan["Node Type"]
    if kind == "Seq Scan" and LARGE.fullmatch(plan["Relation Name"]) and not stops_early:
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from whole_tables(part, stops_early=kind == "Limit")


def walks(run: Callable[[], object]) -> list[str]:
    """What any statement of this reads from end to end, planned for its own parameters, and for any."""
    found = []
    said = bulk.statements_of(run)
    assert said
    for query, parameters, is_prepared in said:
        own = [f"{table} of {query.decode()}" for table in whole_tables(plan_for(query, parameters))]
        found += own
        if is_prepared:
            plan = plan_for_any(query, parameters)
            found += [f"{table} for any of {query.decode()}" for table in whole_tables(plan)]
    return found


# --- searches


SEARCHES: tuple[tuple[str, dict[str, str]], ...] = (
    ("Patient", {"identifier": "urn:mrn|1234"}),
    ("Patient", {"family": "family12", "birthdate": "lt1970"}),
    ("Patient", {"_id": bulk.patient(7)}),
    ("Patient", {"_sort": "-_lastUpdated"}),
    ("Patient", {"_sort": "family"}),
    ("Patient", {}),
    ("Observation", {"patient": f"Patient/{bulk.patient(7)}", "code": f"{bulk.LOINC}|4548-4", "_sort": "-date"}),
    ("Observation", {"code": f"{bulk.LOINC}|4548-4"}),
    ("Observation", {"code": f"{bulk.LOINC}|4548-4", "_sort": "-date"}),
    ("Observation", {"date": "ge1971-06", "_sort": "date"}),
    ("Observation", {"code-value-quantity": "4548-4$gt90"}),
    ("Task", {"owner": "Practitioner/d105", "status": "requested"}),
    ("Task", {"status": "requested", "_sort": "-_lastUpdated"}),
)  # fmt: skip


@pytest.mark.parametrize("actor", [None, COORDINATOR, DIRECTOR], ids=["everyone", "two sites", "all sites"])
def test_searches_read_indexes(now: datetime, actor: Actor | None) -> None:
    for kind, asked in SEARCHES:

        def run(kind: str = kind, asked: dict[str, str] = asked) -> None:
            with store.open(page(actor), now=now) as unit:
                first = unit.search(kind, {**asked, "_count": "10"})
                assert first.entries or actor is COORDINATOR
                if first.next:
                    unit.search(kind, {**asked, "_count": "10", "_cursor": first.next})

        assert walks(run) == [], (kind, asked)


@pytest.mark.parametrize(
    ("actor", "asked", "side"),
    [
        (None, {"patient": f"Patient/{bulk.patient(7)}"}, "criterion"),
        (None, {"code": f"{bulk.LOINC}|4548-4"}, "order"),
        (COORDINATOR, {"code": f"{bulk.LOINC}|4548-4"}, "people"),
        (COORDINATOR, {"patient": f"Patient/{bulk.patient(7)}"}, "criterion"),
        (DIRECTOR, {"code": f"{bulk.LOINC}|4548-4"}, "order"),
        (DIRECTOR, {}, "order"),
    ],
)
def test_a_search_starts_from_its_smallest_side(
    now: datetime, monkeypatch: pytest.MonkeyPatch, actor: Actor | None, asked: dict[str, str], side: str
) -> None:
    chosen: list[str] = []
    choose = searching.choose

    def noting(*given: Any) -> Any:
        plan = choose(*given)
        chosen.append(plan.side)
        return plan

    monkeypatch.setattr(searching, "choose", noting)
    with store.open(page(actor), now=now) as unit:
        unit.search("Observation", asked)
    assert chosen == [side]


# --- reads, lists, loops


def test_reads_are_by_key(now: datetime) -> None:
    def run() -> None:
        with store.open(page(COORDINATOR), now=now) as unit:
            mine = f"p{bulk.FIRST_PATIENT + 4}"
            unit.read("Patient", mine)
            unit.history("Patient", mine)
            unit.read_version("Patient", mine, 1)
            unit.get([f"Patient/{mine}", "Organization/o5"])
            unit.of_person(bulk.FIRST_PATIENT + 4, ["Observation", "Task"])
            unit.may_see(bulk.FIRST_PATIENT)

    assert walks(run) == []


@pytest.mark.parametrize("view", ["mine", "team", "unclaimed", "program:transitions"])
def test_today_reads_ranges_of_indexes(now: datetime, view: str) -> None:
    def run() -> None:
        with store.open(page(COORDINATOR), now=now) as unit:
            found = worklist.today(unit, now, view, reader=ZoneInfo("America/Chicago"))
            assert found.rows

    assert walks(run) == []


@pytest.mark.parametrize(
    "asked",
    [
        Asked(),
        Asked(whose="all"),
        Asked(whose="all", condition="diabetes"),
        Asked(whose="all", measure="blood-pressure", low=Decimal(150)),
        Asked(whose="all", measure="blood-pressure", sort="value"),
        Asked(whose="all", measure="blood-pressure", sort="change"),
        Asked(whose="all", measure="blood-pressure", standing="stuck"),
        Asked(whose="all", heard=10, late=True),
        Asked(whose="all", heard=10),
        Asked(whose="all", sort="heard"),
    ],
    ids=repr,
)
def test_the_registry_of_a_site_reads_indexes(now: datetime, asked: Asked) -> None:
    """Of two sites among a hundred; a page, and the count beside it."""

    def run() -> None:
        with store.open(page(COORDINATOR), now=now) as unit:
            assert registry.registry(unit, asked, 20).lines

    assert walks(run) == []


@pytest.mark.parametrize("moment", ["late-work", "missed-visit", "enrolled"])
def test_whom_a_protocol_asks_is_found_person_by_person(now: datetime, moment: str) -> None:
    def run() -> None:
        with store.open(page(), now=now) as unit:
            population(unit, ("moment", (moment,)), now - timedelta(days=90), bulk.FIRST_PATIENT, 200)

    assert walks(run) == []


def test_finding_a_person_reads_indexes(now: datetime) -> None:
    def run() -> None:
        with store.open(page(COORDINATOR), now=now) as unit:
            finder.find(unit, "duarte")
            finder.find(unit, "4711")

    assert walks(run) == []


def test_the_loops_read_what_is_new(now: datetime) -> None:
    def run() -> None:
        feed.read("reactions")
        with store.open(page(), now=now) as unit:
            timers.due(unit)

    assert walks(run) == []


def test_a_walk_from_end_to_end_is_found(now: datetime) -> None:
    """The control: a question that no index answers."""

    def run() -> None:
        with store.open(page(), now=now) as unit:
            unit.cursor().execute("select count(*) from index_string where norm like '%%y1'").fetchall()

    assert len(walks(run)) == 2
