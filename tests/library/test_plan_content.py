"""Standards, contradictions, templates: what is wrong is refused with file and line; odd text breaks no loader."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.library import BrokenContent, load
from careloop.library.clashes import load_clashes
from careloop.library.completeness import EVIDENCE, check_covers, load_standard
from careloop.library.loading import content_path
from careloop.library.plans import OWNERS
from tests.library.breaking import refused_with

LIBRARY = load()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    shutil.copytree(content_path(), tmp_path / "content")
    return tmp_path / "content"


BREAKS = {
    "evidence nobody finds": (
        "completeness/ccm.yaml",
        "met_by: {evidence: steps}",
        "met_by: {evidence: stars}",
        "no kind of evidence “stars”",
    ),
    "a program that is not there": (
        "completeness/chi.yaml",
        "programs: [community-support]",
        "programs: [shoes]",
        "no program “shoes”",
    ),
    "a rule without such a number": (
        "completeness/hospice.yaml",
        "value: review_days",
        "value: hours",
        "has no value “hours”",
    ),
    "a due that counts nothing": (
        "completeness/hospice.yaml",
        "value: review_days",
        "value: moons",
        "counted in one of",
    ),
    "a gap filled by nothing": (
        "completeness/ccm.yaml",
        "fill: {section: health}",
        "fill: {section: cellar}",
        "“cellar” is not one of",
    ),
    "an element twice": ("completeness/ccm.yaml", "- id: prognosis", "- id: problem-list", "is there twice"),
    "a phrase of two values": (
        "conflicts/fluids.yaml",
        "phrases: [push fluids,",
        "phrases: [limit fluids,",
        "stands for limit and for more",
    ),
    "a hole nobody fills": ("conflicts/goals.yaml", "{about}: {a} aims", "{who}: {a} aims", "are filled in"),
    "a code that is none": (
        "conflicts/medicines.yaml",
        '"11289": warfarin',
        '"A1": warfarin',
        "no RxNorm code",
    ),
    "an owner nobody is": ("plans/falls/plan.yaml", "owner: family", "owner: neighbor", "not one of"),
    "a target of two kinds": (
        "plans/hypertension/plan.yaml",
        "below: 130,",
        "below: 130, at_least: 90,",
        "A target has one of",
    ),
    "a measure without LOINC": ("plans/diabetes/plan.yaml", "measure: 4548-4", "measure: a1c", "LOINC code"),
    "a step twice": (
        "plans/copd/plan.yaml",
        "{id: copd-signs,",
        "{id: copd-action-plan,",
        "“copd-action-plan” is there twice",
    ),
    "a setting nobody knows": ("plans/falls/plan.yaml", "title:", "settings: [moon]\ntitle:", "not one of"),
    "a score without LOINC": (
        "plans/post-trauma/plan.yaml",
        "        due_days: 30\n",
        "        due_days: 30\n        target: {score: safety-plan, below: 2}\n",
        "no LOINC code",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_fault_names_its_file_and_line(content: Path, name: str) -> None:
    *broken, said = BREAKS[name]
    assert said in refused_with(content, *broken)[0]


def test_every_answer_that_says_what_it_covers_is_asked_for() -> None:
    assert list(check_covers(LIBRARY.instruments, LIBRARY.standards)) == []


def test_every_kind_of_evidence_is_used_or_may_be() -> None:
    used = {leaf.name for s in LIBRARY.standards.values() for leaf in s.leaves if leaf.kind == "evidence"}
    assert used <= EVIDENCE.keys()
    assert len(used) > 15


def test_all_owners_are_used_and_no_step_is_said_twice_in_other_words() -> None:
    steps: dict[str, set[str]] = {}
    owners = set()
    for plan in LIBRARY.plans.values():
        for action in (a for need in plan.needs for goal in need.goals for a in goal.actions):
            steps.setdefault(action.id, set()).add(action.text.en)
            owners.add(action.owner)
    assert owners == set(OWNERS)
    assert [id for id, texts in steps.items() if len(texts) > 1] == []


def test_a_barrier_says_how_it_is_met_in_both_languages() -> None:
    found = [
        barrier
        for plan in LIBRARY.plans.values()
        for need in plan.needs
        for goal in need.goals
        for barrier in goal.barriers
    ]
    assert len(found) > 20
    assert all(b.met_by.en != b.met_by.es and b.text.en != b.text.es for b in found)
    assert LIBRARY.usual_barriers("hf-steady-weight")
    assert LIBRARY.usual_barriers("no such goal") == ()


def refusal(make: Callable[[], object]) -> str:
    """The first fault with its file, or that it was taken."""
    try:
        make()
    except BrokenContent as broken:
        return str(broken.problems[0])
    return "taken"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(said=ODD, key=st.sampled_from(["elements", "effective", "programs", "verified", "title"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_odd_standard_is_refused_and_never_a_fault(tmp_path: Path, said: Any, key: str) -> None:
    text = (content_path() / "completeness" / "chi.yaml").read_text("utf-8")
    whole = yaml.safe_load(text) | {key: said}
    path = tmp_path / "chi.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), "utf-8")
    assert refusal(lambda: load_standard(path, tmp_path)).startswith(("chi.yaml:", "taken"))


@given(said=ODD, key=st.sampled_from(["values", "because", "ask", "kind", "agree"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_odd_conflict_is_refused_and_never_a_fault(tmp_path: Path, said: Any, key: str) -> None:
    text = (content_path() / "conflicts" / "weight-bearing.yaml").read_text("utf-8")
    whole = yaml.safe_load(text) | {key: said}
    folder = tmp_path / "conflicts"
    folder.mkdir(exist_ok=True)
    path = folder / "weight-bearing.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), "utf-8")
    said_of = refusal(lambda: load_clashes(folder, tmp_path))
    assert said_of.startswith(("conflicts/weight-bearing.yaml:", "taken"))
