"""What the risk scores read of a record: the facts of one person, and each measure of a stay that a score may name.
Pure.

A measure says also what it rests on, and whether the record may know too little of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from careloop.library.risks import CodeLine, Risk

HALF_YEAR: Final = timedelta(days=182)
YEAR: Final = timedelta(days=365)
# LOINC codes of the laboratory values, and what each unit is multiplied with for the unit of the paper.
HEMOGLOBIN: Final = (
    ("718-7", "20509-6", "30313-1", "30350-3", "55782-7", "59260-0"),
    {"g/dl": Decimal(1), "g/l": Decimal("0.1"), "mmol/l": Decimal("1.611")},
)
SODIUM: Final = (
    ("2951-2", "2947-0", "32717-1", "39792-7"),
    {"mmol/l": Decimal(1), "meq/l": Decimal(1)},
)


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
class Measured:
    """value: None when nothing is known. is_floor: there may be more that the record does not know."""

    value: Decimal | None = None
    sources: tuple[str, ...] = ()
    is_floor: bool = False


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
