"""Propose from all that is known today: the newest answers to each instrument, and a hospital stay that just ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.enroll_facts import diagnoses_in
from careloop.actions.known_stays import known_stays, went_to
from careloop.actions.propose_plan import (
    EACH_LINE_SAYS,
    about_her,
    answered_on,
    key_of,
    local_day,
    programs_of,
    write_proposal,
)
from careloop.care.assess import Score, score, who_is
from careloop.care.plan import Told
from careloop.care.stay import Stay
from careloop.fhir.elements import instant, text_of
from careloop.fhir.responses import answers_of
from careloop.kernel.days import day_said
from careloop.kernel.errors import Conflict
from careloop.library import Instrument, Library, Words
from careloop.store import Stored, Unit

ANSWERS_HOLD: Final = timedelta(days=90)
STAY_HOLDS_DAYS: Final = 30
IN_PROGRAMS: Final = (
    "select 1 from enrolled where person = %s and until is null and program = any(%s) limit 1"
)


class NothingToProposeFrom(Conflict):
    """There is nothing to propose from: no recent answers, no recent stay, no diagnosis that we have a plan for."""

    code = "nothing-to-propose-from"


@dataclass(frozen=True, repr=False)
class Known:
    """told: what the templates may ask. because: one sentence. evidence: references of the responses."""

    told: Told
    because: Words
    evidence: tuple[str, ...]
    key: str

    def __repr__(self) -> str:
        return f"Known({self.key})"


def propose_from_known(scope: Scope, person: str, library: Library, now: datetime) -> Stored | None:
    """person: Patient id. None when all of it stands in the plan already. Raises NothingToProposeFrom."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        known = known_of(unit, patient, library)
        if known is None:
            raise NothingToProposeFrom
        return write_proposal(unit, patient, known.told, library, known.because, known.key, known.evidence)


def is_for_whole_plan(unit: Unit, patient: Stored, library: Library, instrument: Instrument) -> bool:
    """Whether a program that she is in now asks these questions to make the whole plan."""
    asking = {
        program.code
        for program in library.programs.values()
        for due in program.instruments
        if due.instrument == instrument.id and due.proposes_all
    }
    if not asking:
        return False
    rows = unit.cursor().execute(IN_PROGRAMS, [patient.rid, sorted(asking)])
    return rows.fetchone() is not None


def known_of(unit: Unit, patient: Stored, library: Library) -> Known | None:
    today = local_day(patient.resource, unit.now)
    answered = _answered(unit, patient, library)
    stay = _stay(unit, patient, library, today)
    ill = _diagnoses(unit, patient, library)
    if not (answered or ill or stay is not None):
        return None
    known = _facts(unit, stay, library, today) if stay is not None else {}
    if ill:
        known = {**known, "conditions": frozenset(ill)}
    facts = about_her(patient.resource, today, {**known, "programs": programs_of(unit, patient.rid)})
    said: list[Words] = []
    if stay is not None:
        said.append(_stay_words(stay, today))
    for instrument, _, on in answered:
        said.append(answered_on(instrument, on))
    if ill:
        named = ", ".join(dict.fromkeys(each.text for each in ill.values() if not each.kept_from_some))
        if named:
            said.append(Words(f"Active diagnoses: {named}", f"Diagnósticos activos: {named}"))
    evidence = tuple(sorted(result.response for _, result, _ in answered))
    key = "|".join(
        [
            *(reference.rpartition("/")[2] for reference in evidence),
            *([stay.visit] if stay else []),
            *sorted(ill),
        ]
    )
    if stay is not None and unit.is_sensitive([stay.reference]):
        evidence = (*evidence, stay.reference)
    because = EACH_LINE_SAYS
    if said:
        because = Words("; ".join(w.en for w in said) + ".", "; ".join(w.es for w in said) + ".")
    told = _told([result.score for _, result, _ in answered], facts)
    told = replace(
        told, diagnosed={code: each.kept_from_some for code, each in ill.items() if each.kept_from_some}
    )
    return Known(told, because, evidence, f"known:{key}")


@dataclass(frozen=True, repr=False)
class _Diagnosis:
    """kept_from_some: the Condition that says it, when its labels keep it from some readers; else empty."""

    text: str
    kept_from_some: str = ""


def _diagnoses(unit: Unit, patient: Stored, library: Library) -> dict[str, _Diagnosis]:
    """Those that a plan template asks for, by the first three characters of ICD-10-CM."""
    asked = {
        code
        for plan in library.plans.values()
        for need in plan.needs
        for compare in need.when.compares()
        if compare.path == "fact/conditions" and compare.operator == "is"
        for code in compare.value
    }
    found: dict[str, _Diagnosis] = {}
    for stored in unit.of_person(patient.rid, ["Condition"]) if unit.may_search("Condition") else []:
        for code in diagnoses_in([stored.resource]):
            if code[:3] in asked and (code[:3] not in found or found[code[:3]].kept_from_some):
                kept = stored.reference if unit.is_sensitive([stored.reference]) else ""
                if code[:3] not in found or not kept:
                    found[code[:3]] = _Diagnosis(text_of(stored.resource.get("code")) or code, kept)
    return found


@dataclass(frozen=True)
class _Result:
    response: str
    score: Score


def _answered(unit: Unit, patient: Stored, library: Library) -> list[tuple[Instrument, _Result, date]]:
    """The newest complete response of each instrument, not older than its answers hold."""
    by_canonical = {each.canonical: each for each in library.instruments.values()}
    newest: dict[str, tuple[datetime, Stored]] = {}
    for stored in unit.of_person(patient.rid, ["QuestionnaireResponse"]):
        resource = stored.resource
        at = instant(resource.get("authored"))
        known = by_canonical.get(str(resource.get("questionnaire", "")))
        is_done = resource.get("status") in ("completed", "amended")
        if not (known and at and is_done) or unit.now - at > ANSWERS_HOLD:
            continue
        if known.id not in newest or newest[known.id][0] < at:
            newest[known.id] = (at, stored)
    found = []
    for name, (at, stored) in sorted(newest.items()):
        instrument = library.instruments[name]
        answers, _ = answers_of(instrument.form, stored.resource)
        result = score(instrument, answers, who_is(patient.resource, at.date()))
        found.append((instrument, _Result(stored.reference, result), at.date()))
    return found


def _stay(unit: Unit, patient: Stored, library: Library, today: date) -> Stay | None:
    """The newest stay that ended in the last 30 days, unless another has begun since."""
    stays = [
        each for each in known_stays(unit, patient.rid, library) if each.setting == "stay" and each.has_begun
    ]
    if any(each.ended_as_written is None for each in stays if not each.is_discharged):
        return None
    ended = [each for each in stays if each.is_discharged and each.ended_as_written]
    newest = max(ended, key=lambda each: each.ended_as_written or date.min, default=None)
    if newest is None or newest.ended_as_written is None:
        return None
    return newest if 0 <= (today - newest.ended_as_written).days < STAY_HOLDS_DAYS else None


def _facts(unit: Unit, stay: Stay, library: Library, today: date) -> dict[str, object]:
    ended = stay.ended_as_written
    facts: dict[str, object] = {"days_since_discharge": (today - ended).days} if ended else {}
    meaning = went_to(stay, library, unit)
    return {**facts, **({"discharged_to": meaning} if meaning else {})}


def _stay_words(stay: Stay, today: date) -> Words:
    on = stay.ended_as_written or today
    return Words(f"Left the hospital on {day_said(on, 'en')}", f"Salió del hospital el {day_said(on, 'es')}")


def _told(results: list[Score], facts: Mapping[str, object]) -> Told:
    scores: dict[str, Decimal | None] = {}
    at_least: dict[str, Decimal] = {}
    bands: dict[str, Any] = {}
    findings: set[str] = set()
    for each in results:
        scores[each.instrument] = each.value
        for part in each.parts:
            key = key_of(each, part)
            scores[key], at_least[key] = part.value, part.at_least
            if part.band:
                bands[key] = part.band.text
        findings |= {f"{each.instrument}/{found.id}" for found in each.findings}
    return Told(
        scores,
        at_least,
        bands,
        frozenset(findings),
        frozenset(each.instrument for each in results),
        facts=facts,
    )
