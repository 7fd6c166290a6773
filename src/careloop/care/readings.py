"""What an Observation says as a reading: of which kind, in the unit that kind is kept in, and whether it can be.

Pure. Nothing is changed or thrown away here: what can't be believed is told apart, with the reason, and asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from careloop.fhir import terms, uris
from careloop.fhir.elements import Resource, day, extension, instant
from careloop.library import Kind

State = Literal["ok", "doubtful", "refuted", "repeated"]
Source = Literal["device", "person", "staff", "elsewhere"]
# Why a reading is in its state. unit, impossible, future: by itself; leap: beside the one before; repeated: sent
# twice; confirmed, refuted: a person said so.
Why = Literal["unit", "impossible", "future", "leap", "repeated", "confirmed", "refuted"]

NOT_YET: Final = frozenset({"registered", "cancelled", "unknown"})
WRONG: Final = "entered-in-error"
# A clock that is a little fast is no reason to ask.
AHEAD: Final = timedelta(days=1)
SENDER: Final = "urn:careloop:source:"
# What can't be calculated with is kept as this, and asked about.
NO_NUMBER: Final = Decimal(999_999_999_999)


@dataclass(frozen=True, repr=False)
class Reading:
    """value, second: in the kind's unit; as sent where the unit is unknown, and then unit is as sent. own: why it is
    in its state by itself, None when nothing speaks against it. comparator: `<` or `>`, of a meter that shows LO or
    HI."""

    kind: str
    at: datetime
    has_hour: bool
    value: Decimal
    second: Decimal | None
    unit: str
    comparator: str | None
    source: Source
    device: str | None
    own: Why | None

    def __repr__(self) -> str:
        return f"Reading({self.kind})"


def readings_in(resource: Resource, written: datetime, kinds: Mapping[str, Kind]) -> list[Reading]:
    """resource: an Observation. written: when this version came, for what has no time of its own. One Observation may
    hold several (a cuff that counts the pulse as well)."""
    status = resource.get("status")
    if resource.get("resourceType") != "Observation" or status in NOT_YET or resource.get("dataAbsentReason"):
        return []
    parts = list(_parts(resource))
    if not parts:
        return []
    at, has_hour = _at(resource, written)
    found = []
    for kind in kinds.values():
        if (first := _part(parts, [c.code for c in kind.codes])) is not None:
            second = _part(parts, [c.code for c in kind.second.codes]) if kind.second else None
            found.append(_reading(kind, resource, first, second, at, has_hour, written))
    return found


def _parts(resource: Resource) -> Iterator[tuple[frozenset[str], Mapping[str, Any]]]:
    """(LOINC codes, quantity), of the Observation and of its components."""
    for each in (resource, *resource.get("component", ())):
        quantity = each.get("valueQuantity")
        if quantity is None and "valueInteger" in each:
            quantity = {"value": each["valueInteger"]}
        if isinstance(quantity, Mapping) and quantity.get("value") is not None:
            codes = frozenset(
                str(coding.get("code"))
                for coding in (each.get("code") or {}).get("coding", ())
                if coding.get("system") == uris.LOINC and coding.get("code")
            )
            if codes:
                yield codes, quantity


def _part(
    parts: Sequence[tuple[frozenset[str], Mapping[str, Any]]], codes: Sequence[str]
) -> Mapping[str, Any] | None:
    return next((quantity for said, quantity in parts if said & set(codes)), None)


def _at(resource: Resource, written: datetime) -> tuple[datetime, bool]:
    """When it was measured; a day without an hour stands at noon UTC, as in the story."""
    period = resource.get("effectivePeriod") or {}
    told = [
        resource.get("effectiveDateTime"),
        resource.get("effectiveInstant"),
        period.get("end"),
        period.get("start"),
    ]
    for text in told:
        if at := instant(text):
            return at, True
        if isinstance(text, str) and (on := day(text)):
            return datetime.combine(on, time(12), tzinfo=UTC), False
    return instant(resource.get("issued")) or written, True


def _reading(
    kind: Kind,
    resource: Resource,
    first: Mapping[str, Any],
    second: Mapping[str, Any] | None,
    at: datetime,
    has_hour: bool,
    written: datetime,
) -> Reading:
    value, unit, fault = _canonical(kind, first)
    other: Decimal | None = None
    if second is not None:
        other, second_unit, second_fault = _canonical(kind, second)
        fault = fault or second_fault or ("unit" if unit != second_unit else None)
    if fault is None and not kind.is_possible(value, other):
        fault = "impossible"
    if fault is None and at > written + AHEAD:
        fault = "future"
    device = _device(resource)
    return Reading(
        kind=kind.id,
        at=at,
        has_hour=has_hour,
        value=value,
        second=other,
        unit=unit,
        comparator=str(first["comparator"])[:2] if first.get("comparator") else None,
        source=_source(resource, device),
        device=device,
        own=_reviewed(resource, fault),
    )


def _canonical(kind: Kind, quantity: Mapping[str, Any]) -> tuple[Decimal, str, Why | None]:
    """(value, unit, what speaks against it)"""
    said = str(quantity.get("code") or quantity.get("unit") or "")[:40]
    try:
        value = Decimal(str(quantity["value"]))
    except InvalidOperation:
        return NO_NUMBER, said, "impossible"
    is_ucum = quantity.get("system") in (None, terms.UCUM)
    measure = kind.measure(quantity.get("code") if is_ucum else None, quantity.get("unit"))
    if measure is None and not said and kind.units[0].code.startswith("{"):
        measure = kind.units[0]  # a count has no unit to mistake
    try:
        return (measure.canonical(value), kind.unit, None) if measure else (_sane(value), said, "unit")
    except OverflowError:
        return NO_NUMBER, kind.unit, "impossible"


def _sane(value: Decimal) -> Decimal:
    is_sane = value.is_finite() and abs(value.adjusted()) <= 12 and len(value.as_tuple().digits) <= 40
    return value if is_sane else NO_NUMBER


def _reviewed(resource: Resource, fault: Why | None) -> Why | None:
    """A person's word stands above ours; but a unit that nobody knows stays unknown."""
    if resource.get("status") == WRONG:
        return "refuted"
    decision = review_of(resource)
    if decision == "refuted":
        return "refuted"
    if decision == "confirmed" and fault != "unit":
        return "confirmed"
    return fault


def review_of(resource: Resource) -> str | None:
    """`confirmed` or `refuted`, as a person said; None when nobody did."""
    for found in resource.get("extension", ()):
        if found.get("url") == uris.READING_REVIEW:
            said = extension(found, "decision")
            return said if said in ("confirmed", "refuted") else None
    return None


def _device(resource: Resource) -> str | None:
    """Its reference, else its number, else its name."""
    device = resource.get("device")
    if not isinstance(device, Mapping):
        return None
    said = device.get("reference") or (device.get("identifier") or {}).get("value") or device.get("display")
    return str(said)[:200] if said else None


def _source(resource: Resource, device: str | None) -> Source:
    who = [str(p.get("reference", "")).partition("/")[0] for p in resource.get("performer", ())]
    if device or "Device" in who:
        return "device"
    if {"Patient", "RelatedPerson"} & set(who):
        return "person"
    is_sent = str((resource.get("meta") or {}).get("source", "")).startswith(SENDER)
    if not is_sent and {"Practitioner", "PractitionerRole"} & set(who):
        return "staff"
    return "elsewhere"


# --- one beside the other


@dataclass(frozen=True)
class Placed:
    """A reading among those of its person and kind. key: tells apart, and orders, what has the same instant."""

    key: int
    reading: Reading
    state: State = "ok"
    why: Why | None = None


def settle(kind: Kind, placed: Sequence[Placed], before: Placed | None) -> list[Placed]:
    """Their states. placed: in the order of (at, key), from some instant on. before: the last one believed earlier.

    The same value of the same instant is one reading, sent again. More than a leap away from the last one that was
    believed is not believed by itself: “182 kg, yesterday 82?”
    """
    believed, seen = before, set[tuple[datetime, Decimal, Decimal | None]]()
    found = []
    for each in placed:
        state, why = _state(kind, each.reading, believed, seen)
        made = replace(each, state=state, why=why)
        found.append(made)
        if state != "refuted":
            seen.add(_slot(each.reading))
        if state == "ok":
            believed = made
    return found


def _slot(reading: Reading) -> tuple[datetime, Decimal, Decimal | None]:
    return reading.at, reading.value, reading.second


def _state(
    kind: Kind,
    reading: Reading,
    believed: Placed | None,
    seen: set[tuple[datetime, Decimal, Decimal | None]],
) -> tuple[State, Why | None]:
    if reading.own == "refuted":
        return "refuted", "refuted"
    if _slot(reading) in seen:
        return "repeated", "repeated"
    if reading.own == "confirmed":
        return "ok", "confirmed"
    if reading.own is not None:
        return "doubtful", reading.own
    return (
        ("doubtful", "leap")
        if is_leap(kind, believed.reading if believed else None, reading)
        else ("ok", None)
    )


def is_leap(kind: Kind, before: Reading | None, reading: Reading) -> bool:
    """before: None, or so long ago that it says nothing: no leap."""
    leap = kind.leap
    if leap is None or before is None or reading.at - before.at > timedelta(days=leap.within_days):
        return False
    return abs(reading.value - before.value) > leap.by
