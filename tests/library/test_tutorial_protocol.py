"""The tutorial, followed to the letter by somebody who types what it says: its files are taken from the page, put in a
library, loaded and run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from careloop.care.protocol_cases import fires_in_case
from careloop.library import BrokenContent, Library, load
from careloop.library.loading import content_path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "add-a-protocol.md"
FILE = re.compile(r"^`content/(protocols/[^`]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The whole library, with the protocol of the tutorial beside the others."""
    root = tmp_path / "content"
    shutil.copytree(content_path(), root)
    for match in FILE.finditer(PAGE.read_text("utf-8")):
        path = root / match.group(1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match.group(2), "utf-8")
    return root


@pytest.fixture
def library(content: Path) -> Library:
    return load(content)


def test_what_the_page_says_loads_and_its_cases_come_out(library: Library) -> None:
    made = library.protocols["fewer-steps"]
    shown = {name: kind.shown for name, kind in library.readings.items()}
    assert len(made.cases) >= 5
    for case in made.cases:
        fires, says = fires_in_case(made, case, shown)
        assert fires == case.expect["fires"], case.name
        assert str(case.expect.get("says", "")) in says
    assert made.reads == {"reading/steps", "fact/age", "fact/has_died"}
    assert made.review is None


def test_the_fault_that_the_page_names_is_told_as_it_says(content: Path) -> None:
    path = content / "protocols" / "fewer-steps" / "protocol.yaml"
    path.write_text(path.read_text("utf-8").replace("falls_percent: $half", "jumps: $half"), "utf-8")
    with pytest.raises(BrokenContent) as broken:
        load(content)
    said = re.sub(r"\s+", " ", PAGE.read_text("utf-8"))
    assert broken.value.problems[0].split(" Known:")[0] in said


def test_every_condition_of_its_table_is_one(content: Path) -> None:
    """Each row of the table, put in the place of the tutorial's own, is read."""
    rows = re.findall(r"^\| `(\{[^`]+\})` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 7
    path = content / "protocols" / "fewer-steps" / "protocol.yaml"
    text = path.read_text("utf-8")
    (content / "protocols" / "fewer-steps" / "cases" / "golden.yaml").unlink()
    course = (
        "course: {score: phq-9, begins_at: 10, response_percent: 50, remission_below: 5, relapse_rise: 5}\n"
    )
    stated = "\n".join(f"        - {row}" for row in rows)
    own = "        - {reading: steps, below: 2000, times: 3, within_days: 7}"
    path.write_text(
        text.replace(own, f"{own}\n{stated}").replace("values:\n", f"{course}values:\n", 1), "utf-8"
    )
    assert len(load(content).protocols["fewer-steps"].asked) == 9
