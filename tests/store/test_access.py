"""What somebody may not see, they can't read, count, page to, sort by, remember or change: held against a judge
written in Python, over the same people, for conditions that nobody thought of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop import store
from careloop.access import (
    All,
    AnyOf,
    Condition,
    Everyone,
    LabelsAllowed,
    LeadIs,
    NoOne,
    Not,
    NotLabeled,
    PersonIn,
    ProgramIn,
    Scope,
    SiteIn,
    TeamIn,
)
from careloop.access.reasons import Consented, Known, holds, reasons
from careloop.kernel.errors import Gone, NotFound
from careloop.store import search as searching
from tests.store.world import STRANGER, World, limited_to, make_world


@pytest.fixture
def world(record: None, scope: Scope, now: datetime) -> World:
    return make_world(scope, now)


# --- conditions and questions


def some(*values: Any) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(values), min_size=1, max_size=2)


def conditions(people: list[int]) -> st.SearchStrategy[Condition]:
    leaves: st.SearchStrategy[Condition] = st.one_of(
        some(10, 11, 12).map(SiteIn),
        some(20, 21).map(TeamIn),
        st.sampled_from([30, 31]).map(LeadIs),
        some(*people).map(PersonIn),
        some("transitions", "housing").map(ProgramIn),
        st.sampled_from([1, 2, 3]).map(NotLabeled),
        st.sampled_from([Everyone(), NoOne()]),
    )

    def grown(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.one_of(inner.map(Not), parts.map(All), parts.map(AnyOf))

    whose = st.recursive(leaves, grown, max_leaves=5)
    seen = st.builds(
        LabelsAllowed,
        st.sampled_from([0, 1, 2, 3]),
        st.sampled_from([frozenset(), frozenset({70}), frozenset({71}), frozenset({70, 71})]),
        st.one_of(st.just(frozenset()), some(*people)),
        st.one_of(st.just(frozenset()), some(*people)),
    )
    ruled = st.tuples(whose, seen).map(All)
    return st.one_of(whose, seen, ruled, st.tuples(ruled, ruled).map(AnyOf))


QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("Patient", {}),
    ("Patient", {"family": "dua"}),
    ("Patient", {"identifier": "urn:mrn|4711", "_sort": "birthdate"}),
    ("Observation", {}),
    ("Observation", {"_sort": "-_lastUpdated"}),
    ("Observation", {"_sort": "date"}),
    ("Observation", {"_sort": "-date"}),
    ("Observation", {"_sort": "code,-_id"}),
    ("Observation", {"code": "http://loinc.org|4548-4", "date": "ge2026-02"}),
    ("Observation", {"value-quantity": "gt1", "_sort": "-value-quantity"}),
    ("Observation", {"subject": "Patient/p0,Patient/p3,Patient/p6"}),
    ("Observation", {"code-value-quantity": "4548-4$gt1"}),
    ("Observation", {"status": "final", "_lastUpdated": "ge2020"}),
    ("Organization", {}),
    ("Organization", {"name": "n", "_sort": "name"}),
)  # fmt: skip


def all_pages(scope: Scope, now: datetime, kind: str, asked: dict[str, str], count: int) -> list[str]:
    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        with store.open(scope, now=now) as unit:
            page = unit.search(kind, {**asked, "_count": str(count), **more})
        assert len(page.entries) <= count
        assert page.next is None or page.entries, "a next link behind an empty page tells of what is hidden"
        seen += [entry.reference for entry in page.entries]
        if page.next is None:
            return seen
        more = {"_cursor": page.next}


def totals(scope: Scope, now: datetime, kind: str, asked: dict[str, str]) -> set[int | None]:
    with store.open(scope, now=now) as unit:
        asked = {**asked, "_count": "1"}
        return {
            unit.search(kind, {**asked, "_total": "accurate"}).total,
            unit.search(kind, {**asked, "_total": "estimate"}).total,
            unit.search(kind, {**asked, "_summary": "count"}).total,
        }


Given = Callable[..., Callable[[Callable[..., None]], Callable[[], None]]]


def many(examples: int, **drawn: st.SearchStrategy[Any]) -> Given:
    """So many drawn examples over one world; the same ones in each run."""
    quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

    def decorate(test: Callable[..., None]) -> Callable[[], None]:
        found: Callable[[], None] = settings(
            max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=quiet
        )(given(**drawn)(test))
        return found

    return decorate  # type: ignore[return-value]  # a decorator of a test


def test_a_search_under_a_condition_is_the_search_without_what_it_hides(
    world: World, scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited_to(Everyone(), monkeypatch):
        everything = {at: all_pages(scope, now, *asked, 200) for at, asked in enumerate(QUESTIONS)}

    @many(
        220,
        condition=conditions(list(world.people)),
        at=st.sampled_from(range(len(QUESTIONS))),
        count=st.sampled_from([1, 2, 5, 200]),
        few_rows=st.sampled_from([-1, 5_000]),
        few_people=st.sampled_from([-1, 2_000]),
    )
    def holds_for(condition: Condition, at: int, count: int, few_rows: int, few_people: int) -> None:
        kind, asked = QUESTIONS[at]
        expected = [reference for reference in everything[at] if world.shows(condition, reference)]
        with monkeypatch.context() as side:
            side.setattr(searching, "FEW_ROWS", few_rows)
            side.setattr(searching, "FEW_PEOPLE", few_people)
            with limited_to(condition, monkeypatch):
                assert all_pages(STRANGER, now, kind, asked, count) == expected
                assert totals(STRANGER, now, kind, asked) == {len(expected)}

    holds_for()


def test_reading_under_a_condition_shows_what_searching_shows(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    @many(60, condition=conditions(list(world.people)))
    def holds_for(condition: Condition) -> None:
        seen = {reference for reference in world.rows if world.shows(condition, reference)}
        with limited_to(condition, monkeypatch):
            with store.open(STRANGER, now=now) as unit:
                assert set(unit.get(world.rows)) == seen - {world.deleted}
                for person in world.people:
                    assert unit.may_see(person) == world.opens(condition, person)
                    there = {s.reference for s in unit.of_person(person, ["Patient", "Observation"])}
                    assert there == {r for r in seen - {world.deleted} if world.rows[r][0] == person}
            for reference in world.rows:
                with store.open(STRANGER, now=now) as unit:
                    assert is_told_of(unit, reference, world.newest(reference)) == (reference in seen), (
                        reference
                    )

    holds_for()


def is_told_of(unit: store.Unit, reference: str, newest: int) -> bool:
    """Read, version and history say the same; what is hidden says what something says that never was."""
    kind, id = reference.split("/")
    asks: tuple[Callable[[], object], ...] = (
        lambda: unit.read(kind, id),
        lambda: unit.read_version(kind, id, newest),
        lambda: unit.history(kind, id)[0],
    )
    answers = set()
    for ask in asks:
        try:
            ask()
            answers.add(True)
        except Gone:
            answers.add(True)
        except NotFound:
            answers.add(False)
    assert len(answers) == 1, reference
    return answers.pop()


def test_the_judge_finds_a_search_that_forgot_the_condition(
    world: World, scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same comparison, with the condition left out where the rows are chosen."""
    condition = SiteIn(frozenset({10}))
    with limited_to(Everyone(), monkeypatch):
        everybody = all_pages(scope, now, "Patient", {}, 200)
    expected = [r for r in everybody if world.shows(condition, r)]
    monkeypatch.setattr(searching, "FEW_PEOPLE", -1)
    with limited_to(condition, monkeypatch):
        assert all_pages(STRANGER, now, "Patient", {}, 3) == expected
        monkeypatch.setattr(store.Unit, "heads_sql", lambda *asked: ("true", []))
        assert all_pages(STRANGER, now, "Patient", {}, 3) != expected
        assert totals(STRANGER, now, "Patient", {}) != {len(expected)}


def test_who_sees_the_new_home_of_a_reading_does_not_see_what_it_said_at_the_old_one(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was filed under somebody else by mistake, and moved."""
    kind, id = world.moved.split("/")
    new_home, _ = world.rows[world.moved]
    for people, versions in (({new_home}, [2]), ({new_home, world.moved_from}, [2, 1])):
        with limited_to(PersonIn(frozenset(people)), monkeypatch), store.open(STRANGER, now=now) as unit:
            assert [stored.version for stored in unit.history(kind, id)] == versions
            if 1 in versions:
                assert unit.read_version(kind, id, 1).version == 1
            else:
                with pytest.raises(NotFound):
                    unit.read_version(kind, id, 1)
    with (
        limited_to(PersonIn(frozenset({world.moved_from})), monkeypatch),
        store.open(STRANGER, now=now) as unit,
        pytest.raises(NotFound),
    ):
        unit.history(kind, id)


def test_the_reasons_that_a_page_tells_are_those_that_decide(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    @many(150, condition=conditions(list(world.people)))
    def holds_for(condition: Condition) -> None:
        for reference, (person, bits) in world.rows.items():
            facts = world.people.get(person)
            if facts is None:
                continue
            said = tuple(
                Consented(c.consent or at + 1, c.grantee, c.permits, c.denies, c.purposes)
                for at, c in enumerate(world.consents.get(person, []))
                if c.days[0] <= 0 < c.days[1]
            )
            known = Known(person, facts.site, facts.team, facts.lead, facts.programs, bits, said)
            if "NotLabeled" not in repr(
                condition
            ):  # it looks at the labels of the person as well; no rule uses it
                assert holds(condition, known) == world.shows(condition, reference)
            told = reasons(condition, known)
            assert told or "Not(" in repr(condition)

    holds_for()
