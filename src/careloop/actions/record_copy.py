"""A copy of the plan was handed over or sent: a Communication that names the version, to whom, and how."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.propose_plan import active_plan
from careloop.actions.working import Result
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.kernel.errors import CareError, Conflict
from careloop.library import Words

HOW: Final = {
    "hand": Words("handed over", "en la mano"),
    "mail": Words("by mail", "por correo postal"),
    "portal": Words("on the family’s page", "en la página de la familia"),
    "read-aloud": Words("read aloud", "leído en voz alta"),
}


class NoPlanYet(Conflict):
    """No plan has been agreed yet, so that there is nothing to hand over."""

    code = "no-plan-yet"


class SayHow(CareError):
    """Choose how it was given."""

    code, status, issue_type = "say-how", 422, "required"


def record_copy(scope: Scope, person: str, to: str, how: str, now: datetime) -> Result:
    """person: Patient id. to: who got it, in words; empty for the person herself. Can be taken back. Raises NoPlanYet,
    SayHow, NoPractitioner."""
    if how not in HOW:
        raise SayHow
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        plan = active_plan(unit.of_person(patient.rid, ["CarePlan"]))
        if plan is None:
            raise NoPlanYet
        said = to.strip()[:200]
        told: Resource = {
            "resourceType": "Communication",
            "status": "completed",
            "category": [codeable(uris.PLAN_COPY, "plan-copy", "A copy of the plan")],
            "medium": [codeable(uris.PLAN_COPY, how, HOW[how].en)],
            "subject": ref(patient.reference),
            "about": [{**ref(f"{plan.reference}/_history/{plan.version}"), "display": "Care plan"}],
            "recipient": [{"display": said} if said else ref(patient.reference)],
            "sender": working.me(unit),
            "sent": fhir_instant(now),
        }
        made = unit.create(told)
        return Result(None, undo=working.undo_token(made), made=(made,))
