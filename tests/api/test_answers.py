"""Answers that a program posts: the same check, the score, and urgent work in the same commit, or nothing at all."""

import json

import pytest

from careloop.accounts.models import User
from careloop.care.assess import instrument_answered
from careloop.fhir import uris
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, response
from careloop.library import load
from tests.api.conftest import Door, text_of

PHQ = load().instruments["phq-9"]
ASQ = load().instruments["asq"]
NO = dict.fromkeys(("wished-dead", "better-off", "thoughts", "ever-tried"), Answer(("no",)))


def answers(**said):
    given = {item: Answer(("not-at-all",)) for item in PHQ.scoring.items}
    return given | {item: Answer((code,)) for item, code in said.items()}


@pytest.fixture
def maria(door):
    site = {"reference": "Organization/bayview"}
    told = {"resourceType": "Patient", "name": [{"family": "Duarte"}], "managingOrganization": site}
    answer = door.ask("POST", "Patient", told)
    return "Patient/" + json.loads(answer.content)["id"]


def posted(given, person, now, status="completed", form=PHQ.form):
    made = response(form, given, About(person or "", now), status=status)
    if person is None:
        del made["subject"]
    return made


def found(door, kind):
    bundle = json.loads(door.ask("GET", kind).content)
    return [entry["resource"] for entry in bundle.get("entry", ())]


def test_posted_answers_are_scored_in_the_same_commit(door, maria, now):
    given = answers(mood="more-than-half", sleep="nearly-every-day")
    assert door.ask("POST", "QuestionnaireResponse", posted(given, maria, now)).status_code == 201
    [score] = found(door, "Observation")
    assert (score["valueQuantity"]["value"], score["interpretation"][0]["text"]) == (5, "mild")
    assert score["subject"]["reference"] == maria
    assert found(door, "Task") == []


def test_ten_or_more_is_proposed_for_the_plan(door, maria, now):
    given = {item: Answer(("more-than-half",)) for item in PHQ.scoring.items} | {
        "thoughts": Answer(("not-at-all",))
    }
    door.ask("POST", "QuestionnaireResponse", posted(given, maria, now))
    [plan] = found(door, "CarePlan")
    assert (plan["status"], plan["intent"]) == ("draft", "proposal")


def test_an_answer_that_is_none_of_ours_is_refused_and_nothing_is_stored(door, maria, now):
    body = posted(answers(), maria, now)
    body["item"][0]["item"][0]["answer"] = [{"valueCoding": {"system": uris.LOINC, "code": "LA33-6"}}]
    answer = door.ask("POST", "QuestionnaireResponse", body)
    assert answer.status_code == 422
    assert "not one of the answers" in text_of(answer)
    assert "linkId='interest'" in answer.content.decode()
    assert found(door, "QuestionnaireResponse") == []


def test_questions_that_are_not_here_are_refused_before_an_answer_goes_unread(door, maria, now):
    body = {**posted(answers(), maria, now), "questionnaire": "urn:careloop:instrument:phq-9|7"}
    assert "no questions" in text_of(door.ask("POST", "QuestionnaireResponse", body))


def test_questions_of_others_are_kept_as_they_are(door, maria, now):
    body = {**posted(answers(thoughts="several-days"), maria, now), "questionnaire": "http://example.org/q"}
    assert door.ask("POST", "QuestionnaireResponse", body).status_code == 201
    assert found(door, "Task") == []


@pytest.mark.parametrize(
    ("code", "urgent"), [("LA6569-3", 1), ("LA6568-5", 0)], ids=["several days", "not at all"]
)
def test_the_ninth_question_is_heard_in_the_form_of_another_system_too(door, maria, now, code, urgent):
    item = {
        "linkId": "/44249-1/44260-8",
        "text": "Thoughts that you would be better off dead",
        "answer": [{"valueCoding": {"system": uris.LOINC, "code": code}}],
    }
    body = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": "http://loinc.org/q/44249-1",
        "subject": {"reference": maria},
        "item": [{"linkId": "/44249-1", "item": [item]}],
    }
    assert door.ask("POST", "QuestionnaireResponse", body).status_code == 201
    assert len(found(door, "Task")) == urgent
    assert found(door, "Observation") == []


@pytest.mark.parametrize("status", ["in-progress", "completed", "stopped"])
def test_a_critical_answer_is_urgent_work_in_the_same_commit(door, maria, now, status):
    duty = {"practitioner": "chen", "on_call_rank": 1, "roles": ["clinician"], "sites": ["bayview"]}
    User.objects.create_user("c@x.org", "a long passphrase", "Dr. Chen", **duty)
    given = answers(thoughts="several-days")
    door.ask("POST", "QuestionnaireResponse", posted(given, maria, now, status))
    [task] = found(door, "Task")
    assert task["owner"]["reference"] == "Practitioner/chen"
    assert task["for"]["reference"] == maria
    assert "question 9" in task["reasonCode"]["text"]


def test_a_declined_asq_question_is_the_refusal_that_asks_the_fifth_question(door, maria, now):
    given = NO | {"thoughts": Answer((), "declined")}
    body = posted(given, maria, now, form=ASQ.form)
    refused = door.ask("POST", "QuestionnaireResponse", body)
    assert refused.status_code == 422
    assert "linkId='right-now'" in refused.content.decode()
    assert found(door, "QuestionnaireResponse") == []
    fifth = {"linkId": "right-now", "answer": [{"valueCoding": {"code": "no"}}]}
    whole = {**body, "item": [*body["item"], fifth]}
    assert door.ask("POST", "QuestionnaireResponse", whole).status_code == 201
    [task] = found(door, "Task")
    assert "ASQ positive screen" in task["reasonCode"]["text"]


def test_a_declined_asq_question_speaks_while_the_rest_is_still_asked(door, maria, now):
    given = NO | {"thoughts": Answer((), "declined")}
    body = posted(given, maria, now, "in-progress", ASQ.form)
    assert door.ask("POST", "QuestionnaireResponse", body).status_code == 201
    assert len(found(door, "Task")) == 1


def test_the_same_answers_again_make_no_second_urgent_work_and_a_corrected_score(door, maria, now):
    first = json.loads(
        door.ask(
            "POST", "QuestionnaireResponse", posted(answers(thoughts="several-days"), maria, now)
        ).content
    )
    more = posted(answers(thoughts="several-days", mood="several-days"), maria, now, "amended")
    again = door.ask("PUT", f"QuestionnaireResponse/{first['id']}", {**more, "id": first["id"]})
    assert again.status_code == 200
    assert len(found(door, "Task")) == 1
    [score] = found(door, "Observation")
    assert (score["valueQuantity"]["value"], score["status"]) == (2, "corrected")


def test_answers_entered_in_error_take_their_score_with_them(door, maria, now):
    first = json.loads(door.ask("POST", "QuestionnaireResponse", posted(answers(), maria, now)).content)
    wrong = {**first, "status": "entered-in-error"}
    assert door.ask("PUT", f"QuestionnaireResponse/{first['id']}", wrong).status_code == 200
    [score] = found(door, "Observation")
    assert score["status"] == "entered-in-error"


def test_in_a_transaction_with_its_person_it_is_urgent_work_too(door, now):
    full = "urn:uuid:0b6f7a3e-5a0c-4a6e-9a52-2f1d86a2a001"
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": full,
                "resource": {"resourceType": "Patient"},
                "request": {"method": "POST", "url": "Patient"},
            },
            {
                "resource": posted(answers(thoughts="several-days"), full, now),
                "request": {"method": "POST", "url": "QuestionnaireResponse"},
            },
        ],
    }
    assert door.ask("POST", "", bundle).status_code == 200
    [task], [person] = found(door, "Task"), found(door, "Patient")
    assert task["for"]["reference"] == f"Patient/{person['id']}"


@pytest.mark.parametrize("person", [None, "Patient/nobody-known"])
def test_a_critical_answer_of_nobody_is_refused(door, now, person):
    answer = door.ask("POST", "QuestionnaireResponse", posted(answers(thoughts="several-days"), person, now))
    assert answer.status_code == 422
    assert "whose answers" in text_of(answer)
    assert found(door, "QuestionnaireResponse") == []


def test_a_program_that_may_not_write_urgent_work_may_not_leave_a_critical_answer(
    door, maria, now, issue_token
):
    scopes = "system/QuestionnaireResponse.crus system/Patient.rs system/Observation.cus"
    narrow = Door(issue_token("narrow", scopes)[1])
    body = posted(answers(thoughts="several-days"), maria, now)
    refused = narrow.ask("POST", "QuestionnaireResponse", body)
    assert refused.status_code == 403
    assert "Task.cus" in text_of(refused)
    assert found(door, "QuestionnaireResponse") == []
    harmless = narrow.ask("POST", "QuestionnaireResponse", posted(answers(), maria, now))
    assert harmless.status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"status": "cancelled"},
        {"status": "rejected"},
        {"extension": []},
    ],
    ids=["cancelled", "declined", "no longer protected"],
)
def test_a_program_can_not_quiet_urgent_work(door, maria, now, change):
    door.ask("POST", "QuestionnaireResponse", posted(answers(thoughts="several-days"), maria, now))
    [task] = found(door, "Task")
    made = {**task, **change}
    if not made["extension"]:
        del made["extension"]
    refused = door.ask("PUT", f"Task/{task['id']}", made, If_Match='W/"1"')
    assert refused.status_code == 409
    assert "safety" in text_of(refused)
    done = {**task, "status": "completed"}
    assert door.ask("PUT", f"Task/{task['id']}", done, If_Match='W/"1"').status_code == 200


def test_history_that_is_loaded_late_is_scored_but_proposes_nothing(door, maria, now):
    heavy = {item: Answer(("more-than-half",)) for item in PHQ.scoring.items} | {
        "thoughts": Answer(("not-at-all",))
    }
    door.ask("POST", "QuestionnaireResponse", posted(answers(), maria, now))
    old = {**posted(heavy, maria, now), "authored": "2025-03-03T10:00:00Z"}
    door.ask("POST", "QuestionnaireResponse", old)
    assert len(found(door, "Observation")) == 2
    assert found(door, "CarePlan") == []


def test_questions_are_found_with_and_without_their_version():
    assert instrument_answered(load(), "urn:careloop:instrument:phq-9") is PHQ
    assert instrument_answered(load(), "urn:careloop:instrument:phq-9|1") is PHQ
    assert instrument_answered(load(), "urn:careloop:instrument:phq-9|2") is None
