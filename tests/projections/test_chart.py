"""Lines of a person's page, from resources as others send them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from careloop import store
from careloop.access import Scope, system_actor
from careloop.fhir.elements import codeable, ref
from careloop.projections.chart_about import about
from careloop.projections.chart_health import Point, Series, health_of
from careloop.projections.chart_plan import plan_of
from careloop.projections.moments import moments, shown_number, value_words
from careloop.web.staff.person_charts import draw

HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")
CHICAGO = ZoneInfo("America/Chicago")
MARIA = ref("Patient/maria")


def part(code: str, value: int) -> dict[str, Any]:
    return {"code": codeable("http://loinc.org", code), "valueQuantity": {"value": value, "unit": "mmHg"}}


@pytest.fixture
def maria(record: None, now: datetime) -> Any:
    """keep(resources…) writes them; ask(reader) reads her through it."""

    def keep(*resources: dict[str, Any]) -> None:
        with store.open(HOUSE, now=now) as unit:
            for one in resources:
                unit.create(one)

    with store.open(HOUSE, now=now) as unit:
        unit.create(
            {
                "resourceType": "Patient",
                "name": [{"family": "Duarte", "given": ["Maria"]}],
                "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123-45-6789"}],
            },
            id="maria",
        )
    return keep


def read(now: datetime, reader: Any) -> Any:
    with store.open(HOUSE, now=now) as unit:
        return reader(unit, unit.read("Patient", "maria"))


def test_a_pressure_sent_diastolic_first_is_told_systolic_first() -> None:
    assert value_words({"component": [part("8462-4", 81), part("8480-6", 131)]}) == "131/81 mmHg"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("141.4620138922159", "141.46"),
        ("0.00312345", "0.00312"),
        ("71.4", "71.4"),
        ("7.125", "7.125"),
        ("29.0000001", "29"),
    ],
)
def test_a_machines_long_tail_is_cut_where_it_is_shown(sent: str, shown: str) -> None:
    assert shown_number(Decimal(sent)) == shown


def test_a_plan_of_others_is_told_on_the_day_it_began() -> None:
    plan = {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "order",
        "subject": MARIA,
        "period": {"start": "2004-07-06"},
    }
    told = moments(plan, datetime(2026, 11, 23, tzinfo=UTC))
    assert [moment.at.date().isoformat() for moment in told] == ["2004-07-06"]


def test_plans_of_others_stand_apart(maria: Any, now: datetime) -> None:
    maria(
        {
            "resourceType": "CarePlan",
            "status": "active",
            "intent": "order",
            "category": [{"text": "Diabetes self management plan"}],
            "subject": MARIA,
            "activity": [{"detail": {"status": "in-progress", "code": {"text": "Diabetic diet"}}}],
        }
    )
    found = read(now, lambda unit, patient: plan_of(unit, patient, {}))
    assert found.id is None
    assert [(other.title, other.what) for other in found.foreign] == [
        ("Diabetes self management plan", ("Diabetic diet",))
    ]


def test_a_step_without_a_goal_of_its_own_is_placed_by_the_templates(maria: Any, now: datetime) -> None:
    status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    category = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
    maria(
        {
            "resourceType": "Condition",
            "clinicalStatus": codeable(status, "active"),
            "category": [codeable(category, "sdoh")],
            "code": codeable("urn:careloop:code:need", "food", "Not enough to eat"),
            "subject": MARIA,
        },
        {
            "resourceType": "Goal",
            "lifecycleStatus": "active",
            "description": codeable("urn:careloop:code:goal", "enough-food", "Enough to eat"),
            "subject": MARIA,
        },
        {
            "resourceType": "Task",
            "status": "accepted",
            "intent": "plan",
            "code": codeable("urn:careloop:code:work", "find-pantry", "Find a pantry"),
            "for": MARIA,
        },
    )
    parents = {"goal:enough-food": "need:food", "action:find-pantry": "goal:enough-food"}
    found = read(now, lambda unit, patient: plan_of(unit, patient, parents))
    assert [(n.title, [(g.text, [s.title for s in g.steps]) for g in n.goals]) for n in found.needs] == [
        ("Not enough to eat", [("Enough to eat", ["Find a pantry"])])
    ]
    assert not found.goals
    assert not found.steps
    loose = read(now, lambda unit, patient: plan_of(unit, patient, {}))
    assert [goal.text for goal in loose.goals] == ["Enough to eat"]
    assert [step.title for step in loose.steps] == ["Find a pantry"]


def test_what_was_entered_in_error_is_not_told(maria: Any, now: datetime) -> None:
    verified = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    maria(
        {
            "resourceType": "Condition",
            "verificationStatus": codeable(verified, "entered-in-error"),
            "code": {"text": "Not hers"},
            "subject": MARIA,
        },
        {
            "resourceType": "Observation",
            "status": "entered-in-error",
            "code": {"text": "Body weight"},
            "subject": MARIA,
            "effectiveDateTime": "2026-11-01T09:00:00Z",
            "valueQuantity": {"value": 7},
        },
    )
    assert read(now, lambda unit, patient: health_of(unit, patient.rid)).is_empty


def test_only_the_end_of_a_social_security_number_is_told(maria: Any, now: datetime) -> None:
    found = read(now, about)
    assert [number.value for number in found.numbers] == ["…6789"]


def point(day: int, value: str) -> Point:
    return Point(datetime(2026, 11, day, tzinfo=UTC), Decimal(value), None, value, "", f"Observation/{day}")


def test_a_chart_keeps_every_value_inside_its_scale(now: datetime) -> None:
    series = Series("w", "Weight", "kg", (point(1, "70.4"), point(5, "72.6"), point(9, "69.3")))
    chart = draw(series, now, CHICAGO)
    assert chart is not None
    heights = [float(dot.y) for dot in chart.dots[0]]
    assert min(heights) >= chart.frame["top"]
    assert max(heights) <= chart.frame["bottom"]
    assert [label.words for label in chart.labels] == ["69", "70", "71", "72", "73"]
    assert chart.says == "Weight: 3 values from Oct 31 to Nov 8, the last one 69.3."


def test_one_value_is_no_chart(now: datetime) -> None:
    assert draw(Series("w", "Weight", "kg", (point(1, "70"),)), now, CHICAGO) is None


def test_values_that_never_change_are_drawn_in_the_middle(now: datetime) -> None:
    chart = draw(Series("w", "Weight", "kg", (point(1, "70"), point(2, "70"))), now, CHICAGO)
    assert chart is not None
    assert chart.frame["top"] < float(chart.dots[0][0].y) < chart.frame["bottom"]
