"""Who may join which program: every golden case of content/programs, and what a broken program is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from careloop.library import Case, Program, load
from careloop.library.loading import content_path
from tests.library.breaking import refused_with

LIBRARY = load()
CASES = [(program, case) for program in LIBRARY.programs.values() for case in program.cases]
SAID = {True: "yes", False: "no", None: "unknown"}


def look_in(case: Case) -> Any:
    known: dict[str, Any] = {f"fact/{name}": value for name, value in case.answers.get("facts", {}).items()}
    known |= {f"score/{name}": value for name, value in case.answers.get("scores", {}).items()}
    known |= {f"finding/{name}": True for name in case.answers.get("findings", ())}
    return known.get


@pytest.mark.parametrize(("program", "case"), CASES, ids=[f"{p.code}: {case.name}" for p, case in CASES])
def test_golden(program: Program, case: Case) -> None:
    look = look_in(case)
    answers = {each.id: each.answer(look) for each in program.eligibility if each.is_needed}
    seen = {
        "eligible": SAID[program.eligible(look)],
        "unmet": [id for id, answer in answers.items() if answer is False],
        "unknown": [id for id, answer in answers.items() if answer is None],
    }
    assert {key: seen[key] for key in case.expect} == case.expect


@pytest.mark.parametrize("program", LIBRARY.programs.values(), ids=lambda program: program.code)
def test_every_program_says_whom_it_leaves_alone(program: Program) -> None:
    assert "Leaves alone" in (LIBRARY.path / "programs" / program.code / "SOURCE.md").read_text("utf-8")
    assert any(reason.code == "died" for reason in program.exit_reasons)
    assert program.exit_reason("declined") is not None
    assert program.exit_reason("no such reason") is None


@pytest.fixture
def content(tmp_path: Path) -> Path:
    shutil.copytree(content_path(), tmp_path / "content")
    return tmp_path / "content"


BREAKS = {
    "unknown fact": ("{fact: discharged_to, is: [home, ama]}", "{fact: shoe_size, is: [9]}", "shoe_size"),
    "unknown instrument": (
        "{instrument: phq-2, at: start}",
        "{instrument: phq-3, at: start}",
        "no instrument “phq-3”",
    ),
    "unknown plan": ("plans: [after-discharge,", "plans: [after-birth,", "no plan template “after-birth”"),
    "unknown rule": ("silence: silence-transitions", "silence: quiet", "no rule “quiet”"),
    "a rule without days": ("silence: silence-transitions", "silence: tcm-contact", "how many days"),
    "unknown channel": ("channels: [phone, phone, mail]", "channels: [pigeon]", "“pigeon” is not one of"),
    "unknown end": ("ends: finished", "ends: somehow", "“somehow” is not one of"),
    "a criterion twice": ("id: discharged", "id: alive", "“alive” is there twice"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_program_is_refused_with_file_and_line(content: Path, name: str) -> None:
    old, new, said = BREAKS[name]
    [problem] = refused_with(content, "programs/transitions/program.yaml", old, new)
    assert said in problem
