"""Consent to a program as a Consent resource. In the caller's own unit."""

from __future__ import annotations

from typing import Final

from careloop.care.enroll import Consented, consent_covers
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, codings, fhir_instant, name_of, ref, set_extension
from careloop.library import Program
from careloop.store import Stored, Unit

SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
AGENT_ROLES: Final = frozenset({"HPOWATT", "DPOWATT", "POWATT", "GUARD", "GUADLTM", "HOUSEHOLDER"})


def write_consent(unit: Unit, patient: Stored, program: Program, said: Consented) -> Stored:
    """Scope, how, by whom, and every point that was told; a no is kept as well."""
    told = " ".join(each.en for each in program.consent.tell) if said.gives else ""
    site = patient.resource.get("managingOrganization")
    consent: Resource = {
        "resourceType": "Consent",
        "status": "active" if said.gives else "rejected",
        "scope": codeable(SCOPE, "treatment"),
        "category": [codeable(uris.PROGRAM, program.code, f"Care coordination: {program.title.en}")],
        "patient": ref(patient.reference),
        "dateTime": fhir_instant(unit.now),
        "performer": [_performer(unit, patient, said)],
        **({"organization": [site]} if site else {}),
        "policyRule": {
            "text": f"Told: {told}" if told else "Said no; nobody asks again without a new reason."
        },
        "provision": {"type": "permit" if said.gives else "deny"},
    }
    set_extension(consent, uris.CONSENT_HOW, "Code", said.how or None)
    if said.who != "person":
        set_extension(consent, uris.HEARD_FROM, "String", f"{said.name.strip()} ({said.who})")
    for earlier in _standing(unit, patient, program):
        unit.update({**earlier.resource, "status": "inactive"}, if_match=earlier.version)
    return unit.create(consent)


def end_consent(unit: Unit, patient: Stored, program: Program) -> None:
    """With the enrollment its consent ends."""
    for consent in _standing(unit, patient, program):
        if consent.resource.get("status") == "active":
            unit.update({**consent.resource, "status": "inactive"}, if_match=consent.version)


def _standing(unit: Unit, patient: Stored, program: Program) -> list[Stored]:
    return [
        each
        for each in unit.of_person(patient.rid, ["Consent"])
        if each.resource.get("status") == "active" and consent_covers(each.resource, program.code)
    ]


def _performer(unit: Unit, patient: Stored, said: Consented) -> Resource:
    """The person, else her agent or guardian as we know them, else a name."""
    if said.who == "person":
        return ref(patient.reference)
    name = said.name.strip()
    for relative in unit.of_person(patient.rid, ["RelatedPerson"]):
        is_agent = any(
            code in AGENT_ROLES
            for each in relative.resource.get("relationship", ())
            for _, code in codings(each)
        )
        if is_agent and name_of(relative.resource).casefold() == name.casefold():
            return ref(relative.reference, name)
    return {"display": name}
