"""From a hospital's bytes to the row on Today, through every layer between."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

from careloop import reactions, store
from careloop.projections import worklist
from tests.conftest import empty_the_record
from tests.connect.hl7v2.messages import HOUSE, Hospital, adt
from tests.corpora.corpora import folder
from tests.corpora.redate import redated
from tests.store.rows import rows
from tests.stories.ward import HOME_WORK, HOUSTON, LIBRARY, settle

DEMO_WORDS: dict[str, Any] = {"classes": {"P": "IMP"}, "dispositions": {"Admitted as Inpatient": "home"}}
IN1 = "IN1|1|MCR^Medicare|123|Medicare||||||||||||||||||||||||||||||||1EG4TE5MK73"


def the_real_one() -> bytes:
    return (folder("hl7v2/ms-fhir-converter") / "ADT-A03-01.hl7").read_bytes()


def react(hospital: Hospital) -> None:
    settle()
    while reactions.run(hospital.now, LIBRARY):
        settle()


def standing(hospital: Hospital) -> list[worklist.Row]:
    with store.open(HOUSE, now=hospital.now) as unit:
        people = [row[0] for row in rows("select distinct person from work where person <> 0")]
        return [
            row
            for person in people
            for row in worklist.of_person(unit, person, hospital.now, reader=HOUSTON)
            if row.kind != "review-message"
        ]


def test_a_real_message_as_it_stands_is_window_closed_zone_unknown(record: None, now: datetime) -> None:
    hospital = Hospital(now, **DEMO_WORDS)
    hospital.tell(the_real_one())
    react(hospital)
    (review,) = [row for row in standing(hospital) if row.kind == "review-discharge"]
    assert review.title == "Review a discharge: window closed, zone unknown"
    assert (review.due, review.target) == (None, None)


def test_sent_again_as_of_yesterday_from_houston_it_is_work_and_twice_is_once(
    record: None, now: datetime
) -> None:
    hospital = Hospital(now, **DEMO_WORDS)
    hospital.tell(redated(the_real_one(), now, control="A1"))
    react(hospital)
    found = {row.title: row for row in standing(hospital)}
    assert set(found) == set(HOME_WORK)
    call = found["Call after discharge"]
    assert call.due is not None
    assert f"{call.due.astimezone(HOUSTON):%a %H:%M}" == "Tue 23:59"  # left on Sunday
    assert call.zone == "America/Chicago"
    before = rows("select task_id, version from work order by 1")
    hospital.tell(redated(the_real_one(), now, control="A1"), redated(the_real_one(), now, control="A2"))
    react(hospital)
    assert rows("select task_id, version from work order by 1") == before


MESSAGES = {
    "admitted": adt("A01", said="Nov 17 09:10", in1=IN1),
    "discharged": adt("A03", said="Nov 20 16:30", left="Nov 20 16:20", to="01", in1=IN1),
    "canceled": adt("A13", said="Nov 20 18:00", in1=IN1),
    "to a nursing home": adt("A03", said="Nov 21 11:10", left="Nov 21 11:00", to="03", in1=IN1),
}


def told(order: tuple[str, ...], now: datetime) -> list[tuple[object, ...]]:
    empty_the_record()
    hospital = Hospital(now)
    for name in order:
        hospital.tell(MESSAGES[name])
        react(hospital)
    return [(r.title, r.because, r.due, r.target, r.rule, r.is_late) for r in standing(hospital)]


def test_every_order_of_the_messages_ends_in_the_same_work(record: None, now: datetime) -> None:
    wanted = told(tuple(MESSAGES), now)
    assert [row[0] for row in wanted] == ["Follow up with the facility"]
    for order in list(permutations(MESSAGES))[::5]:
        assert told((*order, order[0]), now) == wanted, order


def test_the_row_stands_within_a_second(record: None, now: datetime) -> None:
    hospital = Hospital(now, **DEMO_WORDS)
    began = datetime.now(tz=HOUSTON)
    hospital.tell(redated(the_real_one(), now, control="A1"))
    react(hospital)
    assert len(standing(hospital)) == 3
    assert datetime.now(tz=HOUSTON) - began < timedelta(seconds=5)  # a busy machine; alone it takes 0.1 s
