"""Rows of the audit trail as FHIR R4 AuditEvents: a view, made when it is asked for, never stored as a resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from careloop.fhir.elements import Resource, fhir_instant
from careloop.projections.looks import Row
from careloop.projections.principals import Who, principals
from careloop.store import Unit
from careloop.store.keys import name_of

EVENT: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
REST: Final = "http://hl7.org/fhir/restful-interaction"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PRINCIPAL: Final = "urn:careloop:id:principal"
REQUEST: Final = "urn:careloop:id:request"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_SUBTYPE: Final = {"C": "create", "U": "update", "D": "delete", "R": "read"}
_PURPOSE: Final = {
    "treatment": "TREAT",
    "coordination": "COC",
    "operations": "HOPERAT",
    "payment": "HPAYMT",
    "emergency": "ETREAT",
}


def events(unit: Unit, rows: Sequence[Row]) -> list[Resource]:
    """In the order of rows. People whom the reader may not see are not in them."""
    rids = {rid for row in rows for rid in (*row.people, row.rid) if rid}
    references = references_of(unit, rids)
    who = principals({number for row in rows for number in (row.actor, row.app)})
    return [event_of(row, references, who) for row in rows]


def references_of(unit: Unit, rids: Iterable[int]) -> dict[int, str]:
    rows = unit.cursor().execute(
        "select rid, type, id from ids where rid = any(%s::bigint[])", [sorted(rids)]
    )
    return {rid: f"{name_of(kind)}/{id}" for rid, kind, id in rows.fetchall()}


def event_of(row: Row, references: Mapping[int, str], who: Mapping[int, Who]) -> Resource:
    subtype = _SUBTYPE.get(row.action)
    main = references.get(row.rid or 0) if not row.others else None
    event: Resource = {
        "resourceType": "AuditEvent",
        "id": row.id,
        "meta": {"versionId": "1", "lastUpdated": fhir_instant(row.at)},
        "type": _type(row),
        **({"subtype": [{"system": REST, "code": subtype}]} if subtype else {}),
        "action": row.action,
        "recorded": fhir_instant(row.at),
        "outcome": str(row.outcome),
        "purposeOfEvent": [_purpose(row.purpose)],
        "agent": [_agent(who[row.actor], is_requestor=True)],
        "source": {"observer": {"display": "Careloop"}, "type": [{"system": EVENT, "code": "rest"}]},
    }
    if row.app is not None:
        event["agent"].append(_agent(who[row.app], is_requestor=False))
    entities = [_person(references[person]) for person in row.people if person in references]
    if main and not main.startswith("Patient/"):
        entities.append({"what": {"reference": main}, "type": {"system": _ENTITY, "code": "2"}})
    request = {"what": {"identifier": {"system": REQUEST, "value": row.request}}, "name": row.door}
    event["entity"] = [*entities, request]
    return event


def _type(row: Row) -> Resource:
    if row.door == "fhir":
        return {"system": EVENT, "code": "rest", "display": "RESTful Operation"}
    return {"system": DICOM, "code": "110110", "display": "Patient Record"}


def _purpose(purpose: str) -> Resource:
    code = _PURPOSE.get(purpose)
    coding: dict[str, Any] = {"coding": [{"system": REASON, "code": code}]} if code else {}
    return {**coding, "text": purpose}


def _agent(who: Who, *, is_requestor: bool) -> Resource:
    identifier = {"system": PRINCIPAL, "value": str(who.principal)}
    display = {"display": who.name} if who.name else {}
    return {"who": {"identifier": identifier, **display}, "requestor": is_requestor}


def _person(reference: str) -> Resource:
    return {
        "what": {"reference": reference},
        "type": {"system": _ENTITY, "code": "1", "display": "Person"},
        "role": {"system": _ROLE, "code": "1", "display": "Patient"},
    }
