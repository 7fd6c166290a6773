"""“Make this the plan.” Only a person does it, when every line is decided; only accepted lines become active."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.decide_line import open_proposal
from careloop.actions.plan_writing import mark, settle
from careloop.actions.propose_plan import active_plan, lines_of, local_day, zone_of
from careloop.actions.undo import TooLate
from careloop.actions.working import refuse_protected
from careloop.care.line_change import applied, change_of
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    code_in,
    codeable,
    day,
    extension,
    fhir_instant,
    ref,
    set_extension,
    text_of,
)
from careloop.fhir.translation import translated
from careloop.kernel.calendar import BusinessCalendar, zone
from careloop.kernel.errors import CareError, Conflict, Forbidden
from careloop.library import Words
from careloop.projections import people
from careloop.store import Stored, Unit

WITHIN: Final = timedelta(minutes=10)
OVER: Final = frozenset({"cancelled", "completed", "entered-in-error", "rejected", "failed"})


class StalePlan(Conflict):
    """Someone changed this plan after you opened it. Your decisions on each line are kept."""

    code, status = "stale-plan", 409


class LinesUndecided(CareError):
    """Some lines are not decided yet: accept or decline each of them first."""

    code, status, issue_type = "lines-undecided", 422, "required"

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        super().__init__(lines=lines)


@dataclass(frozen=True)
class Activated:
    """plan: the active CarePlan, or the closed proposal when every line was declined; lines: what became active, for
    “what happens next”."""

    plan: Stored
    lines: tuple[Stored, ...]


def activate_plan(scope: Scope, proposal: str, now: datetime, *, over: int | None = None) -> Activated:
    """over: the version of the active plan that the person has looked at, after a StalePlan. Raises LinesUndecided, and
    StalePlan with what changed."""
    if scope.actor.kind != "staff":
        raise Forbidden("Only a person makes a plan active.")
    with record.begin(scope, now) as unit:
        plan = open_proposal(unit, proposal)
        active = active_plan(unit.of_person(plan.person, ["CarePlan"]))
        found = unit.get(lines_of(plan.resource))
        if missing := tuple(
            r for r, line in found.items() if extension(line.resource, uris.DECISION) is None
        ):
            raise LinesUndecided(missing)
        _refuse_stale(plan, active, over)
        lines = [
            _activate(unit, line) if not _is_declined(line) else _reject(unit, line)
            for line in found.values()
        ]
        kept = tuple(line for line in lines if not _is_declined(line))
        if not kept:
            return Activated(unit.update({**plan.resource, "status": "revoked"}, if_match=plan.version), ())
        joining = {line.reference for line in kept if change_of(line.resource) is None}
        return Activated(_make_plan(unit, plan, active, joining), kept)


def take_back_plan(scope: Scope, proposal: str, now: datetime) -> Stored:
    """Back to the proposal with its decisions, within ten minutes and while nobody has gone on from it. Returns the
    proposal. Raises TooLate."""
    with record.begin(scope, now) as unit:
        plan = unit.read("CarePlan", proposal)
        if not can_take_back(unit, plan):
            raise TooLate
        was = unit.read_version("CarePlan", plan.id, plan.version - 1).resource
        written = list(unit.get(lines_of(was)).values())
        written += _changed_by(unit, written)
        if plan.resource["status"] == "completed":
            written += [active] if (active := active_plan(unit.of_person(plan.person, ["CarePlan"]))) else []
        for stored in written:
            _back(unit, stored)
        return _back(unit, plan)


def can_take_back(unit: Unit, plan: Stored) -> bool:
    """Whether all that the activation wrote still stands as it wrote it."""
    was = unit.read_version("CarePlan", plan.id, plan.version - 1).resource if plan.version > 1 else {}
    if (was.get("status"), was.get("intent")) != ("draft", "proposal") or plan.resource["status"] == "draft":
        return False
    if unit.now - plan.at > WITHIN:
        return False
    if plan.resource["status"] == "completed":  # its lines joined a plan, which must be as we left it
        active = active_plan(unit.of_person(plan.person, ["CarePlan"]))
        if active is None or active.at != plan.at:
            return False
    lines = [line for line in unit.get(lines_of(was)).values() if not _is_declined_need(line)]
    if not all(line.at == plan.at and _is_as_written(unit, line) for line in lines):
        return False
    return all(line.at == plan.at for line in _changed_by(unit, lines))


def _changed_by(unit: Unit, lines: Iterable[Stored]) -> list[Stored]:
    """The lines that accepted changes were made to."""
    changes = [change_of(line.resource) for line in lines if line.resource.get("status") == "completed"]
    return list(unit.get([each.on for each in changes if each]).values())


def _is_as_written(unit: Unit, line: Stored) -> bool:
    """Whether the version before was still a proposed line: then this one is what the activation wrote."""
    before = unit.read_version(line.type, line.id, line.version - 1).resource if line.version > 1 else {}
    match line.type:
        case "Condition":
            return text_of(before.get("verificationStatus")) == "provisional"
        case "Goal":
            return before.get("lifecycleStatus") == "proposed"
    return before.get("intent") == "proposal" and before.get("status") == "draft"


def _is_declined_need(line: Stored) -> bool:
    """A declined need is not written again: it never was active."""
    return line.type == "Condition" and _is_declined(line)


def _back(unit: Unit, stored: Stored) -> Stored:
    if stored.version < 2 or _is_declined_need(stored):
        return stored
    before = unit.read_version(stored.type, stored.id, stored.version - 1).resource
    return unit.update(before, if_match=stored.version)


def _is_declined(line: Stored) -> bool:
    return bool(extension(line.resource, uris.DECISION) == "declined")


def _refuse_stale(plan: Stored, active: Stored | None, over: int | None) -> None:
    base = extension(plan.resource, uris.PLAN_BASE)
    if base is None:  # it came from elsewhere and does not say what it was made against
        return
    present = f"{active.reference}@{active.version}" if active else "none"
    if base == present or (active is not None and over == active.version):
        return
    raise StalePlan(
        version=active.version if active else None,
        plan=active.reference if active else None,
        base=base,
    )


def _activate(unit: Unit, line: Stored) -> Stored:
    if change_of(line.resource) is not None:
        return _change(unit, line)
    resource = dict(line.resource)
    resource["extension"] = list(resource.get("extension", ()))
    set_extension(resource, uris.CONFLICT, "String", None)
    person = (resource.get("for") or resource.get("subject") or {})["reference"]
    patient = unit.get([person])[person].resource
    match line.type:
        case "Condition":
            status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
            verified = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
            resource["clinicalStatus"] = codeable(status, "active")
            resource["verificationStatus"] = codeable(verified, "confirmed")
            resource.setdefault("recordedDate", fhir_instant(unit.now))
        case "Goal":
            resource["lifecycleStatus"] = "active"
            resource["startDate"] = local_day(patient, unit.now).isoformat()
        case "Task":
            set_hours(resource, people.zone_of(unit, line.person) or zone_of(patient))
            set_extension(resource, uris.PROGRAM_EXT, "Code", program_of(unit, line.person))
            resource |= {
                "intent": "plan",
                "status": "accepted" if "owner" in resource else "requested",
                "authoredOn": fhir_instant(unit.now),
                "lastModified": fhir_instant(unit.now),
            }
    return unit.update(resource, if_match=line.version)


def _change(unit: Unit, task: Stored) -> Stored:
    """An accepted change: the line has a new version that says why; what asked for it is done. A line that ended
    meanwhile stays as it is."""
    change = change_of(task.resource)
    line = unit.get([change.on]).get(change.on) if change else None
    asked: Resource = {
        **task.resource,
        "status": "completed",
        "executionPeriod": {"end": fhir_instant(unit.now)},
        "lastModified": fhir_instant(unit.now),
    }
    if change is None or line is None or line.resource.get("status") in OVER:
        return unit.update(asked, if_match=task.version)
    because = why_of(task.resource)
    if change.act == "end" and line.type == "Task":
        refuse_protected(work_of(line.resource))
    made = applied(line.resource, change, because, fhir_instant(unit.now))
    if change.due and line.type == "Task" and change.act == "change":
        patient = unit.get([task.resource["for"]["reference"]])[task.resource["for"]["reference"]].resource
        set_hours(made, people.zone_of(unit, line.person) or zone_of(patient))
    mark(unit, made, "ended" if change.act == "end" else "changed", because)
    unit.update(made, if_match=line.version)
    return unit.update(asked, if_match=task.version)


def program_of(unit: Unit, person: int) -> str | None:
    """The program that the work belongs to: hers, when she is in one only."""
    active = [s for s in unit.of_person(person, ["EpisodeOfCare"]) if s.resource.get("status") == "active"]
    codes = {code_in(each, uris.PROGRAM) for s in active for each in s.resource.get("type", ())} - {None}
    return codes.pop() if len(codes) == 1 else None


def set_hours(task: Resource, zone_name: str) -> None:
    """The day of a line becomes hours in the person's zone, else her site's: the end of that day, and 5 pm to aim
    for."""
    due = day(task.get("restriction", {}).get("period", {}).get("end"))
    if due is None:
        return
    calendar = BusinessCalendar(zone(zone_name))
    task["restriction"] = {"period": {"end": fhir_instant(calendar.end_of(due))}}
    set_extension(task, uris.TARGET, "DateTime", fhir_instant(calendar.working_target(due)))
    set_extension(task, uris.ZONE, "Code", zone_name)


def why_of(resource: Resource) -> Words:
    """The because that a proposal, or a line of it, came with."""
    for found in resource.get("extension", ()):
        if found.get("url") == uris.BECAUSE:
            said = str(found.get("valueString", ""))
            return Words(said, translated(found, "valueString", "es") or said)
    return Words("", "")


def _reject(unit: Unit, line: Stored) -> Stored:
    resource = dict(line.resource)
    match line.type:
        case "Goal":
            resource["lifecycleStatus"] = "rejected"
        case "Task":
            resource["status"] = "rejected"
        case _:
            return line
    return unit.update(resource, if_match=line.version)


def _make_plan(unit: Unit, plan: Stored, active: Stored | None, kept: set[str]) -> Stored:
    """Without an active plan the proposal becomes it; else its lines join the active one and the proposal ends."""
    accepted = _only(plan.resource, kept)
    set_extension(accepted, uris.ALREADY, "String", None)
    actor = unit.scope.actor
    who = ref(actor.practitioner, actor.name) if actor.practitioner else None
    if active is None:
        made = {
            **accepted,
            "status": "active",
            "intent": "plan",
            "title": "Care plan",
            "created": fhir_instant(unit.now),
            "identifier": _with_our_key(accepted, plan),
            **({"author": who} if who else {}),
        }
        return _agreed(unit, made, plan.version, why_of(plan.resource))
    unit.update({**plan.resource, "status": "completed"}, if_match=plan.version)
    merged = dict(active.resource)
    for name in ("addresses", "goal", "activity"):
        if joined := [*merged.get(name, ()), *accepted.get(name, ())]:
            merged[name] = joined
    known = [each.get("reference") for each in (merged.get("author") or {}, *merged.get("contributor", ()))]
    if who and who["reference"] not in known:
        merged["contributor"] = [*merged.get("contributor", ()), who]
    return _agreed(unit, merged, active.version, why_of(plan.resource))


def _agreed(unit: Unit, plan: Resource, version: int, because: Words) -> Stored:
    """A version that says who made it so and why; those who must see it are asked."""
    mark(unit, plan, "agreed", because)
    saved = unit.update(plan, if_match=version)
    settle(unit, saved.person, saved)
    return saved


def _with_our_key(accepted: Resource, plan: Stored) -> list[Resource]:
    """A proposal that came from elsewhere and was accepted here is ours from now on."""
    had: list[Resource] = accepted.get("identifier", [])
    if any(each.get("system") == uris.DEDUPE for each in had):
        return had
    return [*had, {"system": uris.DEDUPE, "value": f"plan:{plan.id}"}]


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
