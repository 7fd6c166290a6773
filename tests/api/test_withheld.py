"""At the FHIR door: what is labeled comes with its label, what is withheld is said to be, and why is not."""

from __future__ import annotations

import json
from typing import Any

PART2 = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]}
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
ASKED = "Condition?patient=maria&_total=accurate"


def told(answer: Any) -> Any:
    return json.loads(answer.content)


def condition(code: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/maria"},
        "code": {"coding": [{"system": ICD10, "code": code}]},
        **more,
    }


def put(door: Any, kind: str, id: str, body: dict[str, Any]) -> Any:
    answer = door.ask("PUT", f"{kind}/{id}", {"resourceType": kind, "id": id, **body})
    assert answer.status_code in (200, 201), answer.content
    return told(answer)


def test_a_label_stands_in_what_a_program_gets(door: Any) -> None:
    put(door, "Patient", "maria", {})
    put(door, "Condition", "use", condition("F11.20"))
    (coding,) = told(door.ask("GET", "Condition/use"))["meta"]["security"]
    assert coding["code"] == "SUD"
    found = told(door.ask("GET", "Condition?_security=SUD"))
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["use"]


def test_withheld_is_said_once_whatever_was_asked_and_counts_nothing(door: Any) -> None:
    put(door, "Patient", "maria", {})
    put(door, "Patient", "rosa", {})
    put(door, "Condition", "plain", condition("I10"))
    put(door, "Condition", "secret", condition("E11.9", meta=PART2))
    for asked in (ASKED, ASKED + "&code=E11.9", ASKED + "&code=Z99.9", "Observation?patient=maria"):
        bundle = told(door.ask("GET", asked))
        outcomes = [e for e in bundle["entry"] if e["search"]["mode"] == "outcome"]
        assert [e["resource"]["resourceType"] for e in outcomes] == ["OperationOutcome"], asked
        assert outcomes[0]["resource"]["issue"][0]["details"]["text"] == "This list may be incomplete."
        assert "secret" not in json.dumps(bundle)
    assert told(door.ask("GET", ASKED))["total"] == 1
    assert told(door.ask("GET", ASKED + "&code=E11.9"))["total"] == 0
    assert "entry" not in told(door.ask("GET", "Condition?patient=rosa"))
    hidden, absent = door.ask("GET", "Condition/secret"), door.ask("GET", "Condition/never-was")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert door.ask("GET", "Condition/secret/_history").status_code == 404


def test_a_program_lifts_no_label(door: Any) -> None:
    put(door, "Patient", "maria", {})
    body = condition("I10", meta={"security": [{"system": "urn:careloop:code:label", "code": "hiv"}]})
    put(door, "Condition", "one", body)
    lifting = {"extension": [{"url": "urn:careloop:ext:label-lifted", "valueCode": "hiv"}]}
    kept = put(door, "Condition", "one", condition("I10", meta=lifting))
    assert [c["code"] for c in kept["meta"]["security"]] == ["hiv"]
    assert "extension" not in kept["meta"]
