"""What answers say: a score with its band, what is missing, what was found, and what is critical. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.fhir.questionnaire import Answer, Answers, only_asked, ordinal_of
from careloop.library import Band, Choice, Critical, Finding, Instrument, Library, Next, Question, Words
from careloop.library.compiling import coding, observation_code
from careloop.library.conditions import Lookup

OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SDOH_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
UCUM = "http://unitsofmeasure.org"
REASON = {"not-asked": "not-asked", "declined": "asked-declined", "unknown": "asked-unknown"}


@dataclass(frozen=True)
class Alarm:
    """A critical answer. answer: what was said, in both languages; because: the sentence that work carries."""

    critical: Critical
    question: str
    answer: Words
    because: Words


@dataclass(frozen=True)
class Score:
    """value: None when not scored, with the reason. at_least: the sum of the answers given, which can only be too
    low. missing: the linkIds that a sum still needs."""

    instrument: str
    value: Decimal | None
    maximum: Decimal | None
    band: Band | None
    at_least: Decimal | None
    missing: tuple[str, ...]
    not_scored_because: Words | None
    findings: tuple[Finding, ...]
    critical: tuple[Alarm, ...]
    next: tuple[Next, ...]

    def __repr__(self) -> str:
        return f"Score({self.instrument})"


def score(instrument: Instrument, answers: Answers) -> Score:
    """Answers to questions that are not asked count nothing."""
    rules = instrument.scoring
    asked = only_asked(instrument.form, answers)
    values = {item: _value(instrument, asked, item) for item in rules.items}
    missing = tuple(item for item, value in values.items() if value is None)
    floor = sum((value for value in values.values() if value is not None), Decimal(0))
    is_scored = rules.kind == "sum" and len(missing) <= rules.allowed_missing
    total = floor if is_scored else None
    look = lookup(instrument, asked, total, floor if rules.kind == "sum" else None)
    return Score(
        instrument=instrument.id,
        value=total,
        maximum=rules.maximum,
        band=rules.band(total) if total is not None else None,
        at_least=floor if rules.kind == "sum" else None,
        missing=missing,
        not_scored_because=None if is_scored else rules.not_scored,
        findings=tuple(each for each in rules.findings if each.when.holds(look)),
        critical=tuple(_alarm(instrument, asked, each) for each in rules.critical if each.when.holds(look)),
        next=tuple(each for each in rules.next if each.when.holds(look)),
    )


def lookup(instrument: Instrument, asked: Answers, total: Decimal | None, floor: Decimal | None) -> Lookup:
    """What the instrument's own conditions may ask about."""

    def look(path: str) -> Any:
        subject, _, rest = path.partition("/")
        if subject == "score":
            return total
        if subject == "at-least":
            return floor if rest.startswith("score/") else None
        answer = asked.get(rest, Answer())
        if subject == "value":
            return _value(instrument, asked, rest)
        return frozenset(answer.values) if answer.is_given else answer.absent

    return look


def said(question: Question, answer: Answer, language: str) -> str:
    """An answer in words, as a page or a sentence shows it."""
    if answer.absent is not None:
        return ABSENT_WORDS[answer.absent].get(language)
    return ", ".join(_said_value(question, value).get(language) for value in answer.values)


ABSENT_WORDS: Mapping[str, Words] = {
    "declined": Words("Declined", "No quiso contestar"),
    "unknown": Words("Don't know", "No sabe"),
    "not-asked": Words("Not asked", "No se preguntó"),
}


def observations(
    instrument: Instrument,
    answers: Answers,
    result: Score,
    *,
    response: str,
    subject: str,
    effective: datetime,
    performer: str | None,
) -> list[Resource]:
    """The score, and for social needs each coded answer. response: the QuestionnaireResponse they come from."""
    base: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "subject": ref(subject),
        "effectiveDateTime": fhir_instant(effective),
        "derivedFrom": [ref(response)],
        **({"performer": [ref(performer)]} if performer else {}),
    }
    found = []
    if instrument.scoring.loinc and result.at_least is not None:
        found.append({**base, **_score_part(instrument, result, response)})
    if instrument.scoring.observes:
        asked = only_asked(instrument.form, answers)
        for question in instrument.questions:
            if question.loinc and question.id in asked:
                found.append({**base, **_answer_part(instrument, question, asked[question.id], response)})
    return found


def instrument_answered(library: Library, canonical: str) -> Instrument | None:
    """Of a QuestionnaireResponse.questionnaire, with or without a version; None for questions that are not ours, or of
    a version that we no longer have."""
    for instrument in library.instruments.values():
        if canonical in (instrument.canonical, instrument.questionnaire["url"]):
            return instrument
    return None


def alarms_elsewhere(library: Library, resource: Resource) -> list[Alarm]:
    """Critical answers in a form that is not ours, where question and answer carry the LOINC codes of one of ours: the
    last part of a linkId like “/44249-1/44260-8”, and the answer's coding."""
    found: list[Alarm] = []
    said_there = dict(_coded(resource.get("item", ())))
    for instrument in library.instruments.values():
        answers = {
            question.id: Answer(
                tuple(c.code for c in question.choices if c.loinc in said_there[question.loinc])
            )
            for question in instrument.questions
            if question.loinc in said_there
        }
        found += score(instrument, answers).critical if answers else ()
    return found


def _coded(items: Any) -> Iterator[tuple[str, set[str]]]:
    for item in items:
        codes = {
            str(answer["valueCoding"].get("code", ""))
            for answer in item.get("answer", ())
            if answer.get("valueCoding", {}).get("system") == uris.LOINC
        }
        yield str(item.get("linkId", "")).rpartition("/")[2], codes
        yield from _coded(item.get("item", ()))


def _value(instrument: Instrument, asked: Answers, item: str) -> Decimal | None:
    answer, form_item = asked.get(item), instrument.form.by_id.get(item)
    if answer is None or form_item is None:
        return None
    if form_item.options:
        return ordinal_of(form_item, answer)
    value = answer.values[0] if answer.values else None
    is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return Decimal(value) if is_number and value is not None else None


def _alarm(instrument: Instrument, asked: Answers, critical: Critical) -> Alarm:
    """The answers named are those that made it critical, each alone being enough or not."""
    items = [path.partition("/")[2] for path in critical.when.reads()]
    speaking = next((item for item in items if item in asked and _speaks(asked, item, critical)), items[0])
    question, answer = instrument.by_id[speaking], asked.get(speaking, Answer())
    kept = _critical_values(question, answer, critical)
    words = Words(said(question, kept, "en"), said(question, kept, "es"))
    because = Words(critical.because.en.format(answer=words.en), critical.because.es.format(answer=words.es))
    return Alarm(critical, speaking, words, because)


def _speaks(asked: Answers, item: str, critical: Critical) -> bool:
    named = [compare for compare in critical.when.compares() if compare.path.partition("/")[2] == item]
    answer = asked[item]
    codes = {*answer.values, *([answer.absent] if answer.absent else [])}
    return any(c.operator != "is" or codes & set(c.value) for c in named)


def _critical_values(question: Question, answer: Answer, critical: Critical) -> Answer:
    """Of several answers only those the condition names: “chest pain”, not also “fall”."""
    named = {
        value
        for compare in critical.when.compares()
        if compare.operator == "is" and compare.path.endswith(f"/{question.id}")
        for value in compare.value
    }
    kept = tuple(value for value in answer.values if value in named)
    return Answer(kept) if named and kept else answer


def _said_value(question: Question, value: Any) -> Words:
    choice: Choice | None = question.choice(value) if question.choices else None
    if choice:
        return choice.text
    if isinstance(value, bool):
        return Words("Yes", "Sí") if value else Words("No", "No")
    return Words(str(value), str(value))


def _score_part(instrument: Instrument, result: Score, response: str) -> Resource:
    part: Resource = {
        "identifier": [{"system": uris.DEDUPE, "value": f"score:{response}"}],
        "category": [codeable(OBSERVATION_CATEGORY, "survey", "Survey")],
        "code": codeable(uris.LOINC, instrument.scoring.loinc or "", instrument.scoring.observed_as),
    }
    if result.value is None:
        words = result.not_scored_because.en if result.not_scored_because else "Not scored."
        absent = codeable("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-performed")
        return {**part, "dataAbsentReason": {**absent, "text": words}}
    value = int(result.value) if result.value == int(result.value) else result.value
    part["valueQuantity"] = {"value": value, "unit": "{score}", "system": UCUM, "code": "{score}"}
    if result.band:
        part["interpretation"] = [{"text": result.band.text.en}]
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
