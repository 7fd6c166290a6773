"""The lines that could leave the house about a person: who she is, her plan, medicines, allergies and conditions, as
far as the sender sees them herself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from careloop.access import labels
from careloop.care.disclosure import Line
from careloop.fhir.elements import Resource, day, name_of, text_of
from careloop.library import Library
from careloop.projections import disclosures
from careloop.projections.by_type import searchable
from careloop.projections.chart_lines import Goal, PlanPage
from careloop.projections.chart_plan import TYPES, plan_of
from careloop.projections.facts import phone_of
from careloop.store import Stored, Unit

# A plan is told whole or not at all: what it stands on, and how far each goal is.
PLAN: Final = (*TYPES, "Observation")
HEALTH: Final = ("MedicationRequest", "MedicationStatement", "AllergyIntolerance", "Condition")


def lines_of(unit: Unit, patient: Stored, content: Library) -> list[Line]:
    """Of types that the sender may not look for, nothing."""
    told = [("record", patient.reference, _about(patient.resource))]
    if len(searchable(unit, PLAN)) == len(PLAN):
        told += _of_plan(plan_of(unit, patient, content.parents))
    held = unit.of_person(patient.rid, searchable(unit, HEALTH))
    told += [(section, each.reference, words) for each in held for section, words in _of_health(each)]
    found = unit.get([reference for _, reference, _ in told])
    seen: set[str] = set()
    lines = []
    for section, reference, words in told:
        if reference in found and reference not in seen and words.strip():
            seen.add(reference)
            stored = found[reference]
            lines.append(Line(reference, stored.rid, stored.version, section, words))
    return _labeled(unit, lines)


def sees_all_types(unit: Unit) -> bool:
    """Whether none of the types that could go are left out for the sender."""
    return len(searchable(unit, (*PLAN, *HEALTH))) == len(PLAN) + len(HEALTH)


def _about(patient: Resource) -> str:
    address: dict[str, Any] = next((a for a in patient.get("address", ()) if a.get("use") != "old"), {})
    where = ", ".join(
        filter(
            None,
            (
                *address.get("line", ()),
                address.get("city"),
                f"{address.get('state', '')} {address.get('postalCode', '')}".strip(),
            ),
        )
    )
    born = day(patient.get("birthDate"))
    parts = (name_of(patient), f"born {born:%m/%d/%Y}" if born else "", phone_of(patient) or "", where)
    return "; ".join(filter(None, parts))


def _of_plan(plan: PlanPage) -> Iterable[tuple[str, str, str]]:
    for need in plan.needs:
        yield "plan", need.reference, need.title
        for goal in need.goals:
            yield from _of_goal(goal)
    for goal in plan.goals:
        yield from _of_goal(goal)
    yield from (("plan", step.reference, step.title) for step in plan.steps)


def _of_goal(goal: Goal) -> Iterable[tuple[str, str, str]]:
    """With its steps, also those that meet what is in its way."""
    yield "plan", goal.reference, goal.text
    met = [step for barrier in goal.barriers for step in barrier.steps]
    yield from (("plan", step.reference, step.title) for step in (*goal.steps, *met))


def _of_health(stored: Stored) -> Iterable[tuple[str, str]]:
    resource = stored.resource
    if stored.type in ("MedicationRequest", "MedicationStatement"):
        if resource.get("status") in ("active", "completed", "on-hold", "unknown", None):
            dose = next((str(d.get("text", "")) for d in _each(resource, "dosageInstruction", "dosage")), "")
            yield (
                "medicines",
                ", ".join(filter(None, (text_of(resource.get("medicationCodeableConcept")), dose))),
            )
    elif stored.type == "AllergyIntolerance":
        yield "allergies", text_of(resource.get("code"))
    elif stored.type == "Condition":
        yield "conditions", text_of(resource.get("code"))


def _each(resource: Resource, *names: str) -> Iterable[Resource]:
    for name in names:
        yield from resource.get(name, ())


def _labeled(unit: Unit, lines: Sequence[Line]) -> list[Line]:
    bits = disclosures.labels_of(unit, [line.rid for line in lines])
    return [replace(line, labels=bits.get(line.rid, labels.UNKNOWN)) for line in lines]
