"""The rules for labels are data with sources; what is wrong in them is refused, with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from careloop.access import labels
from careloop.fhir.elements import Resource
from careloop.library import BrokenContent, content_path
from careloop.library.carried import as_sent, carrying, received, with_label, without_label
from careloop.library.labeling import MAKES_PART2, cited, labels_of
from careloop.library.labels import load_labels, rules

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def coded(code: str, system: str = ICD10, **more: Any) -> Resource:
    return {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}, **more}


def said(*codes: tuple[str, str]) -> Resource:
    found = [{"system": system, "code": code} for system, code in codes]
    return {"resourceType": "Observation", "meta": {"security": found}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(content_path() / "labels", tmp_path / "labels")
    return tmp_path


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("codes:\n", "cods:\n", "“cods” is not known here"),
        ("verified: S}", "verified: X}", "“X” is not one of"),
        ("system: act-code", "system: acts", "“acts” is not one of"),
        ("id: hiv", "id: violence", "is not the name of this file"),
        ("Z21, R75", "Z21, R7", "too short or too long"),
    ],
)
def test_a_mistake_is_refused_with_its_file_and_line(root: Path, was: str, becomes: str, told: str) -> None:
    file = root / "labels" / "hiv.yaml"
    text = file.read_text()
    assert was in text
    file.write_text(text.replace(was, becomes, 1))
    with pytest.raises(BrokenContent) as refused:
        load_labels(root)
    assert told in str(refused.value)
    assert "labels/hiv.yaml:" in str(refused.value)


def test_a_label_without_a_rule_is_refused(root: Path) -> None:
    (root / "labels" / "violence.yaml").unlink()
    with pytest.raises(BrokenContent, match="There is no rule for “violence”"):
        load_labels(root)


def test_what_is_not_verified_labels_nothing() -> None:
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    assert labels_of(coded("1819", rxnorm), {}) == labels.SUBSTANCE
    assert labels_of(coded("7243", rxnorm), {}) == 0


@pytest.mark.parametrize(
    ("code", "bits"),
    [
        ("F11.20", labels.SUBSTANCE),
        ("F1120", labels.SUBSTANCE),
        ("F17.210", 0),
        ("F32.9", 0),
        ("B20", labels.HIV),
        ("B200", labels.HIV),
        ("Z20.6", labels.HIV),
        ("Z20.5", 0),
        ("O99.312", labels.SUBSTANCE),
        ("O99.410", 0),
        ("T74.11XA", labels.VIOLENCE),
        ("Z34.90", 0),
    ],
)
def test_by_code(code: str, bits: int) -> None:
    assert labels_of(coded(code), {}) == bits


@pytest.mark.parametrize(
    ("codes", "bits"),
    [
        ([(LEVEL, "N")], 0),
        ([(LEVEL, "R")], labels.UNKNOWN),
        ([(LEVEL, "R"), (ACT, "HIV")], labels.HIV),
        ([(ACT, "42CFRPart2")], labels.PART2 | labels.SUBSTANCE),
        ([("http://hl7.org/fhir/v3/ActCode", "PSY")], labels.MENTAL_HEALTH),
        ([("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST")], 0),
        ([("urn:elsewhere", "hush")], labels.UNKNOWN),
        ([("", "")], labels.UNKNOWN),
        ([(ACT, "CEL")], labels.VIP),
    ],
)
def test_by_what_was_said_and_what_nobody_knows_is_withheld(codes: list[tuple[str, str]], bits: int) -> None:
    assert labels_of(said(*codes), {}) == bits


def test_a_document_carries_what_it_holds() -> None:
    held = {"resource": coded("B20", meta={"security": [{"system": ACT, "code": "SDV"}]})}
    bundle = {"resourceType": "Bundle", "type": "document", "entry": [held]}
    assert labels_of(bundle, {}) == labels.HIV | labels.VIOLENCE


def test_what_it_happened_in_passes_on_only_part_2() -> None:
    reading = {"resourceType": "Observation", "encounter": {"reference": "Encounter/1"}}
    assert labels_of(reading, {"Encounter/1": labels.SUBSTANCE}) == 0
    assert labels_of(reading, {"Encounter/1": labels.PART2 | labels.SUBSTANCE}) == labels.PART2


def test_a_plan_speaks_for_itself_and_a_patient_is_not_what_names_her() -> None:
    plan = {"resourceType": "CarePlan", "addresses": [{"reference": "Condition/1"}]}
    task = {"resourceType": "Task", "focus": {"reference": "Patient/1"}, "for": {"reference": "Patient/1"}}
    assert labels_of(plan, {"Condition/1": labels.HIV}) == 0
    assert cited(task).all == frozenset()
    patient = {"resourceType": "Patient", "managingOrganization": {"reference": "Organization/bayou"}}
    assert labels_of(patient, {"Organization/bayou": MAKES_PART2}) == 0


def test_ours_is_marked_and_not_taken_for_something_said() -> None:
    kept = carrying(coded("B20"), None, labels.HIV)
    assert as_sent(kept) == coded("B20")
    mended = {**kept, "code": {"text": "nothing"}}
    assert labels_of(received(mended, kept, may_lift=False), {}) == 0
    # From another house the mark means nothing: there somebody computed it, here it was said.
    assert labels_of(received(mended, None, may_lift=False), {}) == labels.HIV


def test_added_and_lifted() -> None:
    labeled = with_label(coded("I10"), "violence")
    assert labels_of(labeled, {}) == labels.VIOLENCE
    lifted = without_label(labeled, "violence")
    assert labels_of(lifted, {}) == 0
    assert labels_of(without_label(coded("B20"), "hiv"), {}) == 0
    assert labels_of(with_label(without_label(coded("B20"), "hiv"), "hiv"), {}) == labels.HIV
    sent = received(without_label(coded("B20"), "hiv"), coded("B20"), may_lift=False)
    assert labels_of(sent, {}) == labels.HIV


def test_every_rule_says_where_it_comes_from() -> None:
    for rule in rules().rules.values():
        assert rule.source
        assert rule.verified in ("P", "S", "O")
        assert rule.title.es
