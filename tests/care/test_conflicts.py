"""Where two plans contradict one another, and whom it leaves alone. Real resources, the rules as they are shipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.care.claims import Claim, Held, Told
from careloop.care.conflicts import conflicts, dedupe_of, values_in, work_of_conflict
from careloop.care.others_plans import is_others, is_our_plan, lines_of_others
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.library import Words, load

RULES = load().clashes
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
NAMES = {"Organization/lakeside": "Lakeside Cardiology", "Practitioner/chen": "Dr. Chen"}


def told(*resources: Resource, changed: datetime | None = None) -> Told:
    return Told(tuple(Held(each, changed) for each in resources), NAMES)


def named(*resources: Resource, **more: Any) -> list[str]:
    return [each.rule.id for each in conflicts(told(*resources, **more), RULES, NOW)]


def theirs(id: str = "lake", author: str = "Organization/lakeside", **more: Any) -> Resource:
    return {
        "resourceType": "CarePlan",
        "id": id,
        "status": "active",
        "intent": "plan",
        "identifier": [{"system": "urn:lakeside:plans", "value": id}],
        "author": ref(author),
        **more,
    }


def ours(*lines: str) -> Resource:
    return {
        "resourceType": "CarePlan",
        "id": "ours",
        "status": "active",
        "intent": "plan",
        "identifier": [{"system": uris.DEDUPE, "value": "proposal:1"}],
        "goal": [ref(line) for line in lines if line.startswith("Goal/")],
        "activity": [{"reference": ref(line)} for line in lines if line.startswith("Task/")],
    }


def step(said: str, id: str = "step") -> Resource:
    return {"resourceType": "Task", "id": id, "status": "accepted", "intent": "plan", "description": said}


def activity(said: str) -> Resource:
    return {"activity": [{"detail": {"status": "in-progress", "description": said}}]}


def goal(id: str, value: Any, comparator: str = "<", **more: Any) -> Resource:
    quantity = {"value": value, "unit": "mmHg", "comparator": comparator}
    measure = {**codeable(uris.LOINC, "8480-6"), "text": "Systolic blood pressure"}
    target = [{"measure": measure, "detailQuantity": quantity}]
    return {"resourceType": "Goal", "id": id, "lifecycleStatus": "active", "target": target, **more}


def drug(id: str, name: str, status: str, who: str, on: str = "2026-11-10", code: str = "") -> Resource:
    concept = {"text": name, **({"coding": [{"system": RXNORM, "code": code}]} if code else {})}
    return {
        "resourceType": "MedicationRequest",
        "id": id,
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": concept,
        "requester": ref(who),
        "authoredOn": on,
    }


RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def visit(id: str, start: datetime, minutes: int, status: str = "booked") -> Resource:
    return {
        "resourceType": "Appointment",
        "id": id,
        "status": status,
        "start": fhir_instant(start),
        "end": fhir_instant(start + timedelta(minutes=minutes)),
        "description": f"Visit {id}",
        "participant": [{"actor": {"display": "Dr. Lee"}}],
    }


# --- whose a plan is


def test_a_plan_from_elsewhere_is_never_taken_for_ours() -> None:
    assert is_our_plan(ours())
    assert not is_our_plan(theirs())
    assert is_others(theirs(identifier=[]))
    unsigned = {**theirs(identifier=[]), "author": {}}
    assert not is_others(unsigned)
    assert is_others({**unsigned, "meta": {"source": "https://lakeside.example/fhir"}})
    assert is_others({**unsigned, "intent": "order"})


def test_a_plan_without_a_mark_stays_ours() -> None:
    assert is_our_plan({"resourceType": "CarePlan", "status": "active", "intent": "plan"})


def test_a_line_that_ours_names_too_is_ours() -> None:
    plan = theirs(goal=[ref("Goal/a"), ref("Goal/b")], addresses=[ref("Condition/c")])
    assert lines_of_others([plan, ours("Goal/a")]) == {"Goal/b"}


# --- each kind


def test_limit_fluids_here_and_push_fluids_there() -> None:
    [found] = conflicts(
        told(
            ours("Task/step"),
            step("Fluid restriction, 1.5 liters a day"),
            theirs(**activity("Push fluids")),
        ),
        RULES,
        NOW,
    )
    assert found.rule.id == "fluids"
    assert "Lakeside Cardiology" in found.because.en
    assert "Our plan" in found.because.en or "our plan" in found.because.en
    assert "nuestro plan" in found.because.es.casefold()
    assert "Lakeside Cardiology" in found.ask.en
    assert set(found.references) == {"Task/step", "CarePlan/lake"}


def test_one_party_alone_contradicts_nobody() -> None:
    assert named(theirs(**activity("Push fluids")), ours("Task/step"), step("Walk every day")) == []
    both = {"activity": [*activity("Push fluids")["activity"], *activity("Fluid restriction")["activity"]]}
    assert named(theirs(**both)) == []


def test_no_fluid_restriction_is_none() -> None:
    assert named(theirs(**activity("Push fluids")), ours("Task/step"), step("No fluid restriction")) == []


def test_partial_weight_bearing_is_not_read_as_weight_bearing_of_another_kind() -> None:
    rule = RULES.rule("weight-bearing")
    assert rule is not None
    said = Words("Non-weight-bearing left leg, then weight bearing as tolerated", "")
    claim = Claim("x", said, said, "CarePlan/x")
    assert {value.id for value in values_in(claim, rule.values)} == {"none", "tolerated"}


def test_full_weight_and_as_tolerated_agree() -> None:
    other = theirs("two", "Practitioner/chen", **activity("Full weight bearing"))
    assert named(theirs(**activity("Weight bearing as tolerated")), other) == []
    strict = theirs("two", "Practitioner/chen", **activity("NWB right leg"))
    assert named(theirs(**activity("Weight bearing as tolerated")), strict) == ["weight-bearing"]


def test_two_diets_of_two_houses_are_named_once() -> None:
    def diet(id: str, said: str, who: str) -> Resource:
        return {
            "resourceType": "NutritionOrder",
            "id": id,
            "status": "active",
            "orderer": ref(who),
            "meta": {"source": who},
            "oralDiet": {"type": [{"text": said}]},
        }

    assert named(
        diet("a", "Cardiac diet", "Organization/lakeside"), diet("b", "Diabetic diet", "urn:x:y")
    ) == ["diets"]
    closer = named(
        diet("a", "Low potassium diet", "Organization/lakeside"), diet("b", "High potassium diet", "urn:x:y")
    )
    assert closer == ["diet-potassium"]
    assert named(diet("a", "Cardiac diet", "urn:x:z"), diet("b", "Cardiac diet", "urn:x:y")) == []


def test_two_targets_for_the_same_measure() -> None:
    plan = theirs(goal=[ref("Goal/b")])
    [found] = conflicts(told(ours("Goal/a"), plan, goal("a", 130), goal("b", 150)), RULES, NOW)
    assert found.rule.id == "goals"
    assert "Systolic blood pressure" in found.because.en
    assert "< 130 mmHg" in found.because.en
    assert named(ours("Goal/a"), plan, goal("a", 130), goal("b", "130.0")) == []
    ended = goal("b", 150) | {"lifecycleStatus": "completed"}
    assert named(ours("Goal/a"), plan, goal("a", 130), ended) == []


def test_warfarin_stopped_by_one_and_apixaban_started_by_another() -> None:
    found = conflicts(
        told(
            drug("a", "Eliquis 5 mg", "active", "Practitioner/chen", code="1364430"),
            drug("b", "warfarin 5 MG Oral Tablet", "stopped", "Organization/lakeside", on="2026-11-12"),
        ),
        RULES,
        NOW,
    )
    assert [each.rule.id for each in found] == ["medicines"]
    assert found[0].because.en.startswith("Blood thinners: Dr. Chen lists Eliquis 5 mg")
    assert found[0].because.es.startswith("Anticoagulantes")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            drug("a", "lisinopril 20 mg", "active", "Practitioner/chen"),
            drug("b", "lisinopril 10 mg", "stopped", "Practitioner/chen"),
        ),  # a change of dose by one and the same
        (
            drug("a", "lisinopril 20 mg", "active", "Practitioner/chen", on="2026-11-10"),
            drug("b", "lisinopril 10 mg", "stopped", "Organization/lakeside", on="2020-01-02"),
        ),  # begun again years after
        (
            drug("a", "metformin 500 mg", "active", "Practitioner/chen"),
            drug("b", "warfarin 5 mg", "stopped", "Organization/lakeside"),
        ),
        (
            drug("a", "metformin 500 mg", "active", "Practitioner/chen"),
            drug("b", "metformin 500 mg", "completed", "Organization/lakeside"),
        ),
    ],
)
def test_medicines_it_leaves_alone(one: Resource, other: Resource) -> None:
    assert named(one, other) == []


def test_the_same_medicine_on_no_list_is_compared_by_its_own_name() -> None:
    one = drug("a", "Metformin 500 mg", "active", "Practitioner/chen")
    assert named(one, drug("b", "metformin 500 MG", "stopped", "Organization/lakeside")) == ["medicines"]


def test_two_visits_that_overlap_and_two_that_follow() -> None:
    start = NOW + timedelta(days=1)
    overlap = [visit("a", start, 60), visit("b", start + timedelta(minutes=30), 30)]
    assert named(*overlap) == ["appointments"]
    assert named(visit("a", start, 30), visit("b", start + timedelta(minutes=30), 30)) == []
    assert named(visit("a", start, 60), visit("b", start, 60, "cancelled")) == []
    past = NOW - timedelta(days=1)
    assert named(visit("a", past, 60), visit("b", past, 60)) == []


# --- what a conflict is


def test_a_side_that_changes_makes_another_conflict() -> None:
    plan = theirs(goal=[ref("Goal/b")])

    def key(value: int) -> str:
        return conflicts(told(ours("Goal/a"), plan, goal("a", 130), goal("b", value)), RULES, NOW)[0].key

    assert key(150) == key(150)
    assert key(150) != key(145)


def test_the_work_says_why_and_whom_to_ask() -> None:
    plan = theirs(goal=[ref("Goal/b")])
    [found] = conflicts(told(ours("Goal/a"), plan, goal("a", 130), goal("b", 150)), RULES, NOW)
    work = work_of_conflict(found, "Patient/m", owner="Practitioner/ana", zone="America/Chicago")
    assert work.because == found.because.en
    assert work.dedupe == dedupe_of("Patient/m", found.key)
    assert work.reasons == found.references
    assert "Ask" in (work.details or "")


TEXTS = st.text(max_size=60)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
def test_odd_words_never_raise_and_order_does_not_matter(lines: list[tuple[str, str]]) -> None:
    plans = [
        theirs(str(n), f"Organization/{n}", title=title, **activity(said))
        for n, (title, said) in enumerate(lines)
    ]
    keys = {each.key for each in conflicts(told(*plans), RULES, NOW)}
    assert keys == {each.key for each in conflicts(told(*reversed(plans)), RULES, NOW)}
