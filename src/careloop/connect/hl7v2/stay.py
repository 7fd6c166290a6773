"""PV1, PV2, EVN and DG1 -> Encounter and its diagnoses."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from careloop.connect.hl7v2 import tables
from careloop.connect.hl7v2.datatypes import Notes, coding, concept, identifier, moment, when
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import Message, Parts, Segment
from careloop.connect.hl7v2.people import display
from careloop.fhir import uris
from careloop.fhir.elements import Resource

STATUS = {
    "A01": "in-progress",
    "A04": "in-progress",
    "A03": "finished",
    "A11": "cancelled",
    "A13": "in-progress",
}
VISIT_NUMBER = {"coding": [coding(uris.IDENTIFIER_TYPE, "VN", "Visit number")]}
ROLES = ((7, "ATND", "attender"), (8, "REF", "referrer"), (9, "CON", "consultant"), (17, "ADM", "admitter"))
_CLOCK_SLACK = timedelta(hours=24)


def encounter(message: Message, patient: str, origin: Origin, received: datetime, notes: Notes) -> Resource:
    """status as this message alone tells it; what came before and after is weighed in care/stay.py."""
    pv1, trigger = message.first("PV1"), message.header.trigger
    found: Resource = {
        "resourceType": "Encounter",
        "meta": {"source": origin.uri},
        "identifier": _visit(message, origin, notes),
        "status": STATUS.get(trigger, "finished" if pv1.value(45) else "in-progress"),
        "class": _class(pv1, origin, notes),
        "subject": {"reference": patient},
        "serviceProvider": _hospital(message, origin),
    }
    for key, value in (
        ("type", _types(pv1)),
        ("serviceType", concept(pv1.first(10), tables.V2 + "0069")),
        ("priority", concept(pv1.first(4), tables.V2 + "0007")),
        ("period", _period(message, origin, received, notes)),
        (
            "reasonCode",
            [
                made
                for part in message.first("PV2").all(3)
                if (made := concept(part, origin.system("reason")))
            ],
        ),
        ("hospitalization", _hospitalization(pv1, origin)),
        ("location", _location(pv1.first(3))),
    ):
        if value:
            found[key] = value
    return found


def _visit(message: Message, origin: Origin, notes: Notes) -> list[Resource]:
    """PV1-19; else the account (PID-18), else nothing: then the stay can't be followed from message to message."""
    pv1, pid = message.first("PV1"), message.first("PID")
    for segment, field in ((pv1, 19), (pid, 18)):
        if made := identifier(segment.first(field), origin):
            if field == 18:
                notes.add("There is no visit number (PV1-19); the account number (PID-18) stands for it.")
            return [{**made, "type": VISIT_NUMBER}]
    return []


def _class(pv1: Segment, origin: Origin, notes: Notes) -> Resource:
    raw = pv1.value(2)
    if mapped := origin.classes.get(raw) or origin.classes.get(raw.upper()):
        return coding(uris.ACT_CODE, mapped, tables.CLASS_WORDS.get(mapped, ""))
    if known := tables.PATIENT_CLASS.get(raw.upper()):
        return coding(uris.ACT_CODE, known, tables.CLASS_WORDS[known])
    if raw and re.fullmatch(r"\S+( \S+)*", raw):
        notes.add("The patient class (PV1-2) is not mapped for this sender; it was kept as it came.")
        return coding(tables.V2 + "0004", raw)
    notes.add("The message gives no patient class (PV1-2).")
    return coding(tables.V3 + "NullFlavor", "UNK", "unknown")


def _types(pv1: Segment) -> list[Resource]:
    """The patient class and type as they came, beside what we made of them."""
    kinds = ((2, tables.V2 + "0004"), (18, tables.V2 + "0018"))
    return [made for field, system in kinds if (made := concept(pv1.first(field), system))]


def _hospital(message: Message, origin: Origin) -> Resource:
    named = message.first("PV1").value(39) or message.header.facility or origin.name
    return {**({"reference": origin.hospital} if origin.hospital else {}), "display": named}


def _period(message: Message, origin: Origin, received: datetime, notes: Notes) -> Resource:
    pv1, trigger = message.first("PV1"), message.header.trigger
    found: dict[str, Any] = {}
    if start := _past(pv1, 44, origin, received, notes):
        found["start"] = start
    if trigger in ("A03", "A08"):
        end = _past(pv1, 45, origin, received, notes)
        if not end and trigger == "A03" and (end := _past(message.first("EVN"), 6, origin, received, notes)):
            notes.add("There is no discharge time (PV1-45); the time of the event (EVN-6) stands for it.")
        if end:
            found["end"] = end
        elif trigger == "A03":
            notes.add("The message does not say when the discharge was (PV1-45).")
    elif pv1.value(45):
        notes.add("PV1-45 gives a discharge time, but the event is none; it was left out.")
    if _is_backwards(pv1, origin) and len(found) == 2:
        notes.ask(
            "The discharge (PV1-45) lies before the admission (PV1-44); the admission time was left out."
        )
        del found["start"]
    return found


def _past(segment: Segment, field: int, origin: Origin, received: datetime, notes: Notes) -> str | None:
    stamp = segment.stamp(field)
    at = moment(segment, field, origin)
    late = (
        at > received + _CLOCK_SLACK
        if at
        else bool(stamp and stamp.local.date() > (received + _CLOCK_SLACK).date())
    )
    if late:
        notes.ask(f"{segment.name}-{field} lies in the future; it was left out.")
        return None
    return when(segment, field, origin, notes)


def _is_backwards(pv1: Segment, origin: Origin) -> bool:
    came, left = moment(pv1, 44, origin), moment(pv1, 45, origin)
    if came and left:
        return left < came
    first, last = pv1.stamp(44), pv1.stamp(45)
    return bool(first and last and last.local.date() < first.local.date())


def _hospitalization(pv1: Segment, origin: Origin) -> Resource:
    found: Resource = {}
    if made := concept(pv1.first(14), tables.V2 + "0023"):
        found["admitSource"] = made
    if made := disposition(pv1.first(36), origin):
        found["dischargeDisposition"] = made
    if place := pv1.value(37):
        found["destination"] = {"display": place}
    return found


def disposition(value: Parts, origin: Origin) -> Resource | None:
    """The sender's own code, unchanged. Two digits are table 0112; anything else means what the sender says."""
    code = value.part(1)
    own = not (re.fullmatch(r"\d{1,2}", code) or value.part(3).upper() == "HL70112")
    return concept(value, origin.system("disposition") if own else uris.HL7_0112)


def _location(pl: Parts) -> list[Resource]:
    said = [pl.part(component) for component in (1, 2, 3)]
    shown = " ".join(word for word in said if word)
    return [{"location": {"display": shown}}] if shown else []


def participants(pv1: Segment, known: dict[str, str]) -> list[Resource]:
    """known: XCN as written -> reference of its Practitioner in the bundle; others keep their name only."""
    found = []
    for field, code, words in ROLES:
        for xcn in pv1.all(field):
            shown = display(xcn)
            reference = known.get(xcn.text)
            if reference or shown:
                individual = {
                    **({"reference": reference} if reference else {}),
                    "display": shown or reference,
                }
                role = {"coding": [coding(tables.V3 + "ParticipationType", code, words)]}
                found.append({"type": [role], "individual": individual})
    return found


def conditions(
    message: Message, patient: str, stay: str, origin: Origin, notes: Notes
) -> list[tuple[Resource, str]]:
    """(Condition, role in the stay: AD, DD or '') of each DG1."""
    found = []
    for dg1 in message.all("DG1"):
        code = _diagnosis(dg1, origin)
        if dg1.value(21).upper() == "D":
            notes.add("A diagnosis (DG1) is marked as deleted; it was left out.")
        elif code is None:
            notes.add("A diagnosis (DG1) has neither a code nor words; it was left out.")
        else:
            role = {"A": "AD", "F": "DD"}.get(dg1.value(6).upper(), "")
            found.append((_condition(dg1, code, patient, stay, origin, notes), role))
    return found


def _diagnosis(dg1: Segment, origin: Origin) -> Resource | None:
    method = tables.CODE_SYSTEM.get(dg1.value(2).upper())
    code = concept(dg1.first(3), method or origin.system("diagnosis"))
    words = dg1.value(4)
    if code is None:
        return {"text": words} if words else None
    return {**code, "text": words or code["text"]}


def _condition(
    dg1: Segment, code: Resource, patient: str, stay: str, origin: Origin, notes: Notes
) -> Resource:
    sure = {"F": "confirmed", "A": "provisional", "W": "provisional"}.get(dg1.value(6).upper(), "unconfirmed")
    found: Resource = {
        "resourceType": "Condition",
        "meta": {"source": origin.uri},
        "clinicalStatus": {
            "coding": [coding("http://terminology.hl7.org/CodeSystem/condition-clinical", "active")]
        },
        "verificationStatus": {
            "coding": [coding("http://terminology.hl7.org/CodeSystem/condition-ver-status", sure)]
        },
        "category": [{"coding": [coding(uris.CONDITION_CATEGORY, "encounter-diagnosis")]}],
        "code": code,
        "subject": {"reference": patient},
        "encounter": {"reference": stay},
    }
    if said := when(dg1, 5, origin, notes):
        found["recordedDate"] = said
    return found
