"""Patient/<id>/$assess-risk: worked out now, answered as FHIR, for whoever has the scopes."""

import json

import pytest

from careloop.fhir import uris
from careloop.fhir.validate import problems
from tests.api.conftest import Door


@pytest.fixture
def maria(door):
    answer = door.ask(
        "POST", "Patient", {"resourceType": "Patient", "birthDate": "1955-03-02", "gender": "female"}
    )
    id = json.loads(answer.content)["id"]
    code = {"coding": [{"system": uris.ICD10CM, "code": "I50.9"}]}
    condition = {"resourceType": "Condition", "subject": {"reference": f"Patient/{id}"}, "code": code}
    assert door.ask("POST", "Condition", condition).status_code == 201
    return id


def test_scores_are_answered_as_valid_fhir(door, maria):
    answer = door.ask("POST", f"Patient/{maria}/$assess-risk")
    bundle = json.loads(answer.content)
    assert (answer.status_code, bundle["resourceType"], bundle["total"]) == (200, "Bundle", 1)
    assert problems(bundle) == []
    (entry,) = bundle["entry"]
    charlson = entry["resource"]
    assert charlson["method"]["coding"][0]["code"] == "charlson"
    assert charlson["prediction"][0]["qualitativeRisk"]["text"] == "light"
    again = json.loads(door.ask("POST", f"Patient/{maria}/$assess-risk").content)
    assert again["entry"][0]["resource"]["meta"]["versionId"] == "1"
    found = json.loads(door.ask("GET", f"RiskAssessment?subject=Patient/{maria}").content)
    assert len(found["entry"]) == 1


def test_nothing_to_score_is_an_empty_answer(door):
    answer = door.ask("POST", "Patient", {"resourceType": "Patient"})
    id = json.loads(answer.content)["id"]
    bundle = json.loads(door.ask("POST", f"Patient/{id}/$assess-risk").content)
    assert bundle["total"] == 0
    assert "entry" not in bundle
    assert problems(bundle) == []


def test_without_the_scope_it_is_refused_and_nothing_is_written(door, maria, issue_token):
    reader = Door(issue_token("reader", "system/Patient.rs system/RiskAssessment.rs")[1])
    assert reader.ask("POST", f"Patient/{maria}/$assess-risk").status_code == 403
    found = json.loads(door.ask("GET", f"RiskAssessment?subject=Patient/{maria}").content)
    assert not found.get("entry")


def test_of_nobody_it_is_not_found(door):
    assert door.ask("POST", "Patient/nobody/$assess-risk").status_code == 404
    assert door.ask("GET", "Patient/nobody/$assess-risk").status_code == 405
