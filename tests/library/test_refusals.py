"""Broken content is refused, with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from careloop.library import BrokenContent, load
from careloop.library.loading import content_path
from tests.library.breaking import refused_with


@pytest.fixture
def content(tmp_path: Path) -> Path:
    shutil.copytree(content_path(), tmp_path / "content")
    return tmp_path / "content"


BREAKS = {
    "unknown key": ("instruments/phq-2/questionnaire.yaml", "minutes: 1", "minutes: 1\ncolor: red", "color"),
    "unknown operator": ("plans/depression/plan.yaml", "at_least: 10", "over: 10", "“over” is not known"),
    "id twice": (
        "instruments/phq-2/questionnaire.yaml",
        "  - id: problems",
        "  - {id: interest, type: display, text: twice}\n  - id: problems",
        "“interest” is there twice",
    ),
    "no Spanish": (
        "instruments/phq-2/es.yaml",
        "  interest: Poco interés o placer en hacer cosas\n",
        "",
        "no Spanish",
    ),
    "unknown answer": (
        "instruments/asq/scoring.yaml",
        '{item: wished-dead, is: "no"}',
        "{item: wished-dead, is: nope}",
        "not an answer",
    ),
    "leads nowhere": ("instruments/phq-2/scoring.yaml", "instrument: phq-9", "instrument: phq-10", "phq-10"),
    "gap in bands": ("instruments/gad-7/scoring.yaml", "from: 5, to: 9", "from: 6, to: 9", "5 was expected"),
    "unknown finding": ("plans/food/plan.yaml", "ahc-hrsn/food,", "ahc-hrsn/foood,", "no finding “foood”"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_fault_names_its_file_and_line(content: Path, name: str) -> None:
    *broken, said = BREAKS[name]
    [problem] = refused_with(content, *broken)
    assert said in problem


def test_a_folder_without_its_source_is_refused(content: Path) -> None:
    (content / "instruments/gad-7/SOURCE.md").unlink()
    with pytest.raises(BrokenContent, match=r"SOURCE\.md is missing"):
        load(content)


def test_two_faults_are_both_told(content: Path) -> None:
    for name in ("gad-7", "asq"):
        (content / f"instruments/{name}/SOURCE.md").unlink()
    with pytest.raises(BrokenContent) as broken:
        load(content)
    assert len(broken.value.problems) == 2


def test_an_answer_may_be_called_no(content: Path) -> None:
    assert load(content).instruments["asq"].by_id["thoughts"].choice("no") is not None
