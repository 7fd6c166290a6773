"""Add, change, end and reopen single lines of the plan that stands, by hand. Each act is a new version of the line and
of the plan, with who did it and why; each can be taken back for ten minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.activate_plan import program_of, set_hours
from careloop.actions.plan_writing import (
    LONGEST,
    BadLine,
    check_staff,
    copy_of,
    mark,
    next_version,
    own_line,
    result_of,
    said_why,
    shown_in,
    witness,
)
from careloop.actions.propose_plan import local_day, zone_of
from careloop.actions.working import Result
from careloop.care.plan_lines import ACHIEVEMENTS, REACHED, Held, Part, line_of
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref, set_extension, text_of
from careloop.fhir.translation import translate
from careloop.kernel.errors import NotFound
from careloop.library import Words
from careloop.projections import people
from careloop.store import Stored, Unit

LATEST_YEARS: Final = 5
STEP: Final = "plan-step"
CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ACHIEVED: Final = "http://terminology.hl7.org/CodeSystem/goal-achievement"
CATEGORIES: Final = {
    "health-concern": "http://hl7.org/fhir/us/core/CodeSystem/condition-category",
    "sdoh": "http://hl7.org/fhir/us/core/CodeSystem/us-core-category",
}
COMPARATORS: Final = ("<", "<=", ">=", ">")


@dataclass(frozen=True, repr=False)
class Target:
    """measure: what is measured, in words. value: a number; high: with it, from value to high."""

    measure: str = ""
    comparator: str = ""
    value: Decimal | None = None
    high: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True, repr=False)
class Wanted:
    """A line as it is to stand. spanish, words (her own), category: empty for none. owner: a reference, or empty with
    owner_name for somebody who has none here. achievement: FHIR's code."""

    text: str
    spanish: str = ""
    words: str = ""
    due: date | None = None
    target: Target = Target()
    owner: str = ""
    owner_name: str = ""
    achievement: str = ""
    category: str = "health-concern"


# --- add


def add_line(
    scope: Scope, person: str, part: Part, under: str, wanted: Wanted, because: str, now: datetime
) -> Result:
    """person: Patient id. under: reference of the need of a goal, the goal or barrier of a step, the goal of a barrier;
    empty for none. because: why it comes into the plan. Raises BadLine, ReasonMissing, NotFound."""
    with record.begin(scope, now) as unit:
        check_staff(unit)
        if part not in _BODIES:
            raise NotFound(part)
        patient = unit.read("Patient", person)
        above = own_line(unit, patient, under) if under else None
        why = said_why(because, "because")
        resource = _BODIES[part](unit, patient, above, wanted, why)
        _fill(unit, patient, resource, wanted, is_new=True)
        mark(unit, resource, "added", why)
        line = unit.create(resource)
        joined = _joined(unit, part, above, line)
        plan = next_version(unit, patient, "added", line)
        witness(unit, "added", why, (line, *joined, plan))
        return result_of((line, *joined, plan))


def _joined(unit: Unit, part: Part, above: Stored | None, line: Stored) -> tuple[Stored, ...]:
    """A barrier is named by its goal."""
    if part != "barrier" or above is None:
        return ()
    goal = dict(above.resource)
    goal["addresses"] = [*goal.get("addresses", ()), ref(line.reference)]
    return (unit.update(goal, if_match=above.version),)


def _need(unit: Unit, patient: Stored, above: Stored | None, wanted: Wanted, why: Words) -> Resource:
    category = wanted.category if wanted.category in CATEGORIES else "health-concern"
    return _condition(unit, patient, codeable(CATEGORIES[category], category), why)


def _barrier(unit: Unit, patient: Stored, above: Stored | None, wanted: Wanted, why: Words) -> Resource:
    if above is None or above.type != "Goal":
        raise BadLine("Choose the goal that it stands in the way of.", "under")
    return _condition(unit, patient, codeable(uris.NEED, "barrier", "Barrier"), why)


def _condition(unit: Unit, patient: Stored, category: Resource, why: Words) -> Resource:
    return {
        "resourceType": "Condition",
        **_because(why),
        "clinicalStatus": codeable(CLINICAL, "active"),
        "verificationStatus": codeable(VERIFIED, "confirmed"),
        "category": [category],
        "code": {},
        "subject": ref(patient.reference),
        "recordedDate": fhir_instant(unit.now),
        "recorder": working.me(unit),
    }


def _goal(unit: Unit, patient: Stored, above: Stored | None, wanted: Wanted, why: Words) -> Resource:
    if above is not None and above.type != "Condition":
        raise NotFound(above.reference)
    goal: Resource = {
        "resourceType": "Goal",
        **_because(why),
        "lifecycleStatus": "active",
        "description": {},
        "subject": ref(patient.reference),
        "startDate": local_day(patient.resource, unit.now).isoformat(),
        "expressedBy": working.me(unit),
    }
    return {**goal, "addresses": [ref(above.reference)]} if above else goal


def _step(unit: Unit, patient: Stored, above: Stored | None, wanted: Wanted, why: Words) -> Resource:
    reason: Resource = {"text": why.en}
    task: Resource = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "plan",
        "code": codeable(uris.WORK_CODE, STEP),
        "for": ref(patient.reference),
        "authoredOn": fhir_instant(unit.now),
        "lastModified": fhir_instant(unit.now),
        "reasonCode": reason,
    }
    if above:
        task["reasonReference"] = ref(above.reference)
    set_extension(task, uris.CLASS, "Code", WorkClass.ROUTINE.code)
    set_extension(task, uris.PROGRAM_EXT, "Code", program_of(unit, patient.rid))
    return task


_BODIES: Final = {"need": _need, "goal": _goal, "step": _step, "barrier": _barrier}


def _because(why: Words) -> Resource:
    return {"extension": [{"url": uris.BECAUSE, "valueString": why.en}]} if why.en else {}


# --- change


def change_line(
    scope: Scope, person: str, line: str, version: int | None, wanted: Wanted, because: str, now: datetime
) -> Result:
    """line: reference. version: as it was seen. Raises BadLine, StaleVersion, NotFound."""
    with record.begin(scope, now) as unit:
        check_staff(unit)
        patient = unit.read("Patient", person)
        seen = own_line(unit, patient, line)
        shown = shown_in(unit, patient, seen)
        resource = copy_of(seen)
        _fill(unit, patient, resource, wanted, is_new=False)
        if resource == seen.resource and version in (None, seen.version):
            return Result(None)
        why = said_why(because, "because", is_needed=shown.part in ("need", "goal"))
        mark(unit, resource, "changed", why)
        saved = unit.update(resource, if_match=version or seen.version)
        plan = next_version(unit, patient, "changed", saved)
        witness(unit, "changed", why, (saved, plan))
        return result_of((saved, plan))


def _fill(unit: Unit, patient: Stored, resource: Resource, wanted: Wanted, *, is_new: bool) -> None:
    _fill_text(resource, wanted)
    match resource["resourceType"]:
        case "Condition":
            set_extension(resource, uris.OWN_WORDS, "String", wanted.words.strip()[:LONGEST] or None)
        case "Goal":
            set_extension(resource, uris.OWN_WORDS, "String", wanted.words.strip()[:LONGEST] or None)
            _fill_target(unit, patient, resource, wanted)
            _fill_achievement(unit, patient, resource, wanted.achievement)
        case "Task":
            _fill_step(unit, patient, resource, wanted)


def _fill_text(resource: Resource, wanted: Wanted) -> None:
    name = "description" if resource["resourceType"] == "Goal" else "code"
    text, concept = wanted.text.strip(), dict(resource[name])
    if not text:
        raise BadLine("Say it in a few words.", "text")
    if len(text) > LONGEST:
        raise BadLine("Keep it under 300 characters, so that it fits on the person’s page.", "text")
    concept["text"] = text
    translate(concept, "text", "es", wanted.spanish.strip()[:LONGEST] or None)
    resource[name] = concept
    if resource["resourceType"] == "Task":
        resource["description"] = text


def _fill_target(unit: Unit, patient: Stored, goal: Resource, wanted: Wanted) -> None:
    old: Resource = dict(next(iter(goal.get("target", ())), {}))
    target = {name: value for name, value in old.items() if name not in ("dueDate", "dueDuration")}
    asked = wanted.target
    _check_target(asked)
    had = (old.get("detailQuantity") or {}, text_of(old.get("measure")))
    if asked.value is None:
        target = {} if had[1] and not asked.measure else _kept_measure(target, asked)
    else:
        target = _measured(target, asked)
    if wanted.due:
        _check_due(unit, patient, wanted.due, str(old.get("dueDate", "")))
        target["dueDate"] = wanted.due.isoformat()
    rest = list(goal.get("target", ()))[1:]
    goal.pop("target", None)
    if target or rest:
        goal["target"] = [*([target] if target else []), *rest]


def _check_target(asked: Target) -> None:
    if asked.value is not None and not asked.measure.strip():
        raise BadLine("Say what is measured: weight, PHQ-9, blood pressure.", "measure")
    if asked.comparator and asked.comparator not in COMPARATORS:
        raise BadLine("Choose under, at most, at least, or over.", "value")
    if asked.high is not None and (asked.value is None or asked.high <= asked.value):
        raise BadLine("The second number is the upper end: it has to be larger.", "value")


def _kept_measure(target: Resource, asked: Target) -> Resource:
    """Without a number what is measured may stand alone: its values are shown beside the goal."""
    kept = {k: v for k, v in target.items() if k not in ("detailQuantity", "detailRange")}
    return _named(kept, asked) if asked.measure.strip() else {}


def _named(target: Resource, asked: Target) -> Resource:
    measure = asked.measure.strip()[:100]
    if text_of(target.get("measure")) == measure:
        return target
    kept = {
        name: value for name, value in target.items() if name != "extension"
    }  # another measure, another rule
    return {**kept, "measure": {"text": measure}}


def _measured(target: Resource, asked: Target) -> Resource:
    named = _named({k: v for k, v in target.items() if k not in ("detailQuantity", "detailRange")}, asked)
    unit = asked.unit.strip()[:40]
    told: dict[str, Any] = {"unit": unit} if unit else {}
    if asked.high is not None:
        low, high = ({"value": _number(v), **told} for v in (asked.value, asked.high))
        return {**named, "detailRange": {"low": low, "high": high}}
    compared = {"comparator": asked.comparator} if asked.comparator else {}
    return {**named, "detailQuantity": {"value": _number(asked.value), **compared, **told}}


def _number(value: Decimal | None) -> int | Decimal:
    assert value is not None
    return int(value) if value == value.to_integral_value() else value


def _fill_achievement(unit: Unit, patient: Stored, goal: Resource, code: str) -> None:
    if not code:
        goal.pop("achievementStatus", None)
    elif code not in ACHIEVEMENTS:
        raise BadLine("Choose how far it is from the list.", "achievement")
    else:
        goal["achievementStatus"] = codeable(ACHIEVED, code, ACHIEVEMENTS[code].en)
    is_reached, was = code in REACHED, goal.get("lifecycleStatus")
    if is_reached and was != "completed":
        goal["lifecycleStatus"] = "completed"
        goal["statusDate"] = local_day(patient.resource, unit.now).isoformat()
    elif not is_reached and was == "completed":
        goal["lifecycleStatus"] = "active"
        goal.pop("statusDate", None)


def _fill_step(unit: Unit, patient: Stored, task: Resource, wanted: Wanted) -> None:
    owner = wanted.owner_name.strip()[:200]
    if wanted.owner:
        task["owner"] = ref(wanted.owner, owner or None)
    elif owner:
        task["owner"] = {"display": owner}
    else:
        task.pop("owner", None)
    task["performerType"] = [{"text": _kind_of_owner(unit, patient, task.get("owner") or {})}]
    if task.get("status") in ("requested", "accepted"):
        task["status"] = "accepted" if task.get("owner") else "requested"
    task["lastModified"] = fhir_instant(unit.now)
    _redate(unit, patient, task, wanted.due)


def _kind_of_owner(unit: Unit, patient: Stored, owner: Resource) -> str:
    """As templates say it: person, family, coordinator, clinician, agency."""
    reference = str(owner.get("reference", ""))
    kind = reference.partition("/")[0]
    if kind == "Practitioner":
        return "coordinator" if reference == people.lead_of(unit, patient.rid) else "clinician"
    known = {
        "Patient": "person",
        "RelatedPerson": "family",
        "Organization": "agency",
        "HealthcareService": "agency",
    }
    return known.get(kind, "agency" if owner else "coordinator")


def _redate(unit: Unit, patient: Stored, task: Resource, due: date | None) -> None:
    held = line_of(Held("", 0, task), {"": 0})
    had = held.due if held else None
    if due == had:
        return
    task.pop("restriction", None)
    set_extension(task, uris.TARGET, "DateTime", None)
    if due is not None:
        _check_due(unit, patient, due, had.isoformat() if had else "")
        task["restriction"] = {"period": {"end": due.isoformat()}}
        set_hours(task, people.zone_of(unit, patient.rid) or zone_of(patient.resource))


def _check_due(unit: Unit, patient: Stored, due: date, had: str) -> None:
    """A day that stood there already may be over."""
    today = local_day(patient.resource, unit.now)
    if due < today and due.isoformat() != had:
        raise BadLine("This day is over. Choose today or later.", "due")
    if due.year > today.year + LATEST_YEARS:
        raise BadLine("This is more than five years away. Please check the year.", "due")
