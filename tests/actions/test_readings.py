"""Readings typed, doubted, confirmed, refuted, corrected; limits; devices that fall silent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from careloop import library, reactions, store
from careloop.access import Actor, Scope
from careloop.actions.keep_device import BadDevice, give_device, retire_device
from careloop.actions.record_reading import AskFirst, BadReading, Typed, record_reading
from careloop.actions.review_reading import UnknownUnit, correct_reading, review_reading
from careloop.actions.set_limits import BadLimits, end_limits, set_limits
from careloop.actions.undo import undo
from careloop.actions.working import ReasonMissing
from careloop.care.reading_limits import Limits
from careloop.kernel.errors import NotFound
from careloop.projections import readings
from careloop.projections.reading_limits import limits_for
from tests.projections.test_readings import put, told, weight
from tests.projections.ward import HOUSE, Ward
from tests.store.rows import rows

LIBRARY = library.load()


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def typed(ward: Ward, value: str, kind: str = "weight", unit: str = "kg", **more: Any) -> Any:
    return record_reading(ward.scope, "maria", Typed(kind, value, unit, **more), LIBRARY, ward.now)


def react(at: datetime) -> None:
    while reactions.run(at, LIBRARY):
        pass


def asked() -> list[tuple[str, str]]:
    return rows(
        "select title, because from work where is_open and kind in ('ask-reading', 'ask-device') order by 1"
    )


def test_what_is_typed_is_kept_as_it_was_typed(ward: Ward) -> None:
    made = typed(ward, "180", unit="[lb_av]").made[0]
    assert made.resource["valueQuantity"]["value"] == 180
    assert made.resource["valueQuantity"]["unit"] == "lb"
    assert made.resource["performer"][0]["reference"] == "Practitioner/ana"
    assert told(ward, "weight") == [("81.6466266", "ok", None)]


def test_a_form_that_is_sent_twice_makes_one_reading(ward: Ward) -> None:
    first, second = typed(ward, "82", key="k1"), typed(ward, "82", key="k1")
    assert first.made[0].id == second.made[0].id
    assert second.undo == ""


def test_what_is_far_off_is_asked_before_it_is_kept(ward: Ward) -> None:
    typed(ward, "82.1", at=ward.now - timedelta(days=1))
    with pytest.raises(AskFirst) as far:
        typed(ward, "182")
    assert (far.value.why, far.value.before) == ("leap", "82.1 kg")
    with pytest.raises(AskFirst):
        typed(ward, "9000")
    assert len(told(ward, "weight")) == 1
    typed(ward, "95", is_sure=True)
    assert told(ward, "weight")[-1] == ("95", "ok", "confirmed")


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("weight", "much", "value"),
        ("blood-pressure", "142", "value"),
        ("height", "170", "kind"),
        ("weight", "", "value"),
    ],
)
def test_what_is_no_number_is_refused(ward: Ward, kind: str, value: str, field: str) -> None:
    with pytest.raises(BadReading) as refused:
        typed(ward, value, kind, unit="")
    assert refused.value.field == field


def test_a_doubtful_value_becomes_work_and_a_word_ends_it(ward: Ward) -> None:
    put(ward, weight("w1", ward.now - timedelta(days=1), "82.1"), weight("w2", ward.now, "182"))
    react(ward.now)
    assert asked() == [
        (
            "Ask about a reading: Weight",
            "182 kg on Nov 23, 2026, but 82.1 kg on Nov 22, 2026",
        )
    ]
    react(ward.now)
    assert len(asked()) == 1
    review_reading(ward.scope, "w2", "refuted", "Her grandson stood on it too", LIBRARY, ward.now)
    react(ward.now)
    assert asked() == []
    assert told(ward, "weight")[-1] == ("182", "refuted", "refuted")


def test_an_unknown_unit_is_asked_about_and_can_be_put_right(ward: Ward) -> None:
    put(ward, weight("w1", ward.now, "180", "st"))
    react(ward.now)
    ((_, because),) = asked()
    assert because.endswith("the unit is not one we know")
    with pytest.raises(UnknownUnit):
        review_reading(ward.scope, "w1", "confirmed", "", LIBRARY, ward.now)
    result = correct_reading(
        ward.scope, "w1", Typed("weight", "180", "[lb_av]"), "She reads pounds", LIBRARY, ward.now
    )
    assert told(ward, "weight") == [("81.6466266", "ok", "confirmed")]
    with store.open(HOUSE, now=ward.now) as unit:  # what was sent stays
        assert unit.read_version("Observation", "w1", 1).resource["valueQuantity"]["unit"] == "st"
    undo(ward.scope, result.undo, ward.now)
    assert told(ward, "weight") == [("180", "doubtful", "unit")]


def test_what_somebody_closed_is_not_asked_again_but_what_comes_after_is(ward: Ward) -> None:
    put(ward, weight("w1", ward.now - timedelta(days=1), "9000"))
    react(ward.now)
    ((task,),) = rows("select task_id from work where kind = 'ask-reading'")
    done = {**ward.task(task), "status": "completed"}
    put(ward, done)
    react(ward.now)
    assert asked() == []
    put(ward, weight("w2", ward.now, "9100"))
    react(ward.now)
    assert [because for _, because in asked()] == ["9100 kg on Nov 23, 2026: that can’t be"]


def test_somebody_elsewhere_may_not_touch_them(ward: Ward) -> None:
    put(ward, weight("w1", ward.now, "9000"))
    elsewhere = Actor(
        principal=8, kind="staff", name="Ben Osei", roles=frozenset({"coordinator"}), sites=frozenset({ward.queens}),
        practitioner="Practitioner/ben", practitioner_rid=ward.ben,
    )  # fmt: skip
    scope = Scope(elsewhere, "page", "coordination")
    with pytest.raises(NotFound):
        review_reading(scope, "w1", "confirmed", "", LIBRARY, ward.now)
    with pytest.raises(NotFound):
        record_reading(scope, "maria", Typed("weight", "82", "kg"), LIBRARY, ward.now)


def limits_now(ward: Ward, kind: str = "weight") -> Limits | None:
    with ward.open() as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria is not None
        return limits_for(unit, [maria], LIBRARY.readings[kind], words=True)[maria]


def test_limits_are_set_changed_and_ended(ward: Ward) -> None:
    assert limits_now(ward) is None
    set_limits(
        ward.scope,
        "maria",
        Limits("weight", None, Decimal(84), None, None),
        "Dr. Chen asked",
        LIBRARY,
        ward.now,
    )
    found = limits_now(ward)
    assert found is not None
    assert (found.high, found.set_by, found.why) == (Decimal(84), "Practitioner/ana", "Dr. Chen asked")
    set_limits(
        ward.scope, "maria", Limits("weight", None, Decimal(86), None, None), "Drier now", LIBRARY, ward.now
    )
    assert len(rows("select 1 from reading_limits")) == 1
    end_limits(ward.scope, "maria", "weight", LIBRARY, ward.now)
    assert limits_now(ward) is None
    with pytest.raises(NotFound):
        end_limits(ward.scope, "maria", "weight", LIBRARY, ward.now)


def looks() -> list[str]:
    return [row[0] for row in rows("select because from work where is_open and kind = 'look-reading'")]


def test_past_a_limit_of_hers_there_is_work_until_somebody_has_looked(ward: Ward) -> None:
    """And a value that nobody believes, or one past the limits of everybody, makes none."""
    put(ward, weight("w0", ward.now - timedelta(days=2), "83"))
    react(ward.now)
    assert looks() == []
    limits = Limits("weight", None, Decimal(84), None, None, since=ward.now - timedelta(days=9))
    set_limits(ward.scope, "maria", limits, "Dr. Chen asked", LIBRARY, ward.now)
    put(ward, weight("w1", ward.now - timedelta(days=1), "84.5"), weight("odd", ward.now, "184"))
    react(ward.now)
    assert looks() == ["84.5 kg on Nov 22, 2026: above 84, set by Ana Reyes; Dr. Chen asked"]
    put(ward, weight("w2", ward.now, "85"))
    react(ward.now)
    assert looks() == ["85 kg on Nov 23, 2026: above 84, set by Ana Reyes; Dr. Chen asked"]
    ((task,),) = rows("select task_id from work where is_open and kind = 'look-reading'")
    put(ward, {**ward.task(task), "status": "completed"})
    put(ward, weight("w3", ward.now + timedelta(minutes=1), "85.2"))
    react(ward.now)
    assert looks() == []  # she has looked; it is the same rise
    put(ward, weight("w4", ward.now + timedelta(minutes=2), "83.9"))
    put(ward, weight("w5", ward.now + timedelta(minutes=3), "84.2"))
    react(ward.now)
    assert looks() == ["84.2 kg on Nov 23, 2026: above 84, set by Ana Reyes; Dr. Chen asked"]


def test_limits_that_cant_hold_are_refused(ward: Ward) -> None:
    def refused(*ends: Decimal | None, why: str = "so", until: datetime | None = None) -> str:
        with pytest.raises((BadLimits, ReasonMissing)) as found:
            set_limits(
                ward.scope, "maria", Limits("blood-pressure", *ends, until=until), why, LIBRARY, ward.now
            )
        return getattr(found.value, "field", "why")

    assert refused(None, None, None, None) == "low"
    assert refused(Decimal(150), Decimal(90), None, None) == "high"
    assert refused(Decimal(5), None, None, None) == "low"
    assert refused(None, None, None, Decimal(900)) == "second_high"
    assert refused(None, Decimal(150), None, None, until=ward.now) == "until"
    assert refused(None, Decimal(150), None, None, why=" ") == "why"


def test_a_device_that_falls_silent_is_asked_about_until_it_is_heard(ward: Ward) -> None:
    with pytest.raises(BadDevice):
        give_device(ward.scope, "maria", "Scale", [], "", LIBRARY, ward.now)
    device = give_device(ward.scope, "maria", "Bathroom scale", ["weight"], "SN1", LIBRARY, ward.now)
    react(ward.now)
    ((due,),) = rows("select due from timers where kind = 'device-silence'")
    assert due == ward.now + timedelta(days=3)
    later = ward.now + timedelta(days=3, minutes=1)
    while reactions.run_timers(later, LIBRARY):
        pass
    assert [title for title, _ in asked()] == ["Ask why nothing comes any more: Bathroom scale"]
    sent = weight("w1", later, "82", device={"reference": device.reference})
    put(ward, sent, at=later)
    react(later)
    assert asked() == []
    with ward.open() as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria is not None
        assert readings.readings_of(unit, maria)[0].device == device.reference


def test_a_device_no_longer_used_is_not_asked_about(ward: Ward) -> None:
    device = give_device(ward.scope, "maria", "Bathroom scale", ["weight"], "", LIBRARY, ward.now)
    retire_device(ward.scope, "maria", device.id, ward.now)
    react(ward.now)
    while reactions.run_timers(ward.now + timedelta(days=9), LIBRARY):
        pass
    assert asked() == []
    with pytest.raises(NotFound):
        retire_device(ward.scope, "walter", device.id, ward.now)
