"""Every golden case of every protocol; what a broken one is told; and that none can set itself off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from careloop.care.protocol_cases import fires_in_case
from careloop.library import BrokenContent, Case, load
from careloop.library.loading import content_path
from careloop.library.protocols import Protocol
from tests.library.breaking import refused_with

LIBRARY = load()
CASES = [(protocol, case) for protocol in LIBRARY.protocols.values() for case in protocol.cases]
SHOWN = {name: kind.shown for name, kind in LIBRARY.readings.items()}


@pytest.mark.parametrize(("protocol", "case"), CASES, ids=[f"{p.id}: {case.name}" for p, case in CASES])
def test_golden(protocol: Protocol, case: Case) -> None:
    fires, says = fires_in_case(protocol, case, SHOWN)
    assert fires == case.expect["fires"]
    assert str(case.expect.get("says", "")) in says
    assert "{" not in says


@pytest.mark.parametrize("protocol", LIBRARY.protocols.values(), ids=lambda protocol: protocol.id)
def test_every_protocol_has_a_person_it_leaves_alone_and_ships_unreviewed(protocol: Protocol) -> None:
    told = (LIBRARY.path / "protocols" / protocol.id / "SOURCE.md").read_text("utf-8")
    assert "Leaves alone" in told
    assert len(protocol.cases) >= 5
    fires = {str(case.expect["fires"]) for case in protocol.cases}
    assert "nothing" in fires
    assert {branch.id for branch in protocol.branches} <= fires, "a branch without a case"
    assert protocol.review is None
    assert "Not reviewed" in told


def test_only_what_a_protocol_reads_asks_it() -> None:
    weight = LIBRARY.protocols["heart-failure-weight"]
    assert weight.reads == {"reading/weight", "fact/conditions", "fact/has_died"}
    assert LIBRARY.protocols["depression-treat-to-target"].reads == {"score/phq-9", "fact/has_died"}


@pytest.fixture
def content(tmp_path: Path) -> Path:
    shutil.copytree(content_path(), tmp_path / "content")
    return tmp_path / "content"


WEIGHT = "protocols/heart-failure-weight/protocol.yaml"
QUIET = "protocols/no-contact/protocol.yaml"
DEPRESSION = "protocols/depression-treat-to-target/protocol.yaml"
BREAKS = {
    "unknown operator": (WEIGHT, "rises: $gain,", "jumps: $gain,", "“jumps” is not known"),
    "unknown reading": (
        WEIGHT,
        "{reading: weight, rises: $gain",
        "{reading: wait, rises: $gain",
        "no reading “wait”",
    ),
    "another unit": (WEIGHT, "rises: $gain, unit: kg", "rises: $gain, unit: lb", "kept in kg"),
    "a rise without a time": (
        WEIGHT,
        "unit: kg, within_days: 2, as: rise",
        "unit: kg, as: rise",
        "within_days",
    ),
    "unknown value": (WEIGHT, "rises: $gain,", "rises: $again,", "no value “again”"),
    "unknown name in a because": (WEIGHT, "{rise.from} on {rise.since}", "{raise.from}", "names “raise”"),
    "unknown part in a because": (WEIGHT, "{rise.from} on", "{rise.origin} on", "no part “origin”"),
    "value out of bounds": (WEIGHT, "value: 2\n", "value: 20\n", "outside of least and most"),
    "unknown moment": (QUIET, "{count: work/check-in", "{count: sighs", "nothing that can be counted"),
    "unknown role": (QUIET, "contact/clinician, at_least", "contact/barber, at_least", "“barber” is no role"),
    "unknown part of a course": (DEPRESSION, "{course: rise,", "{course: risen,", "“risen”"),
    "no such instrument": (
        DEPRESSION,
        "course: {score: phq-9",
        "course: {score: phq-10",
        "no instrument “phq-10”",
    ),
    "a change that changes nothing": (
        DEPRESSION,
        "- change: action:repeat-phq-9\n        due_days: 28",
        "- change: action:repeat-phq-9",
        "what becomes different",
    ),
    "it would set itself off": (QUIET, "kind: call-protocol", "kind: check-in", "set itself off"),
    "branch twice": (WEIGHT, "- id: gain-week", "- id: gain-2-days", "there twice"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_fault_names_its_file_and_line(content: Path, name: str) -> None:
    *broken, said = BREAKS[name]
    assert said in refused_with(content, *broken)[0]


def test_two_protocols_that_set_each_other_off_are_refused(content: Path) -> None:
    missed = content / "protocols/missed-visits/protocol.yaml"
    text = missed.read_text("utf-8")
    text = text.replace("{count: missed-visit, at_least", "{count: work/call-back, at_least").replace(
        "kind: call-protocol", "kind: ring-round"
    )
    missed.write_text(text, "utf-8")
    quiet = content / QUIET
    quiet.write_text(
        quiet.read_text("utf-8")
        .replace("{count: work/check-in, below: 1}", "{count: work/ring-round, at_least: 1}")
        .replace("kind: call-protocol", "kind: call-back"),
        "utf-8",
    )
    with pytest.raises(BrokenContent) as broken:
        load(content)
    assert "missed-visits → no-contact → missed-visits" in broken.value.problems[0]
