"""Agendas of case reviews, and what the record knows of one who stands on them. An agenda is all lines of one meeting
that the reader may see; of the others she is told nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.care.case_review import Talk, talk_of
from careloop.care.treat_to_target import Course
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, instant, text_of
from careloop.projections.people import PersonBrief, briefs, names
from careloop.projections.registry import courses_of
from careloop.projections.registry_kept import held_of
from careloop.projections.risks import RiskRow, risks_of
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

KIND: Final = "case-review"
MOST: Final = 500


@dataclass(frozen=True, repr=False)
class Item:
    """task: the line. place: in the order; minutes: planned; spent: it took. state: open, done or withdrawn."""

    task: Stored
    person: PersonBrief
    because: str
    brought_by: str
    place: int
    minutes: int
    spent: int
    state: str
    decision: str


@dataclass(frozen=True, repr=False)
class Meeting:
    """id: what its lines share. at: when."""

    id: str
    at: datetime | None
    items: tuple[Item, ...]

    @property
    def open(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.state == "open")

    @property
    def minutes(self) -> int:
        return sum(item.minutes for item in self.items if item.state != "withdrawn")

    @property
    def spent(self) -> int:
        return sum(item.spent for item in self.items)


def meetings(unit: Unit) -> list[Meeting]:
    """The newest lines first gathered by meeting; the meetings by their hour."""
    found = unit.search(
        "Task",
        [("code", f"{uris.WORK_CODE}|{KIND}"), ("_sort", "-authored-on"), ("_count", str(MOST))],
    ).entries
    by_id: dict[str, list[Stored]] = {}
    for task in found:
        if id := _meeting_of(task.resource):
            by_id.setdefault(id, []).append(task)
    made = [_meeting(unit, id, tasks) for id, tasks in by_id.items()]
    return sorted(made, key=lambda each: (each.at is None, each.at, each.id))


def meeting(unit: Unit, id: str) -> Meeting | None:
    """None when nobody on it may be seen."""
    # A colon or a bar in an address would be another question.
    if not id.replace("-", "").isalnum():
        return None
    found = unit.search("Task", [("group-identifier", f"{uris.MEETING}|{id}"), ("_count", str(MOST))]).entries
    return _meeting(unit, id, found) if found else None


def _meeting_of(task: Resource) -> str:
    found = task.get("groupIdentifier") or {}
    return str(found.get("value", "")) if found.get("system") == uris.MEETING else ""


def _meeting(unit: Unit, id: str, tasks: Sequence[Stored]) -> Meeting:
    people = briefs(unit, {task.person for task in tasks})
    called = names(unit, {str((task.resource.get("owner") or {}).get("reference", "")) for task in tasks})
    items = [_item(task, people[task.person], called) for task in tasks if task.person in people]
    items = [item for item in items if item.state != "error"]
    at = next((work_of(task.resource).due for task in tasks), None)
    return Meeting(id, at, tuple(sorted(items, key=lambda item: (item.place, item.task.rid))))


def _item(task: Stored, person: PersonBrief, called: dict[str, str]) -> Item:
    resource, work = task.resource, work_of(task.resource)
    status = str(resource.get("status"))
    state = "open" if status in OPEN else "done" if status == "completed" else "withdrawn"
    if status == "entered-in-error":
        state = "error"
    return Item(
        task=task,
        person=person,
        because=work.because,
        brought_by=called.get(work.owner or "", ""),
        place=_number(resource, "order", "input"),
        minutes=_number(resource, "minutes", "input"),
        spent=_number(resource, "minutes", "output"),
        state=state,
        decision=text_of(resource.get("statusReason")) if state == "done" else "",
    )


def _number(task: Resource, kind: str, where: str) -> int:
    for each in task.get(where, ()):
        if (uris.TASK_IO, kind) in codings(each.get("type")) and isinstance(each.get("valueInteger"), int):
            return int(each["valueInteger"])
    return 0


# --- what the record knows


@dataclass(frozen=True, repr=False)
class Done:
    """Work that ended: what was tried. came: what came of it."""

    title: str
    came: str
    at: datetime


@dataclass(frozen=True, repr=False)
class Facts:
    """courses: by id of the target. talks: earlier reviews and consultations, the newest first."""

    problems: tuple[str, ...]
    needs: tuple[str, ...]
    medicines: tuple[str, ...]
    courses: dict[str, Course]
    risks: tuple[RiskRow, ...]
    tried: tuple[Done, ...]
    goals: tuple[str, ...]
    talks: tuple[tuple[datetime, Talk], ...]


def facts(unit: Unit, person: int) -> Facts:
    """Of what the reader may see. person: rid."""
    kinds = [
        k for k in ("Condition", "MedicationRequest", "Task", "Goal", "Communication") if unit.may_search(k)
    ]
    by_type: dict[str, list[Stored]] = {}
    for stored in unit.of_person(person, kinds):
        by_type.setdefault(stored.type, []).append(stored)
    conditions = [held for s in by_type.get("Condition", ()) if (held := _held(s.resource))]
    return Facts(
        problems=tuple(dict.fromkeys(words for is_need, words in conditions if not is_need)),
        needs=tuple(dict.fromkeys(words for is_need, words in conditions if is_need)),
        medicines=tuple(
            dict.fromkeys(
                text_of(s.resource.get("medicationCodeableConcept"))
                for s in by_type.get("MedicationRequest", ())
                if s.resource.get("status") == "active"
                and text_of(s.resource.get("medicationCodeableConcept"))
            )
        ),
        courses=courses_of(unit, person),
        risks=tuple(risks_of(unit, [person])) if unit.may_search("RiskAssessment") else (),
        tried=tuple(_tried(by_type.get("Task", ()))),
        goals=tuple(
            str((s.resource.get("description") or {}).get("text", ""))
            for s in by_type.get("Goal", ())
            if s.resource.get("lifecycleStatus") == "active"
        ),
        talks=tuple(_talks(by_type.get("Communication", ()))),
    )


def _held(condition: Resource) -> tuple[bool, str] | None:
    found = held_of(condition)
    return (found[0], found[2]) if found else None


def _tried(tasks: Sequence[Stored]) -> list[Done]:
    found = []
    for task in tasks:
        resource = task.resource
        if resource.get("status") not in ("completed", "failed") or resource.get("intent") == "proposal":
            continue
        at = instant((resource.get("executionPeriod") or {}).get("end")) or task.at
        found.append(Done(work_of(resource).title, text_of(resource.get("statusReason")), at))
    return sorted(found, key=lambda done: done.at, reverse=True)[:10]


def _talks(told: Sequence[Stored]) -> list[tuple[datetime, Talk]]:
    found = [
        (instant(s.resource.get("sent")) or s.at, talk)
        for s in told
        if s.resource.get("status") == "completed" and (talk := talk_of(s.resource))
    ]
    return sorted(found, key=lambda pair: pair[0], reverse=True)[:10]
