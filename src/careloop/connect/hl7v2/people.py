"""PID, PD1, NK1 and the XCN fields -> Patient, RelatedPerson, Practitioner."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from careloop.connect.hl7v2 import tables
from careloop.connect.hl7v2.datatypes import (
    SSN,
    Notes,
    address,
    coding,
    human_name,
    identifier,
    practitioner_identifier,
    shifted,
    telecom,
    when,
)
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import Message, Parts, Segment
from careloop.fhir import uris
from careloop.fhir.elements import Resource, set_extension

RACE_SYSTEM = "urn:oid:2.16.840.1.113883.6.238"
ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
MOTHERS_NAME = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
OLDEST = 1880


def patient(message: Message, origin: Origin, received: datetime, notes: Notes) -> Resource:
    pid = message.first("PID")
    found: Resource = {"resourceType": "Patient", "meta": {"source": origin.uri}}
    _put(found, "identifier", _identifiers(pid, origin, notes))
    _put(found, "name", _names(pid, notes))
    _put(found, "telecom", _telecoms(pid, notes))
    _put(found, "gender", _gender(pid, 8, notes))
    _put(found, "birthDate", _birth_date(pid, 7, received, notes))
    _put(found, "address", [made for part in pid.all(11) if (made := address(part))])
    _put(found, "maritalStatus", _marital(pid))
    _put(found, "communication", _language(pid))
    _birth_order(pid, found)
    _race(pid, found)
    _deceased(message, origin, received, notes, found)
    if said := pid.value(6):
        set_extension(found, MOTHERS_NAME, "String", said)
    if origin.site:
        found["managingOrganization"] = {"reference": origin.site}
    return found


def _put(resource: Resource, key: str, value: Any) -> None:
    if value not in (None, [], {}, ""):
        resource[key] = value


def _identifiers(pid: Segment, origin: Origin, notes: Notes) -> list[Resource]:
    found = [made for part in pid.all(3) if (made := identifier(part, origin, "usual"))]
    for made in found[1:]:
        made.pop("use", None)
    for field in (2, 4):  # external and alternate ids: kept, not used to tell who this is
        found += [made for part in pid.all(field) if (made := identifier(part, origin, "secondary"))]
    if ssn := re.sub(r"\D", "", pid.value(19)):
        if len(ssn) == 9:
            kind = {"coding": [coding(uris.IDENTIFIER_TYPE, "SS")]}
            found.append({"system": SSN, "value": ssn, "type": kind})
        else:
            notes.add("PID-19 is not a social security number; it was left out.")
    seen: dict[tuple[str, str], Resource] = {}
    for made in found:
        seen.setdefault((made["system"], made["value"]), made)
    return list(seen.values())


def _names(pid: Segment, notes: Notes) -> list[Resource]:
    found = [made for part in pid.all(5) if (made := human_name(part, notes, "PID-5"))]
    if found:
        found[0].setdefault("use", "official")
    else:
        notes.ask("The message gives no name for this person (PID-5).")
    for part in pid.all(9):
        if alias := human_name(part, notes, "PID-9"):
            alias["use"] = "nickname"
            found.append(alias)
    return found


def _telecoms(pid: Segment, notes: Notes) -> list[Resource]:
    found: list[Resource] = []
    for field, use in ((13, "home"), (14, "work"), (40, "home")):
        for part in pid.all(field):
            found += telecom(part, use, notes, f"PID-{field}")
    return distinct(found)


def distinct(telecoms: list[Resource]) -> list[Resource]:
    """One number once, as it was said first."""
    seen: dict[tuple[str, str], Resource] = {}
    for made in telecoms:
        seen.setdefault((made["system"], made["value"]), made)
    return list(seen.values())


def _gender(segment: Segment, field: int, notes: Notes) -> str | None:
    said = segment.value(field).upper()
    if said and said not in tables.GENDER:
        notes.add(f"{segment.name}-{field} is not in HL7 table 0001; it was left out.")
    return tables.GENDER.get(said)


def _birth_date(segment: Segment, field: int, received: datetime, notes: Notes) -> str | None:
    text, stamp = segment.value(field), segment.stamp(field)
    if not text:
        return None
    place = f"{segment.name}-{field}"
    if stamp is None:
        notes.ask(f"The birth date ({place}) is not a date that exists; it was left out.")
        return None
    if not stamp.local.year >= OLDEST or stamp.local.date() > received.date():
        notes.ask(f"The birth date ({place}) can't be true; it was left out.")
        return None
    return stamp.date_text()


def _marital(pid: Segment) -> Resource | None:
    code, text = pid.value(16).upper(), pid.value(16, 2)
    if not code:
        return None
    if code in tables.MARITAL:
        return {"coding": [coding(tables.V3 + "MaritalStatus", *tables.MARITAL[code])]}
    return {"text": text or code}


def _language(pid: Segment) -> list[Resource]:
    said = [text for component in (4, 1, 5, 2) if (text := pid.value(15, component))]
    if not said:
        return []
    tag = next((tables.LANGUAGE[w.lower()] for w in said if w.lower() in tables.LANGUAGE), None)
    tag = tag or next((w.lower() for w in said if re.fullmatch(r"[A-Za-z]{2}(-[A-Za-z]{2})?", w)), None)
    words = pid.value(15, 5) or pid.value(15, 2) or said[0]
    language: Resource = {"text": words}
    if tag:
        language["coding"] = [coding("urn:ietf:bcp:47", tag)]
    return [{"language": language, "preferred": True}]


def _birth_order(pid: Segment, found: Resource) -> None:
    order, multiple = pid.value(25), pid.value(24).upper()
    if multiple == "N":
        found["multipleBirthBoolean"] = False
    elif order.isascii() and order.isdigit() and 0 < int(order[:6]) < 20:
        found["multipleBirthInteger"] = int(order)
    elif multiple == "Y":
        found["multipleBirthBoolean"] = True


def _race(pid: Segment, found: Resource) -> None:
    races = [(part.part(1), part.part(2)) for part in pid.all(10)]
    known = [coding(RACE_SYSTEM, code, tables.OMB_RACE[code]) for code, _ in races if code in tables.OMB_RACE]
    text = ", ".join(tables.OMB_RACE.get(code, said or code) for code, said in races)
    if races:
        _us_core(found, uris.US_CORE_RACE, known[:5], text)
    code, said = pid.value(22).upper(), pid.value(22, 2)
    if code in tables.OMB_ETHNICITY:
        pair = tables.OMB_ETHNICITY[code]
        _us_core(found, ETHNICITY, [coding(RACE_SYSTEM, *pair)], pair[1])
    elif said:
        _us_core(found, ETHNICITY, [], said)


def _us_core(found: Resource, url: str, categories: list[Resource], text: str) -> None:
    parts: list[Resource] = [{"url": "ombCategory", "valueCoding": category} for category in categories]
    parts.append({"url": "text", "valueString": text})
    found.setdefault("extension", []).append({"url": url, "extension": parts})


def _deceased(message: Message, origin: Origin, received: datetime, notes: Notes, found: Resource) -> None:
    """A death is written only when the rest of the message agrees with it."""
    pid = message.first("PID")
    said, stamp = pid.value(30).upper(), pid.stamp(29)
    if said == "N" and stamp is None:
        found["deceasedBoolean"] = False
        return
    if said != "Y" and stamp is None:
        return
    if (contradiction := _contradiction(message, origin, received)) is not None:
        notes.ask(f"It says that this person has died, {contradiction} Nothing was recorded about a death.")
    elif stamp is None:
        found["deceasedBoolean"] = True
    else:
        found["deceasedDateTime"] = when(pid, 29, origin, notes)


def _contradiction(message: Message, origin: Origin, received: datetime) -> str | None:
    pid, pv1 = message.first("PID"), message.first("PV1")
    died, born, came = pid.stamp(29), pid.stamp(7), pv1.stamp(44)
    if pid.value(30).upper() == "N":
        return "gives a date of death (PID-29) and says that the person lives (PID-30)."
    if pid.value(29) and died is None:
        return "on a date that does not exist (PID-29)."
    if died is None:
        return None
    day: date = died.local.date()
    if came is not None and day < came.local.date():
        return f"on {day.isoformat()}, before coming to the hospital on {came.local.date().isoformat()}."
    if born is not None and day < born.local.date():
        return "before being born."
    return "in the future (PID-29)." if day > received.date() else None


def related(message: Message, origin: Origin, received: datetime, notes: Notes) -> list[Resource]:
    found = []
    for nk1 in message.all("NK1"):
        name = human_name(nk1.first(2), notes, "NK1-2") or human_name(nk1.first(30), notes, "NK1-30")
        if name is None:
            notes.add("A contact (NK1) has no name; it was left out.")
        elif nk1.value(7).upper() in ("E", "F", "I", "S"):
            notes.add("A contact (NK1) is an employer, an insurer or an agency; it was left out.")
        else:
            found.append(_related(nk1, name, origin, received, notes))
    return found


def _related(nk1: Segment, name: Resource, origin: Origin, received: datetime, notes: Notes) -> Resource:
    found: Resource = {"resourceType": "RelatedPerson", "meta": {"source": origin.uri}, "active": True}
    _put(found, "identifier", [made for part in nk1.all(33) if (made := identifier(part, origin))])
    _put(found, "relationship", _relationships(nk1, origin))
    found["name"] = [name]
    telecoms: list[Resource] = []
    for field, use in ((5, "home"), (6, "work"), (40, "home"), (41, "work"), (31, "home")):
        for part in nk1.all(field):
            telecoms += telecom(part, use, notes, f"NK1-{field}")
    _put(found, "telecom", distinct(telecoms))
    _put(found, "address", [made for part in nk1.all(4) if (made := address(part))])
    _put(found, "gender", _gender(nk1, 15, notes))
    _put(found, "birthDate", _birth_date(nk1, 16, received, notes))
    return found


def _relationships(nk1: Segment, origin: Origin) -> list[Resource]:
    found: list[Resource] = []
    code, text = nk1.value(3).upper(), nk1.value(3, 2)
    if code in tables.RELATION:
        role, words = tables.RELATION[code]
        found.append({"coding": [coding(tables.V3 + "RoleCode", role, words)], "text": text or words})
    elif code in tables.EMERGENCY_WORDS:
        contact = tables.EMERGENCY_WORDS[code]
        found.append({"coding": [coding(tables.V2 + "0131", contact, tables.CONTACT_ROLE[contact])]})
    elif code or text:
        found.append({"text": text or code})
    role = nk1.value(7).upper()
    if role in tables.CONTACT_ROLE:
        found.append({"coding": [coding(tables.V2 + "0131", role, tables.CONTACT_ROLE[role])]})
    return found


def practitioner(xcn: Parts, origin: Origin, notes: Notes, place: str) -> Resource | None:
    """None without a number: a name alone can't tell two doctors apart, so it stays a display."""
    number = practitioner_identifier(xcn, origin)
    name = human_name(shifted(xcn), notes, place)
    if number is None or name is None:
        return None
    name.pop("use", None)
    return {
        "resourceType": "Practitioner",
        "meta": {"source": origin.uri},
        "identifier": [number],
        "name": [name],
    }


def display(xcn: Parts) -> str:
    """Dr. Mohammed Alaz: prefix, given, family."""
    return " ".join(said for said in (xcn.part(6), xcn.part(3), xcn.part(2)) if said)
