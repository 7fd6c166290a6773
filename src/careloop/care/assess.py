"""What answers say: a score with its band, what is missing, what was found, and what is critical. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from careloop.care.tally import tally, value_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, day, extension
from careloop.fhir.questionnaire import Answer, Answers, only_asked
from careloop.fhir.questionnaire.values import spoken
from careloop.library import (
    Band,
    BandSet,
    Choice,
    Critical,
    Finding,
    Instrument,
    Library,
    Next,
    Question,
    Total,
    Words,
)
from careloop.library.conditions import Lookup

US_CORE_BIRTHSEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
BIRTH_SEX = {"M": "male", "F": "female"}


@dataclass(frozen=True)
class Alarm:
    """A critical answer. answer: what was said, in both languages; because: the sentence that work carries."""

    critical: Critical
    question: str
    answer: Words
    because: Words


@dataclass(frozen=True)
class Who:
    """Whose answers, as far as a published band hangs on it. sex: male or female, None when it is not known or not
    one of the two that the source studied. age: in years."""

    sex: str | None = None
    age: int | None = None

    def __repr__(self) -> str:
        return "Who(…)"


NOBODY = Who()


def who_is(patient: Resource, on: date) -> Who:
    """on: the day of the answers. Where the recorded gender and the sex at birth differ, neither is taken: the source
    says nothing about it, so the careful band is used."""
    gender, born = patient.get("gender"), day(patient.get("birthDate"))
    at_birth = BIRTH_SEX.get(str(extension(patient, US_CORE_BIRTHSEX)), gender)
    sex = gender if gender in ("male", "female") and gender == at_birth else None
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day)) if born else None
    return Who(sex, age if age is not None and age >= 0 else None)


@dataclass(frozen=True)
class Part:
    """One number of the answers: the total, or a subscale. value: None when not scored, with the reason. at_least: the
    answers given make sure of that much. missing: the linkIds it still needs. notes: what a reader must know beside the
    number: a missing answer that was made up for, for whom the bands are."""

    total: Total
    value: Decimal | None
    at_least: Decimal
    band: Band | None
    missing: tuple[str, ...]
    notes: tuple[Words, ...]

    @property
    def id(self) -> str:
        return self.total.id

    @property
    def not_scored_because(self) -> Words | None:
        return None if self.value is not None else self.total.not_scored

    def __repr__(self) -> str:
        return f"Part({self.id})"


@dataclass(frozen=True)
class Score:
    """value: None when not scored, with the reason. at_least: the sum of the answers given, which can only be too
    low. missing: the linkIds that a sum still needs. notes: as of the total. parts: the total, when there is one, and
    the subscales."""

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
    notes: tuple[Words, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def subscales(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.id != self.instrument)

    def __repr__(self) -> str:
        return f"Score({self.instrument})"


def score(instrument: Instrument, answers: Answers, who: Who = NOBODY) -> Score:
    """Answers to questions that are not asked count nothing. who: for bands that differ by sex or age; without it the
    careful one is used, and said."""
    rules = instrument.scoring
    asked = only_asked(instrument.form, answers)
    look = lookup(instrument, asked, who)
    parts = tuple(_part(instrument, asked, total, look) for total in rules.totals)
    look = lookup(instrument, asked, who, parts)
    whole = parts[0] if rules.total else None
    return Score(
        instrument=instrument.id,
        value=whole.value if whole else None,
        maximum=rules.maximum,
        band=whole.band if whole else None,
        at_least=whole.at_least if whole else None,
        missing=whole.missing if whole else (),
        not_scored_because=whole.not_scored_because if whole else rules.not_scored,
        findings=tuple(each for each in rules.findings if each.when.holds(look)),
        critical=tuple(_alarm(instrument, asked, each) for each in rules.critical if each.when.holds(look)),
        next=tuple(each for each in rules.next if each.when.holds(look)),
        notes=whole.notes if whole else (),
        parts=parts,
    )


def _part(instrument: Instrument, asked: Answers, total: Total, look: Lookup) -> Part:
    counted = tally(total, instrument.form, instrument.by_id, asked, look)
    bands = _bands(total, look)
    notes = []
    if counted.is_replaced:
        notes.append(_made_up_for(total, len(counted.missing)))
    if bands and bands.who:
        notes.append(bands.who)
    value = counted.value
    band = bands.band(value) if bands and value is not None else None
    return Part(total, value, counted.at_least, band, counted.missing, tuple(notes))


def _bands(total: Total, look: Lookup) -> BandSet | None:
    return next((each for each in total.band_sets if each.when is None or each.when.holds(look)), None)


def bands_for(total: Total, who: Who) -> tuple[Band, ...]:
    """The bands of such a person."""
    found = _bands(total, lambda path: {"fact/sex": who.sex, "fact/age": who.age}.get(path))
    return found.bands if found else ()


def _made_up_for(total: Total, missing: int) -> Words:
    of = len(total.items)
    rule = total.rule or Words(
        "The mean is of the answers that were given.", "El promedio es de las respuestas dadas."
    )
    return Words(
        f"{missing} of {of} answers missing. {rule.en}", f"Faltan {missing} de {of} respuestas. {rule.es}"
    )


def lookup(instrument: Instrument, asked: Answers, who: Who = NOBODY, parts: Sequence[Part] = ()) -> Lookup:
    """What the instrument's own conditions may ask about."""
    by_id = {part.id: part for part in parts}

    def look(path: str) -> Any:
        subject, _, rest = path.partition("/")
        match subject:
            case "score":
                return by_id[rest].value if rest in by_id else None
            case "band":
                found = by_id[rest].band if rest in by_id else None
                return found.code if found else None
            case "at-least":
                name = rest.removeprefix("score/")
                return by_id[name].at_least if rest.startswith("score/") and name in by_id else None
            case "fact":
                return {"sex": who.sex, "age": who.age}.get(rest)
        answer = asked.get(rest, Answer())
        if subject == "value":
            item = instrument.form.by_id.get(rest)
            return value_of(item, answer) if item and answer.is_given else None
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


def items_of(critical: Critical) -> tuple[str, ...]:
    """The questions that a critical answer is read from."""
    split = (path.partition("/") for path in critical.when.reads())
    return tuple(dict.fromkeys(name for subject, _, name in split if subject in ("item", "value")))


def _alarm(instrument: Instrument, asked: Answers, critical: Critical) -> Alarm:
    """The answers named are those that made it critical, each alone being enough or not."""
    items = list(items_of(critical))
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
    return Words(spoken(value), spoken(value))
