"""Messages of one stay in every order; what is remembered and what stays ours."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from careloop.care.told import RANK, Key, Memory, tell
from careloop.care.told_stay import ToldStay, tell_stay


def key(hour: int, event: str, digest: str = "x") -> Key:
    return Key(f"2026-11-20T{hour:02}:00:00.000Z", RANK[event], digest)


def stay(
    event: str, start: str = "", end: str = "", to: str = "", klass: str = "", ward: str = ""
) -> dict[str, Any]:
    said: dict[str, Any] = {"resourceType": "Encounter", "status": "finished" if end else "in-progress"}
    period = {name: value for name, value in (("start", start), ("end", end)) if value}
    said |= {"period": period} if period else {}
    said |= {"hospitalization": {"dischargeDisposition": {"text": to}}} if to else {}
    said |= {"class": {"code": klass}} if klass else {}
    said |= {"location": [{"location": {"display": ward}}]} if ward else {}
    return said


CAME, LEFT, LEFT_LATER = "2026-11-17T09:00:00Z", "2026-11-20T10:00:00Z", "2026-11-20T15:00:00Z"
SIX = (
    (1, "A01", stay("A01", CAME, klass="EMER", ward="ER")),
    (2, "A08", stay("A08", CAME, klass="IMP", ward="4E")),
    (10, "A03", stay("A03", CAME, LEFT, "snf")),
    (11, "A13", stay("A13", CAME)),
    (12, "A08", stay("A08", "2026-11-17T09:30:00Z", ward="5W")),
    (15, "A03", stay("A03", "", LEFT_LATER, "home")),
)


def told(order: Any) -> ToldStay:
    current, memory = None, {}
    found = None
    for hour, event, said in order:
        found = tell_stay(current, said, event, memory, key(hour, event))
        current, memory = found.resource, found.memory
    assert found is not None
    return found


def test_all_720_orders_of_a_stay_end_the_same() -> None:
    wanted = told(SIX)
    assert wanted.resource["status"] == "finished"
    assert wanted.resource["period"] == {"start": "2026-11-17T09:30:00Z", "end": LEFT_LATER}
    assert wanted.resource["hospitalization"] == {"dischargeDisposition": {"text": "home"}}
    assert wanted.resource["class"] == {"code": "IMP"}
    for order in permutations(SIX):
        got = told(order)
        assert (got.resource, got.memory, got.contradictions) == (wanted.resource, wanted.memory, ())
        assert told((*order, order[0], order[3])).resource == wanted.resource


CANCELED = (
    (1, "A01", stay("A01", CAME, klass="IMP")),
    (10, "A03", stay("A03", CAME, LEFT, "home")),
    (11, "A11", stay("A11", CAME)),
    (12, "A08", stay("A08", CAME, ward="5W")),
    (13, "A13", stay("A13", CAME)),
    (14, "A03", stay("A03", CAME, LEFT_LATER, "home")),
)


def test_contradictions_too_are_the_same_in_every_order() -> None:
    wanted = told(CANCELED)
    assert wanted.resource["status"] == "finished"
    assert wanted.contradictions == ("The hospital canceled the admission and also reported a discharge.",)
    for order in permutations(CANCELED):
        got = told(order)
        assert (got.resource, got.contradictions) == (wanted.resource, wanted.contradictions)


def test_an_admission_after_the_discharge_is_not_believed_and_said() -> None:
    events = (
        (10, "A03", stay("A03", "", LEFT)),
        (16, "A01", stay("A01", "2026-11-20T16:00:00Z")),
    )
    for order in permutations(events):
        got = told(order)
        assert got.resource["period"] == {"end": LEFT}
        assert "before the admission" in got.contradictions[0]


def test_a_stay_that_came_by_another_door_is_finished_by_the_message() -> None:
    here = {"resourceType": "Encounter", "id": "e", "status": "in-progress", "period": {"start": CAME}}
    got = tell_stay(here, stay("A03", "", LEFT), "A03", {}, key(10, "A03"))
    assert (got.resource["status"], got.resource["period"]) == ("finished", {"start": CAME, "end": LEFT})


def person(**said: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **said}


@pytest.mark.parametrize(
    ("ours", "theirs", "stands", "is_shown"),
    [
        ({"birthDate": "1959-03-04"}, {"birthDate": "1959-03-05"}, {"birthDate": "1959-03-04"}, True),
        ({"gender": "unknown"}, {"gender": "female"}, {"gender": "female"}, False),
        ({}, {"gender": "female"}, {"gender": "female"}, False),
        (
            {"deceasedBoolean": False},
            {"deceasedDateTime": "2026-11-20"},
            {"deceasedDateTime": "2026-11-20"},
            False,
        ),
        ({"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedBoolean": True}, False),
        (
            {"name": [{"family": "García", "given": ["Ana"]}]},
            {"name": [{"family": "GARCIA", "given": ["ANA"]}]},
            {"name": [{"family": "García", "given": ["Ana"]}]},
            False,
        ),
    ],
)
def test_what_is_ours_stays_and_a_difference_is_shown(
    ours: dict[str, Any], theirs: dict[str, Any], stands: dict[str, Any], is_shown: bool
) -> None:
    got = tell(person(id="p", **ours), person(**theirs), {}, key(10, "A08"))
    assert got.resource == person(id="p", **stands)
    assert bool(got.differences) is is_shown


def test_what_both_agreed_on_stays_ours() -> None:
    home, elsewhere = (
        [{"line": ["1 Main St"], "postalCode": "77002"}],
        [{"line": ["9 Elm"], "postalCode": "77002"}],
    )
    first = tell(person(address=home), person(address=home), {}, key(10, "A08"))
    then = tell(first.resource, person(address=elsewhere), first.memory, key(11, "A08"))
    assert then.resource["address"] == home
    assert [d.element for d in then.differences] == ["address"]


def test_the_hospitals_own_word_is_replaced_by_its_later_one_only() -> None:
    new = tell(None, person(birthDate="1959-03-04", gender="female"), {}, key(10, "A01"))
    older = tell(new.resource, person(birthDate="1950-01-01"), new.memory, key(9, "A08"))
    later = tell(new.resource, person(birthDate="1959-03-05"), new.memory, key(11, "A08"))
    assert (older.resource["birthDate"], later.resource["birthDate"]) == ("1959-03-04", "1959-03-05")
    assert later.differences == ()


def test_numbers_only_ever_grow_and_stand_in_one_order() -> None:
    def numbers(*values: str) -> dict[str, Any]:
        return person(identifier=[{"system": "s", "value": v} for v in values])

    def all_told(*order: dict[str, Any]) -> Any:
        current: dict[str, Any] | None = None
        memory: Memory = {}
        for n, said in enumerate(order):
            got = tell(current, said, memory, key(n, "A08"))
            current, memory = got.resource, got.memory
        return current

    one, two = numbers("2"), numbers("1", "2")
    assert all_told(one, two) == all_told(two, one) == numbers("1", "2")


def test_memory_holds_no_words_of_a_person() -> None:
    got = tell(None, person(birthDate="1959-03-04", name=[{"family": "Duarte"}]), {}, key(10, "A01"))
    assert "Duarte" not in str(got.memory)
    assert "1959" not in str(got.memory)
