"""What a device sends over FHIR: kept as sent, told once, doubted where it can't be; limits and devices as FHIR."""

import json

from careloop import library, reactions
from tests.api.conftest import Door
from tests.projections.test_readings import pressure, weight
from tests.store.rows import rows

LIBRARY = library.load()


def sent(resource):
    return {name: value for name, value in resource.items() if name != "id"}


def plain(resource):
    """As JSON without decimals of ours."""
    return json.loads(json.dumps(resource, default=float))


def maria(door):
    patient = {"resourceType": "Patient", "id": "maria", "name": [{"family": "Duarte"}]}
    answer = door.ask("PUT", "Patient/maria", patient)
    assert answer.status_code in (200, 201)


def test_a_transmission_that_is_sent_twice_is_one_reading(door, now):
    maria(door)
    body = plain(sent(pressure("p", now, 142, 88, device={"display": "cuff"})))
    assert [door.ask("POST", "Observation", body).status_code for _ in range(2)] == [201, 201]
    assert rows("select kind, value, second, source, state from readings order by kind, state") == [
        ("blood-pressure", 142, 88, "device", "ok"),
        ("blood-pressure", 142, 88, "device", "repeated"),
        ("pulse", 71, None, "device", "ok"),
        ("pulse", 71, None, "device", "repeated"),
    ]


def test_what_cant_be_is_kept_as_it_was_sent_and_becomes_work(door, now):
    maria(door)
    body = plain(sent(weight("w", now, "812", "kg")))
    made = json.loads(door.ask("POST", "Observation", body).content)
    assert made["valueQuantity"]["value"] == 812
    while reactions.run(now, LIBRARY):
        pass
    ((title, because),) = rows("select title, because from work where is_open")
    assert title == "Ask about a reading: Weight"
    assert because == "812 kg on Nov 23, 2026: that can’t be"


def test_limits_sent_as_fhir_make_work(door, now):
    maria(door)
    request = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "category": [{"coding": [{"system": "urn:careloop:code:monitoring", "code": "reading-limits"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": "Patient/maria"},
        "authoredOn": "2026-11-20T15:00:00Z",
        "extension": [
            {"url": "urn:careloop:ext:reading-limits", "extension": [{"url": "high", "valueDecimal": 84}]}
        ],
    }
    assert door.ask("POST", "ServiceRequest", request).status_code == 201
    assert door.ask("POST", "Observation", plain(sent(weight("w", now, "85.5")))).status_code == 201
    while reactions.run(now, LIBRARY):
        pass
    assert rows("select title, because from work where is_open") == [
        ("Look at a reading: Weight", "85.5 kg on Nov 23, 2026: above 84")
    ]


def test_a_program_without_the_scope_may_not(issue_token, door, now):
    maria(door)
    reader = Door(issue_token("reader", "system/*.rs")[1])
    assert reader.ask("POST", "Observation", plain(sent(weight("w", now, "82")))).status_code == 403
    assert rows("select 1 from readings") == []
