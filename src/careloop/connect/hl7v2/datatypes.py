"""HL7 v2 data types -> FHIR data types. Each returns None when nothing can be said; `Notes` keeps what was lost."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from careloop.connect.hl7v2 import tables, times
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import Parts, Segment
from careloop.fhir import uris
from careloop.fhir.elements import Resource

SSN = "http://hl7.org/fhir/sid/us-ssn"
NPI = "http://hl7.org/fhir/sid/us-npi"
_NPI_AUTHORITIES = ("urn:oid:2.16.840.1.113883.4.6",)
_CODE = re.compile(r"[^\s]+(\s[^\s]+)*\Z")


class Notes:
    """What a message said and FHIR can't, by place, never by value: notes are shown beside a person's name.
    Those that need eyes (`attention`) become an item of their own."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.attention: list[str] = []

    def add(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.append(sentence)

    def ask(self, sentence: str) -> None:
        if sentence not in self.attention:
            self.attention.append(sentence)


def coding(system: str, code: str, display: str = "") -> Resource:
    return {"system": system, "code": code, **({"display": display} if display else {})}


def concept(value: Parts, system: str) -> Resource | None:
    """A CWE or CE with its own words kept; the system is the sender's unless it names one that we know."""
    code, text, named = value.part(1), value.part(2), value.part(3)
    if not code and not text:
        return None
    known = tables.CODE_SYSTEM.get(named.upper())
    found: Resource = {"text": text or value.part(9) or code}
    if code and _CODE.match(code):
        found["coding"] = [coding(known or system, code, text)]
    return found


def when(segment: Segment, field: int, origin: Origin, notes: Notes) -> str | None:
    """A FHIR dateTime. A time whose zone nobody knows keeps its date only, and says so."""
    text = segment.value(field)
    if not text:
        return None
    place = f"{segment.name}-{field}"
    stamp = times.read(text)
    if stamp is None:
        notes.add(f"{place} is not a date or time that exists; it was left out.")
        return None
    said = stamp.fhir(origin.zone)
    if stamp.has_clock and "T" not in said:
        notes.add(f"{place} has a time but no time zone is known for it; only the date was kept.")
    elif stamp.precision == "hour":
        notes.add(f"{place} gives the hour without minutes; only the date was kept.")
    return said


def moment(segment: Segment, field: int, origin: Origin) -> datetime | None:
    stamp = segment.stamp(field)
    return stamp.instant(origin.zone) if stamp else None


def identifier(cx: Parts, origin: Origin, use: str | None = None) -> Resource | None:
    """CX: value, authority, type, validity."""
    value = cx.part(1)
    if not value:
        return None
    kind = cx.part(5)
    if kind.upper() == "SS" or cx.part(4).upper() == "USSSA":
        return {"system": SSN, "value": value, "type": {"coding": [coding(uris.IDENTIFIER_TYPE, "SS")]}}
    found: Resource = {"system": origin.authority_of(cx, 4), "value": value}
    if kind:
        is_code = re.fullmatch(r"[A-Z]{1,5}", kind) is not None
        found["type"] = {"coding": [coding(uris.IDENTIFIER_TYPE, kind)]} if is_code else {"text": kind}
    if cx.part(6) or cx.part(4):
        found["assigner"] = {"display": cx.part(6) or cx.part(4)}
    if use:
        found["use"] = use
    return found


def human_name(xpn: Parts, notes: Notes, place: str, suffix_at: int = 4) -> Resource | None:
    """XPN, and XCN read from its second component on (`shifted`)."""
    family, given = xpn.part(1), [xpn.part(2), xpn.part(3)]
    found: dict[str, Any] = {}
    if family:
        found["family"] = family
    if any(given):
        found["given"] = [name for name in given if name]
    if not found:
        return None
    if xpn.part(5):
        found["prefix"] = [xpn.part(5)]
    suffixes = [name for name in (xpn.part(suffix_at), xpn.part(6)) if name]
    if suffixes:
        found["suffix"] = suffixes
    code = xpn.part(7).upper()
    if code in tables.NAME_USE:
        found["use"] = tables.NAME_USE[code]
    elif len(code) > 1 or code not in ("", "U", "I", "P", "R", "K", "C", "F", "G"):
        notes.add(f"{place}: its kind of name is not in HL7 table 0200; the name was kept without it.")
    return found


def address(xad: Parts) -> Resource | None:
    found: dict[str, Any] = {}
    lines = [line for line in (xad.part(1), xad.part(2), xad.part(19)) if line]
    if lines:
        found["line"] = lines
    for key, component in (("city", 3), ("state", 4), ("postalCode", 5), ("country", 6), ("district", 9)):
        if said := xad.part(component):
            found[key] = said
    if not {"line", "city", "postalCode"} & found.keys():
        return None
    kind = xad.part(7).upper()
    if kind in tables.ADDRESS_USE:
        found["use"] = tables.ADDRESS_USE[kind]
    if kind == "M":
        found["type"] = "postal"
    return found


def telecom(xtn: Parts, default_use: str, notes: Notes, place: str) -> list[Resource]:
    """An XTN says a number, an address of mail, or both."""
    found: list[Resource] = []
    use = tables.PHONE_USE.get(xtn.part(2).upper(), default_use)
    kind = xtn.part(3).upper()
    mail = next((said for said in (xtn.part(4), xtn.part(1)) if "@" in said), "")
    number = xtn.part(1) if "@" not in xtn.part(1) else ""
    number = number or "".join(x for x in (xtn.part(6), xtn.part(7)) if x) or xtn.part(12)
    if re.sub(r"\D", "", number) == "":
        number = ""
    if number:
        shown = f"{number} x{xtn.part(8)}" if xtn.part(8) else number
        system = tables.PHONE_SYSTEM.get(kind, "other" if kind == "TDD" else "phone")
        found.append({"system": system, "value": shown, "use": "mobile" if kind == "CP" else use})
    if mail:
        found.append({"system": "email", "value": mail, "use": use})
    elif xtn.part(4):
        notes.add(f"{place}: what stands for an e-mail address is none; it was left out.")
    return found


def shifted(xcn: Parts) -> Parts:
    """An XCN without its first component reads like an XPN."""
    sep = xcn.seps.component
    return Parts(sep.join(xcn.text.split(sep)[1:7]), xcn.seps)


def practitioner_identifier(xcn: Parts, origin: Origin) -> Resource | None:
    value = xcn.part(1)
    if not value:
        return None
    system = origin.authority_of(xcn, 9)
    if xcn.part(13).upper() == "NPI" or system in _NPI_AUTHORITIES:
        return {"system": NPI, "value": value}
    # A number without an authority of its own is the sender's staff number.
    return {"system": system if xcn.part(9) else origin.system("staff"), "value": value}
