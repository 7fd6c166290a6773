"""Ask the person something on her own page; her answer becomes something to read for whoever asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.flag_wrong import ANSWER, ASKED, calendar_of, words_in
from careloop.care.work import Work, WorkClass, to_task, work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, codings, fhir_instant, instant, ref
from careloop.kernel.errors import CareError, Conflict, NotFound
from careloop.kernel.ids import new_id
from careloop.projections.people import zone_of
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

KIND: Final = "question-for-person"
TITLE: Final = "The person was asked something on the family’s page"
READ: Final = "read-answer"
READ_TITLE: Final = "Read what the person answered"


class QuestionMissing(CareError):
    """Write the question in words that the person understands."""

    code, status, issue_type = "question-missing", 422, "required"


class WriteAnAnswer(CareError):
    """Write your answer, or leave the question for later."""

    code, status, issue_type = "answer-empty", 422, "required"


class AlreadyAnswered(Conflict):
    """This question was answered, or is no longer asked."""

    code = "already-answered"


@dataclass(frozen=True, repr=False)
class Asking:
    """A question that waits for her. who: of the staff who asks."""

    id: str
    text: str
    who: str
    asked: datetime | None


def ask_person(scope: Scope, patient: str, text: str, now: datetime) -> Stored:
    """By staff. patient: id. Raises QuestionMissing, NoPractitioner, NotFound."""
    said = text.strip()[:1_000]
    if not said:
        raise QuestionMissing
    with record.begin(scope, now) as unit:
        subject, me = unit.read("Patient", patient), working.me(unit)
        work = Work(
            kind=KIND,
            title=TITLE,
            because="a question for the person, asked on the page",
            klass=WorkClass.ROUTINE,
            dedupe=f"asked:{new_id()}",
            owner=subject.reference,
            details=f"“{said}”",
        )
        task = to_task(work, subject.reference, now)
        task["requester"] = me
        task["input"] = [{"type": codeable(uris.TASK_IO, ASKED), "valueString": said}]
        return unit.create(task)


def asked_of(unit: Unit, person: int, me: str) -> list[Asking]:
    """Open questions for whoever this is, the oldest first. person: rid."""
    found = [s for s in unit.of_person(person, ["Task"]) if _is_for(s.resource, me)]
    lines = [
        Asking(
            s.id,
            words_in(s.resource, "input", ASKED),
            str((s.resource.get("requester") or {}).get("display", "")),
            instant(s.resource.get("authoredOn")),
        )
        for s in found
    ]
    return sorted(lines, key=lambda line: line.asked.timestamp() if line.asked else 0)


def _is_for(task: Resource, me: str) -> bool:
    is_open = task.get("status") in OPEN
    is_asked = (uris.WORK_CODE, KIND) in codings(task.get("code"))
    return is_open and is_asked and (task.get("owner") or {}).get("reference") == me


def answer_asked(scope: Scope, task: str, me: str, text: str, now: datetime) -> Stored:
    """By the person. me: "Patient/…". What she said stands on the question; whoever asked has it to read.
    Raises WriteAnAnswer, AlreadyAnswered, NotFound."""
    said = text.strip()[:4_000]
    if not said:
        raise WriteAnAnswer
    with record.begin(scope, now) as unit:
        seen = unit.read("Task", task)
        if work_of(seen.resource).kind != KIND or (seen.resource.get("for") or {}).get("reference") != me:
            raise NotFound(f"Task/{task}")
        if not _is_for(seen.resource, me):
            raise AlreadyAnswered
        answered = _answered(seen.resource, said, now)
        saved = unit.update({**answered, "lastModified": fhir_instant(now)}, if_match=seen.version)
        unit.create(_to_read(unit, seen, said))
        return saved


def _answered(task: Resource, said: str, now: datetime) -> Resource:
    output = {"type": codeable(uris.TASK_IO, ANSWER), "valueString": said}
    return {
        **task,
        "status": "completed",
        "output": [*task.get("output", ()), output],
        "executionPeriod": {**task.get("executionPeriod", {}), "end": fhir_instant(now)},
    }


def _to_read(unit: Unit, seen: Stored, said: str) -> Resource:
    asked, asker = words_in(seen.resource, "input", ASKED), seen.resource.get("requester") or {}
    zone_name = zone_of(unit, seen.person)
    calendar = calendar_of(zone_name)
    last = calendar.add_business_days(calendar.local_day(unit.now), 1)
    work = Work(
        kind=READ,
        title=READ_TITLE,
        because="the person answered on the family’s page",
        klass=WorkClass.PROMISE,
        dedupe=f"read-answer:{seen.id}",
        due=calendar.end_of(last),
        target=calendar.working_target(last),
        zone=zone_name,
        owner=str(asker.get("reference", "")) or None,
        reasons=(seen.reference,),
        details=f"“{asked}” – “{said}”",
    )
    task = to_task(work, f"Patient/{seen.resource['for']['reference'].partition('/')[2]}", unit.now)
    if work.owner:
        task["owner"] = ref(work.owner, asker.get("display"))
    return task
