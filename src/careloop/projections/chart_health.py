"""The health history as a page shows it: problems, medicines, allergies, stays, readings, coverage, vaccines. Each with
its day and with who says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, day, extension, text_of
from careloop.projections.looked import is_need
from careloop.projections.moments import HOSPITAL, at_of, value_words
from careloop.projections.people import names
from careloop.store import Stored, Unit

TYPES: Final = (
    "AllergyIntolerance",
    "Condition",
    "Coverage",
    "Encounter",
    "Immunization",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
)
SENDER: Final = "urn:careloop:sender:"
WRONG: Final = frozenset({"entered-in-error", "cancelled"})
PAST_PROBLEM: Final = frozenset({"resolved", "inactive", "remission"})
PAST_MEDICINE: Final = frozenset({"stopped", "completed", "cancelled", "not-taken", "on-hold"})
BLOOD_PRESSURE: Final = ("8480-6", "8462-4")
# Weight, blood pressure, glucose, A1c, oxygen, pulse (LOINC).
FIRST: Final = ("29463-7", "85354-9", "55284-4", "2339-0", "4548-4", "59408-5", "8867-4")
# A person with decades of laboratory values still gets one page; older points are left out of the chart, and said so.
MOST_POINTS: Final = 60


@dataclass(frozen=True, repr=False)
class Fact:
    """One line. on: its day; until: when it ended. source: who says so; empty when nobody is named."""

    reference: str
    title: str
    detail: str
    on: date | None
    until: date | None
    source: str
    is_past: bool


@dataclass(frozen=True, repr=False)
class Stay:
    """kind: inpatient, emergency, visit. disposition: where she went, as the hospital sent it; disposition_code:
    its code in UB-04, empty for a sender's own."""

    reference: str
    kind: str
    status: str
    began: datetime | None
    ended: datetime | None
    where: str
    reason: str
    disposition: str
    disposition_code: str
    source: str

    @property
    def is_of_one_day(self) -> bool:
        return self.began is not None and self.ended is not None and self.began.date() == self.ended.date()


@dataclass(frozen=True, repr=False)
class Point:
    """other: the second value of a pair, the diastolic pressure."""

    at: datetime
    value: Decimal
    other: Decimal | None
    words: str
    source: str
    reference: str


@dataclass(frozen=True, repr=False)
class Series:
    """One measure over time, oldest first. hidden: how many older points are left out. low, high: the range to be
    in, as the newest value tells it; range_words: what that range is called."""

    code: str
    title: str
    unit: str
    points: tuple[Point, ...]
    hidden: int = 0
    low: Decimal | None = None
    high: Decimal | None = None
    range_words: str = ""

    @property
    def latest(self) -> Point:
        return self.points[-1]


@dataclass(frozen=True, repr=False)
class Health:
    problems: tuple[Fact, ...]
    medicines: tuple[Fact, ...]
    allergies: tuple[Fact, ...]
    stays: tuple[Stay, ...]
    readings: tuple[Series, ...]
    findings: tuple[Fact, ...]
    procedures: tuple[Fact, ...]
    vaccines: tuple[Fact, ...]
    coverage: tuple[Fact, ...]

    @property
    def is_empty(self) -> bool:
        return not any(
            (
                self.problems,
                self.medicines,
                self.allergies,
                self.stays,
                self.readings,
                self.findings,
                self.procedures,
                self.vaccines,
                self.coverage,
            )
        )


def health_of(unit: Unit, person: int) -> Health:
    """person: rid. Newest first, what is over last."""
    held: dict[str, list[Stored]] = {kind: [] for kind in TYPES}
    for stored in unit.of_person(person, TYPES):
        if stored.resource.get("status") not in WRONG and not _is_wrong(stored.resource):
            held[stored.type].append(stored)
    tell = _Sources(unit, held)
    medicines = [*held["MedicationRequest"], *held["MedicationStatement"]]
    readings, findings = _observations(held["Observation"], tell)
    return Health(
        problems=_sorted(_problem(s, tell) for s in held["Condition"] if not is_need(s.resource)),
        medicines=_sorted(_medicine(s, tell) for s in medicines),
        allergies=_sorted(_allergy(s, tell) for s in held["AllergyIntolerance"]),
        stays=tuple(_stays(held["Encounter"], tell)),
        readings=readings,
        findings=findings,
        procedures=_sorted(_procedure(s, tell) for s in held["Procedure"]),
        vaccines=_sorted(_vaccine(s, tell) for s in held["Immunization"]),
        coverage=_sorted(_coverage(s, tell) for s in held["Coverage"]),
    )


def _is_wrong(resource: Resource) -> bool:
    said = {code for _, code in codings(resource.get("verificationStatus"))}
    return bool(said & {"entered-in-error", "refuted"})


def _sorted(found: Iterable[Fact]) -> tuple[Fact, ...]:
    newest = sorted(found, key=lambda fact: (fact.on or date.min, fact.reference), reverse=True)
    return tuple(sorted(newest, key=lambda fact: fact.is_past))


# --- who says so

TELLERS: Final = ("recorder", "asserter", "requester", "informationSource", "author")


class _Sources:
    """Names of recorders and senders, looked up once for the whole page."""

    def __init__(self, unit: Unit, held: Mapping[str, Sequence[Stored]]) -> None:
        every = [element for found in held.values() for s in found for element in _tellers(s.resource)]
        self.called = names(unit, {e["reference"] for e in every if "reference" in e})

    def of(self, resource: Resource) -> str:
        """`Dr. Wei Chen`, `home scale`, `feed stlukes`; empty when the resource names nobody."""
        told = [
            self.called.get(element.get("reference", "")) or element.get("display", "")
            for element in _tellers(resource)
        ]
        method = text_of(resource.get("method"))
        said = next((name for name in told if name), "") or method
        return str(said) or sender_of(resource)

    def name(self, element: Mapping[str, Any] | None) -> str:
        found = element or {}
        return str(self.called.get(found.get("reference", "")) or found.get("display", ""))


def _tellers(resource: Resource) -> list[Mapping[str, Any]]:
    found = [resource[name] for name in TELLERS if isinstance(resource.get(name), dict)]
    for one in resource.get("performer", ()):
        found.append(one.get("actor", one))
    if "serviceProvider" in resource:
        found.append(resource["serviceProvider"])
    return found


def sender_of(resource: Resource) -> str:
    """The feed or file it came by, as its name; empty for what was written here."""
    source = str((resource.get("meta") or {}).get("source", ""))
    return source.removeprefix(SENDER).partition("#")[0] if source.startswith(SENDER) else ""


# --- facts


def _problem(stored: Stored, tell: _Sources) -> Fact:
    resource = stored.resource
    status = {code for _, code in codings(resource.get("clinicalStatus"))}
    began = resource.get("onsetDateTime") or (resource.get("onsetPeriod") or {}).get("start")
    code = next((c.get("code", "") for c in (resource.get("code") or {}).get("coding", ())), "")
    ended = resource.get("abatementDateTime")
    return Fact(
        reference=stored.reference,
        title=text_of(resource.get("code")),
        detail=str(code),
        on=day(began) or day(resource.get("recordedDate")),
        until=day(ended),
        source=tell.of(resource),
        is_past=bool(status & PAST_PROBLEM) or ended is not None,
    )


def _medicine(stored: Stored, tell: _Sources) -> Fact:
    resource = stored.resource
    doses = resource.get("dosageInstruction") or resource.get("dosage") or ()
    title = text_of(resource.get("medicationCodeableConcept")) or str(
        (resource.get("medicationReference") or {}).get("display", "")
    )
    period = resource.get("effectivePeriod") or {}
    return Fact(
        reference=stored.reference,
        title=title,
        detail=next((str(d["text"]) for d in doses if d.get("text")), ""),
        on=day(resource.get("authoredOn"))
        or day(resource.get("effectiveDateTime"))
        or day(period.get("start")),
        until=day(period.get("end")),
        source=tell.of(resource),
        is_past=resource.get("status") in PAST_MEDICINE,
    )


def _allergy(stored: Stored, tell: _Sources) -> Fact:
    resource = stored.resource
    status = {code for _, code in codings(resource.get("clinicalStatus"))}
    reactions = [text_of(m) for r in resource.get("reaction", ()) for m in r.get("manifestation", ())]
    return Fact(
        reference=stored.reference,
        title=text_of(resource.get("code")),
        detail=", ".join(found for found in reactions if found),
        on=day(resource.get("recordedDate")) or day(resource.get("onsetDateTime")),
        until=None,
        source=tell.of(resource),
        is_past=bool(status) and "active" not in status,
    )


def _procedure(stored: Stored, tell: _Sources) -> Fact:
    resource = stored.resource
    period = resource.get("performedPeriod") or {}
    on = day(resource.get("performedDateTime")) or day(period.get("start"))
    title = text_of(resource.get("code"))
    return Fact(stored.reference, title, "", on, None, tell.of(resource), is_past=False)


def _vaccine(stored: Stored, tell: _Sources) -> Fact:
    resource = stored.resource
    on = day(resource.get("occurrenceDateTime"))
    title = text_of(resource.get("vaccineCode"))
    return Fact(stored.reference, title, "", on, None, tell.of(resource), is_past=False)


def _coverage(stored: Stored, tell: _Sources) -> Fact:
    resource = stored.resource
    period = resource.get("period") or {}
    payor = next((p.get("display", "") for p in resource.get("payor", ())), "")
    number = str(resource.get("subscriberId") or "")
    return Fact(
        reference=stored.reference,
        title=text_of(resource.get("type")) or str(payor),
        detail=" · ".join(part for part in (str(payor), number) if part),
        on=day(period.get("start")),
        until=day(period.get("end")),
        source=tell.of(resource),
        is_past=resource.get("status") != "active",
    )


def _stays(found: Iterable[Stored], tell: _Sources) -> list[Stay]:
    """Hospital stays and visits; our own calls stand in the story."""
    made = [_stay(s, tell) for s in found if extension(s.resource, uris.OUTCOME) is None]
    return sorted(made, key=lambda s: (s.began.timestamp() if s.began else 0, s.reference), reverse=True)


def _stay(stored: Stored, tell: _Sources) -> Stay:
    resource = stored.resource
    kind = str((resource.get("class") or {}).get("code", ""))
    period = resource.get("period") or {}
    reason = next((text_of(c) for c in resource.get("reasonCode", ())), "") or next(
        (text_of(c) for c in resource.get("type", ())), ""
    )
    left = (resource.get("hospitalization") or {}).get("dischargeDisposition")
    return Stay(
        reference=stored.reference,
        kind="inpatient" if kind in HOSPITAL else "emergency" if kind == "EMER" else "visit",
        status=str(resource.get("status", "")),
        began=at_of(period.get("start")),
        ended=at_of(period.get("end")),
        where=tell.name(resource.get("serviceProvider")),
        reason=reason,
        disposition=text_of(left),
        disposition_code=code_in(left, uris.HL7_0112) or "",
        source=sender_of(resource),
    )


# --- readings


def _observations(found: Sequence[Stored], tell: _Sources) -> tuple[tuple[Series, ...], tuple[Fact, ...]]:
    """(numbers over time, by what was measured; the newest of each finding in words)"""
    by_code: dict[tuple[str, str], list[Point]] = {}
    newest: dict[tuple[str, str], Resource] = {}
    words: dict[str, Fact] = {}
    for stored in found:
        resource = stored.resource
        categories = {code for c in resource.get("category", ()) for _, code in codings(c)}
        if "social-history" in categories or "survey" in categories or resource.get("derivedFrom"):
            continue
        code = next((code for _, code in codings(resource.get("code"))), "") or text_of(resource.get("code"))
        if point := _point(stored, tell):
            key = (code, unit_of(resource))
            by_code.setdefault(key, []).append(point)
            if point.at >= max(p.at for p in by_code[key]):
                newest[key] = resource
        elif said := value_words(resource):
            fact = Fact(
                stored.reference,
                text_of(resource.get("code")),
                said,
                day(resource.get("effectiveDateTime")),
                None,
                tell.of(resource),
                is_past=False,
            )
            if code not in words or (fact.on or date.min) > (words[code].on or date.min):
                words[code] = fact
    series = [_series(key, newest[key], points) for key, points in by_code.items()]
    recent = sorted(series, key=lambda s: s.latest.at, reverse=True)
    return tuple(sorted(recent, key=lambda s: (len(s.points) < 3, _rank(s)))), _sorted(words.values())


def _rank(series: Series) -> int:
    """What a coordinator looks for first; all else after it."""
    return FIRST.index(series.code) if series.code in FIRST else len(FIRST)


def _series(key: tuple[str, str], newest: Resource, points: list[Point]) -> Series:
    oldest = sorted(points, key=lambda p: p.at)
    shown = oldest[-MOST_POINTS:]
    low, high, said = _range(newest)
    title = text_of(newest.get("code"))
    return Series(key[0], title, key[1], tuple(shown), len(oldest) - len(shown), low, high, said)


def _range(resource: Resource) -> tuple[Decimal | None, Decimal | None, str]:
    """The reference range of the value, or of the first of a pair."""
    parts = resource.get("component") or [{}]
    found: Mapping[str, Any] = next(
        iter(resource.get("referenceRange") or parts[0].get("referenceRange") or ()), {}
    )
    low, high = ((found.get(end) or {}).get("value") for end in ("low", "high"))
    said = str(found.get("text") or text_of(found.get("type")))
    return (
        Decimal(str(low)) if low is not None else None,
        Decimal(str(high)) if high is not None else None,
        said,
    )


def _point(stored: Stored, tell: _Sources) -> Point | None:
    resource = stored.resource
    at = at_of(resource.get("effectiveDateTime")) or at_of(
        (resource.get("effectivePeriod") or {}).get("start")
    )
    values = _values(resource)
    if at is None or not values:
        return None
    other = values[1] if len(values) > 1 else None
    return Point(at, values[0], other, value_words(resource), tell.of(resource), stored.reference)


def _values(resource: Resource) -> list[Decimal]:
    """The number, or the pair of a blood pressure, systolic first."""
    if "valueQuantity" in resource:
        value = resource["valueQuantity"].get("value")
        return [Decimal(str(value))] if value is not None else []
    parts = {
        code: part["valueQuantity"]["value"]
        for part in resource.get("component", ())
        for _, code in codings(part.get("code"))
        if "value" in part.get("valueQuantity", {})
    }
    return (
        [Decimal(str(parts[code])) for code in BLOOD_PRESSURE] if parts.keys() >= set(BLOOD_PRESSURE) else []
    )


def unit_of(resource: Resource) -> str:
    quantities = [
        resource.get("valueQuantity"),
        *(p.get("valueQuantity") for p in resource.get("component", ())),
    ]
    units = (str(q.get("unit") or q.get("code") or "") for q in quantities if q)
    found = next(units, "")
    return "" if found.startswith("{") else found
