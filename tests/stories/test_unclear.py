"""A discharge that does not say enough: no deadline is made up, a person decides, and what she decided holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from careloop import store
from careloop.access import Scope
from careloop.actions.complete_work import DischargeUndecided, complete_work
from careloop.actions.enroll_facts import look_of
from careloop.actions.propose_from_known import propose_from_known
from careloop.actions.propose_plan import line_key, lines_of
from careloop.actions.record_complexity import BadComplexity, CliniciansOnly, record_complexity
from careloop.actions.settle_discharge import (
    BadDecision,
    DateUnknown,
    NotADischarge,
    StayGone,
    WindowClosed,
    ZoneUnknown,
    settle_discharge,
)
from careloop.actions.undo import undo
from careloop.actions.working import WorkEnded
from careloop.care.work import WorkClass
from careloop.kernel.errors import NotFound
from tests.projections import builders as b
from tests.stories.ward import HOME_WORK, HOUSE, LIBRARY, StoryWard, due

REVIEW = "Decide what follows this discharge"


def nowhere(ward: StoryWard) -> None:
    """Maria without an address, at a site without one."""
    ward.write(
        b.organization("bayview", "Bayview") | {"address": [{"city": "Springfield"}]},
        b.patient("maria", "Maria", "Duarte", postal=""),
    )


def long_ago(ward: StoryWard) -> None:
    ward.discharge(at="2015-02-09 10:24", began="2015-02-07 08:00")


def test_2015_with_no_zone_ends_as_window_closed_zone_unknown(ward: StoryWard) -> None:
    nowhere(ward)
    long_ago(ward)
    (row,) = ward.rows()
    assert row.title == "Review a discharge: window closed, zone unknown"
    assert row.because == (
        "Discharged Feb 9, 2015 from St. Luke’s: window closed, zone unknown. "
        "No deadline was made up; a person decides."
    )
    assert (row.kind, row.due, row.target, row.klass) == ("review-discharge", None, None, WorkClass.ROUTINE)


def test_with_the_address_the_review_says_what_is_still_unclear(ward: StoryWard) -> None:
    nowhere(ward)
    long_ago(ward)
    ward.write(b.patient("maria", "Maria", "Duarte"))
    ward.react()
    assert ward.titles() == ["Review a discharge: window closed"]
    assert len(ward.tasks()) == 1


def test_a_closed_window_can_only_be_put_away(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    nowhere(ward)
    long_ago(ward)
    task = ward.rows()[0].task_id
    with pytest.raises(WindowClosed):
        settle_discharge(ana, task, "home", ward.now, LIBRARY)
    settle_discharge(ana, task, "nothing", ward.now, LIBRARY, words="A test message of the hospital.")
    ward.react()
    assert ward.worklist() == []
    assert ward.tasks()[0]["statusReason"]["text"] == "Nothing follows. A test message of the hospital."


def test_without_a_zone_it_is_refused_until_there_is_an_address(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    nowhere(ward)
    ward.discharge(to="70")
    (row,) = ward.rows()
    assert (row.title, row.due) == ("Review a discharge: zone unknown", None)
    with pytest.raises(ZoneUnknown) as refused:
        settle_discharge(ana, row.task_id, "home", ward.now, LIBRARY)
    assert "Add this person’s address first" in refused.value.sentence
    ward.write(b.patient("maria", "Maria", "Duarte"))
    ward.react()
    assert ward.worklist() == [due("Tue", REVIEW)]
    settle_discharge(ana, ward.rows()[0].task_id, "home", ward.now, LIBRARY)
    assert [row.title for row in ward.rows()] == list(HOME_WORK)


def test_the_address_of_the_site_is_enough(ward: StoryWard) -> None:
    nowhere(ward)
    ward.discharge()
    assert ward.titles() == ["Review a discharge: zone unknown"]
    ward.write(b.organization("bayview", "Bayview"))
    ward.react()
    assert [row.title for row in ward.rows()] == list(HOME_WORK)
    assert "Times are the site’s" in ward.tasks()[-1]["note"][0]["text"]
    assert ward.reasons() == {"Withdrawn: What is known about this discharge has changed."}


@pytest.mark.parametrize(
    ("meaning", "wanted"),
    [
        ("home", [*HOME_WORK]),
        ("snf", ["Follow up with the facility"]),
        ("hospice", ["Tell the hospice what we know; ask how to help"]),
        ("ama", ["Call today: left against medical advice"]),
        ("died", ["Bereavement contact with the family"]),
        ("nothing", []),
    ],
)
def test_what_a_person_decides_follows_at_once_and_holds(
    ward: StoryWard, meaning: str, wanted: list[str]
) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(to="70")
    settle_discharge(ana, ward.rows()[0].task_id, meaning, ward.now, LIBRARY)
    assert [row.title for row in ward.rows()] == wanted
    before = ward.versions()
    ward.react()
    ward.discharge(to="70", began="2026-11-16 09:00")
    assert ward.versions() == before


def test_when_the_hospital_says_something_else_the_decision_was_about_another_question(
    ward: StoryWard,
) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(to="70")
    settle_discharge(ana, ward.rows()[0].task_id, "home", ward.now, LIBRARY)
    ward.discharge(to="20")
    assert ward.titles() == ["Bereavement contact with the family"]
    ward.discharge(to="69")
    assert REVIEW in ward.titles()


def test_a_decision_undone_is_open_again(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(to="70")
    settled = settle_discharge(ana, ward.rows()[0].task_id, "home", ward.now, LIBRARY)
    ward.react()
    undo(ana, settled.undo, ward.now + timedelta(minutes=1))
    ward.react()
    assert ward.titles() == [REVIEW]


def went(ward: StoryWard) -> object:
    """As the program Transitions asks."""
    with store.open(HOUSE, now=ward.now) as unit:
        return look_of(unit, unit.read("Patient", "maria"), "transitions", LIBRARY)("fact/discharged_to")


def proposed(ward: StoryWard, ana: Scope) -> list[str]:
    plan = propose_from_known(ana, "maria", LIBRARY, ward.now)
    if plan is None:
        return []
    with store.open(HOUSE, now=ward.now) as unit:
        return [line_key(each.resource) for each in unit.get(lines_of(plan.resource)).values()]


def test_what_a_person_decided_is_what_programs_and_plans_go_by(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(to="70")
    assert went(ward) is None
    assert proposed(ward, ana) == []
    settle_discharge(ana, ward.rows()[0].task_id, "home", ward.now, LIBRARY)
    assert went(ward) == "home"
    assert "need:home-again" in proposed(ward, ana)


def test_a_stay_of_a_class_that_nobody_knows_is_one_once_somebody_decided(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(kind="odd")
    assert went(ward) is None
    settle_discharge(ana, ward.rows()[0].task_id, "home", ward.now, LIBRARY)
    assert went(ward) == "home"
    assert "need:home-again" in proposed(ward, ana)


def test_a_hospital_s_own_word_for_home_is_home_for_programs_and_plans(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(to="HOMESVC")
    assert went(ward) == "home"
    assert "need:home-again" in proposed(ward, ana)


def test_died_decided_by_mistake_and_undone_brings_back_the_promise_and_the_step_of_the_plan(
    ward: StoryWard,
) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.write(
        b.task("ride", "maria", ward.now, title="Find a ride", kind="promise", klass=WorkClass.PROMISE),
        b.task("snap", "maria", ward.now, title="Fill in the SNAP form") | {"intent": "plan"},
    )
    ward.discharge(to="70")
    review = next(row.task_id for row in ward.rows() if row.title == REVIEW)
    settled = settle_discharge(ana, review, "died", ward.now, LIBRARY)
    ward.react()
    assert ward.titles() == ["Bereavement contact with the family"]
    undo(ana, settled.undo, ward.now + timedelta(minutes=1))
    ward.react()
    mistake = "Check the work that stopped by mistake"
    assert ward.titles() == sorted([mistake, REVIEW, "Fill in the SNAP form", "Find a ride"])
    (asked,) = [task for task in ward.tasks() if task["description"] == mistake]
    assert "Find a ride" in asked["note"][0]["text"]
    assert "Fill in the SNAP form" in asked["note"][0]["text"]
    before = ward.versions()
    ward.react()
    assert ward.versions() == before


def test_an_old_death_that_was_a_mistake_stops_nothing_for_good(ward: StoryWard) -> None:
    ward.write(b.task("ride", "maria", ward.now, title="Find a ride"))
    ward.discharge(to="01")
    ward.dies("2019-01-01")
    assert ward.titles() == []
    ward.write(b.patient("maria", "Maria", "Duarte"))
    ward.react()
    wanted = [*HOME_WORK, "Find a ride", "Check the work that stopped by mistake"]
    assert ward.titles() == sorted(wanted)


def test_done_alone_decides_nothing(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(to="70")
    task = ward.rows()[0].task_id
    with pytest.raises(DischargeUndecided):
        complete_work(ana, task, "done", ward.now)
    complete_work(ana, task, "not-needed", ward.now, words="She moved to Ohio; her doctor there follows.")
    ward.discharge(to="70", began="2026-11-16 09:00")
    assert ward.worklist() == []


def test_a_clear_word_of_the_hospital_settles_the_review_itself(ward: StoryWard) -> None:
    ward.discharge(to="70")
    ward.discharge(to="01")
    assert [row.title for row in ward.rows()] == list(HOME_WORK)


def test_what_can_not_be_settled_says_why(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(to="70")
    ward.write(b.task("ride", "maria", ward.now))
    task = next(row.task_id for row in ward.rows() if row.title == REVIEW)
    with pytest.raises(BadDecision):
        settle_discharge(ana, task, "moon", ward.now, LIBRARY)
    with pytest.raises(NotADischarge):
        settle_discharge(ana, "ride", "home", ward.now, LIBRARY)
    settle_discharge(ana, task, "nothing", ward.now, LIBRARY)
    with pytest.raises(WorkEnded):
        settle_discharge(ana, task, "home", ward.now, LIBRARY)


def test_nobody_settles_for_people_of_another_site(ward: StoryWard) -> None:
    ward.write(
        b.organization("queens", "Queens", "NY", "11101"), b.patient("maria", "Maria", "Duarte", "queens")
    )
    ward.write(b.team("team-maria", "maria", "chen"))
    ward.discharge(to="70")
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    with pytest.raises(NotFound):
        settle_discharge(ana, ward.rows()[0].task_id, "home", ward.now, LIBRARY)


def test_without_a_date_nothing_can_be_counted(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.write(ward.stay(status="finished", to="01"))
    ward.react()
    (row,) = ward.rows()
    assert row.title == "Review a discharge: the discharge has no date"
    with pytest.raises(DateUnknown):
        settle_discharge(ana, row.task_id, "home", ward.now, LIBRARY)


def test_a_review_whose_stay_is_gone_says_so(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.write(b.task("lost", "maria", ward.now, kind="review-discharge", reasons=("Encounter/none",)))
    with pytest.raises(StayGone):
        settle_discharge(ana, "lost", "home", ward.now, LIBRARY)


# Complexity


def test_only_a_clinician_moves_the_visit(ward: StoryWard) -> None:
    ward.discharge()
    for name, roles in (("Ana Reyes", ("coordinator",)), ("Sue Park", ("supervisor", "coordinator"))):
        staff = ward.staff(name, name.split()[0].lower(), *roles)
        with pytest.raises(CliniciansOnly) as refused:
            record_complexity(staff, "stay-v1", "moderate", ward.now, LIBRARY)
        assert "Ask one who treats this person" in refused.value.sentence
    assert ward.row("Visit after discharge").due == ward.row("Reconcile medications").due


def test_moderate_complexity_is_day_14_high_is_day_7(ward: StoryWard) -> None:
    chen = ward.staff("Mei Chen, MD", "chen", "clinician")
    ward.discharge()
    day = {
        said: _days(ward, record_complexity(chen, "stay-v1", said, ward.now, LIBRARY) and ward)  # type: ignore[arg-type]
        for said in ("moderate", "high", "moderate")
    }
    assert day == {"moderate": 14, "high": 7}
    assert "moderate complexity recorded" in ward.row("Visit after discharge").because
    before = ward.versions()
    ward.react()
    assert ward.versions() == before
    with pytest.raises(BadComplexity):
        record_complexity(chen, "stay-v1", "low", ward.now, LIBRARY)  # type: ignore[arg-type]


def _days(ward: StoryWard, _: object) -> int:
    due = ward.row("Visit after discharge").due
    assert due is not None
    return (due - ward.at("2026-11-20 23:59")).days


def test_complexity_that_came_by_another_door_moves_the_visit_too(ward: StoryWard) -> None:
    chen = ward.staff("Mei Chen, MD", "chen", "clinician")
    ward.discharge()
    record_complexity(chen, "stay-v1", "moderate", ward.now, LIBRARY)
    with store.open(HOUSE, now=ward.now) as unit:
        (said,) = unit.search("Observation", [("patient", "Patient/maria")]).entries
        unit.update({**said.resource, "status": "entered-in-error"})
    ward.react()
    assert ward.row("Visit after discharge").due == ward.row("Reconcile medications").due
    assert "moderate" not in ward.row("Visit after discharge").because
