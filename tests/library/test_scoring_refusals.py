"""A scoring rule that can't be right is refused when the library is loaded, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from careloop.library import BrokenContent
from careloop.library.instruments import load_instrument
from tests.library.writing import write

ITEMS = {
    "a": "type: choice, answers: how",
    "b": "type: choice, answers: how",
    "said": "type: choice, answers: yes-no",
    "words": "type: text",
    "number": "type: integer",
}
GOOD = """
kind: sum
items: [a, b]
maximum: 4
observation: {text: Tried}
source: A test.
missing: {allowed: 0, because: {en: Missing., es: Falta.}}
bands:
  - {from: 0, to: 1, code: low, text: {en: low, es: bajo}}
  - {from: 2, to: 4, code: high, text: {en: high, es: alto}}
"""
POINTS = """
kind: points
points:
  - {when: %s, add: 1, text: {en: A, es: A}}
maximum: 1
observation: {text: Tried}
source: A test.
missing: {allowed: 0, because: {en: Missing., es: Falta.}}
no_bands: {en: None., es: Ninguno.}
"""
FINDING = "findings:\n  - {id: x, text: {en: x, es: x}, when: %s}\n"

# what is wrong -> (what stands in GOOD, what stands there instead, what is said)
FAULTS = {
    "an unknown kind": ("kind: sum", "kind: product", "“product” is not one of"),
    "an unknown key": ("maximum: 4", "maximum: 4\ncolor: red", "“color” is not known here"),
    "not asked": ("items: [a, b]", "items: [a, z]", "“z” is added up but not asked"),
    "twice": ("items: [a, b]", "items: [a, a]", "“a” is added up twice"),
    "words": ("items: [a, b]", "items: [a, words]", "answers without a value"),
    "a number without ends": ("items: [a, b]", "items: [a, number]", "needs a minimum and a maximum"),
    "another minimum": ("maximum: 4", "maximum: 4\nminimum: 1", "This band begins at 0; 1 was expected"),
    "a gap": ("from: 2, to: 4", "from: 3, to: 4", "2 was expected"),
    "bands that end early": ("from: 2, to: 4", "from: 2, to: 3", "not at the maximum of 4"),
    "a band twice": ("code: high", "code: low", "“low” is there twice"),
    "no source": ("source: A test.\n", "", "“source” is missing"),
    "reversed but not counted": ("maximum: 4", "maximum: 4\nreversed: [said]", "reversed but not added up"),
    "replaced by nobody's rule": ("allowed: 0", "allowed: 1, replace: mean", "Say it in “rule”"),
    "nothing left": ("allowed: 0", "allowed: 2", "there would be none left"),
    "no bands and no reason": (GOOD[GOOD.index("bands:") :], "", "or “no_bands” and why"),
}
# what is wrong -> (a finding's condition, what is said)
CONDITIONS = {
    "another's score": ("{score: phq-9, at_least: 1}", "There is no score “phq-9” here"),
    "no such band": ("{band: tried, is: huge}", "“huge” is not a band"),
    "a band compared as a number": ("{band: tried, at_least: 1}", "does not fit “tried”"),
    "a score compared as a word": ("{score: tried, is: high}", "does not fit “tried”"),
    "an unknown fact": ("{fact: shoe_size, at_least: 1}", "can’t hang on “shoe_size”"),
    "an unknown operator": ("{item: a, over: 1}", "“over” is not known"),
    "an unknown answer": ("{item: a, is: always}", "“always” is not an answer"),
}
FAULTS |= {
    name: ("maximum: 4", "maximum: 4\n" + FINDING % when, said) for name, (when, said) in CONDITIONS.items()
}


def refusal(root: Path, scoring: str) -> str:
    folder = write(root, ITEMS, scoring)
    with pytest.raises(BrokenContent) as broken:
        load_instrument(folder, root)
    [problem] = broken.value.problems
    place, line, said = problem.split(":", 2)
    assert place == "instruments/tried/scoring.yaml"
    assert int(line) >= 1
    return said


def test_the_rule_as_it_stands_is_right(tmp_path: Path) -> None:
    assert load_instrument(write(tmp_path, ITEMS, GOOD), tmp_path).scoring.maximum == 4


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_that_cant_be_right_is_refused(tmp_path: Path, fault: str) -> None:
    old, new, said = FAULTS[fault]
    assert old in GOOD
    assert said in refusal(tmp_path, GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ('{not: {item: said, is: "yes"}}', "Points can’t hang on “not”"),
        ("{item: a, known: false}", "not known"),
        ("{score: tried, at_least: 1}", "“score” is not known"),
        ("{item: z, is: x}", "There is no question “z”"),
    ],
)
def test_points_never_hang_on_an_answer_that_is_missing(tmp_path: Path, when: str, said: str) -> None:
    assert said in refusal(tmp_path, POINTS % when)


@pytest.mark.parametrize(
    ("ends", "said"), [("maximum: 5", "at most 4, not 5"), ("maximum: 4\nminimum: 1", "at least 0")]
)
def test_what_can_come_out_must_be_what_the_file_says(tmp_path: Path, ends: str, said: str) -> None:
    unbanded = GOOD[: GOOD.index("bands:")] + "no_bands: {en: None., es: Ninguno.}\n"
    assert said in refusal(tmp_path, unbanded.replace("maximum: 4", ends))


def test_points_below_nothing_allow_no_missing_answer(tmp_path: Path) -> None:
    below = POINTS % '{item: said, is: "yes"}'
    below = below.replace("add: 1", "add: -1").replace("maximum: 1", "maximum: 0\nminimum: -1")
    lenient = below.replace("allowed: 0", "allowed: 1")
    assert "leaving it out would raise the score" in refusal(tmp_path, lenient)


def test_bands_for_different_people_end_with_everybody_else(tmp_path: Path) -> None:
    head = GOOD[: GOOD.index("bands:")]
    bands = "[{from: 0, to: 4, code: any, text: {en: any, es: todos}}]"
    who = "{en: men, es: hombres}"
    one = f"{head}bands_by:\n  - {{who: {who}, when: {{fact: sex, is: male}}, bands: {bands}}}\n"
    assert "but the last one" in refusal(tmp_path, one)


def test_a_reason_for_quotes_is_given_where_they_lack(tmp_path: Path) -> None:
    folder = write(tmp_path, ITEMS, GOOD)
    path = folder / "questionnaire.yaml"
    path.write_text(path.read_text("utf-8").replace("text: About a,", "text: About: a,", 1), "utf-8")
    with pytest.raises(BrokenContent, match='between "quotes"'):
        load_instrument(folder, tmp_path)
