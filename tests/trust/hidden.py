"""Clara and Dora at Bayview have the same record. Dora has more: what a Part 2 program made of her, each thing with a
number or a word that stands nowhere else. Who may not see that more must not be able to tell the two apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from careloop import projections, reactions, store
from careloop.actions.switch_protocol import switch_protocol
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.library import load
from careloop.store import feed
from tests.projections import builders as b
from tests.projections.test_registry import phq9, problem
from tests.projections.ward import HOUSE
from tests.trust.test_audit_disclosures import consent
from tests.web.desk import Desk

Resource = dict[str, Any]
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PART2 = {"security": [{"system": ACT, "code": "42CFRPart2"}]}
TWINS = ("clara", "dora")
# All of it in the words of pages, files and answers.
NUMBERS = ("173.5", "174.9", "176.9", "382.", "168.4")
WORDS = ("canary", "Opioid", "naltrexone")


def secrets(now: datetime) -> tuple[Resource, ...]:
    """What a program knows of Dora."""
    late = now - timedelta(days=1)
    made = (
        weight("w1", "dora", now - timedelta(days=2), "173.5"),
        weight("w2", "dora", now - timedelta(days=1), "174.9"),
        weight("w3", "dora", now - timedelta(hours=1), "176.9"),
        phq9("p1", "dora", now - timedelta(days=26), 17),
        phq9("p2", "dora", now - timedelta(days=20), 22),
        problem("oud", "dora", "F11.20", "Opioid use disorder canaryillness"),
        problem("hf", "dora", "I50.9", "Heart failure canaryheart"),
        problem("food", "dora", "Z59.41", "Not enough food canaryneed", "health-concern"),
        program("e-dora-secret", "dora", "methadone-canaryprogram"),
        b.contact("talk", "dora", now - timedelta(hours=3)),
        b.task("late", "dora", now, title="canarytask", due=late, target=late),
        limits("limits", "dora", now, "168.4"),
        risk("risk", "dora", now),
        {
            "resourceType": "MedicationDispense",
            "id": "dispense",
            "status": "completed",
            "subject": ref("Patient/dora"),
            "medicationCodeableConcept": {"text": "naltrexone canarymedicine"},
            "whenHandedOver": fhir_instant(now - timedelta(days=40)),
            "daysSupply": {"value": 30},
        },
        {
            "resourceType": "Device",
            "id": "scale",
            "status": "active",
            "patient": ref("Patient/dora"),
            "deviceName": [{"name": "canaryscale", "type": "user-friendly-name"}],
        },
        {
            "resourceType": "Goal",
            "id": "clean",
            "lifecycleStatus": "active",
            "subject": ref("Patient/dora"),
            "description": {"text": "canarygoal"},
        },
        {
            "resourceType": "CarePlan",
            "id": "theirs",
            "status": "active",
            "intent": "plan",
            "title": "canaryplan",
            "subject": ref("Patient/dora"),
            "author": ref("Organization/queens"),
        },
        {
            "resourceType": "Communication",
            "id": "talked",
            "status": "completed",
            "category": [codeable(uris.TALK, "case-review", "Case reviewed")],
            "subject": ref("Patient/dora"),
            "sent": fhir_instant(now - timedelta(days=4)),
            "topic": {"text": "canaryquestion"},
            "payload": [{"contentString": "canarydecision"}],
        },
    )
    return tuple({**each, "meta": PART2} for each in made)


def weight(id: str, person: str, at: datetime, value: str) -> Resource:
    unit = {"unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": codeable(uris.LOINC, "29463-7", "Body weight"),
        "subject": ref(f"Patient/{person}"),
        "effectiveDateTime": fhir_instant(at),
        "valueQuantity": {"value": Decimal(value), **unit},
    }


def limits(id: str, person: str, now: datetime, high: str) -> Resource:
    from careloop.care.reading_limits import Limits, to_request

    kind = load().readings["weight"]
    set_for = Limits("weight", None, Decimal(high), None, None)
    return {**to_request(kind, set_for, f"Patient/{person}", None, now, "canaryreason"), "id": id}


def program(id: str, person: str, code: str) -> Resource:
    found = b.episode(id, person)
    return {**found, "type": [{"coding": [{"system": uris.PROGRAM, "code": code}], "text": code}]}


def risk(id: str, person: str, now: datetime) -> Resource:
    said = [
        {"url": "value", "valueDecimal": 14},
        {"url": "low", "valueDecimal": 14},
        {"url": "high", "valueDecimal": 14},
        {"url": "band", "valueCode": "high"},
        {"url": "version", "valueInteger": 1},
    ]
    return {
        "resourceType": "RiskAssessment",
        "id": id,
        "status": "final",
        "method": codeable(uris.RISK, "charlson", "canaryrisk"),
        "subject": ref(f"Patient/{person}"),
        "occurrenceDateTime": fhir_instant(now),
        "extension": [{"url": uris.RISK_RESULT, "extension": said}],
    }


def twins(desk: Desk) -> None:
    for id in TWINS:
        put(desk, b.patient(id, id.title(), "Zamora"), b.team(f"team-{id}", id, "ana"))


def put(desk: Desk, *resources: Resource) -> None:
    with store.open(HOUSE, now=desk.clock(), projectors=projections.ALL) as unit:
        for each in resources:
            unit.update(each, create=True)


def react(desk: Desk) -> None:
    """Until nothing follows any more."""
    assert feed.wait_until_settled(60)
    while reactions.run(desk.clock(), load()):
        assert feed.wait_until_settled(60)
    while reactions.run_timers(desk.clock(), load()):
        pass


def watch(desk: Desk, *protocols: str) -> None:
    for each in protocols:
        switch_protocol(HOUSE, each, is_on=True, because="tried", library=load(), now=desk.clock())


def permit(desk: Desk) -> None:
    """Dora lets Bayview see it."""
    put(desk, {**consent("bayview", "42CFRPart2", id="lets"), "patient": ref("Patient/dora")})


def revoke(desk: Desk) -> None:
    said = consent("bayview", "42CFRPart2", id="lets")
    put(desk, {**said, "patient": ref("Patient/dora"), "status": "inactive"})


def refuse(desk: Desk) -> None:
    """Dora says no to Bayview, whole."""
    said = {**consent("bayview", "", id="no"), "patient": ref("Patient/dora")}
    actor = said["provision"]["actor"]
    put(desk, {**said, "provision": {"type": "deny", "actor": actor}})


def told_in(text: str) -> set[str]:
    return {each for each in (*NUMBERS, *WORDS) if each in text}
