"""What is being done: needs with goals, steps and barriers; promises; and the work that waits on somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, ref, set_extension
from careloop.server.demo.chart import Chart
from careloop.server.demo.clinical import CLINICAL, VERIFIED

ACHIEVEMENT = "http://terminology.hl7.org/CodeSystem/goal-achievement"
# ICD-10-CM -> the need's code in content/plans/.
NEED_CODES = {
    "Z59.4": "food",
    "F32": "depression",
    "F33": "depression",
    "F41": "anxiety",
    "Z59.0": "housing",
    "Z59.8": "housing",
}
SDOH = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"


@dataclass(frozen=True)
class Step:
    """A line of the plan. by: reference and name of who does it; due_in: days from today, negative when it was due
    before; done: days ago it was finished. waiting_on: the partner we wait for."""

    what: str
    by: tuple[str, str]
    due_in: int | None = None
    done: int | None = None
    waiting_on: str = ""
    kind: str = "plan-step"


@dataclass(frozen=True)
class Need:
    """title: as we would say it to her; words: as she said it. goal_words: her own goal. progress: the achievement
    code. barrier: what stands in the way."""

    title: str
    goal: str
    steps: tuple[Step, ...]
    because: str
    code: tuple[str, str] = ("", "")
    words: str = ""
    target_in: int = 60
    now: str = ""
    progress: str = "in-progress"
    barrier: str = ""
    is_social: bool = False
    source: str = ""
    evidence: str = ""


def plan(chart: Chart, title: str, needs: tuple[Need, ...], agreed: int, *, is_draft: bool = False) -> str:
    """An active CarePlan agreed so many days ago, or a proposal that waits for a decision."""
    conditions, goals, steps = [], [], []
    for number, need in enumerate(needs, 1):
        condition, goal, tasks = _need(chart, need, agreed, f"{agreed}-{number}", is_draft)
        conditions.append(condition)
        goals.append(goal)
        steps.extend(tasks)
    return chart.add(
        "CarePlan",
        {
            "identifier": [{"system": uris.DEDUPE, "value": f"demo:{chart.key}:plan:{agreed}"}],
            "status": "draft" if is_draft else "active",
            "intent": "proposal" if is_draft else "plan",
            "title": title,
            "subject": chart.subject,
            "period": {"start": chart.days.day(agreed)},
            "created": chart.days.said(agreed, "11:10"),
            "author": ref(chart.lead, chart.lead_name),
            "addresses": [ref(found) for found in conditions],
            "goal": [ref(found) for found in goals],
            "activity": [{"reference": ref(found)} for found in steps],
        },
    )


def _need(chart: Chart, need: Need, agreed: int, slug: str, is_draft: bool) -> tuple[str, str, list[str]]:
    condition = _condition(chart, need, agreed, slug, is_draft)
    barrier = _barrier(chart, need.barrier, agreed, slug) if need.barrier else ""
    goal = _goal(chart, need, agreed, slug, [condition, *([barrier] if barrier else [])], is_draft)
    steps = [
        _step(chart, need, step, number, slug, goal, agreed, is_draft)
        for number, step in enumerate(need.steps, 1)
    ]
    return condition, goal, steps


def _condition(chart: Chart, need: Need, agreed: int, slug: str, is_draft: bool) -> str:
    category = (
        codeable(SDOH, "sdoh", "Social need")
        if need.is_social
        else codeable(SDOH, "health-concern", "Health concern")
    )
    icd, name = need.code
    condition: Resource = {
        "identifier": [{"system": uris.DEDUPE, "value": f"demo:{chart.key}:need:{slug}"}],
        "clinicalStatus": codeable(CLINICAL, "active"),
        "verificationStatus": codeable(VERIFIED, "provisional" if is_draft else "confirmed"),
        "category": [category],
        "code": {"coding": _coded(icd, name), "text": need.title} if icd else {"text": need.title},
        "subject": chart.subject,
        "recordedDate": chart.days.day(agreed),
    }
    if need.evidence:
        condition["evidence"] = [{"detail": [ref(need.evidence)]}]
    _explain(condition, need)
    return chart.add("Condition", condition, f"need-{slug}")


def _coded(icd: str, name: str) -> list[Resource]:
    """The diagnosis, and the library's own code where a template speaks of the same need, so that it is not proposed
    twice."""
    own = next((code for start, code in NEED_CODES.items() if icd.startswith(start)), None)
    found: list[Resource] = [{"system": uris.ICD10CM, "code": icd, "display": name}]
    return [*found, {"system": uris.NEED, "code": own}] if own else found


def _explain(resource: Resource, need: Need) -> None:
    set_extension(resource, uris.BECAUSE, "String", need.because)
    set_extension(resource, uris.SOURCE, "String", need.source or None)
    set_extension(resource, uris.OWN_WORDS, "String", need.words or None)


def _barrier(chart: Chart, what: str, agreed: int, slug: str) -> str:
    barrier: Resource = {
        "clinicalStatus": codeable(CLINICAL, "active"),
        "verificationStatus": codeable(VERIFIED, "confirmed"),
        "category": [codeable(uris.NEED, "barrier", "Barrier")],
        "code": {"text": what},
        "subject": chart.subject,
        "recordedDate": chart.days.day(min(agreed, 10)),
    }
    return chart.add("Condition", barrier, f"barrier-{slug}")


def _goal(chart: Chart, need: Need, agreed: int, slug: str, addresses: list[str], is_draft: bool) -> str:
    goal: Resource = {
        "identifier": [{"system": uris.DEDUPE, "value": f"demo:{chart.key}:goal:{slug}"}],
        "lifecycleStatus": "proposed" if is_draft else "active",
        "achievementStatus": codeable(ACHIEVEMENT, need.progress),
        "description": {"text": need.goal},
        "subject": chart.subject,
        "startDate": chart.days.day(agreed),
        "target": [{"dueDate": chart.days.day(-need.target_in)}],
        "addresses": [ref(found) for found in addresses],
    }
    if need.now:
        goal["note"] = [{"time": chart.days.said(min(agreed, 3), "10:40"), "text": need.now}]
    _explain(goal, need)
    return chart.add("Goal", goal, f"goal-{slug}")


def _step(
    chart: Chart, need: Need, step: Step, number: int, slug: str, goal: str, agreed: int, is_draft: bool
) -> str:
    due = None if step.due_in is None else chart.days.due(step.due_in)
    work = Work(
        kind=step.kind,
        title=step.what,
        because=need.because,
        klass=WorkClass.ROUTINE,
        dedupe=f"demo:{chart.key}:step:{slug}-{number}",
        due=due,
        target=None if step.due_in is None else chart.days.due(step.due_in, "17:00"),
        zone=chart.days.zone_name,
        owner=step.by[0],
        program=chart.program or None,
        reasons=(goal,),
        waiting_on=step.waiting_on or None,
        source=need.source or None,
    )
    task = to_task(work, chart.patient, chart.days.at(agreed, "11:10"))
    task["owner"]["display"] = step.by[1]
    if is_draft:
        task |= {"status": "draft", "intent": "proposal"}
    if step.done is not None:
        task |= {"status": "completed", "lastModified": chart.days.said(step.done, "14:20")}
        task["executionPeriod"] = {"end": chart.days.said(step.done, "14:20")}
    return _added(chart, task, f"step-{slug}-{number}")


def _added(chart: Chart, task: Resource, slug: str) -> str:
    return chart.add("Task", {key: value for key, value in task.items() if key != "resourceType"}, slug)


def to_do(
    chart: Chart,
    kind: str,
    title: str,
    because: str,
    klass: WorkClass = WorkClass.ROUTINE,
    *,
    due: datetime | None = None,
    target: datetime | None = None,
    source: str = "",
    rule: str = "",
    waiting_on: str = "",
    wake: datetime | None = None,
    reasons: tuple[str, ...] = (),
    attempts: tuple[str, ...] = (),
    is_protected: bool = False,
    is_unclaimed: bool = False,
    asked: int = 1,
    asked_at: datetime | None = None,
    details: str = "",
    dedupe: str = "",
) -> str:
    """A Task of that class. dedupe: the key that the decisions themselves would give it.
    attempts: Encounters that reached nobody. asked: days ago it was written; asked_at: the very moment."""
    work = Work(
        kind=kind,
        title=title,
        because=because,
        klass=klass,
        dedupe=dedupe or f"demo:{chart.key}:{kind}:{chart.counts.get('Task', 0) + 1}",
        due=due,
        target=target or due,
        zone=chart.days.zone_name,
        rule=rule or None,
        source=source or None,
        owner=None if is_unclaimed else chart.lead,
        program=chart.program or None,
        reasons=reasons,
        is_protected=is_protected,
        waiting_on=waiting_on or None,
        wake=wake,
        site=chart.site,
        details=details or None,
    )
    task = to_task(work, chart.patient, asked_at or chart.days.at(asked, "08:50"))
    if not is_unclaimed:
        task["owner"]["display"] = chart.lead_name
    if attempts:
        task["output"] = [
            {"type": codeable(uris.TASK_IO, "attempt"), "valueReference": ref(found)} for found in attempts
        ]
        task["status"] = "in-progress"
    return _added(chart, task, "")


def promise(
    chart: Chart, what: str, made: str, due: datetime, *, kept: bool = False, waiting_on: str = ""
) -> str:
    """What we said we would do for her. made: “Friday 4:10 pm”."""
    return to_do(
        chart,
        "promise",
        what,
        f"a promise, made {made}",
        WorkClass.PROMISE,
        due=due,
        waiting_on=waiting_on,
        asked=3,
    )
