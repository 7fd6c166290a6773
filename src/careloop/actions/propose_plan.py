"""Write a draft CarePlan with its proposed lines. Nothing in it is active until a person makes it the plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from careloop.access import Scope
from careloop.actions import record
from careloop.care.assess import Score
from careloop.care.plan import Line, PlanProposal, Standing, Told, line_resource, propose
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, day, extension, ref, text_of
from careloop.kernel.zones import zone_of_address
from careloop.library import Library
from careloop.store import Stored, Unit

DECISION = "urn:careloop:ext:decision"  # code: accepted, edited, declined
BASE = "urn:careloop:ext:plan-base"  # string: the active plan and version this was proposed against
LINE_TYPES = ("Condition", "Goal", "Task")


def propose_plan(
    scope: Scope, person: str, told: Told, library: Library, now: datetime, because: str, key: str
) -> Stored | None:
    """person: Patient id. key: what makes this proposal one, so that asking twice makes one proposal. None when there
    is nothing new to propose."""
    with record.begin(scope, now) as unit:
        return write_proposal(unit, unit.read("Patient", person), told, library, because, key)


def told_by(result: Score, facts: Mapping[str, object]) -> Told:
    name = result.instrument
    return Told(
        scores={name: result.value},
        at_least={name: result.at_least} if result.at_least is not None else {},
        bands={name: result.band.text} if result.band else {},
        findings=frozenset(f"{name}/{each.id}" for each in result.findings),
        asked=frozenset({name}),
        facts=facts,
    )


def write_proposal(
    unit: Unit, patient: Stored, told: Told, library: Library, because: str, key: str
) -> Stored | None:
    held = unit.of_person(patient.rid, ["CarePlan", *LINE_TYPES])
    proposed = propose(library, told, standing(held), local_day(patient.resource, unit.now))
    if not proposed.has_news:
        return None
    plan = _care_plan(patient.reference, proposed, because, key, active_plan(held))
    measures = {i.id: i.scoring.loinc for i in library.instruments.values() if i.scoring.loinc}
    recorder = unit.scope.actor.practitioner
    for line in proposed.lines:
        if not line.is_there:
            made = line_resource(
                line, person=patient.reference, dedupe=key, recorder=recorder, measures=measures
            )
            _place(plan, line, unit.create(made).reference)
    return unit.create(plan)


def standing(held: list[Stored]) -> Standing:
    """The person's live needs, goals and tasks, and what was declined, from what is held."""
    by_type: dict[str, list[Resource]] = {name: [] for name in LINE_TYPES}
    declined: dict[str, tuple[date, str]] = {}
    for stored in held:
        resource = stored.resource
        if extension(resource, DECISION) == "declined":
            why = text_of(extension(resource, uris.REASON)) or "declined"
            declined.setdefault(line_key(resource), (stored.at.date(), why))
        elif stored.type in by_type:
            by_type[stored.type].append(resource)
    needs, goals, tasks = (tuple(by_type[name]) for name in LINE_TYPES)
    return Standing(needs, goals, tasks, declined)


def line_key(resource: Resource) -> str:
    """need:…, goal:…, action:… of a line's resource."""
    match resource["resourceType"]:
        case "Condition":
            return f"need:{code_in(resource.get('code'), uris.NEED)}"
        case "Goal":
            return f"goal:{code_in(resource.get('description'), uris.GOAL)}"
    return f"action:{code_in(resource.get('code'), uris.WORK_CODE)}"


def active_plan(held: list[Stored]) -> Stored | None:
    plans = [stored for stored in held if stored.type == "CarePlan"]
    return next(
        (s for s in plans if (s.resource["status"], s.resource["intent"]) == ("active", "plan")), None
    )


def zone_of(patient: Resource) -> str:
    """Where the person lives, else UTC: only for the days a plan counts from, never for a rule's deadline."""
    for address in patient.get("address", ()):
        if name := zone_of_address(address.get("postalCode"), address.get("state")):
            return name
    return "UTC"


def local_day(patient: Resource, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone_of(patient))).date()


def days_since_discharge(unit: Unit, patient: Stored) -> int | None:
    """From the newest finished hospital stay."""
    for stored in unit.of_person(patient.rid, ["Encounter"]):
        resource = stored.resource
        ended = day(resource.get("period", {}).get("end"))
        if resource.get("class", {}).get("code") == "IMP" and resource["status"] == "finished" and ended:
            return (local_day(patient.resource, unit.now) - ended).days
    return None


def _care_plan(
    person: str, proposed: PlanProposal, because: str, key: str, active: Stored | None
) -> Resource:
    base = f"{active.reference}@{active.version}" if active else "none"
    return {
        "resourceType": "CarePlan",
        "identifier": [{"system": uris.DEDUPE, "value": f"proposal:{key}"}],
        "extension": [
            {"url": uris.BECAUSE, "valueString": because},
            {"url": BASE, "valueString": base},
        ],
        "status": "draft",
        "intent": "proposal",
        "title": "Proposed for the plan",
        "subject": ref(person),
        **({"replaces": [ref(active.reference)]} if active else {}),
    }


def _place(plan: Resource, line: Line, reference: str) -> None:
    match line.part:
        case "need":
            plan.setdefault("addresses", []).append(ref(reference))
        case "goal":
            plan.setdefault("goal", []).append(ref(reference))
        case "action":
            plan.setdefault("activity", []).append({"reference": ref(reference)})
