"""A reading, typed by staff or by the person: an Observation, kept as it was typed, with who measured it.

A value that can't be believed is asked about before it is kept; said again, it is kept and marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.care.reading_work import value_said
from careloop.care.readings import Reading, is_leap, readings_in
from careloop.fhir import terms, uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref, set_extension
from careloop.kernel.errors import CareError, Forbidden
from careloop.library import Kind, Library, Measure
from careloop.projections.readings import readings_of
from careloop.store import Stored, Unit

CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
MOST_NOTE: Final = 500
# Of one person's people in a day: one in twenty minutes, day and night.
MOST_A_DAY: Final = 72
# A clock that is a little fast.
AHEAD: Final = timedelta(minutes=5)


class BadReading(CareError):
    """This can’t be read as a number with its unit."""

    code, status, issue_type = "bad-reading", 422, "value"

    def __init__(self, sentence: str, field: str) -> None:
        self.field = field
        super().__init__(sentence)


class AskFirst(CareError):
    """This is far from what is usual. Look at it again."""

    code, status, issue_type = "ask-first", 422, "value"

    def __init__(self, why: str, before: str) -> None:
        """why: impossible or leap. before: the last believed value in words."""
        self.why, self.before = why, before
        super().__init__()


class TooManyReadings(CareError):
    """So many readings in one day are more than anybody can look at. Please call your care team."""

    code, status, issue_type = "too-many-readings", 422, "throttled"


@dataclass(frozen=True, repr=False)
class Typed:
    """value: `82.4`, or `142/88` for a pair; second: the other of a pair when it has a field of its own. unit: a UCUM
    code of the kind. at: None for now. device: Device/…, or empty. key: makes a form sent twice one reading."""

    kind: str
    value: str
    unit: str = ""
    second: str = ""
    at: datetime | None = None
    device: str = ""
    note: str = ""
    key: str = ""
    is_sure: bool = False

    def __repr__(self) -> str:
        return f"Typed({self.kind})"


def record_reading(
    scope: Scope,
    person: str,
    typed: Typed,
    library: Library,
    now: datetime,
    *,
    measured_by: str | None = None,
) -> Result:
    """person: Patient id. measured_by: who measured it, when it is not the one who types ("Patient/…"); staff then
    only wrote it down. Whoever comes by the family's door writes in her own name. Raises BadReading, AskFirst,
    TooManyReadings, NotFound, Forbidden."""
    kind, measure, values, at = understood(typed, library, now)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        typist = unit.scope.actor.practitioner
        if unit.scope.actor.kind == "person":
            _by_family(unit, patient, measured_by)
        resource = observation_of(kind, measure, values, at, patient.reference)
        who = [ref(each) for each in (measured_by, typist) if each]
        if who:
            resource["performer"] = who
        if typed.device:
            resource["device"] = ref(typed.device)
        if typed.note.strip():
            resource["note"] = [{"text": typed.note.strip()[:MOST_NOTE]}]
        if not typed.is_sure:
            refuse_unlikely(unit, patient.rid, kind, resource, library)
        elif typist:
            _mark_sure(unit, patient.rid, kind, resource, library, typist)
        if typed.key:
            resource["identifier"] = [{"system": uris.DEDUPE, "value": f"reading:{typed.key}"}]
            stored = unit.create(
                resource, if_none_exist=[("identifier", f"{uris.DEDUPE}|reading:{typed.key}")]
            )
        else:
            stored = unit.create(resource)
        return Result(None, working.undo_token(stored) if stored.is_new else "", made=(stored,))


def _by_family(unit: Unit, patient: Stored, measured_by: str | None) -> None:
    """Raises Forbidden, TooManyReadings."""
    if not measured_by:
        raise Forbidden("Who writes a reading down at home says who measured it.")
    since = fhir_instant(unit.now - timedelta(days=1))
    asked = [
        ("patient", patient.reference),
        ("performer", measured_by),
        ("_lastUpdated", f"ge{since}"),
        ("_count", str(MOST_A_DAY)),
    ]
    if len(unit.search("Observation", asked).entries) >= MOST_A_DAY:
        raise TooManyReadings


def understood(
    typed: Typed, library: Library, now: datetime
) -> tuple[Kind, Measure, tuple[Decimal, ...], datetime]:
    """Raises BadReading."""
    kind = library.readings.get(typed.kind)
    if kind is None:
        raise BadReading("Choose what was measured.", "kind")
    measure = kind.measure(typed.unit or kind.unit)
    if measure is None:
        raise BadReading("Choose one of the units.", "unit")
    values = numbers_in(kind, typed.value, typed.second)
    at = typed.at or now
    if at > now + AHEAD:
        raise BadReading("That day lies in the future.", "at")
    return kind, measure, values, at


def numbers_in(kind: Kind, value: str, second: str = "") -> tuple[Decimal, ...]:
    """One number, or two of a pair. Raises BadReading."""
    said = [part.strip() for part in value.replace("\\", "/").split("/")] if kind.is_pair else [value.strip()]
    if kind.is_pair and second.strip():
        said = [said[0], second.strip()]
    if kind.is_pair and len(said) != 2:
        raise BadReading("Write both numbers, like 142/88.", "value")
    return tuple(number_in(each) for each in said)


def number_in(text: str) -> Decimal:
    """`82.4` and `82,4`. Raises BadReading."""
    plain = text.replace(" ", "")
    if plain.count(",") == 1 and "." not in plain and len(plain.partition(",")[2]) != 3:
        plain = plain.replace(",", ".")
    plain = plain.replace(",", "")
    try:
        if not plain or len(plain) > 12 or not all(c in "0123456789.-" for c in plain):
            raise InvalidOperation
        return Decimal(plain)
    except InvalidOperation:
        raise BadReading("Write a number, like 82.4.", "value") from None


def observation_of(
    kind: Kind, measure: Measure, values: tuple[Decimal, ...], at: datetime, person: str
) -> Resource:
    """In the unit in which it was typed."""
    quantities = [
        {"value": value, "unit": measure.shown, "system": terms.UCUM, "code": measure.code}
        for value in values
    ]
    code = (kind.panels or kind.codes)[0]
    resource: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "category": [codeable(CATEGORY, "vital-signs", "Vital Signs")],
        "code": {**codeable(uris.LOINC, code.code, code.text), "text": kind.name.en},
        "subject": ref(person),
        "effectiveDateTime": fhir_instant(at),
    }
    if kind.second is None:
        return {**resource, "valueQuantity": quantities[0]}
    codes = (kind.codes[0], kind.second.codes[0])
    parts = [
        {"code": codeable(uris.LOINC, each.code, each.text), "valueQuantity": quantity}
        for each, quantity in zip(codes, quantities, strict=True)
    ]
    return {**resource, "component": parts}


def doubt_about(
    unit: Unit, person: int, kind: Kind, resource: Resource, library: Library
) -> tuple[str, str] | None:
    """(why, the last believed value in words); None when nothing speaks against it."""
    made = readings_in(resource, unit.now, {kind.id: kind})
    if not made:
        return None
    reading = made[0]
    before = readings_of(unit, person, [kind.id], until=reading.at, limit=1)
    said = value_said(kind, before[0].value, before[0].second, before[0].unit) if before else ""
    if reading.own in ("impossible", "unit"):
        return reading.own, said
    if before and is_leap(kind, _as_reading(before[0].at, before[0].value, kind), reading):
        return "leap", said
    return None


def _as_reading(at: datetime, value: Decimal, kind: Kind) -> Reading:
    return Reading(kind.id, at, True, value, None, kind.unit, None, "staff", None, None)


def refuse_unlikely(unit: Unit, person: int, kind: Kind, resource: Resource, library: Library) -> None:
    """Raises AskFirst."""
    if found := doubt_about(unit, person, kind, resource, library):
        raise AskFirst(*found)


def _mark_sure(unit: Unit, person: int, kind: Kind, resource: Resource, library: Library, by: str) -> None:
    """Staff looked at it again before it was kept: that is a person's word."""
    if doubt_about(unit, person, kind, resource, library):
        mark_reviewed(resource, "confirmed", by, unit.now, "")


def mark_reviewed(resource: Resource, decision: str, by: str, at: datetime, why: str) -> None:
    told: list[Mapping[str, object]] = [
        {"url": "decision", "valueCode": decision},
        {"url": "at", "valueDateTime": fhir_instant(at)},
        {"url": "by", "valueReference": ref(by)},
        *([{"url": "why", "valueString": why}] if why else []),
    ]
    set_extension(resource, uris.READING_REVIEW, "String", None)
    resource["extension"] = [*resource.get("extension", ()), {"url": uris.READING_REVIEW, "extension": told}]
