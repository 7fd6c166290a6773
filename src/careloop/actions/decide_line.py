"""Accept, edit or decline one proposed line. Deciding changes only the line; the plan is made by activate_plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.propose_plan import DECISION
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, set_extension
from careloop.kernel.errors import CareError, Conflict, NotFound
from careloop.store import Stored, Unit

Choice = Literal["accepted", "declined", "undecided"]
REASONS = {
    "not-wanted": "The person does not want this",
    "has-it": "Already done or in place",
    "not-fitting": "Does not fit this person",
    "not-now": "Not now",
    "other": "Another reason",
}


class AlreadyDecided(Conflict):
    """This proposal was already made the plan, or was withdrawn."""

    code = "already-decided"


class ReasonNeeded(CareError):
    """Say why the line is declined, so that nobody proposes it again next week."""

    code, status, issue_type = "reason-needed", 422, "required"


@dataclass(frozen=True)
class Edit:
    """text: the line in other words; due: another day; owner: "Practitioner/…" for an action."""

    text: str | None = None
    due: date | None = None
    owner: str | None = None


def decide_line(
    scope: Scope,
    proposal: str,
    line: str,
    choice: Choice,
    now: datetime,
    *,
    edit: Edit | None = None,
    reason: str | None = None,
    words: str | None = None,
    version: int | None = None,
) -> Stored:
    """proposal: CarePlan id; line: reference of its resource; version: of the line as it was seen."""
    if choice == "declined" and reason not in REASONS:
        raise ReasonNeeded
    with record.begin(scope, now) as unit:
        plan = unit.read("CarePlan", proposal)
        if plan.resource["status"] != "draft":
            raise AlreadyDecided
        stored = line_of(unit, plan.resource, line)
        resource = dict(stored.resource)
        resource["extension"] = list(resource.get("extension", ()))
        if edit:
            _apply(resource, edit)
        said = "edited" if edit and choice == "accepted" else choice
        set_extension(resource, DECISION, "Code", None if choice == "undecided" else said)
        why = (
            codeable(uris.REASON, reason, words or REASONS[reason])
            if choice == "declined" and reason
            else None
        )
        set_extension(resource, uris.REASON, "CodeableConcept", why)
        return unit.update(resource, if_match=version)


def lines_of(plan: Resource) -> list[str]:
    """References of the lines: needs, goals, actions."""
    actions = [each["reference"] for each in plan.get("activity", ()) if "reference" in each]
    return [each["reference"] for each in (*plan.get("addresses", ()), *plan.get("goal", ()), *actions)]


def line_of(unit: Unit, plan: Resource, line: str) -> Stored:
    if line not in lines_of(plan) or line not in (found := unit.get([line])):
        raise NotFound
    return found[line]


def _apply(resource: Resource, edit: Edit) -> None:
    field = "description" if resource["resourceType"] == "Goal" else "code"
    if edit.text and edit.text.strip():
        resource[field] = {**resource[field], "text": edit.text.strip()}
        if resource["resourceType"] == "Task":
            resource["description"] = edit.text.strip()
    if edit.due and resource["resourceType"] == "Goal":
        target = resource.get("target", [{}])
        resource["target"] = [{**target[0], "dueDate": edit.due.isoformat()}, *target[1:]]
    elif edit.due and resource["resourceType"] == "Task":
        resource["restriction"] = {"period": {"end": edit.due.isoformat()}}
    if edit.owner and resource["resourceType"] == "Task":
        resource["owner"] = {"reference": edit.owner}
