"""Plans of other organizations beside ours, and where they contradict one another, as pages and the API tell it.

Read, never kept. A conflict shows only where the reader may see both sides; who may not see one, sees no conflict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from careloop.care.claims import Held, Parties, Told
from careloop.care.conflicts import Conflict, conflicts, dedupe_of
from careloop.care.others_plans import is_our_plan, live_plans_of_others
from careloop.fhir import uris
from careloop.fhir.elements import Resource, day, identifier_in, instant, text_of
from careloop.library import Library, Words
from careloop.projections.by_type import searchable
from careloop.projections.people import names
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

TYPES: Final = (
    *("Appointment", "CarePlan", "Condition", "DetectedIssue", "Goal", "MedicationRequest"),
    *("MedicationStatement", "NutritionOrder", "ServiceRequest", "Task"),
)
PARTIES_IN: Final = (
    *("author", "requester", "orderer", "informationSource", "expressedBy", "recorder", "contributor"),
)
STANDS: Final = frozenset({"final", "amended", "corrected"})


@dataclass(frozen=True, repr=False)
class Looked:
    """Somebody looked at it and wrote why it may stand."""

    id: str
    reason: str
    who: str
    at: datetime | None


@dataclass(frozen=True, repr=False)
class Named:
    """work: id of the open to-do about it. done: it was worked on and ended, and yet stands."""

    conflict: Conflict
    looked: Looked | None
    work: str
    work_who: str
    was_worked_on: bool

    @property
    def is_open(self) -> bool:
        return self.looked is None


@dataclass(frozen=True, repr=False)
class TheirLine:
    part: str
    text: str
    due: date | None
    is_done: bool
    reference: str


@dataclass(frozen=True, repr=False)
class TheirPlan:
    """who: the organization or person that wrote it. received: when it came here, or changed."""

    id: str
    title: str
    who: Words
    since: date | None
    received: datetime
    lines: tuple[TheirLine, ...]

    def part(self, name: str) -> tuple[TheirLine, ...]:
        return tuple(line for line in self.lines if line.part == name)

    @property
    def needs(self) -> tuple[TheirLine, ...]:
        return self.part("need")

    @property
    def goals(self) -> tuple[TheirLine, ...]:
        return self.part("goal")

    @property
    def steps(self) -> tuple[TheirLine, ...]:
        return self.part("step")


@dataclass(frozen=True, repr=False)
class Beside:
    theirs: tuple[TheirPlan, ...]
    named: tuple[Named, ...]

    @property
    def open(self) -> tuple[Named, ...]:
        return tuple(each for each in self.named if each.is_open)

    @property
    def looked_at(self) -> tuple[Named, ...]:
        return tuple(each for each in self.named if not each.is_open)


def beside_of(unit: Unit, patient: Stored, library: Library) -> Beside:
    """The caller has read the person."""
    held = unit.of_person(patient.rid, searchable(unit, TYPES))
    told = told_of(unit, held)
    found = conflicts(told, library.clashes, unit.now)
    return Beside(_theirs(held, told), tuple(_named(each, patient.reference, held, told) for each in found))


def told_of(unit: Unit, held: Iterable[Stored]) -> Told:
    every = list(held)
    resources = [stored.resource for stored in every]
    called = names(unit, _parties(resources))
    drugs = {
        reference
        for each in resources
        if (reference := (each.get("medicationReference") or {}).get("reference", "")).startswith(
            "Medication/"
        )
    }
    return Told(
        tuple(Held(stored.resource, stored.at if stored.version > 1 else None) for stored in every),
        called,
        {reference: stored.resource for reference, stored in unit.get(drugs).items()},
    )


def _parties(resources: Iterable[Resource]) -> set[str]:
    found: set[str] = set()
    for resource in resources:
        for name in PARTIES_IN:
            said = resource.get(name)
            for each in said if isinstance(said, list) else (said,):
                if isinstance(each, Mapping) and each.get("reference"):
                    found.add(str(each["reference"]))
        for each in resource.get("participant", ()):
            if reference := (each.get("actor") or {}).get("reference"):
                found.add(str(reference))
    return found


def _named(conflict: Conflict, person: str, held: Iterable[Stored], told: Told) -> Named:
    key = dedupe_of(person, conflict.key)
    looked, work, who, was = None, "", "", False
    for stored in held:
        if identifier_in(stored.resource, uris.DEDUPE) != key:
            continue
        if stored.type == "DetectedIssue" and stored.resource.get("status") in STANDS:
            looked = _looked(stored, told)
        if stored.type == "Task" and stored.resource.get("status") in OPEN:
            work = stored.id
            who = str((stored.resource.get("owner") or {}).get("display", ""))
        elif stored.type == "Task":
            was = stored.resource.get("status") == "completed"
    return Named(conflict, looked, work, who, was)


def _looked(stored: Stored, told: Told) -> Looked:
    last: Mapping[str, Any] = (stored.resource.get("mitigation") or [{}])[-1]
    author = last.get("author") or {}
    who = author.get("display") or told.names.get(author.get("reference", ""), "")
    return Looked(stored.id, text_of(last.get("action")), str(who), instant(last.get("date")))


# --- their plans


def _theirs(held: Iterable[Stored], told: Told) -> tuple[TheirPlan, ...]:
    by_reference = {stored.reference: stored for stored in held}
    plans = [stored for stored in by_reference.values() if stored.type == "CarePlan"]
    live = {id(plan) for plan in live_plans_of_others([stored.resource for stored in plans])}
    parties = Parties(told)
    ours = next((p.resource for p in plans if is_our_plan(p.resource)), {})
    return tuple(
        _their_plan(stored, by_reference, parties)
        for stored in plans
        if id(stored.resource) in live and stored.resource is not ours
    )


def _their_plan(plan: Stored, by_reference: Mapping[str, Stored], parties: Parties) -> TheirPlan:
    resource = plan.resource
    kinds = [said for concept in resource.get("category", ()) if (said := text_of(concept))]
    lines: list[TheirLine] = []
    for part, name in (("need", "addresses"), ("goal", "goal")):
        for each in resource.get(name, ()):
            lines.append(_line(part, each, by_reference))
    for each in resource.get("activity", ()):
        if "reference" in each:
            lines.append(_line("step", each["reference"], by_reference))
        else:
            lines.append(_detail(each.get("detail") or {}, plan.reference))
    return TheirPlan(
        id=plan.id,
        title=str(resource.get("title") or (kinds[-1] if kinds else "") or resource.get("description", "")),
        who=parties.of_plan(resource)[1],
        since=day((resource.get("period") or {}).get("start") or resource.get("created")),
        received=plan.at,
        lines=tuple(line for line in lines if line.text),
    )


def _line(part: str, named: Mapping[str, Any], by_reference: Mapping[str, Stored]) -> TheirLine:
    reference = str(named.get("reference", ""))
    stored = by_reference.get(reference)
    if stored is None:
        return TheirLine(part, str(named.get("display", "")), None, False, reference)
    resource = stored.resource
    concept = resource.get("description") if stored.type == "Goal" else resource.get("code")
    text = text_of(concept) if isinstance(concept, Mapping) else ""
    text = text or str(resource.get("description") if isinstance(resource.get("description"), str) else "")
    due = next((day(t.get("dueDate")) for t in resource.get("target", ())), None)
    return TheirLine(part, text, due, _is_done(resource), reference)


def _is_done(resource: Resource) -> bool:
    return "completed" in (resource.get("status"), resource.get("lifecycleStatus"))


def _detail(detail: Mapping[str, Any], plan: str) -> TheirLine:
    text = text_of(detail.get("code")) or str(detail.get("description", ""))
    end = (detail.get("scheduledPeriod") or {}).get("end")
    return TheirLine("step", text, day(end), detail.get("status") == "completed", plan)
