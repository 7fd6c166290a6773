"""How likely something bad is, by published scores, worked out from what is on record. Pure.

What the record can't know (a visit to another emergency room) is never counted as none: a score then is “at least”, and
says what is missing and which question would tell. When every answer that is still possible leads to the same band, the
band is said all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from careloop.care.hcc import Raf, RafLine, scenarios
from careloop.care.risk_measures import MEASURES, YEAR, Diagnosed, Measured, RiskFacts, StaySeen, counted
from careloop.library import Words
from careloop.library.risks import Range, Risk, RiskBand, RiskElement

# An answer of the person speaks for so long about what changes; about a stay, from its end on.
SPEAKS: Final = timedelta(days=365)
NO_STAY: Final = Words(
    "It speaks of a hospital stay that ended in the last {days} days; none is on record.",
    "Habla de una estancia en el hospital que terminó en los últimos {days} días; no hay ninguna en el expediente.",
)
TOO_YOUNG: Final = Words(
    "It was made for people of {age} years and more.", "Se hizo para personas de {age} años o más."
)
NO_BIRTH: Final = Words("The birth date is not known.", "No se sabe la fecha de nacimiento.")
NO_CODES: Final = Words(
    "No diagnosis with an ICD-10-CM code is on record.",
    "No hay diagnósticos con código CIE-10-MC en el expediente.",
)
UNREAD: Final = Words(
    "Diagnoses without an ICD-10-CM code, which could not be read: {n}.",
    "Diagnósticos sin código CIE-10-MC, que no se pudieron leer: {n}.",
)
NO_COVERAGE: Final = Words("No Medicare is on record.", "No hay Medicare en el expediente.")
NO_SEX: Final = Words(
    "Medicare’s model knows male and female only; the record says neither.",
    "El modelo de Medicare solo conoce masculino y femenino; el expediente no dice ninguno.",
)
KIDNEY_FAILURE: Final = Words(
    "On dialysis or with a new kidney: Medicare has other models for that.",
    "Con diálisis o riñón trasplantado: Medicare tiene otros modelos para eso.",
)
USUAL: Final = Words(
    "The lines above are for the most usual answers to what is missing",
    "Las líneas de arriba son para las respuestas más comunes a lo que falta",
)
NO_MODEL: Final = Words(
    "The package hccinfhir is not installed here.", "El paquete hccinfhir no está instalado aquí."
)
_AGE_AND_SEX: Final = re.compile(r"(?:^|NE)[FM]\d\d")
DIALYSIS: Final = ("Z992", "N186", "Z4901", "Z4902", "Z940")


@dataclass(frozen=True)
class Part:
    """One line of a score. found: what was there, a number or a code; empty for nothing. low, high: its points, equal
    when known. lacking: why it is not known. asked: the question that would tell."""

    id: str
    text: Words
    low: Decimal
    high: Decimal
    found: str = field(default="", repr=False)
    sources: tuple[str, ...] = ()
    lacking: Words | None = None
    asked: str = ""

    @property
    def is_known(self) -> bool:
        return self.lacking is None


@dataclass(frozen=True)
class Assessed:
    """stay: reference of the stay it speaks of; empty for the person. until: the day after which it no longer speaks.
    value: None while something is missing; low and high: what is possible. not_scored: why there is nothing."""

    risk: Risk
    stay: str = ""
    until: date | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    band: RiskBand | None = None
    parts: tuple[Part, ...] = ()
    not_scored: Words | None = None

    @property
    def value(self) -> Decimal | None:
        return self.low if self.low == self.high and not self.missing else None

    @property
    def missing(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if not part.is_known)

    @property
    def basis(self) -> tuple[str, ...]:
        """What it rests on: also of parts that count nothing."""
        found = (source for part in self.parts for source in part.sources)
        return tuple(dict.fromkeys((*([self.stay] if self.stay else []), *found)))


def assess(risk: Risk, facts: RiskFacts) -> Assessed:
    """One score of one person; `not_scored` with the reason when it does not speak of her."""
    if risk.minimum_age and (facts.age is None or facts.age < risk.minimum_age):
        why = NO_BIRTH if facts.age is None else TOO_YOUNG.fill(age=risk.minimum_age)
        return Assessed(risk, not_scored=why)
    if risk.of == "stay":
        stay = newest_stay(facts, risk.window_days)
        if stay is None or stay.ended is None:
            return Assessed(risk, not_scored=NO_STAY.fill(days=risk.window_days))
        until = stay.ended + timedelta(days=risk.window_days)
        return _added(Assessed(risk, stay.reference, until), _parts(risk, facts, stay))
    if risk.kind == "model":
        return _modeled(risk, facts)
    if not facts.diagnoses:
        return Assessed(risk, not_scored=NO_CODES)
    return _added(Assessed(risk), _groups(risk, facts))


def newest_stay(facts: RiskFacts, window_days: int) -> StaySeen | None:
    """The stay that ended last, within so many days."""
    first = facts.today - timedelta(days=window_days)
    ended = [s for s in facts.stays if s.setting == "stay" and s.ended and first <= s.ended <= facts.today]
    return max(ended, key=lambda s: (s.ended or date.min, s.reference), default=None)


def _added(found: Assessed, parts: Iterable[Part]) -> Assessed:
    """The sum, as far as it is known; the band when every sum that is possible lies in it."""
    lines, risk = tuple(parts), found.risk
    low, high = (sum((getattr(p, end) for p in lines), Decimal(0)) for end in ("low", "high"))
    if risk.maximum is not None:
        high = min(high, risk.maximum)
    bands = {risk.band(low), risk.band(high)}
    band = bands.pop() if len(bands) == 1 else None
    return Assessed(risk, found.stay, found.until, low, high, band, lines)


# --- by points


def _parts(risk: Risk, facts: RiskFacts, stay: StaySeen) -> list[Part]:
    return [_part(risk, each, facts, stay) for each in risk.elements]


def _part(risk: Risk, element: RiskElement, facts: RiskFacts, stay: StaySeen) -> Part:
    found = _with_told(MEASURES[element.measure](risk, facts, stay), element, facts, stay)
    points = [each.points for each in element.ranges if _may_hold(each, found)]
    words = "" if found.value is None else _number(found.value)
    is_known = found.value is not None and (not found.is_floor or len(set(points)) == 1)
    return Part(
        element.id,
        element.text,
        min(points),
        max(points),
        words,
        found.sources,
        None if is_known else element.lacking,
        "" if is_known else element.asked,
    )


def _may_hold(each: Range, found: Measured) -> bool:
    if found.value is None:
        return True
    if found.is_floor:
        return each.below is None or found.value < each.below
    return each.holds(found.value)


def _with_told(found: Measured, element: RiskElement, facts: RiskFacts, stay: StaySeen) -> Measured:
    """What the person said fills what the record can't know; of a number the greater holds."""
    told = facts.told.get(element.asked)
    if told is None or (found.value is not None and not found.is_floor):
        return found
    if stay.ended is None or told.on < stay.ended:
        return found
    value = _as_number(told.value)
    if value is None:
        return found
    greater = max(value, found.value) if found.value is not None else value
    return Measured(greater, (*found.sources, told.reference))


def _as_number(value: Decimal | str) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    return {"yes": Decimal(1), "no": Decimal(0)}.get(value)


def _number(value: Decimal) -> str:
    return format(value.normalize(), "f")


# --- by groups of diagnoses


def _groups(risk: Risk, facts: RiskFacts) -> list[Part]:
    found = counted(risk.lines, facts.diagnoses)
    parts = [
        Part(line.id, line.text, line.points, line.points, _codes(facts, references), references)
        for line, references in found
    ]
    if facts.unread:
        rest = (risk.maximum or Decimal(0)) - sum((part.low for part in parts), Decimal(0))
        lacking = UNREAD.fill(n=facts.unread)
        parts.append(Part("diagnoses", lacking, Decimal(0), max(rest, Decimal(0)), lacking=lacking))
    return parts


def _codes(facts: RiskFacts, references: tuple[str, ...]) -> str:
    said = {each.reference: each.code for each in facts.diagnoses}
    return ", ".join(dict.fromkeys(_dotted(said[reference]) for reference in references))


def _dotted(code: str) -> str:
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


# --- by a model


def _modeled(risk: Risk, facts: RiskFacts) -> Assessed:
    if why := _not_modeled(risk, facts):
        return Assessed(risk, not_scored=why)
    known, lacking = _insured(risk, facts)
    standing = [each for each in facts.diagnoses if each.stands]
    runs = scenarios(risk.model, [each.code for each in standing], facts.age or 0, facts.sex, known)
    if runs is None:
        return Assessed(risk, not_scored=NO_MODEL)
    least, most = min(run.value for run in runs), max(run.value for run in runs)
    parts = [*_raf_parts(runs[0], standing), *lacking]
    if least < most:
        parts.append(Part("counted-as", USUAL, Decimal(0), Decimal(0)))
    if facts.unread:
        words = UNREAD.fill(n=facts.unread)
        parts.append(Part("diagnoses", words, Decimal(0), Decimal(0), lacking=words))
    return Assessed(risk, low=least, high=most, parts=tuple(parts))


def _not_modeled(risk: Risk, facts: RiskFacts) -> Words | None:
    if risk.needs_coverage and not facts.coverage & set(risk.needs_coverage):
        return NO_COVERAGE
    if facts.age is None:
        return NO_BIRTH
    if facts.sex not in ("male", "female"):
        return NO_SEX
    if not facts.diagnoses:
        return NO_CODES
    said = {facts.told[name].value for name in risk.asked if name in facts.told}
    has_failed = "kidney" in said or any(each.code.startswith(DIALYSIS) for each in facts.diagnoses)
    return KIDNEY_FAILURE if has_failed else None


def _insured(risk: Risk, facts: RiskFacts) -> tuple[dict[str, tuple[str, ...]], list[Part]]:
    """What is known of her insurance (each with all that is still possible), and the lines that say so."""
    known: dict[str, tuple[str, ...]] = {}
    parts: list[Part] = []
    for element in risk.elements:
        possible, found, source = _possible(element, facts)
        known[element.measure] = possible
        nothing = Decimal(0)
        is_known = len(possible) == 1
        parts.append(
            Part(
                element.id,
                element.text,
                nothing,
                nothing,
                found,
                source,
                None if is_known else element.lacking,
                "" if is_known else element.asked,
            )
        )
    return known, parts


def _possible(element: RiskElement, facts: RiskFacts) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """(what is possible, what was found, where)"""
    told = facts.told.get(element.asked)
    if told is not None and facts.today - told.on <= SPEAKS and told.value in POSSIBLE[element.measure]:
        return (str(told.value),), str(told.value), (told.reference,)
    if element.measure == "medicare_reason" and facts.age is not None and facts.age < 65:
        return ("disability",), "disability", ()
    # A plan that began lately says nothing: Medicare itself may be older.
    since = facts.medicare_since
    if element.measure == "medicare_over_a_year" and since is not None and facts.today - since >= YEAR:
        return ("yes",), "yes", ()
    if element.measure == "medicaid_kind":
        if "medicaid" not in facts.coverage:
            return ("none",), "none", ()
        return ("full", "partial"), "", ()
    return POSSIBLE[element.measure], "", ()


POSSIBLE: Final[Mapping[str, tuple[str, ...]]] = {
    "medicare_reason": ("age", "disability"),
    "medicare_over_a_year": ("yes", "no"),
    "long_term_institution": ("no", "yes"),
    "medicaid_kind": ("none", "full", "partial"),
}


def _raf_parts(run: Raf, standing: Iterable[Diagnosed]) -> list[Part]:
    known = tuple(standing)
    parts = []
    for line in run.lines:
        sources = tuple(dict.fromkeys(each.reference for each in known if each.code in line.codes))
        words = _raf_words(line)
        found = ", ".join(_dotted(code) for code in line.codes)
        parts.append(Part(line.id, words, line.value, line.value, found, sources))
    return parts


def _raf_words(line: RafLine) -> Words:
    """Medicare names its categories in English only."""
    if line.text:
        return Words(f"HCC {line.id}: {line.text}", f"HCC {line.id}: {line.text}")
    if _AGE_AND_SEX.search(line.id):
        return Words(f"age and sex ({line.id})", f"edad y sexo ({line.id})")
    if line.id.startswith("OriginallyDisabled"):
        return Words("Medicare began because of a disability", "Medicare empezó por una discapacidad")
    return Words(f"counted together ({line.id})", f"contados juntos ({line.id})")
