"""Whatever came before, and however often: the same record ends in the same work; a rebuild gives the same rows.

What the order of messages makes of one Encounter is decided where messages are applied; here its versions come in any
order, with any number of turns of the reactions between them, and the last ones are told in any order too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop import projections
from careloop.actions import record
from tests.conftest import MONDAY, empty_the_record
from tests.projections import builders as b
from tests.store.rows import rows
from tests.stories.ward import HOUSE, StoryWard

V1: dict[str, dict[str, Any]] = {
    "there": {"status": "in-progress"},
    "home": {"status": "finished", "ended": "Fri 16:20", "to": "01"},
    "home a day later": {"status": "finished", "ended": "Sat 10:00", "to": "01"},
    "nursing home": {"status": "finished", "ended": "Fri 16:20", "to": "03"},
    "unclear": {"status": "finished", "ended": "Fri 16:20", "to": "70"},
    "died": {"status": "finished", "ended": "Fri 16:20", "to": "20"},
    "canceled": {"status": "cancelled"},
}
V2: dict[str, dict[str, Any]] = {
    "back": {"status": "in-progress", "began": "Sun 07:00"},
    "back and home": {"status": "finished", "began": "Sun 07:00", "ended": "Mon 08:00", "to": "01"},
    "never": {"status": "cancelled", "began": "Sun 07:00"},
    "emergency": {"status": "finished", "began": "Sun 07:00", "ended": "Sun 12:00", "to": "01", "kind": "emergency"},
}  # fmt: skip
# What people and the law make of it does not belong here; what a mistaken death leaves behind is work of its own.
BY_HISTORY = {"review-death"}


def stays() -> st.SearchStrategy[tuple[str, str]]:
    return st.sampled_from([*(("V1", name) for name in V1), *(("V2", name) for name in V2)])


def tell(ward: StoryWard, visit: str, name: str) -> None:
    ward.write(ward.stay(visit, **(V1 if visit == "V1" else V2)[name]))


def standing(ward: StoryWard) -> list[tuple[object, ...]]:
    return sorted(
        (r.title, str(r.due), str(r.target), r.because, r.owner_name, r.rule, r.reason, r.klass, r.program)
        for r in ward.rows()
        if r.kind not in BY_HISTORY
    )


def fresh(now: datetime) -> StoryWard:
    empty_the_record()
    return StoryWard(now)


@pytest.fixture
def ward_again(record: None) -> Callable[[], StoryWard]:
    return lambda: fresh(MONDAY)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    path=st.lists(st.tuples(stays(), st.booleans()), max_size=6),
    last=st.tuples(st.sampled_from(sorted(V1)), st.sampled_from(sorted(V2))),
    is_turned=st.booleans(),
)
def test_any_way_to_the_same_record_ends_in_the_same_work(
    ward_again: Callable[[], StoryWard],
    path: list[tuple[tuple[str, str], bool]],
    last: tuple[str, str],
    is_turned: bool,
) -> None:
    direct = ward_again()
    tell(direct, "V1", last[0])
    tell(direct, "V2", last[1])
    direct.react()
    wanted = standing(direct)

    ward = ward_again()
    for (visit, name), is_followed in path:
        tell(ward, visit, name)
        if is_followed:
            ward.react()
    for visit, name in sorted(zip(("V1", "V2"), last, strict=True), reverse=is_turned):
        tell(ward, visit, name)
        ward.react()
    assert standing(ward) == wanted
    before = ward.versions()
    tell(ward, "V1", last[0])
    ward.react()
    assert ward.versions() == before


def test_a_rebuild_gives_the_same_rows(ward: StoryWard) -> None:
    for visit, name in (
        ("V1", "home"),
        ("V2", "back"),
        ("V2", "never"),
        ("V1", "unclear"),
        ("V2", "emergency"),
    ):
        tell(ward, visit, name)
        ward.react()
    ward.dies()
    before = b.remembered()
    assert before["work"]
    with record.begin(HOUSE, ward.now) as unit:
        for projector in projections.ALL:
            projector.rebuild(unit)
    assert b.remembered() == before


def test_each_piece_of_work_is_there_once_however_it_was_asked_for(ward: StoryWard) -> None:
    for name in (*V1, *reversed(V1), "home"):
        tell(ward, "V1", name)
        ward.react()
    keys = [task["identifier"][0]["value"] for task in ward.tasks()]
    assert len(keys) == len(set(keys))
    assert rows("select count(*) from work where is_open and kind <> 'review-death'") == [(3,)]
