"""Where somebody stands on the way to a target, and the person whom it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from careloop.care.treat_to_target import Course, Standing, stands
from careloop.library.loading import content_path
from careloop.library.reading import BrokenContent
from careloop.library.targets import load_targets

BEGAN = datetime(2026, 6, 1, 9, tzinfo=UTC)
TARGETS = load_targets(content_path())


def course(began: float, now: float, weeks: int, seconds: tuple[int, int] | None = None) -> Course:
    first, last = seconds or (None, None)
    return Course(
        BEGAN,
        Decimal(str(began)),
        Decimal(first) if first is not None else None,
        BEGAN + timedelta(weeks=weeks),
        Decimal(str(now)),
        Decimal(last) if last is not None else None,
    )


@pytest.mark.parametrize(
    ("began", "now", "weeks", "standing"),
    [
        (18, 4, 6, Standing.TARGET),
        (18, 9, 6, Standing.IMPROVING),  # half
        (18, 10, 6, Standing.EARLY),
        (18, 10, 8, Standing.STUCK),
        (18, 23, 3, Standing.WORSE),
        (18, 22, 3, Standing.EARLY),  # four points are within the error of measurement
        (3, 3, 20, Standing.TARGET),
        (18, 18, 0, Standing.EARLY),
    ],
)
def test_depression_stands_as_the_source_says(
    began: float, now: float, weeks: int, standing: Standing
) -> None:
    told = stands(course(began, now, weeks), TARGETS["phq-9"], BEGAN + timedelta(weeks=weeks))
    assert told.standing is standing
    assert told.weeks == weeks


def test_in_remission_the_next_score_is_due_later() -> None:
    now = BEGAN + timedelta(weeks=6)
    assert (stands(course(18, 4, 6), TARGETS["phq-9"], now).due - now).days == 28
    assert (stands(course(18, 12, 6), TARGETS["phq-9"], now).due - now).days == 14


def test_a_pressure_without_its_second_value_is_not_in_target() -> None:
    target, now = TARGETS["blood-pressure"], BEGAN + timedelta(weeks=2)
    assert stands(course(150, 124, 2, (92, 76)), target, now).standing is Standing.TARGET
    assert stands(course(150, 124, 2, (92, 84)), target, now).standing is not Standing.TARGET
    assert stands(course(150, 124, 2), target, now).standing is not Standing.TARGET


def test_a_target_with_an_unknown_word_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "targets"
    folder.mkdir()
    good = (content_path() / "targets" / "phq-9.yaml").read_text("utf-8")
    (folder / "phq-9.yaml").write_text(good.replace("better: lower", "better: sideways"), "utf-8")
    with pytest.raises(BrokenContent, match=r"targets/phq-9\.yaml:4"):
        load_targets(tmp_path)
