"""The compact facts of FHIR R4: complete, quick to read, and with numbers that never move."""

import hashlib
import sys
import time
from pathlib import Path

import pytest

from careloop.fhir import definitions as d

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT.parent / "shared/corpora/fhir-r4/definitions/hl7.fhir.r4.core-4.0.1.tgz"


def test_every_resource_type_of_r4_is_there():
    assert len(d.RESOURCE_TYPES) == 146
    assert {"Patient", "Task", "CarePlan", "Bundle", "VisionPrescription"} <= d.RESOURCE_TYPES
    assert "DomainResource" not in d.RESOURCE_TYPES


def test_a_person_is_described_as_the_standard_does():
    elements = {element.name: element for element in d.type_def("Patient").elements}
    assert elements["gender"].binding == "administrative-gender"
    assert d.code_order("administrative-gender") == ("male", "female", "other", "unknown")
    assert [ref.code for ref in elements["deceased"].types] == ["boolean", "dateTime"]
    assert elements["deceased"].is_choice
    assert elements["managingOrganization"].types[0].targets == ("Organization",)
    assert elements["contact"].types[0].code == "Patient.contact"
    assert elements["birthDate"].max == 1
    assert elements["name"].max is None


def test_an_element_described_elsewhere_points_there():
    items = {element.name: element for element in d.type_def("Questionnaire.item").elements}
    assert items["item"].types[0].code == "Questionnaire.item"


def test_search_parameters_are_narrowed_to_the_type_and_include_those_of_every_resource():
    params = d.search_params("Condition")
    assert params["code"].expression == "Condition.code"
    assert params["patient"].targets == ("Group", "Patient")
    assert params["_id"].expression == "Resource.id"
    assert "_lastUpdated" in params
    composite = d.search_params("Observation")["code-value-quantity"]
    assert [part.code for part in composite.components] == ["code", "value-quantity"]


def test_the_numbers_of_search_parameters_are_unique_and_never_change():
    # They stand in index rows: a changed number would make the index lie.
    ids = [param.id for name in sorted(d.RESOURCE_TYPES) for param in d.search_params(name).values()]
    assert len(ids) == len(set(ids)) == 2582
    assert d.search_params("Patient")["name"].id == d.param_id("Patient", "name")
    assert d.param_id("Patient", "identifier") == 587468934
    assert all(0 < found < 2**31 for found in ids)


def test_the_patient_compartment_follows_the_standard():
    assert d.compartment("Observation") == ("subject", "performer")
    assert d.compartment("Organization") == ()
    assert d.compartment("Condition", "Practitioner") == ("asserter",)


@pytest.mark.corpora
@pytest.mark.skipif(not PACKAGE.exists(), reason="the FHIR core package is not beside this checkout")
def test_the_script_writes_the_same_bytes_again(tmp_path, monkeypatch):
    sys.path.insert(0, str(ROOT / "tools"))
    import make_definitions

    monkeypatch.setattr(make_definitions, "DATA", tmp_path)
    monkeypatch.setattr(sys, "argv", ["make_definitions", str(PACKAGE)])
    started = time.perf_counter()
    make_definitions.main()
    assert time.perf_counter() - started < 60
    for name in ("types.json.gz", "search.json.gz"):
        committed = ROOT / "src/careloop/fhir/data" / name
        assert digest(tmp_path / name) == digest(committed), f"{name}: run tools/make_definitions.py"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
