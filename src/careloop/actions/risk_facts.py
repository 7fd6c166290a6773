"""What risk scores read of one person's record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.care.assess import instrument_answered
from careloop.care.coverage import MEDICARE, in_force, kind_of
from careloop.care.risk_measures import HEMOGLOBIN, SODIUM, Diagnosed, Lab, RiskFacts, StaySeen, Told
from careloop.care.stay import setting_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, day, extension, instant, text_of
from careloop.fhir.responses import answers_of
from careloop.library import Library
from careloop.projections.facts import zone_in
from careloop.projections.looked import is_need
from careloop.store import Stored, Unit

HELD: Final = ("Patient", "Encounter", "Condition", "Procedure", "Coverage", "QuestionnaireResponse")
TYPES: Final = (*HELD, "Observation")
# Of somebody's observations, which may be a hundred thousand, these alone are read, the newest of them.
LABS: Final = (*HEMOGLOBIN[0], *SODIUM[0])
MOST_LABS: Final = "100"
DONE: Final = frozenset({"completed", "amended"})
SEEN: Final = frozenset({"final", "amended", "corrected"})
WRONG: Final = frozenset({"entered-in-error", "refuted"})
UNSURE: Final = frozenset({"differential", "provisional", "unconfirmed"})
OVER: Final = frozenset({"resolved", "inactive", "remission"})
# HL7 table 0007 and ActPriority: whether an admission was planned.
PLANNED: Final = {
    **dict.fromkeys(("E", "U", "EM", "UR", "A", "CR", "S"), True),
    **dict.fromkeys(("C", "EL", "R", "CSP"), False),
}


def gather(unit: Unit, person: int, library: Library) -> tuple[Stored, RiskFacts] | None:
    """The Patient and what the scores read; None when there is no such person. person: rid."""
    held: dict[str, list[Stored]] = {kind: [] for kind in HELD}
    for stored in unit.of_person(person, HELD):
        held[stored.type].append(stored)
    patient = next(iter(held["Patient"]), None)
    if patient is None:
        return None
    coded = ",".join(f"{uris.LOINC}|{code}" for code in LABS)
    asked = [("patient", patient.reference), ("code", coded), ("_sort", "-date"), ("_count", MOST_LABS)]
    held["Observation"] = list(unit.search("Observation", asked).entries)
    return patient, facts_from(patient.resource, held, library, unit.now)


def facts_from(
    patient: Resource, held: Mapping[str, list[Stored]], library: Library, now: datetime
) -> RiskFacts:
    zone = ZoneInfo(zone_in(patient) or "UTC")
    today = now.astimezone(zone).date()
    diagnoses, unread = _diagnoses(held["Condition"])
    covered = [s.resource for s in held["Coverage"] if in_force(s.resource, today)]
    rule = library.rule("coverage-kinds", today)
    medicare = [day((c.get("period") or {}).get("start")) for c in covered if kind_of(c, rule) in MEDICARE]
    return RiskFacts(
        today=today,
        age=_age(day(patient.get("birthDate")), today),
        sex=str(patient.get("gender", "")),
        stays=tuple(_stays(held["Encounter"], library, today, zone)),
        diagnoses=diagnoses,
        unread=unread,
        labs=tuple(_labs(held["Observation"], zone)),
        procedures=tuple(_procedures(held["Procedure"], zone)),
        told=_told(held["QuestionnaireResponse"], library, zone),
        coverage=frozenset(kind_of(each, rule) for each in covered),
        medicare_since=min((each for each in medicare if each), default=None),
    )


def _age(born: date | None, today: date) -> int | None:
    if born is None or born > today:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _local(text: Any, zone: ZoneInfo) -> date | None:
    """A day where the person lives when the hour is known, else as written."""
    said = text if isinstance(text, str) else None
    at = instant(said)
    return at.astimezone(zone).date() if at else day(said)


# --- stays


def _stays(found: Iterable[Stored], library: Library, today: date, zone: ZoneInfo) -> Iterable[StaySeen]:
    rule = library.rule("patient-class", today)
    for stored in found:
        resource = stored.resource
        setting = setting_of(resource.get("class") or {}, rule)
        is_ours = extension(resource, uris.OUTCOME) is not None
        if is_ours or setting not in ("stay", "emergency"):
            continue
        if resource.get("status") not in ("arrived", "triaged", "in-progress", "onleave", "finished"):
            continue
        period = resource.get("period") or {}
        is_over = resource.get("status") == "finished"
        yield StaySeen(
            stored.reference,
            setting,
            _local(period.get("start"), zone),
            _local(period.get("end"), zone) if is_over else None,
            _urgency(resource),
            _service(resource),
        )


def _urgency(encounter: Resource) -> bool | None:
    """By its priority, else by where she came from."""
    for _, code in codings(encounter.get("priority")):
        if code in PLANNED:
            return PLANNED[code]
    source = {code for _, code in codings((encounter.get("hospitalization") or {}).get("admitSource"))}
    return True if source & {"emd", "7"} else None


def _service(encounter: Resource) -> str:
    concept = encounter.get("serviceType")
    return " ".join(filter(None, (text_of(concept), *(code for _, code in codings(concept)))))


# --- diagnoses, laboratory values, procedures


def _diagnoses(found: Iterable[Stored]) -> tuple[tuple[Diagnosed, ...], int]:
    """(those with an ICD-10-CM code, how many have none)"""
    coded: list[Diagnosed] = []
    unread = 0
    for stored in found:
        resource = stored.resource
        verified = {code for _, code in codings(resource.get("verificationStatus"))}
        if verified & (WRONG | UNSURE) or is_need(resource):
            continue
        code = code_in(resource.get("code"), uris.ICD10CM)
        if code is None:
            unread += 1
            continue
        status = {code for _, code in codings(resource.get("clinicalStatus"))}
        is_over = bool(status & OVER) or resource.get("abatementDateTime") is not None
        coded.append(Diagnosed(code.replace(".", "").upper(), stored.reference, not is_over))
    return tuple(coded), unread


def _labs(found: Iterable[Stored], zone: ZoneInfo) -> Iterable[Lab]:
    for stored in found:
        resource = stored.resource
        quantity = resource.get("valueQuantity") or {}
        on = _local(resource.get("effectiveDateTime"), zone)
        loinc = code_in(resource.get("code"), uris.LOINC)
        unit = str(quantity.get("code") or quantity.get("unit") or "")
        if resource.get("status") in SEEN and on and loinc and unit and quantity.get("comparator") is None:
            try:
                value = Decimal(str(quantity["value"]))
            except (KeyError, InvalidOperation):
                continue
            yield Lab(loinc, value, unit, on, stored.reference)


def _procedures(found: Iterable[Stored], zone: ZoneInfo) -> Iterable[tuple[date, str]]:
    for stored in found:
        resource = stored.resource
        period = resource.get("performedPeriod") or {}
        on = _local(resource.get("performedDateTime") or period.get("start"), zone)
        if resource.get("status") in ("completed", "in-progress") and on:
            yield on, stored.reference


# --- answers


def _told(found: Iterable[Stored], library: Library, zone: ZoneInfo) -> dict[str, Told]:
    """The newest answer to each question that a score asks."""
    wanted: dict[str, set[str]] = {}
    for asked in (asked for risk in library.risks.values() for asked in risk.asked):
        name, _, item = asked.partition("/")
        wanted.setdefault(name, set()).add(item)
    said: dict[str, Told] = {}
    oldest_first = sorted(found, key=lambda s: (instant(s.resource.get("authored")) or s.at, s.rid))
    for stored in oldest_first:
        instrument = instrument_answered(library, str(stored.resource.get("questionnaire", "")))
        on = _local(stored.resource.get("authored"), zone)
        if instrument is None or instrument.id not in wanted or on is None:
            continue
        if stored.resource.get("status") not in DONE:
            continue
        answers, _ = answers_of(instrument.form, stored.resource)
        for item in wanted[instrument.id] & answers.keys():
            for value in answers[item].values[:1]:
                said[f"{instrument.id}/{item}"] = Told(_plain(value), on, stored.reference)
    return said


def _plain(value: Any) -> Decimal | str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return Decimal(value) if isinstance(value, (int, Decimal)) else str(value)
