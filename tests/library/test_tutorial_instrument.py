"""The tutorial, followed to the letter by somebody who types what it says: its files are taken from the page, put in a
library, loaded and run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from careloop.care.golden import differences
from careloop.library import BrokenContent, Library, load
from careloop.library.loading import content_path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "add-an-instrument.md"
FILE = re.compile(r"^`content/(instruments/[^`]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """Path below content/ -> what the page says stands in it."""
    return {match.group(1): match.group(2) for match in FILE.finditer(PAGE.read_text("utf-8"))}


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The whole library, with the instrument of the tutorial beside the others."""
    root = tmp_path / "content"
    shutil.copytree(content_path(), root)
    for name, text in files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


@pytest.fixture
def library(content: Path) -> Library:
    return load(content)


def test_the_page_gives_every_file_an_instrument_has() -> None:
    names = {path.rpartition("sleep-two/")[2] for path in files()}
    assert names == {"questionnaire.yaml", "es.yaml", "scoring.yaml", "SOURCE.md", "cases/golden.yaml"}


def test_what_the_page_says_loads_and_its_cases_come_out(library: Library) -> None:
    made = library.instruments["sleep-two"]
    assert len(made.cases) >= 5
    assert [found for case in made.cases for found in differences(made, case)] == []
    assert made.by_id["waking"].text.es == "se despertó y ya no pudo dormir?"


def test_the_fault_that_the_page_names_is_told_as_it_says(content: Path) -> None:
    path = content / "instruments" / "sleep-two" / "scoring.yaml"
    path.write_text(path.read_text("utf-8").replace("from: 3, to: 6", "from: 4, to: 6"), "utf-8")
    with pytest.raises(BrokenContent) as broken:
        load(content)
    said = re.sub(r"\s+", " ", PAGE.read_text("utf-8"))
    assert broken.value.problems[0] in said


def test_every_instrument_it_points_to_is_there_and_does_what_it_says(library: Library) -> None:
    table = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert dict(table)["mean"] == "`peg`"
    for kind, examples in table:
        for name in re.findall(r"`([a-z0-9-]+)`", examples):
            assert library.instruments[name].scoring.kind == kind
