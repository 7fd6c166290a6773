"""Scores and coded answers as Observations: what other systems read of an assessment. Pure."""

from __future__ import annotations

from datetime import datetime

from careloop.care.assess import Part, Score, said
from careloop.care.own_words import words_in
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, extension, fhir_instant, ref
from careloop.fhir.questionnaire import Answer, Answers, only_asked
from careloop.library import Instrument, Question, Total
from careloop.library.compiling import coding, observation_code

OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SDOH_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
UCUM = "http://unitsofmeasure.org"
REASON = {"not-asked": "not-asked", "declined": "asked-declined", "unknown": "asked-unknown"}


def observations(
    instrument: Instrument,
    answers: Answers,
    result: Score,
    *,
    response: str,
    subject: str,
    effective: datetime,
    performer: str | None,
    written_by: str = "",
    issued: datetime | None = None,
    told: Resource | None = None,
) -> list[Resource]:
    """Each score, what she says in her own words, and for social needs each coded answer. response: the
    QuestionnaireResponse they come from; told: it, for who answered and through whom. effective: when it was answered;
    issued: when the system wrote it; performer: who wrote it down, written_by: that in words, also of a program that
    is nobody's account."""
    by = ref(performer, written_by or None) if performer else {"display": written_by} if written_by else None
    base: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "subject": ref(subject),
        "effectiveDateTime": fhir_instant(effective),
        **({"issued": fhir_instant(issued)} if issued else {}),
        "derivedFrom": [ref(response)],
        **({"performer": [by]} if by else {}),
    }
    if said_by := _said_by(told or {}):
        base["extension"] = said_by
    found = [{**base, **_score_part(instrument, part, response)} for part in result.parts]
    asked = only_asked(instrument.form, answers)
    found += [{**base, **each} for each in words_in(instrument.questions, asked, response)]
    if instrument.scoring.observes:
        for question in instrument.questions:
            if question.loinc and question.id in asked:
                found.append({**base, **_answer_part(instrument, question, asked[question.id], response)})
    return found


def _said_by(told: Resource) -> list[Resource]:
    """Whose words they are: the person, her caregiver, an interpreter between them."""
    found: list[Resource] = []
    if source := told.get("source"):
        found.append({"url": uris.ANSWERED_BY, "valueReference": source})
    for url in (uris.HEARD_FROM, uris.INTERPRETED_BY):
        if words := extension(told, url):
            found.append({"url": url, "valueString": words})
    return found


def score_code(instrument: Instrument, total: Total) -> Resource:
    """LOINC's, else our own: the instrument's system and the name of the total."""
    system, code = (
        (uris.LOINC, total.loinc) if total.loinc else (f"{uris.INSTRUMENT}:{instrument.id}", total.id)
    )
    return codeable(system, code, total.observed_as)


def _score_part(instrument: Instrument, result: Part, response: str) -> Resource:
    key = f"score:{response}" if result.id == instrument.id else f"score:{response}:{result.id}"
    part: Resource = {
        "identifier": [{"system": uris.DEDUPE, "value": key}],
        "category": [codeable(OBSERVATION_CATEGORY, "survey", "Survey")],
        "code": score_code(instrument, result.total),
    }
    if result.value is None:
        words = result.not_scored_because.en if result.not_scored_because else "Not scored."
        absent = codeable("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-performed")
        return {**part, "dataAbsentReason": {**absent, "text": words}}
    value = int(result.value) if result.value == int(result.value) else result.value
    part["valueQuantity"] = {"value": value, "unit": "{score}", "system": UCUM, "code": "{score}"}
    if result.band:
        part["interpretation"] = [{"text": result.band.text.en}]
    if result.notes:
        part["note"] = [{"text": note.en} for note in result.notes]
    return part


def _answer_part(instrument: Instrument, question: Question, answer: Answer, response: str) -> Resource:
    part: Resource = {
        "identifier": [{"system": uris.DEDUPE, "value": f"answer:{response}:{question.id}"}],
        "category": [
            codeable(OBSERVATION_CATEGORY, "social-history", "Social History"),
            codeable(OBSERVATION_CATEGORY, "survey", "Survey"),
            codeable(SDOH_CATEGORY, "sdoh", "SDOH"),
        ],
        "code": observation_code(question),
    }
    if answer.absent is not None:
        system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
        return {**part, "dataAbsentReason": codeable(system, REASON[answer.absent])}
    codings = [coding(choice, instrument.id) for choice in question.choices if choice.code in answer.values]
    if question.allows_many:
        coded = [
            {"code": observation_code(question), "valueCodeableConcept": {"coding": [each]}}
            for each in codings
        ]
        return {**part, "component": coded}
    return {**part, "valueCodeableConcept": {"coding": codings, "text": said(question, answer, "en")}}
