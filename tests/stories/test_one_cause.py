"""A value past a limit of one person’s own, and a protocol that speaks of the same value: one row, both reasons."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from careloop.access import Scope
from careloop.actions.complete_work import complete_work
from careloop.actions.set_limits import set_limits
from careloop.care.reading_limits import Limits
from careloop.care.work import WorkClass
from tests.stories.test_protocols import CALL, WEIGHT, has_heart_failure, turn_on, weighs
from tests.stories.ward import LIBRARY, StoryWard

LOOK = "Look at a reading: Weight"
BOTH = "Past a limit of this person’s own, too: 82.5 kg on Nov 24, 2026: above 81, set by Ana Reyes; kidneys."


def has_a_limit(ward: StoryWard) -> Scope:
    """Set by Ana, whose scope it returns."""
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    limits = Limits("weight", None, Decimal(81), None, None, since=ward.now - timedelta(days=9))
    set_limits(ana, "maria", limits, "kidneys", LIBRARY, ward.now)
    ward.react()
    return ana


def jumps(ward: StoryWard) -> None:
    weighs(ward, 80)
    ward.wait(days=1)
    weighs(ward, 82.5)


def test_one_row_says_both(ward: StoryWard) -> None:
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    has_a_limit(ward)
    jumps(ward)
    assert ward.titles() == [CALL]
    row = ward.row(CALL)
    assert row.because.startswith("Weight is up 2.5 kg")
    assert row.because.endswith(BOTH)
    assert row.klass is WorkClass.PROMISE  # no less than what was promised for this person
    [task] = [each for each in ward.tasks() if each["description"] == CALL]
    spoken = str(task["reasonCode"])
    assert "También pasa un límite propio de la persona: 82.5 kg" in spoken
    assert any(each["reference"].startswith("ServiceRequest/") for each in reasons(task))


def test_it_makes_no_second_row_when_she_has_looked_and_the_next_value_is_past_it_too(
    ward: StoryWard,
) -> None:
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    ana = has_a_limit(ward)
    jumps(ward)
    complete_work(ana, ward.row(CALL).task_id, "done", ward.now, words="Took a water pill.")
    ward.react()
    assert ward.titles() == []
    ward.wait(hours=3)
    weighs(ward, 82.4)
    assert ward.titles() == []


def test_the_row_of_the_limit_that_stood_first_goes_into_the_alert(ward: StoryWard) -> None:
    has_heart_failure(ward)
    has_a_limit(ward)
    jumps(ward)
    assert ward.titles() == [LOOK]
    turn_on(ward, WEIGHT)
    assert ward.titles() == [CALL]
    assert ward.row(CALL).because.endswith(BOTH)
    [task] = [each for each in ward.tasks() if each["description"] == LOOK]
    assert "One cause, one to-do" in task["statusReason"]["text"]


def test_whoever_has_no_heart_failure_keeps_the_row_of_the_limit(ward: StoryWard) -> None:
    turn_on(ward, WEIGHT)
    has_a_limit(ward)
    jumps(ward)
    assert ward.titles() == [LOOK]
    assert ward.row(LOOK).because == "82.5 kg on Nov 24, 2026: above 81, set by Ana Reyes; kidneys"


def test_a_value_inside_her_limit_adds_nothing(ward: StoryWard) -> None:
    has_heart_failure(ward)
    turn_on(ward, WEIGHT)
    has_a_limit(ward)
    weighs(ward, 78)
    ward.wait(days=1)
    weighs(ward, 80.5)
    row = ward.row(CALL)
    assert "limit" not in row.because
    assert row.klass is WorkClass.ROUTINE


def reasons(task: dict[str, object]) -> list[dict[str, str]]:
    """What led here: the first stands in the Task, the others are its input."""
    first, more = task["reasonReference"], task.get("input", ())
    assert isinstance(first, dict)
    return [first, *(each["valueReference"] for each in more if "valueReference" in each)]  # type: ignore[attr-defined]
