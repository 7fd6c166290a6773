"""Other people's questions at the FHIR door: kept or refused, filled in, answered, taken apart; and who may not."""

import json

import pytest

from careloop.fhir import uris
from tests.api.conftest import Door, text_of
from tests.fhir.forms import SDC, calculated, choice, form, group, item, path, when

LOINC = uris.LOINC
WEIGHT = {"system": LOINC, "code": "29463-7", "display": "Body weight"}
DAYS30 = {"value": 30, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"}
THEIRS = form(
    item("born", "date", extension=[path(f"{SDC}initialExpression", "%patient.birthDate")]),
    item(
        "weight",
        "decimal",
        required=True,
        code=[WEIGHT],
        extension=[
            {"url": f"{SDC}observationExtract", "valueBoolean": True},
            {"url": f"{SDC}observationLinkPeriod", "valueDuration": DAYS30},
            {
                "url": "http://hl7.org/fhir/StructureDefinition/questionnaire-unit",
                "valueCoding": {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"},
            },
            {
                "url": f"{SDC}observation-extract-category",
                "valueCodeableConcept": {"coding": [{"code": "vital-signs", "system": "http://c"}]},
            },
        ],
    ),
    choice("smokes", "yes", "no"),
    item("packs", "integer", **when("smokes", "=", answerCoding={"system": "http://x", "code": "yes"})),
    group("falls", item("where"), repeats=True),
    item("count", "integer", readOnly=True, extension=[calculated("%resource.item.where(linkId='falls').count()")]),
)  # fmt: skip


def made(door, body):
    answer = door.ask("POST", body["resourceType"], body)
    assert answer.status_code == 201, answer.content.decode()[:1500]
    return json.loads(answer.content)


def found(door, kind):
    bundle = json.loads(door.ask("GET", kind).content)
    return [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]


@pytest.fixture
def maria(door):
    site = {"reference": "Organization/bayview"}
    told = {"resourceType": "Patient", "birthDate": "1959-02-03", "managingOrganization": site}
    return "Patient/" + made(door, {**told, "name": [{"family": "Duarte"}]})["id"]


@pytest.fixture
def theirs(door):
    return made(door, THEIRS)


def response(person, *items, status="completed"):
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "http://example.org/theirs|2",
        "status": status,
        "subject": {"reference": person},
        "authored": "2026-11-23T14:00:00Z",
        "item": list(items),
    }


def said(link_id, **value):
    return {"linkId": link_id, "answer": [value]}


# --- kept or refused


def test_a_form_that_can_not_be_asked_is_refused_with_the_place(door):
    bad = form(item("a", "integer", extension=[calculated("%weight * 2")]))
    answer = door.ask("POST", "Questionnaire", bad)
    assert answer.status_code == 422
    assert "“a”" in text_of(answer)
    assert "%weight, which is not there" in text_of(answer)
    assert found(door, "Questionnaire") == []


def test_it_is_told_before_it_is_kept_what_can_not_be_done(door):
    adaptive = form(item("a"), extension=[{"url": f"{SDC}targetStructureMap", "valueCanonical": "http://m"}])
    answer = json.loads(door.ask("POST", "Questionnaire/$validate", adaptive).content)
    assert [(i["severity"], i["code"]) for i in answer["issue"]] == [("warning", "not-supported")]
    wrong = form(item("a", **when("b", "=", answerString="x")))
    assert "hangs on “b”" in text_of(door.ask("POST", "Questionnaire/$validate", wrong))


# --- answered


def test_posted_answers_are_checked_by_their_own_form(door, theirs, maria):
    answer = door.ask("POST", "QuestionnaireResponse", response(maria, said("smokes", valueString="perhaps")))
    assert answer.status_code == 422
    assert "No answer yet: What of weight?" in text_of(answer)
    outside = response(maria, said("weight", valueDecimal=82), said("where", valueString="kitchen"))
    assert "“where” belongs inside “falls”" in text_of(door.ask("POST", "QuestionnaireResponse", outside))
    assert found(door, "QuestionnaireResponse") == []


def test_answers_become_observations_once_and_a_correction_corrects_them(door, theirs, maria):
    sent = made(door, response(maria, said("weight", valueDecimal=82)))
    [weight] = found(door, "Observation")
    assert weight["valueQuantity"] == {
        "value": 82,
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    }
    assert weight["category"][0]["coding"][0]["code"] == "vital-signs"
    assert weight["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{sent['id']}"}]
    [provenance] = found(door, "Provenance")
    assert provenance["target"][0]["reference"].startswith(f"Observation/{weight['id']}/_history/")
    sent["item"] = [said("weight", valueDecimal=81)]
    assert door.ask("PUT", f"QuestionnaireResponse/{sent['id']}", sent).status_code == 200
    [again] = found(door, "Observation")
    assert (again["id"], again["status"], again["valueQuantity"]["value"]) == (weight["id"], "corrected", 81)
    sent["status"] = "entered-in-error"
    door.ask("PUT", f"QuestionnaireResponse/{sent['id']}", sent)
    assert [o["status"] for o in found(door, "Observation")] == ["entered-in-error"]


def test_a_form_may_not_say_who_somebody_is_or_make_work(door, maria):
    defined = {
        "url": f"{SDC}definitionExtract",
        "extension": [{"url": "definition", "valueCanonical": f"{BASE}Task"}],
    }
    changes = form(
        item("name", definition=f"{BASE}Patient#Patient.name.family"),
        item("street", definition=f"{BASE}Patient#Patient.address.line"),
        group("work", item("what", definition=f"{BASE}Task#Task.description"), extension=[defined]),
        extension=[
            {
                "url": f"{SDC}definitionExtract",
                "extension": [{"url": "definition", "valueCanonical": f"{BASE}Patient"}],
            }
        ],
    )
    made(door, changes)
    answers = response(
        maria,
        said("name", valueString="Somebody"),
        said("street", valueString="12 Elm St"),
        {"linkId": "work", "item": [said("what", valueString="do it")]},
    )
    made(door, answers)
    [patient] = found(door, "Patient")
    assert patient["name"] == [{"family": "Duarte"}]
    assert patient["address"] == [{"line": ["12 Elm St"]}]
    assert found(door, "Task") == []


BASE = "http://hl7.org/fhir/StructureDefinition/"


def test_a_critical_answer_in_a_form_of_another_calls_for_somebody(door, maria):
    options = [
        {"valueCoding": {"system": LOINC, "code": code, "display": code}} for code in ("LA6568-5", "LA6569-3")
    ]
    ninth = {"system": LOINC, "code": "44260-8"}
    made(door, form(item("nine", "choice", answerOption=options, code=[ninth])))
    calm = response(maria, said("nine", valueCoding={"system": LOINC, "code": "LA6568-5"}))
    made(door, calm)
    assert found(door, "Task") == []
    made(door, response(maria, said("nine", valueCoding={"system": LOINC, "code": "LA6569-3"})))
    [task] = found(door, "Task")
    assert task["for"]["reference"] == maria


# --- the operations


def test_populate_fills_in_what_the_record_knows_and_says_from_where(door, theirs, maria):
    observed = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [WEIGHT]},
        "subject": {"reference": maria},
        "effectiveDateTime": "2026-11-20T10:00:00Z",
        "valueQuantity": {"value": 82, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    known = made(door, observed)
    told = {
        "resourceType": "Parameters",
        "parameter": [{"name": "subject", "valueReference": {"reference": maria}}],
    }
    answer = json.loads(door.ask("POST", f"Questionnaire/{theirs['id']}/$populate", told).content)
    filled = next(p["resource"] for p in answer["parameter"] if p["name"] == "response")
    by_id = {each["linkId"]: each for each in filled["item"]}
    assert by_id["born"]["answer"] == [{"valueDate": "1959-02-03"}]
    assert by_id["weight"]["answer"] == [{"valueDecimal": 82}]
    origin = next(e for e in by_id["weight"]["extension"] if e["url"] == uris.FROM_RECORD)
    assert origin["extension"][0]["valueReference"]["reference"] == f"Observation/{known['id']}"
    assert found(door, "QuestionnaireResponse") == []


def test_extract_answers_with_a_bundle_and_stores_nothing(door, theirs, maria):
    sent = response(maria, said("weight", valueDecimal=82))
    told = {"resourceType": "Parameters", "parameter": [{"name": "questionnaire-response", "resource": sent}]}
    answer = json.loads(door.ask("POST", "QuestionnaireResponse/$extract", told).content)
    bundle = answer["parameter"][0]["resource"]
    assert [entry["request"] for entry in bundle["entry"]] == [{"method": "POST", "url": "Observation"}]
    assert found(door, "Observation") == []


def test_validate_says_what_is_missing(door, theirs, maria):
    assert "No answer yet" in text_of(
        door.ask("POST", "QuestionnaireResponse/$validate", response(maria, said("packs", valueInteger=1)))
    )
    right = door.ask(
        "POST", "QuestionnaireResponse/$validate", response(maria, said("weight", valueDecimal=82))
    )
    assert text_of(right) == "Nothing is wrong with it."


# --- who may not


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("POST", "Questionnaire"),
        ("POST", "Questionnaire/$validate"),
        ("POST", "Questionnaire/$populate"),
        ("POST", "QuestionnaireResponse/$extract"),
    ],
)
def test_a_program_without_the_scope_is_refused(issue_token, theirs, maria, method, address):
    other = Door(issue_token("tasks", "system/Task.rs")[1])
    told = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "subject", "valueReference": {"reference": maria}},
            {"name": "questionnaireRef", "valueCanonical": "http://example.org/theirs"},
            {"name": "questionnaire-response", "resource": response(maria, said("weight", valueDecimal=82))},
        ],
    }
    body = THEIRS if address in ("Questionnaire", "Questionnaire/$validate") else told
    assert other.ask(method, address, body).status_code in (403, 404)


def test_nobody_without_a_token(theirs):
    assert Door().ask("POST", "Questionnaire/$populate", {"resourceType": "Parameters"}).status_code == 401
