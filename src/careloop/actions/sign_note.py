"""A note is kept as it is typed, then signed. A signed note is never changed: what was forgotten is an addendum."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record, working
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.kernel.errors import CareError
from careloop.store import Stored, Unit, drafts

# LOINC 34109-9 “Note”; ASTM E1762 author's signature.
NOTE = ("34109-9", "Note")
SIGNATURE = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.1",
    "display": "Author's Signature",
}
# Of who answers for what another wrote.
VERIFIED = {**SIGNATURE, "code": "1.2.840.10065.1.12.1.5", "display": "Verification Signature"}
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
LONGEST = 20_000


class EmptyNote(CareError):
    """There is nothing to sign yet. Write a line, or sign later: what you typed is kept."""

    code, status, issue_type = "empty-note", 422, "required"


class NotANote(CareError):
    """An addendum belongs to a signed note of the same person."""

    code, status, issue_type = "not-a-note", 422, "value"


@dataclass(frozen=True, repr=False)
class Written:
    """By whom and when, where another signs, and why she does."""

    author: Resource
    at: datetime
    because: str

    def __repr__(self) -> str:
        return "Written()"


def sign_note(
    scope: Scope,
    person: str,
    text: str,
    now: datetime,
    *,
    encounter: str | None = None,
    appends: str | None = None,
    draft: int | None = None,
) -> Stored:
    """person: Patient id. encounter: reference of the contact it is about. appends: id of the note that this adds to.
    draft: the unsigned note that this is; it goes in the same commit, so that nothing is signed twice. Returns the
    DocumentReference; a Provenance with the signature stands beside it. Raises EmptyNote, NotANote, NotFound."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        if draft is not None:
            drafts.delete(unit, drafts.get(unit, draft, to_change=True).id)
        return write_note(unit, patient, text, encounter=encounter, appends=appends)


def write_note(
    unit: Unit,
    patient: Stored,
    text: str,
    *,
    encounter: str | None = None,
    appends: str | None = None,
    written: Written | None = None,
) -> Stored:
    said = text.replace("\r\n", "\n").strip()[:LONGEST]
    if not said:
        raise EmptyNote
    note: Resource = {
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "final" if appends is None else "amended",
        "type": codeable(uris.LOINC, *NOTE),
        "subject": ref(patient.reference),
        "date": fhir_instant(unit.now),
        "author": [written.author if written else working.me(unit)],
        "authenticator": working.me(unit),
        "description": first_line(said),
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": _base64(said)}}],
    }
    if encounter:
        note["context"] = {"encounter": [ref(encounter)]}
    if appends:
        note["relatesTo"] = [{"code": "appends", "target": ref(_signed(unit, patient, appends).reference)}]
    stored = unit.create(note)
    unit.create(_signature(unit, stored, written))
    return stored


def _signed(unit: Unit, patient: Stored, id: str) -> Stored:
    found = unit.find("DocumentReference", id)
    if found is None or found.person != patient.person or found.resource.get("status") != "current":
        raise NotANote
    return found


def _signature(unit: Unit, note: Stored, written: Written | None) -> Resource:
    """Over exactly this version: its address says which."""
    who, at = working.me(unit), fhir_instant(unit.now)
    signed: Resource = {
        "resourceType": "Provenance",
        "target": [ref(f"{note.reference}/_history/{note.version}")],
        "recorded": at,
        "agent": [{"who": who}],
        "signature": [{"type": [VERIFIED if written else SIGNATURE], "when": at, "who": who}],
    }
    if written:
        signed["occurredDateTime"] = fhir_instant(written.at)
        signed["reason"] = [{"text": written.because}]
        signed["agent"] = [
            {"type": codeable(PARTICIPANT, "author", "Author"), "who": written.author},
            {"type": codeable(PARTICIPANT, "verifier", "Verifier"), "who": who},
        ]
    return signed


def text_of_note(note: Resource) -> str:
    """What was signed; empty when it is no text of ours."""
    for content in note.get("content", ()):
        data = content.get("attachment", {}).get("data")
        if data:
            return base64.b64decode(data).decode("utf-8", "replace")
    return ""


def first_line(text: str, most: int = 120) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
