"""From a Task to a row of the worklist: everything about it that no clock changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from careloop.care.work import WorkClass, work_of
from careloop.care.workload import NEVER as NEVER
from careloop.care.workload import aim_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, extension, instant

OPEN = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, repr=False)
class Kept:
    """A row of the work table but for its keys. owner, reason: references."""

    is_open: bool
    klass: WorkClass
    due: datetime
    aim: datetime
    wake: datetime
    since: datetime
    owner: str | None
    site: str | None
    program: str | None
    kind: str
    title: str
    because: str
    waiting_on: str | None
    source: str | None
    rule: str | None
    zone: str | None
    attempts: int
    is_protected: bool
    is_acknowledged: bool
    reason: str | None

    def __repr__(self) -> str:
        return f"Kept({self.kind})"


def kept(task: Resource) -> Kept:
    work = work_of(task)
    return Kept(
        is_open=task.get("status") in OPEN and task.get("intent") != "proposal",
        klass=work.klass,
        due=work.due or work.target or NEVER,
        aim=aim_of(work.due, work.target),
        wake=work.wake or ALWAYS,
        since=instant(task.get("authoredOn")) or ALWAYS,
        owner=work.owner,
        site=work.site,
        program=work.program,
        kind=work.kind,
        title=work.title,
        because=work.because,
        waiting_on=work.waiting_on,
        source=work.source,
        rule=work.rule,
        zone=work.zone,
        attempts=attempts_in(task),
        is_protected=work.is_protected,
        is_acknowledged=extension(task, uris.ACKNOWLEDGED) is not None,
        reason=work.reasons[0] if work.reasons else None,
    )


def attempts_in(task: Resource) -> int:
    """How often nobody was reached."""
    return sum((uris.TASK_IO, "attempt") in codings(output.get("type")) for output in task.get("output", ()))
