"""What a firing of a protocol proposes for the plan: lines to add, to change, to end. Pure; part of `care/plan`.

Only what stands can change or end; what stands already is not added again. Of whatever a line hangs under, and which
stands, the proposal says so, so that whoever decides sees where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from careloop.care.line_change import LineChange, shown_words
from careloop.care.plan import (
    DECLINED_DAYS,
    OPEN_GOAL,
    OPEN_TASK,
    Line,
    Part,
    Standing,
    declined_words,
    judged,
)
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, extension
from careloop.library import Words
from careloop.library.protocols import PlanChange

PART_OF: Final[Mapping[str, Part]] = {"Condition": "need", "Goal": "goal", "Task": "action"}
CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def adjusted_lines(
    changes: Sequence[PlanChange],
    because: Words,
    source: str,
    standing: Standing,
    on: date,
    *,
    say: Callable[[Words], Words],
    owners: Mapping[str, tuple[str, str]],
) -> tuple[Line, ...]:
    """on: today where she lives. because: the firing's; say: fills a line's own. owners: coordinator, clinician, person
    -> reference and name."""
    found: dict[str, Line] = {}
    for change in changes:
        why = say(change.because) if change.because else because
        if change.act == "add":
            line = judged(_added(change, why, source, on), standing, on)
            for above in _above(change.under, standing, source):
                found.setdefault(above.key, above)
            found.setdefault(line.key, line)
            continue
        for resource in _standing_as(change.key, standing):
            made = _changed(change, resource, why, source, on, owners)
            if made is not None:
                found.setdefault(made.key, _declined_before(made, standing, on))
    return tuple(found.values())


def _added(change: PlanChange, because: Words, source: str, on: date) -> Line:
    part, _, _ = change.key.partition(":")
    assert change.text is not None
    return Line(
        change.key,
        PART_OF_KEY[part],
        change.under,
        change.text,
        because,
        source,
        due=on + timedelta(days=change.due_days) if change.due_days is not None else None,
        owner=change.owner,
        category=change.category,
        target=(change.target.instrument, change.target.below) if change.target else None,
    )


PART_OF_KEY: Final[Mapping[str, Part]] = {"need": "need", "goal": "goal", "action": "action"}


def _above(key: str | None, standing: Standing, source: str) -> Iterator[Line]:
    """The line that another goes under, if it stands."""
    for resource in _standing_as(key or "", standing):
        text = shown_words(resource)
        kind = resource["resourceType"]
        yield Line(
            key or "",
            PART_OF[kind],
            None,
            text,
            Words("", ""),
            source,
            is_there=True,
            there=f"{kind}/{resource['id']}",
        )
        return


def _standing_as(key: str, standing: Standing) -> Iterator[Resource]:
    kind, _, code = key.partition(":")
    match kind:
        case "need":
            for need in standing.needs:
                if code_in(need.get("code"), uris.NEED) == code and _is_active(need):
                    yield need
        case "goal" | "goal-of":
            for goal in standing.goals:
                if goal.get("lifecycleStatus") in OPEN_GOAL and _is_goal(goal, kind, code):
                    yield goal
        case "action":
            for task in standing.tasks:
                is_open = task.get("status") in OPEN_TASK and task.get("intent") != "proposal"
                if is_open and code_in(task.get("code"), uris.WORK_CODE) == code:
                    yield task


def _is_active(need: Resource) -> bool:
    return code_in(need.get("clinicalStatus"), CLINICAL) in (None, "active")


def _is_goal(goal: Resource, kind: str, code: str) -> bool:
    if kind == "goal":
        return code_in(goal.get("description"), uris.GOAL) == code
    return any(extension(target, uris.RULE) == code for target in goal.get("target", ()))


def _changed(
    change: PlanChange,
    resource: Resource,
    because: Words,
    source: str,
    on: date,
    owners: Mapping[str, tuple[str, str]],
) -> Line | None:
    """None when nothing would become different."""
    kind, on_line = resource["resourceType"], f"{resource['resourceType']}/{resource['id']}"
    if change.act == "end":
        wanted = LineChange("end", on_line)
    else:
        due = on + timedelta(days=change.due_days) if change.due_days is not None else None
        wanted = LineChange(
            "change",
            on_line,
            due if due and _is_later(resource, due) else None,
            change.below,
            owners.get(change.owner) if change.owner else None,
            change.text,
        )
        if (wanted.due, wanted.below, wanted.owner, wanted.text) == (None, None, None, None):
            return None
    return Line(
        wanted.key,
        PART_OF[kind],
        None,
        shown_words(resource),
        because,
        source,
        due=wanted.due,
        there=on_line,
        change=wanted,
    )


def _is_later(resource: Resource, due: date) -> bool:
    """A new day is proposed only where it gives more time, or the day that stands is over or missing."""
    if resource["resourceType"] == "Goal":
        had = next((str(each.get("dueDate", "")) for each in resource.get("target", ())), "")
    else:
        had = str((resource.get("restriction") or {}).get("period", {}).get("end", ""))[:10]
    return not had or had < due.isoformat()


def _declined_before(line: Line, standing: Standing, on: date) -> Line:
    if line.key in standing.declined:
        when, why = standing.declined[line.key]
        if (on - when).days <= DECLINED_DAYS:
            return replace(line, conflict=declined_words(when, why))
    return line
