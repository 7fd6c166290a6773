"""Twelve weeks of PHQ-9, week by week: what treat-to-target asks for, in which week, and whom it leaves alone."""

from __future__ import annotations

import pytest

from careloop.access import Scope
from careloop.actions.complete_work import complete_work
from tests.stories.test_protocols import DEPRESSION, alerts, answers_phq, turn_on
from tests.stories.ward import StoryWard

ASK = "Call and ask PHQ-9 again"
REVIEW = "Review depression treatment: dose, side effects, what gets in the way"
PSYCHIATRY = "Psychiatric review of depression treatment"
RELAPSE = "Relapse of depression: call, ask about safety, bring to case review"


def twelve_weeks(ward: StoryWard, ana: Scope, scores: dict[int, int]) -> dict[int, list[str]]:
    """scores: by week. What was asked for, by week; each is looked at and done in its week."""
    asked: dict[int, list[str]] = {}
    for week in range(13):
        if week:
            ward.wait(weeks=1)
        if week in scores:
            answers_phq(ward, scores[week])
        ward.fire()
        for task in alerts(ward):
            asked.setdefault(week, []).append(task["description"])
            complete_work(ana, task["id"], "done", ward.now, words="Looked at.")
        ward.react()
    return asked


@pytest.mark.parametrize(
    ("scores", "asked"),
    [
        pytest.param({0: 18, 4: 16, 8: 12, 12: 4}, {4: [REVIEW], 8: [PSYCHIATRY]}, id="too slow, twice"),
        pytest.param(
            {0: 18, 4: 13, 8: 12, 12: 11},
            {8: [PSYCHIATRY], 12: [PSYCHIATRY]},
            id="five by week 4, then stuck",
        ),
        pytest.param({0: 18, 4: 12, 8: 8, 12: 7}, {}, id="half by week 8: a response"),
        pytest.param({0: 18, 4: 9, 8: 4, 12: 3}, {}, id="in remission: left alone"),
        pytest.param({0: 18, 4: 4}, {}, id="in remission and asked no more: left alone"),
        pytest.param({0: 9, 4: 9, 8: 9, 12: 9}, {}, id="never 10: no treatment to follow"),
        pytest.param({0: 18, 4: 8, 8: 7, 12: 13}, {12: [RELAPSE]}, id="better, then six points worse"),
        pytest.param({0: 18, 4: 8, 8: 5, 12: 9}, {}, id="better, then four points worse: no relapse"),
        pytest.param({0: 18}, {week: [ASK] for week in (4, 6, 8, 10, 12)}, id="nobody asked her again"),
    ],
)
def test_the_right_thing_in_the_right_week(
    ward: StoryWard, scores: dict[int, int], asked: dict[int, list[str]]
) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    turn_on(ward, DEPRESSION)
    assert twelve_weeks(ward, ana, scores) == asked
