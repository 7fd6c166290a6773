"""Today: any danger first, then a rule's clock, a promise, silence, routine; each in its group, counted and seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from careloop.care.work import WorkClass
from careloop.care.workload import group_of, hours_of
from careloop.projections import worklist, worklist_sql
from tests.projections import builders as b
from tests.projections.ward import CHICAGO, Ward


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def titles(shown: worklist.Today, group: str) -> list[str]:
    return [row.title for row in shown.of(group)]


def test_an_empty_day_is_a_day_without_rows(ward: Ward) -> None:
    shown = ward.today()
    assert shown.rows == ()
    assert shown.for_today == 0


def test_the_order_is_danger_clock_promise_silence_routine_whatever_the_hours_say(ward: Ward) -> None:
    due = {
        WorkClass.ROUTINE: 1,
        WorkClass.SILENCE: 2,
        WorkClass.PROMISE: 3,
        WorkClass.CLOCK: 4,
        WorkClass.DANGER: 5,
    }
    ward.has(
        *(
            b.task(k.code, "maria", ward.now, klass=k, title=k.code, due=ward.now + timedelta(hours=h))
            for k, h in due.items()
        )
    )
    shown = ward.today()
    assert titles(shown, "now") == ["danger"]
    assert titles(shown, "today") == ["clock", "promise", "silence", "routine"]
    assert shown.rows[0].order_because == "any danger comes first"


def test_groups_follow_the_clock_without_a_write(ward: Ward) -> None:
    ward.has(
        b.task("a", "maria", ward.now, title="tomorrow", due=ward.now + timedelta(days=1)),
        b.task("b", "maria", ward.now, title="next month", due=ward.now + timedelta(days=30)),
        b.task("c", "maria", ward.now, title="snoozed", due=ward.now, wake=ward.now + timedelta(hours=4)),
        b.task("d", "maria", ward.now, title="ride", due=ward.now, waiting_on="Harris County RIDES"),
        b.task("e", "maria", ward.now, title="whenever"),
    )
    shown = ward.today()
    assert titles(shown, "week") == ["tomorrow"]
    assert titles(shown, "waiting") == ["ride"]
    assert titles(shown, "later") == ["snoozed", "next month", "whenever"]
    later = ward.today(at=ward.now + timedelta(days=1))
    assert set(titles(later, "today")) == {"tomorrow", "snoozed"}
    assert later.counts == {"now": 0, "today": 2, "waiting": 1, "week": 0, "later": 2}


def test_a_target_at_five_is_late_before_the_legal_end(ward: Ward) -> None:
    ward.has(
        b.task(
            "a", "maria", ward.now, due=ward.now + timedelta(hours=15), target=ward.now - timedelta(minutes=1)
        )
    )
    shown = ward.today()
    assert [row.is_late for row in shown.rows] == [True]
    assert shown.late == 1


def test_urgent_work_that_nobody_on_call_took_is_never_only_waiting(ward: Ward) -> None:
    ward.has(
        b.task("a", "maria", ward.now, klass=WorkClass.DANGER, waiting_on="Nobody is on call.", owner=None)
    )
    assert titles(ward.today("unclaimed"), "now") == ["Call her"]


def test_mine_is_what_i_own_and_unclaimed_what_nobody_owns(ward: Ward) -> None:
    ward.has(
        b.task("a", "maria", ward.now, title="mine", due=ward.now),
        b.task("b", "maria", ward.now, title="his", due=ward.now, owner="Practitioner/ben"),
        b.task("c", "maria", ward.now, title="nobody's", due=ward.now, owner=None),
    )
    assert titles(ward.today("mine"), "today") == ["mine"]
    assert set(titles(ward.today("team"), "today")) == {"mine", "his", "nobody's"}
    assert titles(ward.today("unclaimed"), "today") == ["nobody's"]
    assert ward.today("mine").views["unclaimed"] == 1
    assert [r.owner_name for r in ward.today("team").rows if r.title == "his"] == ["Ben Osei"]


def test_what_nobody_owns_and_cannot_wait_stands_before_everybody(ward: Ward) -> None:
    ward.has(
        b.task("a", "maria", ward.now, title="danger", klass=WorkClass.DANGER, owner=None),
        b.task("b", "maria", ward.now, title="clock", klass=WorkClass.CLOCK, due=ward.now, owner=None),
        b.task("c", "maria", ward.now, title="promise", klass=WorkClass.PROMISE, due=ward.now, owner=None),
        b.task("d", "walter", ward.now, title="elsewhere", klass=WorkClass.DANGER, owner=None),
    )
    assert titles(ward.today("mine"), "now") == ["danger"]
    assert titles(ward.today("mine"), "today") == ["clock"]


def test_work_for_someone_i_may_not_see_is_neither_shown_nor_counted(ward: Ward) -> None:
    ward.has(
        b.task("a", "walter", ward.now, due=ward.now, program="transitions"),
        b.task("b", "walter", ward.now, due=ward.now, owner=None),
    )
    for view in ("mine", "team", "unclaimed", "program:transitions"):
        shown = ward.today(view)
        assert shown.rows == ()
        assert set(shown.counts.values()) == {0}
        assert shown.views["unclaimed"] == 0
    queens = replace(ward.actor, sites=frozenset({ward.queens}))
    assert len(ward.today("team", actor=queens).rows) == 2


def test_rows_follow_a_person_to_another_site(ward: Ward) -> None:
    ward.has(b.task("a", "walter", ward.now, due=ward.now, owner=None))
    ward.has(b.patient("walter", "Walter", "Nguyen", "bayview"))
    assert len(ward.today("unclaimed").rows) == 1


def test_done_withdrawn_and_proposed_work_is_not_shown(ward: Ward) -> None:
    tasks = [b.task(str(n), "maria", ward.now, due=ward.now) for n in range(3)]
    tasks[0]["status"], tasks[1]["status"], tasks[2]["intent"] = "completed", "cancelled", "proposal"
    ward.has(*tasks)
    assert ward.today().rows == ()


def test_the_row_and_the_range_agree_about_the_group(ward: Ward) -> None:
    hours = (-90, -3, 0, 7, 20, 31, 100, 150, 170, 500)
    ward.has(
        *(
            b.task(
                f"{h}-{k}-{w}", "maria", ward.now, klass=k, due=ward.now + timedelta(hours=h), waiting_on=w
            )
            for h in hours
            for k in (WorkClass.DANGER, WorkClass.ROUTINE)
            for w in (None, "CareFirst")
        )
    )
    shown = ward.today()
    told = hours_of(ward.now, CHICAGO)
    assert len(shown.rows) == 40
    assert [group_of(row.matter, told) for row in shown.rows] == [row.group for row in shown.rows]


def test_a_hour_that_was_chosen_weeks_before_the_legal_end_is_not_lost(ward: Ward) -> None:
    """An appeal may be filed until January; we said Friday. It belongs to today, late."""
    ward.has(
        b.task(
            "a",
            "maria",
            ward.now,
            klass=WorkClass.CLOCK,
            due=ward.now + timedelta(days=60),
            target=ward.now - timedelta(days=2),
        ),
        b.task(
            "b", "maria", ward.now, due=ward.now + timedelta(days=90), target=ward.now + timedelta(days=3)
        ),
    )
    shown = ward.today()
    assert [(row.task_id, row.group, row.is_late) for row in shown.rows] == [
        ("a", "today", True),
        ("b", "week", False),
    ]
    assert (shown.late, shown.counts["week"]) == (1, 1)


def test_people_nobody_reached_in_thirty_days_are_counted_until_somebody_does(ward: Ward) -> None:
    assert ward.today().silent == 1
    ward.has(b.contact("c1", "maria", ward.now - timedelta(days=2), "no-answer"))
    assert ward.today().silent == 1
    ward.has(b.contact("c2", "maria", ward.now - timedelta(days=2)))
    assert ward.today().silent == 0
    assert ward.today(at=ward.now + timedelta(days=40)).silent == 1


def test_counts_and_rows_stop_where_nobody_reads_further(ward: Ward) -> None:
    tasks = [b.task(f"x{n}", "maria", ward.now, due=ward.now) for n in range(worklist.CAP + 5)]
    ward.has(*tasks)
    shown = ward.today()
    assert shown.counts["today"] == worklist.CAP + 1
    assert len(shown.of("today")) == worklist_sql.SHOWN["today"]
