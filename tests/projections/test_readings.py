"""Readings and scores over time: kept in one unit, believed or asked about, and the same after a rebuild."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from careloop import library, projections, store
from careloop.access import Actor
from careloop.care.reading_limits import Limits, to_request
from careloop.care.readings import Reading
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, response
from careloop.projections import readings, scores
from careloop.projections.reading_limits import limits_for
from tests.projections import builders as b
from tests.projections.ward import CHICAGO, HOUSE, Ward
from tests.store.rows import rows

UCUM = "http://unitsofmeasure.org"
Resource = dict[str, Any]


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def weight(id: str, at: datetime, value: str, unit: str = "kg", **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": codeable(uris.LOINC, "29463-7", "Body weight"),
        "subject": ref("Patient/maria"),
        "effectiveDateTime": fhir_instant(at),
        "valueQuantity": {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit},
        **more,
    }


def pressure(id: str, at: datetime, systolic: int, diastolic: int, **more: Any) -> Resource:
    parts = [("8480-6", systolic, "mm[Hg]"), ("8462-4", diastolic, "mm[Hg]"), ("8867-4", 71, "/min")]
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": codeable(uris.LOINC, "85354-9"),
        "subject": ref("Patient/maria"),
        "effectiveDateTime": fhir_instant(at),
        "component": [
            {
                "code": codeable(uris.LOINC, code),
                "valueQuantity": {"value": value, "system": UCUM, "code": unit},
            }
            for code, value, unit in parts
        ],
        **more,
    }


def put(ward: Ward, *resources: Resource, at: datetime | None = None) -> None:
    with store.open(HOUSE, now=at or ward.now, projectors=projections.ALL) as unit:
        for each in resources:
            unit.update(each, create=True)


def told(ward: Ward, kind: str, actor: Actor | None = None) -> list[tuple[str, str, str | None]]:
    """(value, state, why), oldest first."""
    states = ("ok", "doubtful", "refuted", "repeated")
    with ward.open(actor) as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria is not None
        found = readings.readings_of(unit, maria, [kind], states=states)
        return [(str(each.value), each.state, each.why) for each in reversed(found)]


def test_pounds_and_kilograms_are_one_series(ward: Ward, now: datetime) -> None:
    put(
        ward,
        weight("w1", now - timedelta(days=2), "82.4"),
        weight("w2", now - timedelta(days=1), "180", "[lb_av]"),
    )
    assert told(ward, "weight") == [("82.4", "ok", None), ("81.6466266", "ok", None)]


def test_a_hundred_too_much_is_kept_and_not_believed(ward: Ward, now: datetime) -> None:
    """“182 kg, yesterday 82?” The next plausible one is believed again."""
    put(
        ward,
        weight("w1", now - timedelta(days=3), "82.1"),
        weight("w2", now - timedelta(days=2), "182"),
        weight("w3", now - timedelta(days=1), "82.6"),
    )
    assert told(ward, "weight") == [
        ("82.1", "ok", None),
        ("182", "doubtful", "leap"),
        ("82.6", "ok", None),
    ]


def test_what_came_late_changes_what_is_believed_after_it(ward: Ward, now: datetime) -> None:
    put(ward, weight("w2", now - timedelta(days=1), "95"))
    assert told(ward, "weight") == [("95", "ok", None)]
    put(ward, weight("w1", now - timedelta(days=2), "82"))
    assert told(ward, "weight") == [("82", "ok", None), ("95", "doubtful", "leap")]
    put(ward, {**weight("w1", now - timedelta(days=2), "82"), "status": "entered-in-error"})
    assert told(ward, "weight") == [("82", "refuted", "refuted"), ("95", "ok", None)]


def test_a_persons_word_stands_above_the_range(ward: Ward, now: datetime) -> None:
    said = [{"url": "decision", "valueCode": "confirmed"}]
    review = {"extension": [{"url": uris.READING_REVIEW, "extension": said}]}
    put(
        ward,
        weight("w1", now - timedelta(days=2), "82"),
        weight("w2", now - timedelta(days=1), "95", **review),
    )
    put(ward, weight("w3", now, "96"))
    assert told(ward, "weight")[1:] == [("95", "ok", "confirmed"), ("96", "ok", None)]


@pytest.mark.parametrize(
    ("value", "unit", "why"),
    [
        ("82", "stone", "unit"),
        ("8200", "kg", "impossible"),
        ("1e999", "kg", "impossible"),
        ("-4", "kg", "impossible"),
    ],
)
def test_what_cant_be_is_kept_and_marked(ward: Ward, now: datetime, value: str, unit: str, why: str) -> None:
    put(ward, weight("w1", now, value, unit))
    ((_, state, found),) = told(ward, "weight")
    assert (state, found) == ("doubtful", why)


def test_one_transmission_that_came_twice_is_one_reading(ward: Ward, now: datetime) -> None:
    put(ward, pressure("p1", now, 142, 88), pressure("p2", now, 142, 88))
    assert told(ward, "blood-pressure") == [("142", "ok", None), ("142", "repeated", "repeated")]
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        unit.delete("Observation", "p1")
    assert told(ward, "blood-pressure") == [("142", "ok", None)]


def test_a_cuff_that_counts_the_pulse_gives_two_readings(ward: Ward, now: datetime) -> None:
    put(ward, pressure("p1", now, 142, 88))
    assert told(ward, "pulse") == [("71", "ok", None)]
    put(ward, pressure("p2", now - timedelta(hours=1), 80, 120))  # upper and lower number exchanged
    assert told(ward, "blood-pressure")[0] == ("80", "doubtful", "impossible")


def test_days_are_counted_where_she_lives(ward: Ward, now: datetime) -> None:
    device = {"device": {"display": "home scale"}}
    evening = datetime(2026, 11, 10, 5, 30, tzinfo=UTC)  # 11:30 pm of the 9th in Texas
    put(
        ward,
        weight("w1", evening, "82", **device),
        weight("w2", evening + timedelta(hours=2), "82.2", **device),
        weight("w3", evening + timedelta(hours=4), "82.1", **device),
        weight("w4", evening + timedelta(days=3), "82.1"),  # typed, not transmitted
    )
    with ward.open() as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria is not None
        until = evening + timedelta(days=10)
        assert readings.days_with(unit, maria, CHICAGO, until) == 2
        assert readings.latest(unit, [maria], "weight")[maria].value == Decimal("82.1")


def test_nobody_elsewhere_sees_them(ward: Ward, now: datetime) -> None:
    put(ward, weight("w1", now, "82"))
    walters = Actor(
        principal=8,
        kind="staff",
        name="Ben Osei",
        roles=frozenset({"coordinator"}),
        sites=frozenset({ward.queens}),
        practitioner="Practitioner/ben",
        practitioner_rid=ward.ben,
    )
    assert told(ward, "weight", walters) == []
    assert told(ward, "weight") != []


def test_limits_of_hers_stand_above_those_of_everybody(ward: Ward, now: datetime) -> None:
    kind = library.load().readings["blood-pressure"]
    hers = Limits("blood-pressure", None, Decimal(150), None, Decimal(95), until=now + timedelta(days=30))
    put(
        ward,
        to_request(kind, hers, "Patient/maria", "Practitioner/ana", now, "After the stroke") | {"id": "l1"},
    )
    with ward.open() as unit:
        maria, walter = unit.rid_of("Patient/maria"), unit.rid_of("Patient/walter")
        assert maria is not None
        assert walter is not None
        found = limits_for(unit, [maria, walter], kind)
    assert found[maria] is not None
    assert found[maria].outside(Decimal(155), Decimal(80)) == ("high",)
    assert found[walter] is not None
    assert found[walter].outside(Decimal(155), Decimal(80)) == ()
    assert found[maria].is_own
    assert not found[walter].is_own
    with store.open(HOUSE, now=now + timedelta(days=31)) as unit:
        after = limits_for(unit, [maria], kind)[maria]
    assert after is not None
    assert not after.is_own


def answered(id: str, at: datetime, each: str) -> Resource:
    form = library.load().instruments["phq-9"].form
    scored = library.load().instruments["phq-9"].scoring.items
    answers = {item: Answer((each,)) for item in scored}
    made = response(form, answers, About("Patient/maria", at, author="Practitioner/ana"), status="completed")
    return made | {"id": id}


def _choices() -> tuple[Any, ...]:
    """The answers to the questions that are added up."""
    phq9 = library.load().instruments["phq-9"]
    return phq9.by_id[phq9.scoring.items[0]].choices


def scores_told(ward: Ward) -> list[tuple[str, str | None]]:
    with ward.open() as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria is not None
        return [(str(each.value), each.band) for each in scores.scores_of(unit, maria, ["phq-9"])]


def test_scores_come_from_answers_and_from_elsewhere(ward: Ward, now: datetime) -> None:
    content = library.load().instruments["phq-9"]
    code = next(c.code for c in _choices() if c.value == 2)
    sent = {
        "resourceType": "Observation",
        "id": "s1",
        "status": "final",
        "code": codeable(uris.LOINC, content.scoring.loinc or ""),
        "subject": ref("Patient/maria"),
        "effectiveDateTime": fhir_instant(now - timedelta(days=30)),
        "valueInteger": 21,
    }
    put(ward, sent, answered("r1", now - timedelta(days=7), code))
    assert scores_told(ward) == [("21", "severe"), ("18", "moderately-severe")]
    put(ward, {**sent, "status": "entered-in-error"})
    assert scores_told(ward) == [("18", "moderately-severe")]


def test_a_band_that_hangs_on_sex_follows_the_record(ward: Ward, now: datetime) -> None:
    form = library.load().instruments["audit-c"].form
    said = {"frequency": "two-to-four-a-month", "amount": "three-or-four", "six-or-more": "never"}
    answers = {item: Answer((each,)) for item, each in said.items()}
    made = response(form, answers, About("Patient/maria", now), status="completed")
    patient = b.patient("maria", "Maria", "Duarte")
    put(ward, patient | {"gender": "male"}, made | {"id": "r1"})
    assert rows("select value, band from scores") == [(3, "below")]
    put(ward, patient | {"gender": "female"})
    assert rows("select value, band from scores") == [(3, "positive")]
    before = b.remembered()
    with store.open(HOUSE, now=now) as unit:
        for projector in projections.ALL:
            projector.rebuild(unit)
    assert b.remembered() == before


@pytest.mark.parametrize("seed", range(8))
def test_any_order_of_readings_ends_where_a_rebuild_ends(ward: Ward, now: datetime, seed: int) -> None:
    dice = random.Random(seed)
    said = [{"url": uris.READING_REVIEW, "extension": [{"url": "decision", "valueCode": "confirmed"}]}]
    for step in range(14):
        with store.open(HOUSE, now=now + timedelta(minutes=step), projectors=projections.ALL) as unit:
            for _ in range(dice.randint(1, 5)):
                id, at = f"w{dice.randint(1, 9)}", now - timedelta(days=dice.randint(0, 6))
                kind = dice.choice(["weight", "weight", "pressure", "delete", "score"])
                if kind == "delete":
                    if unit.find("Observation", id):
                        unit.delete("Observation", id)
                elif kind == "score":
                    code = dice.choice(_choices()).code
                    unit.update(answered(f"r{dice.randint(1, 3)}", at, code), create=True)
                elif kind == "pressure":
                    unit.update(pressure(id, at, dice.choice([120, 142]), 88), create=True)
                else:
                    more = {"extension": said} if dice.random() < 0.2 else {}
                    wrong = {"status": "entered-in-error"} if dice.random() < 0.2 else {}
                    value = dice.choice(["82", "83", "95", "182", "9000"])
                    unit.update(weight(id, at, value, **more) | wrong, create=True)
    before = b.remembered()
    assert len(before["readings"]) > 2
    with store.open(HOUSE, now=now) as unit:
        for projector in projections.ALL:
            projector.rebuild(unit)
    assert b.remembered() == before


def test_a_reading_says_nothing_in_a_log(now: datetime) -> None:
    made = Reading("weight", now, True, Decimal(82), None, "kg", None, "staff", None, None)
    assert "82" not in repr(made)
