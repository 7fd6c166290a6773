"""What protocols read of people: findings whose cut point hangs on whose answers they are."""

from __future__ import annotations

from datetime import datetime

import pytest

from careloop import store
from careloop.access import Scope, system_actor
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, response
from careloop.library import load
from careloop.projections import ALL
from careloop.projections.signals import gather
from tests.projections import builders as b

HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")
AUDIT_C = load().instruments["audit-c"]
THREE = {"frequency": "two-to-four-a-month", "amount": "three-or-four", "six-or-more": "never"}


@pytest.mark.parametrize(
    ("gender", "sex", "is_positive"),
    [("male", "male", False), ("female", "female", True), (None, None, True)],
)
def test_three_points_are_positive_for_a_woman_and_below_the_cut_point_for_a_man(
    record: None, now: datetime, gender: str | None, sex: str | None, is_positive: bool
) -> None:
    patient = b.patient("sam", "Sam", "Ortiz", None)
    if gender:
        patient["gender"] = gender
    with store.open(HOUSE, now=now, projectors=ALL) as unit:
        unit.create_named(patient)
        answers = {name: Answer((value,)) for name, value in THREE.items()}
        unit.create(response(AUDIT_C.form, answers, About("Patient/sam", now), status="completed"))
    with store.open(HOUSE, now=now) as unit:
        rid = unit.rid_of("Patient/sam")
        assert rid is not None
        paths = ["score/audit-c", "finding/audit-c/positive", "fact/sex"]
        signals = gather(unit, [rid], paths, load())[rid]
    assert [datum.value for datum in signals.scores["audit-c"]] == [3]
    assert signals.findings["audit-c/positive"] is is_positive
    assert signals.facts["sex"] == sex
