"""What is known of a person's health: conditions, medicines, readings, stays, contacts, answers to assessments."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref, set_extension
from careloop.server.demo.chart import OBSERVATION_CATEGORY, Chart

UCUM = "http://unitsofmeasure.org"
VISITS = "urn:oid:2.16.840.1.113883.19.5.12.1"  # visit numbers of St. Luke’s Bayside
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ALLERGY_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"

# name -> (LOINC, what the page calls it, unit as shown, UCUM)
READINGS = {
    "weight": ("29463-7", "Body weight", "kg", "kg"),
    "glucose": ("2339-0", "Glucose", "mg/dL", "mg/dL"),
    "oxygen": ("59408-5", "Oxygen saturation", "%", "%"),
    "a1c": ("4548-4", "Hemoglobin A1c", "%", "%"),
    "pulse": ("8867-4", "Heart rate", "/min", "/min"),
}
PRESSURE = ("85354-9", "Blood pressure")
SYSTOLIC = ("8480-6", "Systolic")
DIASTOLIC = ("8462-4", "Diastolic")
SCORES = {
    "phq-9": ("44261-6", "PHQ-9 total score", 27),
    "gad-7": ("70274-6", "GAD-7 total score", 21),
    "phq-2": ("55758-7", "PHQ-2 total score", 6),
}


def diagnose(chart: Chart, code: str, name: str, years: float, status: str = "active") -> str:
    """An ICD-10-CM problem known for so many years."""
    return chart.add(
        "Condition",
        {
            "clinicalStatus": codeable(CLINICAL, status),
            "verificationStatus": codeable(VERIFIED, "confirmed"),
            "category": [codeable(uris.CONDITION_CATEGORY, "problem-list-item", "Problem list")],
            "code": codeable(uris.ICD10CM, code, name),
            "subject": chart.subject,
            "onsetDateTime": chart.days.day(int(years * 365)),
            "recordedDate": chart.days.day(min(int(years * 365), 400)),
            "recorder": chart.clinician,
        },
    )


def prescribe(
    chart: Chart, name: str, how: str, days_ago: int, rxnorm: str = "", status: str = "active"
) -> str:
    """A medicine with its directions as the bottle says them."""
    concept: Resource = codeable(RXNORM, rxnorm, name) if rxnorm else {"text": name}
    return chart.add(
        "MedicationRequest",
        {
            "status": status,
            "intent": "order",
            "medicationCodeableConcept": concept,
            "subject": chart.subject,
            "authoredOn": chart.days.day(days_ago),
            "requester": chart.clinician,
            "dosageInstruction": [{"text": how}],
        },
    )


def allergic(chart: Chart, to: str, reaction: str, criticality: str = "high") -> str:
    return chart.add(
        "AllergyIntolerance",
        {
            "clinicalStatus": codeable(ALLERGY_CLINICAL, "active"),
            "criticality": criticality,
            "code": {"text": to},
            "patient": chart.subject,
            "recordedDate": chart.days.day(400),
            "recorder": chart.clinician,
            "reaction": [{"manifestation": [{"text": reaction}]}],
        },
    )


def quantity(value: str, unit: str, code: str) -> Resource:
    return {"value": Decimal(value), "unit": unit, "system": UCUM, "code": code}


def _observed(code: tuple[str, str], category: str, when: str, chart: Chart, device: str) -> Resource:
    loinc, name = code
    return {
        "status": "final",
        "category": [codeable(OBSERVATION_CATEGORY, category)],
        "code": codeable(uris.LOINC, loinc, name),
        "subject": chart.subject,
        "effectiveDateTime": when,
        **({"method": {"text": device}} if device else {}),
    }


def read(
    chart: Chart,
    what: str,
    days_ago: int,
    value: str,
    clock: str = "07:40",
    device: str = "home device",
    within: tuple[str, str, str] | None = None,
) -> str:
    """within: the range to be in, from, to, and who set it."""
    loinc, name, unit, ucum = READINGS[what]
    category = "laboratory" if what == "a1c" else "vital-signs"
    reading = _observed((loinc, name), category, chart.days.said(days_ago, clock), chart, device)
    if within:
        low, high, said = within
        reading["referenceRange"] = [
            {"low": quantity(low, unit, ucum), "high": quantity(high, unit, ucum), "text": said}
        ]
    return chart.add("Observation", {**reading, "valueQuantity": quantity(value, unit, ucum)})


def press(chart: Chart, days_ago: int, systolic: int, diastolic: int, clock: str = "07:45") -> str:
    """A blood pressure: one Observation, two components."""
    reading = _observed(PRESSURE, "vital-signs", chart.days.said(days_ago, clock), chart, "home device")
    parts = [
        {"code": codeable(uris.LOINC, *code), "valueQuantity": quantity(str(value), "mmHg", "mm[Hg]")}
        for code, value in ((SYSTOLIC, systolic), (DIASTOLIC, diastolic))
    ]
    return chart.add("Observation", {**reading, "component": parts})


def stay(
    chart: Chart,
    hospital: tuple[str, str],
    admitted: int,
    discharged: int | None,
    reason: str,
    *,
    visit: str,
    kind: str = "IMP",
    disposition: str = "01",
    came: str = "10:05",
    left: str = "16:20",
) -> str:
    """A hospital Encounter as the feed leaves it. discharged None: still there. disposition: HL7 table 0112."""
    period = {"start": chart.days.said(admitted, came)}
    stay: Resource = {
        "identifier": [{"system": VISITS, "value": visit}],
        "status": "in-progress" if discharged is None else "finished",
        "class": {"system": uris.ACT_CODE, "code": kind},
        "subject": chart.subject,
        "period": period,
        "reasonCode": [{"text": reason}],
        "serviceProvider": ref(*hospital),
    }
    if discharged is not None:
        period["end"] = chart.days.said(discharged, left)
        stay["hospitalization"] = {"dischargeDisposition": codeable(uris.HL7_0112, disposition)}
    return chart.add("Encounter", stay)


def contact(
    chart: Chart,
    days_ago: int,
    clock: str,
    outcome: str,
    about: str,
    *,
    minutes: int = 0,
    channel: str = "phone",
    by: tuple[str, str] | None = None,
) -> str:
    """A call, visit or attempt. outcome: reached, no-answer, left-message, wrong-number, declined."""
    who = by or (chart.lead, chart.lead_name)
    at = chart.days.at(days_ago, clock)
    setting = {"phone": "VR", "video": "VR", "home": "HH", "office": "AMB", "text": "VR"}[channel]
    encounter: Resource = {
        "status": "finished",
        "class": {"system": uris.ACT_CODE, "code": setting},
        "subject": chart.subject,
        "participant": [{"individual": ref(*who)}],
        "period": {
            "start": chart.days.said(days_ago, clock),
            "end": fhir_instant(at + timedelta(minutes=minutes or 1)),
        },
        "reasonCode": [{"text": about}],
    }
    set_extension(encounter, uris.OUTCOME, "CodeableConcept", codeable(uris.CONTACT_OUTCOME, outcome))
    set_extension(encounter, uris.CHANNEL, "Code", channel)
    set_extension(encounter, uris.MINUTES, "Integer", minutes or 1)
    return chart.add("Encounter", encounter)


def score(
    chart: Chart, instrument: str, total: int, band: str, response: str, days_ago: int, clock: str = "10:30"
) -> str:
    """The score Observation that an assessment leaves."""
    loinc, name, _ = SCORES[instrument]
    observed = _observed((loinc, name), "survey", chart.days.said(days_ago, clock), chart, "")
    return chart.add(
        "Observation",
        {
            **observed,
            "valueQuantity": quantity(str(total), "{score}", "{score}"),
            "interpretation": [{"text": band}],
            "derivedFrom": [ref(response)],
        },
    )
