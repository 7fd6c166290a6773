"""Urgent work nobody acknowledges goes on: fifteen minutes each, to the supervisor, then says that nobody has it."""

from __future__ import annotations

from datetime import timedelta

from careloop.access import Scope
from careloop.accounts.models import User
from careloop.actions import record
from careloop.actions.acknowledge_urgent import acknowledge_urgent
from careloop.actions.urgent import NOBODY, TIMER, UNANSWERED
from careloop.care.work import WorkClass
from careloop.projections.worklist import Row
from tests.projections import builders as b
from tests.stories.ward import HOUSE, StoryWard


def alarm(ward: StoryWard, owner: str | None, waiting_on: str | None = None) -> None:
    """As an assessment raises it: an urgent Task with its timer."""
    task = b.task(
        "alarm", "maria", ward.now, kind="urgent-self-harm", title="Is she safe?", klass=WorkClass.DANGER,
        is_protected=True, owner=owner, waiting_on=waiting_on,
    )  # fmt: skip
    with record.begin(HOUSE, ward.now) as unit:
        stored = unit.update(task, create=True)
        unit.set_timer(stored.person, TIMER, stored.reference, ward.now + timedelta(minutes=15))


def duty(ward: StoryWard) -> Scope:
    ward.write(b.practitioner("sue", "Sue", "Park"))
    ward.staff("Mei Chen", "chen", "clinician", rank=1)
    ward.staff("Ana Reyes", "ana", "clinician", rank=2)
    return ward.staff("Sue Park", "sue", "supervisor", rank=9)


def row(ward: StoryWard) -> Row:
    return ward.row("Is she safe?")


def after(ward: StoryWard, minutes: int) -> str | None:
    ward.wait(minutes=minutes)
    ward.fire()
    return row(ward).owner_name


def test_it_goes_to_the_next_then_the_supervisor_and_then_says_that_nobody_has_it(ward: StoryWard) -> None:
    duty(ward)
    alarm(ward, "Practitioner/chen")
    assert after(ward, 14) == "Mei Chen"
    assert after(ward, 1) == "Ana Reyes"
    assert after(ward, 15) == "Sue Park"
    assert after(ward, 15) is None
    assert row(ward).waiting_on == UNANSWERED
    assert after(ward, 15) == "Mei Chen"  # and round again, until somebody has it
    notes = [note["text"] for note in ward.tasks()[0]["note"]]
    assert notes[-1] == "Not acknowledged in 15 minutes: now with Ana Reyes."


def test_who_has_it_stops_the_clock(ward: StoryWard) -> None:
    sue = duty(ward)
    alarm(ward, "Practitioner/chen")
    acknowledge_urgent(sue, "alarm", ward.now + timedelta(minutes=5))
    assert after(ward, 120) == "Sue Park"


def test_of_two_with_the_same_rank_both_are_called(ward: StoryWard) -> None:
    ward.staff("Mei Chen", "chen", "clinician", rank=1)
    ward.staff("Ana Reyes", "ana", "clinician", rank=1)
    ward.staff("Ben Osei", "ben", "clinician")
    ward.write(b.practitioner("sue", "Sue", "Park"))
    ward.staff("Sue Park", "sue", "supervisor", rank=9)
    alarm(ward, "Practitioner/chen")
    assert [after(ward, 15) for _ in range(5)] == ["Ana Reyes", "Sue Park", None, "Mei Chen", "Ana Reyes"]


def test_nobody_is_called_who_could_not_open_it(ward: StoryWard) -> None:
    ward.staff("Mei Chen", "chen", "clinician", rank=1)
    User.objects.filter(practitioner="chen").update(sites=[])
    ward.staff("Ida Tey", "ida", "administrator", rank=2)
    alarm(ward, None, NOBODY)
    assert after(ward, 15) is None
    assert row(ward).waiting_on == NOBODY
    ward.staff("Ana Reyes", "ana", "clinician", rank=3)
    User.objects.filter(practitioner="ana").update(sites=["queens"])  # she leads her all the same
    assert after(ward, 15) == "Ana Reyes"


def test_with_nobody_on_duty_it_says_so_and_looks_again(ward: StoryWard) -> None:
    alarm(ward, None, NOBODY)
    assert after(ward, 15) is None
    assert (row(ward).waiting_on, row(ward).version) == (NOBODY, 1)
    duty(ward)
    assert after(ward, 15) == "Mei Chen"
    assert row(ward).waiting_on is None


def test_a_task_that_is_gone_stops_its_timer(ward: StoryWard) -> None:
    duty(ward)
    alarm(ward, "Practitioner/chen")
    with record.begin(HOUSE, ward.now) as unit:
        unit.delete("Task", "alarm")
    ward.wait(minutes=20)
    ward.fire()
    assert ward.fire() == 0
    assert ward.rows() == []
