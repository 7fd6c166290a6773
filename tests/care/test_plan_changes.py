"""Two versions of a plan, and what each audience is told of the difference."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.care.plan_changes import AUDIENCES, Audience, changes
from careloop.care.plan_lines import Held, PlanLine, PlanState, State, state_of
from careloop.care.plan_seen import Must, Seen, standings, who_must
from careloop.library import Words

MARIA = "Patient/maria"
WEIGHT = PlanLine(
    "Goal/weight",
    1,
    "goal",
    "open",
    Words("Keep the weight steady", "Mantener el peso"),
    due=date(2026, 12, 31),
    target=Words("weight under 84 kg", "peso menos de 84 kg"),
)
SCALE = PlanLine(
    "Task/scale",
    1,
    "step",
    "open",
    Words("Weigh each morning", "Pesarse cada mañana"),
    under="Goal/weight",
    owner="Maria Duarte",
    owned_by=MARIA,
)
RIDE = PlanLine("Condition/ride", 1, "barrier", "open", Words("No ride on weekdays", ""), under="Goal/weight")


def state(*lines: PlanLine, version: int = 1) -> PlanState:
    return PlanState(version, {line.reference: line for line in lines})


def said(
    before: PlanState, after: PlanState, audience: Audience = "coordinator", tongue: str = "en"
) -> list[str]:
    return [each.says.get(tongue) for each in changes(before, after, audience, person=MARIA)]


def test_the_same_plan_has_no_changes_for_anybody() -> None:
    for audience in AUDIENCES:
        assert changes(state(WEIGHT, SCALE), state(WEIGHT, SCALE, version=2), audience) == ()


def test_a_goal_with_another_number_says_what_it_was_and_why() -> None:
    lower = replace(
        WEIGHT,
        version=2,
        target=Words("weight under 82 kg", "peso menos de 82 kg"),
        because=Words("Her doctor wants less water", "Su doctor quiere menos agua"),
    )
    assert said(state(WEIGHT), state(lower)) == [
        "Goal changed: Keep the weight steady: weight under 82 kg (was weight under 84 kg). "
        "Because: Her doctor wants less water"
    ]
    assert said(state(WEIGHT), state(lower), "person", "es") == [
        "Cambió: Mantener el peso: peso menos de 82 kg (antes: peso menos de 84 kg). "
        "Por qué: Su doctor quiere menos agua"
    ]


def test_a_new_step_is_hers_in_plain_words_and_has_a_name_for_the_others() -> None:
    due = replace(SCALE, due=date(2026, 11, 30))
    assert said(state(WEIGHT), state(WEIGHT, due), "person") == [
        "New to do: Weigh each morning (you, by Nov 30, 2026)"
    ]
    assert said(state(WEIGHT), state(WEIGHT, due)) == [
        "New step: Weigh each morning (Maria Duarte, by Nov 30, 2026)"
    ]


def test_what_ended_says_why_and_a_partner_is_not_told_our_reasons() -> None:
    over = replace(
        SCALE, state="ended", because=Words("The person no longer wants this", "La persona ya no lo quiere")
    )
    assert said(state(SCALE), state(over)) == [
        "Step ended: Weigh each morning. Because: The person no longer wants this"
    ]
    assert said(state(SCALE), state(over), "partner") == ["Step ended: Weigh each morning"]


def test_a_partner_hears_of_shared_lines_only_and_never_of_needs_or_obstacles() -> None:
    before, after = state(), state(WEIGHT, SCALE, RIDE)
    told = changes(before, after, "partner", only={"Task/scale", "Condition/ride"})
    assert [each.reference for each in told] == ["Task/scale"]


def test_a_clinician_is_not_told_when_a_step_of_somebody_else_moves() -> None:
    later = replace(SCALE, due=date(2027, 1, 5))
    assert said(state(SCALE), state(later), "clinician") == []
    assert len(said(state(SCALE), state(later))) == 1


def test_reached_again_and_in_the_way_no_longer() -> None:
    reached = replace(WEIGHT, state="reached")
    assert said(state(WEIGHT), state(reached), "person") == ["Reached: Keep the weight steady"]
    assert said(state(reached), state(WEIGHT))[0].startswith("Goal taken up again: Keep the weight steady")
    assert said(state(RIDE), state(replace(RIDE, state="reached"))) == [
        "No longer in the way: No ride on weekdays"
    ]


def test_a_step_that_was_done_asks_nobody_to_look_again() -> None:
    done = changes(state(SCALE), state(replace(SCALE, state="reached")), "person")
    assert [each.is_material for each in done] == [False]


STATES = st.sampled_from(["open", "reached", "ended"])


@given(
    st.lists(st.tuples(STATES, STATES, st.booleans(), st.booleans()), max_size=6), st.sampled_from(AUDIENCES)
)
def test_any_two_states_can_be_told_and_only_live_differences_are(
    drawn: list[tuple[State, State, bool, bool]], audience: Audience
) -> None:
    before, after = [], []
    for n, (was, now, had, has) in enumerate(drawn):
        line = replace(WEIGHT, reference=f"Goal/{n}")
        before += [replace(line, state=was)] if had else []
        after += [replace(line, state=now)] if has else []
    told = changes(state(*before), state(*after), audience)
    assert all(each.says.en and each.says.es for each in told)
    quiet = {f"Goal/{n}" for n, (was, now, had, has) in enumerate(drawn) if had and has and was == now}
    assert not quiet & {each.reference for each in told}


# --- from resources


def condition(**more: Any) -> dict[str, Any]:
    category = {"coding": [{"system": "urn:careloop:code:need", "code": "barrier"}]}
    return {"resourceType": "Condition", "category": [category], "code": {"text": "No ride"}, **more}


def test_what_is_only_proposed_is_no_line() -> None:
    held = [
        Held(
            "Goal/1", 1, {"resourceType": "Goal", "lifecycleStatus": "proposed", "description": {"text": "x"}}
        ),
        Held("Task/1", 1, {"resourceType": "Task", "intent": "proposal", "status": "draft"}),
        Held("Task/2", 1, {"resourceType": "Task", "intent": "order", "status": "requested"}),
        Held("Condition/1", 1, condition(verificationStatus={"coding": [{"code": "provisional"}]})),
    ]
    assert state_of(None, held).lines == {}


def test_the_day_of_a_step_is_the_day_where_she_lives() -> None:
    task = {
        "resourceType": "Task",
        "intent": "plan",
        "status": "accepted",
        "code": {"text": "Weigh"},
        "restriction": {"period": {"end": "2026-12-01T05:59:59.999Z"}},
        "extension": [{"url": "urn:careloop:ext:zone", "valueCode": "America/Chicago"}],
    }
    assert state_of(None, [Held("Task/1", 1, task)]).lines["Task/1"].due == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (
            {"measure": {"text": "weight"}, "detailQuantity": {"value": 82, "comparator": "<", "unit": "kg"}},
            "weight under 82 kg",
        ),
        (
            {
                "measure": {"text": "PHQ-9"},
                "detailQuantity": {"value": 5, "comparator": "<", "unit": "{score}"},
            },
            "PHQ-9 under 5",
        ),
        (
            {
                "measure": {"text": "glucose"},
                "detailRange": {"low": {"value": 80}, "high": {"value": 130, "unit": "mg/dL"}},
            },
            "glucose 80 to 130 mg/dL",
        ),
        ({"measure": {"text": "weight"}, "dueDate": "2026-12-01"}, ""),
    ],
)
def test_a_target_is_told_in_words(target: dict[str, Any], words: str) -> None:
    goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "x"},
        "target": [target],
    }
    assert state_of(None, [Held("Goal/1", 1, goal)]).lines["Goal/1"].target.en == words


# --- who must see it


def test_each_must_see_it_once_by_the_first_reason() -> None:
    musts = who_must(
        ("doctor", "owner", "person", "representative", "agency"),
        person=MARIA,
        doctors=["Practitioner/chen"],
        owners=["Practitioner/chen", "Practitioner/ana", MARIA, "Organization/food", "RelatedPerson/lucia"],
    )
    assert [(each.who, each.role) for each in musts] == [
        ("Practitioner/chen", "doctor"),
        ("Practitioner/ana", "owner"),
        ("RelatedPerson/lucia", "owner"),
        (MARIA, "person"),
        ("Organization/food", "agency"),
    ]


def test_who_has_a_guardian_is_not_asked_herself_and_a_rule_without_a_role_leaves_it_out() -> None:
    musts = who_must(
        ("person", "representative"),
        person=MARIA,
        doctors=["Practitioner/chen"],
        representatives=["RelatedPerson/lucia"],
        stands_for_her=True,
    )
    assert [each.who for each in musts] == ["RelatedPerson/lucia"]


def test_an_old_version_counts_as_long_as_nothing_of_hers_changed(now: Any) -> None:
    must = Must(MARIA, "person")
    seen = [Seen(MARIA, 2, now)]
    assert standings([must], seen, 4, lambda *_: False)[0].is_current
    assert not standings([must], seen, 4, lambda *_: True)[0].is_current
    assert not standings([must], [], 4, lambda *_: False)[0].is_current
    assert standings([must], [Seen(MARIA, 4, now)], 4, lambda *_: True)[0].is_current


def test_a_new_need_says_why_it_came_but_not_on_her_own_paper() -> None:
    fluid = PlanLine(
        "Condition/fluid",
        1,
        "need",
        "open",
        Words("Fluid that builds up", "Líquido que se acumula"),
        came_with=Words("Weight is up 2 kg.", "El peso subió 2 kg."),
    )
    assert said(state(WEIGHT), state(WEIGHT, fluid)) == [
        "New need: Fluid that builds up. Because: Weight is up 2 kg"
    ]
    assert said(state(WEIGHT), state(WEIGHT, fluid), "clinician", "es") == [
        "Necesidad nueva: Líquido que se acumula. Motivo: El peso subió 2 kg"
    ]
    for audience in ("person", "partner"):
        assert "2 kg" not in " ".join(said(state(WEIGHT), state(WEIGHT, fluid), audience))
