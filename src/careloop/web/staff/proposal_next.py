"""What happens next: a proposal that was made the plan, or closed, told as steps, to whom and by when."""

from __future__ import annotations

from datetime import date
from typing import Any

from careloop import library
from careloop.actions.activate_plan import can_take_back
from careloop.projections.card import card
from careloop.store import Stored, Unit
from careloop.web.staff.proposal_lines import Line, tree_of


def as_decided(unit: Unit, plan: Stored) -> Stored | None:
    """The last version in which it was still a proposal; None when it never was one."""
    for stored in unit.history("CarePlan", plan.id):
        if (stored.resource.get("intent"), stored.resource.get("status")) == ("proposal", "draft"):
            return stored
    return None


def next_context(unit: Unit, plan: Stored, was: Stored) -> dict[str, Any]:
    person = plan.resource["subject"]["reference"].partition("/")[2]
    patient = unit.read("Patient", person)
    roots = tree_of(unit, was.resource, library.load())
    lines = [line for root in roots for line in root.walk() if not line.is_there]
    steps = [line for line in lines if line.part == "action" and line.is_kept]
    return {
        "plan": plan,
        "person": person,
        "card": card(unit, person),
        "needs": [line for line in lines if line.part != "action" and line.is_kept],
        "steps": sorted(steps, key=lambda line: (line.due or date.max, line.text)),
        "mine": _of(steps, unit.scope.actor.practitioner),
        "patient_reference": patient.reference,
        "declined": [line for line in lines if line.decision == "declined"],
        "is_closed": not any(line.is_kept for line in lines),
        "can_take_back": can_take_back(unit, plan),
        "leaflets": _leaflets(steps),
        "reads_spanish": reads_spanish(patient),
    }


def _of(steps: list[Line], owner: str | None) -> int:
    return sum(line.owner == owner for line in steps) if owner else 0


def _leaflets(steps: list[Line]) -> list[Any]:
    return list({line.leaflet.id: line.leaflet for line in steps if line.leaflet}.values())


def reads_spanish(patient: Stored) -> bool:
    codes = (
        coding.get("code", "")
        for each in patient.resource.get("communication", ())
        for coding in each.get("language", {}).get("coding", ())
    )
    return any(code.startswith("es") for code in codes)
