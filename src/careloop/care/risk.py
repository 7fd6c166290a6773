"""How likely something bad is, by published scores, worked out from what is on record. Pure.

What the record can't know (a visit to another emergency room) is never counted as none: a score then is “at least”, and
says what is missing and which question would tell. When every answer that is still possible leads to the same band, the
band is said all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from careloop.care.hcc import Raf, RafLine, scenarios
from careloop.library import Words
from careloop.library.risks import CodeLine, Range, Risk, RiskBand, RiskElement

HALF_YEAR: Final = timedelta(days=182)
YEAR: Final = timedelta(days=365)
# An answer of the person speaks for so long about what changes; about a stay, from its end on.
SPEAKS: Final = timedelta(days=365)
# LOINC codes of the laboratory values, and what each unit is multiplied with for the unit of the paper.
HEMOGLOBIN: Final = (
    ("718-7", "20509-6", "30313-1", "30350-3", "55782-7", "59260-0"),
    {"g/dl": Decimal(1), "g/l": Decimal("0.1"), "mmol/l": Decimal("1.611")},
)
SODIUM: Final = (
    ("2951-2", "2947-0", "32717-1", "39792-7"),
    {"mmol/l": Decimal(1), "meq/l": Decimal(1)},
)
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


@dataclass(frozen=True, repr=False)
class StaySeen:
    """setting: stay or emergency. is_urgent: whether it was unplanned, None when not told. service: as the hospital
    names it."""

    reference: str
    setting: str
    began: date | None
    ended: date | None
    is_urgent: bool | None = None
    service: str = ""


@dataclass(frozen=True, repr=False)
class Diagnosed:
    """code: ICD-10-CM, capitals, without the dot. stands: not over."""

    code: str
    reference: str
    stands: bool = True


@dataclass(frozen=True, repr=False)
class Lab:
    loinc: str
    value: Decimal
    unit: str
    on: date
    reference: str


@dataclass(frozen=True, repr=False)
class Told:
    """An answer of somebody: a number, or the code of what was chosen."""

    value: Decimal | str
    on: date
    reference: str


@dataclass(frozen=True, repr=False)
class RiskFacts:
    """Of one person, on a day where she lives. unread: how many diagnoses carry no ICD-10-CM code. procedures: (day,
    reference). told: newest answers, by `instrument/question`. coverage: kinds of insurance; medicare_since: the first
    day of it."""

    today: date
    age: int | None
    sex: str
    stays: tuple[StaySeen, ...] = ()
    diagnoses: tuple[Diagnosed, ...] = ()
    unread: int = 0
    labs: tuple[Lab, ...] = ()
    procedures: tuple[tuple[date, str], ...] = ()
    told: Mapping[str, Told] = field(default_factory=dict, hash=False)
    coverage: frozenset[str] = frozenset()
    medicare_since: date | None = None

    def __repr__(self) -> str:
        return "RiskFacts(…)"


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


@dataclass(frozen=True)
class Measured:
    """value: None when nothing is known. is_floor: there may be more that the record does not know."""

    value: Decimal | None = None
    sources: tuple[str, ...] = ()
    is_floor: bool = False


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


# --- measures of a stay


def stay_days(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    if stay.began is None or stay.ended is None or stay.ended < stay.began:
        return Measured(sources=(stay.reference,))
    return Measured(Decimal((stay.ended - stay.began).days), (stay.reference,))


def urgent_admission(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    """Said by the hospital, or an emergency visit that went over into the stay."""
    came = [s.reference for s in _emergencies(facts) if _led_to(s, stay)]
    if stay.is_urgent is None and came:
        return Measured(Decimal(1), (stay.reference, *came))
    if stay.is_urgent is None:
        return Measured(sources=(stay.reference,))
    return Measured(Decimal(stay.is_urgent), (stay.reference,))


def comorbidity(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    if not facts.diagnoses:
        return Measured()
    found = counted(risk.lines, facts.diagnoses)
    total = sum((line.points for line, _ in found), Decimal(0))
    sources = tuple(dict.fromkeys(reference for _, references in found for reference in references))
    return Measured(total, sources, is_floor=facts.unread > 0)


def emergency_visits(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    if stay.began is None:
        return Measured()
    first = stay.began - HALF_YEAR
    found = [
        s.reference
        for s in _emergencies(facts)
        if s.began and first <= s.began <= stay.began and not _led_to(s, stay)
    ]
    return Measured(Decimal(len(found)), tuple(found), is_floor=True)


def admissions_year(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    if stay.began is None:
        return Measured()
    first = stay.began - YEAR
    found = [
        s.reference
        for s in facts.stays
        if s.setting == "stay" and s.reference != stay.reference and s.began and first <= s.began < stay.began
    ]
    return Measured(Decimal(len(found)), tuple(found), is_floor=True)


def hemoglobin_at_discharge(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    return _lab(facts, stay, *HEMOGLOBIN)


def sodium_at_discharge(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    return _lab(facts, stay, *SODIUM)


def oncology_service(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    if not stay.service:
        return Measured()
    return Measured(Decimal("onc" in stay.service.lower()), (stay.reference,))


def procedure_in_stay(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    """None on record proves nothing."""
    if stay.began is None or stay.ended is None:
        return Measured()
    found = [reference for on, reference in facts.procedures if stay.began <= on <= stay.ended]
    return Measured(Decimal(1), tuple(found)) if found else Measured()


def _emergencies(facts: RiskFacts) -> list[StaySeen]:
    return [s for s in facts.stays if s.setting == "emergency"]


def _led_to(emergency: StaySeen, stay: StaySeen) -> bool:
    """The visit ended on the day the stay began, or the day before."""
    ended = emergency.ended or emergency.began
    if ended is None or stay.began is None or emergency.began is None:
        return False
    return timedelta() <= stay.began - ended <= timedelta(days=1) or (emergency.began <= stay.began <= ended)


def _lab(facts: RiskFacts, stay: StaySeen, codes: tuple[str, ...], units: Mapping[str, Decimal]) -> Measured:
    """The last value of the stay, in the unit of the paper; a unit that nobody knows is no value."""
    if stay.began is None or stay.ended is None:
        return Measured()
    found = [
        lab
        for lab in facts.labs
        if lab.loinc in codes and stay.began <= lab.on <= stay.ended and lab.unit.lower() in units
    ]
    if not found:
        return Measured()
    last = max(found, key=lambda lab: (lab.on, lab.reference))
    return Measured(last.value * units[last.unit.lower()], (last.reference,))


def _of_model(risk: Risk, facts: RiskFacts, stay: StaySeen) -> Measured:
    """What a model reads is worked out with it."""
    return Measured()


Measure = Callable[[Risk, RiskFacts, StaySeen], Measured]
MEASURES: Final[Mapping[str, Measure]] = {
    **{
        each.__name__: each
        for each in (
            *(stay_days, urgent_admission, comorbidity, emergency_visits, hemoglobin_at_discharge),
            *(sodium_at_discharge, oncology_service, procedure_in_stay, admissions_year),
        )
    },
    **dict.fromkeys(
        ("medicare_reason", "medicare_over_a_year", "long_term_institution", "medicaid_kind"), _of_model
    ),
}


# --- by groups of diagnoses


def counted(
    lines: Iterable[CodeLine], diagnoses: Iterable[Diagnosed]
) -> list[tuple[CodeLine, tuple[str, ...]]]:
    """Each line that counts, with the diagnoses behind it; a graver one counts instead of the lighter."""
    said = tuple(diagnoses)
    found = {
        line.id: (line, tuple(each.reference for each in said if line.holds(each.code))) for line in lines
    }
    present = {name for name, (_, references) in found.items() if references}
    lesser = {name for name in present for name in found[name][0].instead_of}
    return [found[name] for name in found if name in present - lesser]


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
