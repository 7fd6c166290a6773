"""What stands in the way of a goal: a Condition of its own, which the goal names."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, ref
from careloop.kernel.errors import NotFound

CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
MOST: Final = 300


def record_barrier(scope: Scope, person: str, goal: str, what: str, now: datetime) -> Result:
    """person, goal: ids. Raises ReasonMissing for nothing said, NotFound for a goal of somebody else."""
    text = working.words(what, MOST)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        seen = unit.read("Goal", goal)
        if seen.person != patient.rid:
            raise NotFound(f"Goal/{goal}")
        barrier: Resource = {
            "resourceType": "Condition",
            "clinicalStatus": codeable(CLINICAL, "active"),
            "verificationStatus": codeable(VERIFIED, "confirmed"),
            "category": [codeable(uris.NEED, "barrier", "Barrier")],
            "code": {"text": text},
            "subject": ref(patient.reference),
            "recordedDate": now.date().isoformat(),
            "recorder": working.me(unit),
        }
        made = unit.create(barrier)
        resource = dict(seen.resource)
        resource["addresses"] = [*resource.get("addresses", ()), ref(made.reference)]
        return Result(None, made=(made, unit.update(resource, if_match=seen.version)))


def resolve_barrier(scope: Scope, person: str, barrier: str, now: datetime) -> Result:
    """It is out of the way. Raises NotFound for a barrier of somebody else."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        seen = unit.read("Condition", barrier)
        if seen.person != patient.rid or not _is_barrier(seen.resource):
            raise NotFound(f"Condition/{barrier}")
        resource = {
            **seen.resource,
            "clinicalStatus": codeable(CLINICAL, "resolved"),
            "abatementDateTime": now.date().isoformat(),
        }
        return Result(None, made=(unit.update(resource, if_match=seen.version),))


def _is_barrier(condition: Resource) -> bool:
    return any(
        coding.get("code") == "barrier"
        for concept in condition.get("category", ())
        for coding in concept.get("coding", ())
    )
