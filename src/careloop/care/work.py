"""A to-do: what the coordinator calls work and FHIR calls a Task. The one mapping between the two.

`Work` is what decisions return; `to_task` and `work_of` are inverse on every field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    code_in,
    codeable,
    extension,
    fhir_instant,
    identifier_in,
    instant,
    ref,
    set_extension,
    text_of,
)


class WorkClass(IntEnum):
    """The explained order: any danger first; then a regulatory clock, a promise to a person, silence, routine."""

    DANGER = 0
    CLOCK = 1
    PROMISE = 2
    SILENCE = 3
    ROUTINE = 4

    @property
    def code(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Work:
    """kind: code in uris.WORK_CODE. title: what to do, in words of the job. because: one sentence, why it is here.
    due: the rule's legal end; target: the hour to aim for; zone: in which both were computed.
    rule: id@year of the rule file, source: the sentence that names it. dedupe: same key, same work.
    owner: "Practitioner/…" or None (unclaimed). reasons: references that led here. is_protected: never snoozed,
    undone or declined. waiting_on: whom we wait for."""

    kind: str
    title: str
    because: str
    klass: WorkClass
    dedupe: str
    due: datetime | None = None
    target: datetime | None = None
    zone: str | None = None
    rule: str | None = None
    source: str | None = None
    owner: str | None = None
    program: str | None = None
    reasons: tuple[str, ...] = ()
    is_protected: bool = False
    waiting_on: str | None = None
    wake: datetime | None = None
    site: str | None = None
    details: str | None = None


@dataclass(frozen=True)
class Withdrawal:
    """Open work that no longer fits. dedupe: the key of what to withdraw; because: the sentence kept with it."""

    dedupe: str
    because: str


@dataclass(frozen=True)
class Proposal:
    """What a decision asks for; `actions/apply_proposal` makes it so, once. restore: keys of withdrawn work that is
    open again as it was."""

    work: tuple[Work, ...] = ()
    withdraw: tuple[Withdrawal, ...] = ()
    because: str = ""
    needs_review: str | None = None  # a person must decide: the sentence that says why
    extra: tuple[Resource, ...] = field(
        default=()
    )  # other resources to create, each with a DEDUPE identifier
    restore: tuple[str, ...] = ()


def to_task(work: Work, person: str | None, now: datetime) -> Resource:
    """person: "Patient/…"; None for work about nobody (a message without a match)."""
    task: Resource = {
        "resourceType": "Task",
        "identifier": [{"system": uris.DEDUPE, "value": work.dedupe}],
        "status": "accepted" if work.owner else "requested",
        "intent": "order",
        "priority": {WorkClass.DANGER: "stat", WorkClass.CLOCK: "asap"}.get(work.klass, "routine"),
        "code": codeable(uris.WORK_CODE, work.kind, work.title),
        "description": work.title,
        "authoredOn": fhir_instant(now),
        "lastModified": fhir_instant(now),
        "reasonCode": {"text": work.because},
    }
    if person:
        task["for"] = ref(person)
    if work.owner:
        task["owner"] = ref(work.owner)
    if work.due:
        task["restriction"] = {"period": {"end": fhir_instant(work.due)}}
    if work.reasons:
        task["reasonReference"] = ref(work.reasons[0])
        extra = [
            {"type": codeable(uris.TASK_IO, "reason"), "valueReference": ref(r)} for r in work.reasons[1:]
        ]
        if extra:
            task["input"] = extra
    if work.details:
        task["note"] = [{"text": work.details}]
    set_extension(task, uris.CLASS, "Code", work.klass.code)
    set_extension(task, uris.TARGET, "DateTime", fhir_instant(work.target) if work.target else None)
    set_extension(task, uris.ZONE, "Code", work.zone)
    set_extension(task, uris.RULE, "String", work.rule)
    set_extension(task, uris.SOURCE, "String", work.source)
    set_extension(task, uris.PROGRAM_EXT, "Code", work.program)
    set_extension(task, uris.PROTECTED, "Boolean", True if work.is_protected else None)
    set_extension(task, uris.WAITING, "String", work.waiting_on)
    set_extension(task, uris.WAKE, "DateTime", fhir_instant(work.wake) if work.wake else None)
    set_extension(task, uris.SITE, "Reference", ref(work.site) if work.site else None)
    return task


def work_of(task: Resource) -> Work:
    """The work in any Task: one that came from elsewhere is routine, its description its title."""
    klass = extension(task, uris.CLASS)
    due = (task.get("restriction") or {}).get("period", {}).get("end")
    reasons = [task.get("reasonReference", {}).get("reference")]
    reasons += [i.get("valueReference", {}).get("reference") for i in task.get("input", ())]
    site = extension(task, uris.SITE)
    return Work(
        kind=code_in(task.get("code"), uris.WORK_CODE) or "other",
        title=task.get("description") or text_of(task.get("code")) or "To do",
        because=text_of(task.get("reasonCode")),
        klass=WorkClass[klass.upper()] if klass in {k.code for k in WorkClass} else WorkClass.ROUTINE,
        dedupe=identifier_in(task, uris.DEDUPE) or "",
        due=instant(due),
        target=instant(extension(task, uris.TARGET)),
        zone=extension(task, uris.ZONE),
        rule=extension(task, uris.RULE),
        source=extension(task, uris.SOURCE),
        owner=(task.get("owner") or {}).get("reference"),
        program=extension(task, uris.PROGRAM_EXT),
        reasons=tuple(r for r in reasons if r),
        is_protected=bool(extension(task, uris.PROTECTED)),
        waiting_on=extension(task, uris.WAITING),
        wake=instant(extension(task, uris.WAKE)),
        site=site.get("reference") if isinstance(site, dict) else None,
        details=next((n.get("text") for n in task.get("note", ())), None),
    )
