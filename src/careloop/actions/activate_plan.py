"""“Make this the plan.” Only a person does it; only accepted lines become active."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.decide_line import AlreadyDecided, lines_of
from careloop.actions.propose_plan import BASE, DECISION, active_plan, zone_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, day, extension, fhir_instant, ref, set_extension
from careloop.kernel.calendar import BusinessCalendar, zone
from careloop.kernel.errors import CareError, Conflict, Forbidden
from careloop.store import Stored, Unit


class StalePlan(Conflict):
    """Someone changed this plan after you opened it. Your decisions on each line are kept."""

    code, status = "stale-plan", 409


class NothingDecided(CareError):
    """No line is accepted or declined yet."""

    code, status, issue_type = "nothing-decided", 422, "required"


@dataclass(frozen=True)
class Activated:
    """plan: the active CarePlan; lines: what became active, for “what happens next”."""

    plan: Stored
    lines: tuple[Stored, ...]


def activate_plan(scope: Scope, proposal: str, now: datetime, *, over: int | None = None) -> Activated:
    """over: the version of the active plan that the person has looked at, after a StalePlan. Lines without a decision
    are not taken over. Raises StalePlan with what changed."""
    if scope.actor.kind != "staff":
        raise Forbidden("Only a person makes a plan active.")
    with record.begin(scope, now) as unit:
        plan = unit.read("CarePlan", proposal)
        if plan.resource["status"] != "draft":
            raise AlreadyDecided
        active = active_plan(unit.of_person(plan.person, ["CarePlan"]))
        _refuse_stale(plan, active, over)
        found = unit.get(lines_of(plan.resource))
        decided = [line for line in found.values() if extension(line.resource, DECISION)]
        if not decided:
            raise NothingDecided
        lines = tuple(
            _activate(unit, line) if extension(line.resource, DECISION) != "declined" else _reject(unit, line)
            for line in decided
        )
        kept = tuple(line for line in lines if extension(line.resource, DECISION) != "declined")
        return Activated(_make_plan(unit, plan, active, {line.reference for line in kept}), kept)


def _refuse_stale(plan: Stored, active: Stored | None, over: int | None) -> None:
    base = extension(plan.resource, BASE) or "none"
    present = f"{active.reference}@{active.version}" if active else "none"
    if base == present or (active is not None and over == active.version):
        return
    when = active.at if active else None
    raise StalePlan(
        f"The plan was last changed {when:%Y-%m-%d %H:%M} UTC." if when else "The plan was ended.",
        version=active.version if active else None,
        plan=active.reference if active else None,
        base=base,
    )


def _activate(unit: Unit, line: Stored) -> Stored:
    resource = dict(line.resource)
    match line.type:
        case "Condition":
            status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
            verified = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
            resource["clinicalStatus"] = codeable(status, "active")
            resource["verificationStatus"] = codeable(verified, "confirmed")
        case "Goal":
            resource["lifecycleStatus"] = "active"
            resource["startDate"] = unit.now.date().isoformat()
        case "Task":
            _set_hours(unit, resource)
            resource |= {
                "intent": "plan",
                "status": "accepted" if "owner" in resource else "requested",
                "authoredOn": fhir_instant(unit.now),
                "lastModified": fhir_instant(unit.now),
            }
    return unit.update(resource, if_match=line.version)


def _set_hours(unit: Unit, task: Resource) -> None:
    """The day of a line becomes hours in the person's zone: the end of that day, and 5 pm to aim for."""
    due = day(task.get("restriction", {}).get("period", {}).get("end"))
    person = task["for"]["reference"]
    if due is None:
        return
    zone_name = zone_of(unit.get([person])[person].resource)
    calendar = BusinessCalendar(zone(zone_name))
    task["restriction"] = {"period": {"end": fhir_instant(calendar.end_of(due))}}
    task["extension"] = list(task.get("extension", ()))
    set_extension(task, uris.TARGET, "DateTime", fhir_instant(calendar.working_target(due)))
    set_extension(task, uris.ZONE, "Code", zone_name)


def _reject(unit: Unit, line: Stored) -> Stored:
    resource = dict(line.resource)
    match line.type:
        case "Goal":
            resource["lifecycleStatus"] = "rejected"
        case "Task":
            resource["status"] = "rejected"
    return unit.update(resource, if_match=line.version)


def _make_plan(unit: Unit, plan: Stored, active: Stored | None, kept: set[str]) -> Stored:
    """Without an active plan the proposal becomes it; else its lines join the active one and the proposal ends."""
    accepted = _only(plan.resource, kept)
    if active is None:
        made = {
            **accepted,
            "status": "active",
            "intent": "plan",
            "title": "Care plan",
            "created": fhir_instant(unit.now),
        }
        return unit.update(made, if_match=plan.version)
    unit.update({**plan.resource, "status": "completed"}, if_match=plan.version)
    merged = dict(active.resource)
    for name in ("addresses", "goal", "activity"):
        if joined := [*merged.get(name, ()), *accepted.get(name, ())]:
            merged[name] = joined
    return unit.update(merged, if_match=active.version)


def _only(plan: Resource, kept: set[str]) -> Resource:
    found = {
        key: value for key, value in plan.items() if key not in ("addresses", "goal", "activity", "replaces")
    }
    for name in ("addresses", "goal"):
        if lines := [ref(each["reference"]) for each in plan.get(name, ()) if each["reference"] in kept]:
            found[name] = lines
    if actions := [
        each for each in plan.get("activity", ()) if each.get("reference", {}).get("reference") in kept
    ]:
        found["activity"] = actions
    return found
