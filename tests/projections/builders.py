"""Small real resources for the stories of the projections."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref, set_extension
from careloop.projections.rebuilding import COMPARED
from tests.store.rows import rows

Resource = dict[str, Any]


def remembered() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every projection. The worklist's position only says that something changed."""
    return {
        table: sorted(rows(f"select {columns} from {table}"), key=repr) for table, columns in COMPARED.items()
    }


def organization(id: str, name: str, state: str = "TX", postal: str = "77011") -> Resource:
    address = {"line": ["1 Main"], "state": state, "postalCode": postal}
    return {"resourceType": "Organization", "id": id, "name": name, "address": [address]}


def practitioner(id: str, given: str, family: str) -> Resource:
    return {"resourceType": "Practitioner", "id": id, "name": [{"given": [given], "family": family}]}


def patient(
    id: str, given: str, family: str, site: str | None = "bayview", postal: str = "77011"
) -> Resource:
    found: Resource = {
        "resourceType": "Patient",
        "id": id,
        "name": [{"use": "official", "given": [given], "family": family}],
        "birthDate": "1959-03-02",
        "communication": [{"language": codeable("urn:ietf:bcp:47", "es", "Spanish"), "preferred": True}],
        "address": [{"postalCode": postal}] if postal else [],
    }
    if not postal:
        del found["address"]
    set_extension(found, uris.INTERPRETER, "Boolean", True)
    return found | ({"managingOrganization": ref(f"Organization/{site}")} if site else {})


def team(id: str, person: str, lead: str) -> Resource:
    role = codeable("urn:careloop:code:team-role", "lead")
    return {
        "resourceType": "CareTeam",
        "id": id,
        "status": "active",
        "subject": ref(f"Patient/{person}"),
        "participant": [{"role": [role], "member": ref(f"Practitioner/{lead}")}],
    }


def episode(id: str, person: str, status: str = "active", manager: str = "ana") -> Resource:
    return {
        "resourceType": "EpisodeOfCare",
        "id": id,
        "status": status,
        "type": [codeable(uris.PROGRAM, "transitions", "Transitions")],
        "patient": ref(f"Patient/{person}"),
        "careManager": ref(f"Practitioner/{manager}"),
        "period": {"start": "2026-11-01"},
    }


def task(id: str, person: str | None, now: datetime, **work: Any) -> Resource:
    told = {
        "kind": "call",
        "title": "Call her",
        "because": "it was agreed",
        "klass": WorkClass.ROUTINE,
        "dedupe": f"test:{id}",
        "owner": "Practitioner/ana",
        **work,
    }
    made = to_task(Work(**told), f"Patient/{person}" if person else None, now)
    return made | {"id": id}


def contact(id: str, person: str, at: datetime, outcome: str = "reached") -> Resource:
    found: Resource = {
        "resourceType": "Encounter",
        "id": id,
        "status": "finished",
        "class": {"system": uris.ACT_CODE, "code": "VR"},
        "subject": ref(f"Patient/{person}"),
        "period": {"start": fhir_instant(at), "end": fhir_instant(at)},
        "participant": [{"individual": ref("Practitioner/ana")}],
    }
    set_extension(found, uris.OUTCOME, "CodeableConcept", codeable(uris.CONTACT_OUTCOME, outcome))
    set_extension(found, uris.CHANNEL, "Code", "phone")
    return found
