"""Readings from files as devices and their websites give them: nothing lost or doubled, each fault with its row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop import library, store
from careloop.actions.import_readings import (
    NOBODY_SUCH,
    NOT_HERS,
    drop_file,
    forget_old_files,
    kept_file,
    look_through,
    name_columns,
    send_up,
    take_part,
)
from careloop.actions.panel_file import BadPanel, read_panel
from careloop.actions.reading_file import Fault, Item, guess, items_of, mapping_problem, moment_in
from careloop.kernel.errors import NotFound
from careloop.store.drafts import Draft
from tests.projections import builders as b
from tests.projections.test_readings import put, told
from tests.projections.ward import HOUSE, Ward
from tests.store.rows import rows

LIBRARY = library.load()
KINDS = LIBRARY.readings
CHICAGO = ZoneInfo("America/Chicago")

LONG = """Date,Type,Value,Unit,Device
11/20/2026 7:15 AM,Weight,82.1,kg,Scale
11/21/2026 7:20 AM,Weight,181.2,lb,Scale
2026-11-21T08:00:00-06:00,BP,142/88,,Cuff
11/22/2026,Pulse,72,,
11/22/2026 7:00 AM,Weight,82,stone,Scale
yesterday,Weight,82,kg,
11/22/2026 7:00 AM,Mood,5,,
11/22/2026 7:30 AM,Weight,lots,kg,
"""
WIDE = """Measured at;Systolic (mmHg);Diastolic (mmHg);Pulse;Weight (lb)
2026-11-20 07:15;142;88;71;181
2026-11-21 07:15;139;85;;180.5
2026-11-22 07:15;;;;
"""


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def sent(ward: Ward, text: str, person: str = "maria") -> Draft:
    return send_up(ward.scope, text.encode(), person, LIBRARY, ward.now, name="x.csv", zone="America/Chicago")


def taken(ward: Ward, draft: Draft, most: int = 100) -> dict[str, int]:
    while True:
        with store.open(ward.scope, now=ward.now) as unit:
            found = kept_file(unit, draft.id)
        if found.answers["is_over"]:
            return {name: count for name, count in found.answers["counts"].items() if count}
        take_part(ward.scope, found, LIBRARY, ward.now, most)


def test_a_list_is_taken_and_each_fault_named_by_its_row(ward: Ward) -> None:
    draft = sent(ward, LONG)
    looked = look_through(ward.scope, draft, LIBRARY, ward.now)
    assert looked.counts == {"new": 5, "known": 0, "doubtful": 1, "error": 3}
    assert [(f.row, f.column) for f in looked.faults] == [(7, "Date"), (8, "Value"), (9, "Value")]
    assert told(ward, "weight") == []  # nothing was written yet
    assert taken(ward, draft) == {"new": 5, "doubtful": 1, "error": 3}
    assert told(ward, "weight") == [
        ("82.1", "ok", None),
        ("82.190937444", "ok", None),
        ("82", "doubtful", "unit"),
    ]
    assert told(ward, "blood-pressure") == [("142", "ok", None)]


def test_taken_again_nothing_doubles_whatever_the_parts(ward: Ward) -> None:
    first = taken(ward, sent(ward, LONG), most=2)
    again = taken(ward, sent(ward, LONG), most=3)
    assert (first["new"], again.get("new"), again["known"]) == (5, None, 5)
    assert len(rows("select 1 from readings")) == 5


def test_a_column_for_each_kind_is_understood(ward: Ward) -> None:
    assert taken(ward, sent(ward, WIDE)) == {"new": 5, "error": 1}
    assert told(ward, "blood-pressure") == [("142", "ok", None), ("139", "ok", None)]
    assert [value for value, _, _ in told(ward, "weight")] == ["82.10021897", "81.873422785"]
    ((at,),) = rows("select min(at) from readings where kind = 'pulse'")
    assert at == datetime(2026, 11, 20, 13, 15, tzinfo=UTC)  # her own clock


def test_columns_can_be_named_by_hand(ward: Ward) -> None:
    draft = sent(ward, "When,How heavy\n11/20/2026,82 kg\n")
    assert draft.answers["mapped"] == {}
    assert mapping_problem(draft.answers["mapped"], needs_person=False)
    name_columns(ward.scope, draft.id, {"date": 0, "kind:weight": 1}, ward.now)
    assert taken(ward, draft) == {"new": 1}


def test_a_row_of_somebody_else_is_refused_on_a_persons_page(ward: Ward) -> None:
    put(ward, numbered("maria", "4711"))
    draft = sent(ward, "MRN,Date,Weight (kg)\n4711,11/20/2026,82\n0815,11/20/2026,70\n")
    found = look_through(ward.scope, draft, LIBRARY, ward.now)
    assert (found.counts["new"], [f.sentence for f in found.faults]) == (1, [NOT_HERS])


def test_a_file_of_many_finds_those_whom_the_reader_may_see(ward: Ward) -> None:
    put(ward, numbered("maria", "4711"), numbered("walter", "0815", site="queens"))
    draft = sent(ward, "MRN,Date,Weight (kg)\n4711,11/20/2026,82\n0815,11/20/2026,70\n", person="")
    found = look_through(ward.scope, draft, LIBRARY, ward.now)
    assert (found.counts["new"], [f.sentence for f in found.faults]) == (1, [NOBODY_SUCH])
    assert mapping_problem({"date": 0, "kind:weight": 1}, needs_person=True)


def numbered(person: str, number: str, site: str = "bayview") -> dict[str, object]:
    patient = b.patient(person, person.capitalize(), "Duarte", site)
    return patient | {"identifier": [{"system": "urn:mrn", "value": number}]}


def test_a_file_is_hers_who_sent_it_and_is_forgotten(ward: Ward) -> None:
    draft = sent(ward, LONG)
    drop_file(ward.scope, draft.id, ward.now)
    with store.open(ward.scope, now=ward.now) as unit, pytest.raises(NotFound):
        kept_file(unit, draft.id)
    sent(ward, LONG)
    with store.open(HOUSE, now=ward.now + timedelta(days=2)) as unit:
        assert forget_old_files(unit) == 1


@pytest.mark.parametrize(
    ("day", "hour", "found"),
    [
        ("2026-11-23T07:15:00Z", "", datetime(2026, 11, 23, 7, 15, tzinfo=UTC)),
        ("11/23/2026 7:15 AM", "", datetime(2026, 11, 23, 13, 15, tzinfo=UTC)),
        ("11/23/2026", "19:05", datetime(2026, 11, 24, 1, 5, tzinfo=UTC)),
        ("Nov 23, 2026", "7:05 p.m.", datetime(2026, 11, 24, 1, 5, tzinfo=UTC)),
        ("2026-11-23", "", datetime(2026, 11, 23, 12, tzinfo=UTC)),
    ],
)
def test_moments_as_they_are_written(day: str, hour: str, found: datetime) -> None:
    made = moment_in(day, hour, CHICAGO)
    assert made is not None
    assert made[0] == found
    assert made[1] == (len(day) > 12 or bool(hour))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.lists(st.text(alphabet="0123456789.,/ -:kglbAPM\u00e9\"'=@", max_size=14), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_no_table_raises_and_every_row_says_something(cells: list[list[str]]) -> None:
    text = "Date,Weight,BP\n" + "\n".join(",".join(c.replace('"', "") for c in row) for row in cells)
    try:
        panel = read_panel(text.encode())
    except BadPanel:
        return
    found = list(items_of(panel, guess(panel.columns, KINDS), KINDS, CHICAGO))
    assert {each.row for each in found} == {number for number, _ in panel.rows}
    assert all(isinstance(each, (Item, Fault)) for each in found)
