"""Case review and consultation: who stands on the agenda, what came of it, whom to ask. Everything is written beside
the person whom it is about; the agenda is what shares a meeting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.hand_off_work import Colleague, UnknownColleague, takers
from careloop.actions.working import Result
from careloop.care.case_review import Kind, Review, Talk, to_communication
from careloop.care.work import Work, WorkClass, to_task, work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, codings, fhir_instant, ref
from careloop.kernel.errors import CareError, Forbidden
from careloop.projections.people import lead_of, names, zone_of
from careloop.store import Stored, Unit, drafts

KIND, TITLE = "case-review", "Case review"
CONSULTATION, ANSWER = "consultation", "consultation-answer"
ORDER, MINUTES = "order", "minutes"
# An agenda stands on its own page. On Today its first line calls to the meeting; the others come up when they were not
# talked about.
FIRST_BEFORE: Final = timedelta(hours=2)
OTHERS_AFTER: Final = timedelta(hours=12)
WORDS: Final = "talk:"
WORDS_KEPT: Final = timedelta(days=90)


class Undecided(CareError):
    """Write down what was decided, also when it is to go on as before."""

    code, status, issue_type = "undecided", 422, "required"


class BadMeeting(CareError):
    """A case review needs a day and an hour that are still to come."""

    code, status, issue_type = "bad-meeting", 422, "value"


@dataclass(frozen=True)
class Step:
    """Who does what by when. owner: "Practitioner/…", or empty for whoever leads her."""

    what: str
    owner: str = ""
    due: datetime | None = None


# --- the agenda


def put_on(
    unit: Unit, patient: Stored, meeting: str, at: datetime, because: str, minutes: int, place: int
) -> Stored:
    """In a unit that is open already. meeting: what the others of that agenda share."""
    mine = working.me(unit)
    work = Work(
        kind=KIND,
        title=TITLE,
        because=working.words(because, 300),
        klass=WorkClass.ROUTINE,
        dedupe=f"review:{meeting}:{patient.id}",
        due=at,
        target=at,
        zone=zone_of(unit, patient.rid),
        wake=at - FIRST_BEFORE if place == 1 else at + OTHERS_AFTER,
        owner=mine["reference"],
        site=(patient.resource.get("managingOrganization") or {}).get("reference"),
    )
    task = to_task(work, patient.reference, unit.now) | {"owner": mine, "requester": mine}
    task["groupIdentifier"] = {"system": uris.MEETING, "value": meeting}
    task["input"] = [_number(ORDER, place), _number(MINUTES, minutes)]
    return unit.create(task)


def _number(kind: str, value: int) -> Resource:
    return {"type": codeable(uris.TASK_IO, kind), "valueInteger": value}


def number_in(task: Resource, kind: str, where: str = "input") -> int:
    """The order or the minutes that a Task carries; 0 when it carries none."""
    for each in task.get(where, ()):
        if (uris.TASK_IO, kind) in codings(each.get("type")) and isinstance(each.get("valueInteger"), int):
            return int(each["valueInteger"])
    return 0


def meeting_of(task: Resource) -> str:
    found = task.get("groupIdentifier") or {}
    return str(found.get("value", "")) if found.get("system") == uris.MEETING else ""


def arrange(scope: Scope, order: Sequence[str], now: datetime) -> None:
    """order: Task ids of one agenda, as they are to come. Raises NotFound, WorkEnded."""
    with record.begin(scope, now) as unit:
        for place, id in enumerate(order, 1):
            seen = working.open_task(unit, id, None)
            if number_in(seen.resource, ORDER) != place:
                resource, _ = working.copy_of(seen)
                resource["input"] = [
                    _number(ORDER, place),
                    _number(MINUTES, number_in(seen.resource, MINUTES)),
                ]
                working.save(unit, resource, seen)


# --- what came of it


def decide(
    scope: Scope,
    task: str,
    review: Review,
    steps: Sequence[Step],
    now: datetime,
    *,
    minutes: int = 0,
    version: int | None = None,
) -> Result:
    """Of an agenda's line: what was known, tried, weighed and decided, with the to-dos that follow, in one commit.
    minutes: how long it took. Raises NotFound, StaleVersion, WorkEnded, Undecided, UnknownColleague."""
    if not review.decision.strip():
        raise Undecided
    with record.begin(scope, now) as unit:
        seen = _of_kind(unit, task, version, KIND)
        patient = _patient_of(unit, seen)
        question = work_of(seen.resource).because
        talked = _write_talk(unit, seen, patient, "case-review", question, review)
        made = [_step(unit, seen, patient, talked, each, n) for n, each in enumerate(steps, 1)]
        ended = _end(unit, seen, talked, review.decision, minutes)
        return Result(ended, working.undo_token(ended, talked, *made), made=(talked, *made))


def _of_kind(unit: Unit, task: str, version: int | None, kind: str) -> Stored:
    seen = working.open_task(unit, task, version)
    if work_of(seen.resource).kind != kind:
        raise UnknownTalk
    return seen


class UnknownTalk(CareError):
    """This to-do is neither a case review nor a consultation."""

    code, status, issue_type = "unknown-talk", 404, "not-found"


def _patient_of(unit: Unit, task: Stored) -> Stored:
    reference = (task.resource.get("for") or {}).get("reference", "")
    return unit.read("Patient", str(reference).removeprefix("Patient/"))


def _write_talk(
    unit: Unit, seen: Stored, patient: Stored, kind: Kind, question: str, review: Review
) -> Stored:
    talk = Talk(kind, question, review)
    return unit.create(to_communication(talk, patient.reference, seen.reference, working.me(unit), unit.now))


def _step(unit: Unit, seen: Stored, patient: Stored, talked: Stored, step: Step, n: int) -> Stored:
    owner = _named(unit, seen.resource, step.owner) if step.owner else None
    reference = owner.reference if owner else lead_of(unit, patient.rid)
    work = Work(
        kind="to-do",
        title=working.words(step.what, 300),
        because="decided in a case review",
        klass=WorkClass.ROUTINE,
        dedupe=f"review-step:{seen.id}:{seen.version}:{n}",
        due=step.due,
        target=step.due,
        zone=zone_of(unit, patient.rid) if step.due else None,
        owner=reference,
        reasons=(talked.reference,),
    )
    task = to_task(work, patient.reference, unit.now) | {"requester": working.me(unit)}
    if reference:
        task["owner"] = ref(reference, names(unit, [reference]).get(reference))
    return unit.create(task)


def _named(unit: Unit, task: Resource, reference: str) -> Colleague:
    actor = unit.scope.actor
    if reference == actor.practitioner:
        return Colleague(reference, actor.name)
    found = next((each for each in takers(unit, task) if each.reference == reference), None)
    if found is None:
        raise UnknownColleague
    return found


def _end(unit: Unit, seen: Stored, talked: Stored, said: str, minutes: int) -> Stored:
    resource, _ = working.copy_of(seen)
    resource["status"] = "completed"
    resource["statusReason"] = {**codeable(uris.REASON, "done", "Done"), "text": said.strip()[:2_000]}
    resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(unit.now)}
    outputs: list[Resource] = [
        {"type": codeable(uris.TASK_IO, "talk"), "valueReference": ref(talked.reference)},
        *([_number(MINUTES, minutes)] if minutes > 0 else []),
    ]
    resource["output"] = [*resource.get("output", ()), *outputs]
    return working.save(unit, resource, seen)


# --- asking a clinician


def ask(
    scope: Scope,
    person: str,
    to: str,
    question: str,
    now: datetime,
    *,
    known: str = "",
    due: datetime | None = None,
) -> Result:
    """person: Patient id. to: "Practitioner/…" of somebody who works with her. known: what is known and what was tried.
    Raises NotFound, ReasonMissing, UnknownColleague."""
    said = working.words(question, 500)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        asked = _named(unit, {"for": ref(patient.reference)}, to)
        mine = working.me(unit)
        work = Work(
            kind=CONSULTATION,
            title="Consultation",
            because=said,
            klass=WorkClass.ROUTINE,
            dedupe=f"consultation:{patient.id}:{fhir_instant(now)}",
            due=due,
            target=due,
            zone=zone_of(unit, patient.rid) if due else None,
            owner=asked.reference,
            site=(patient.resource.get("managingOrganization") or {}).get("reference"),
            details=known.strip()[:4_000] or None,
        )
        task = to_task(work, patient.reference, now) | {"requester": mine}
        task["owner"] = ref(asked.reference, asked.name)
        stored = unit.create(task)
        return Result(stored, working.undo_token(stored))


def answer(
    scope: Scope, task: str, review: Review, now: datetime, *, minutes: int = 0, version: int | None = None
) -> Result:
    """The advice, and with whoever asked a to-do to read it. Raises NotFound, Forbidden for anybody but who was asked,
    StaleVersion, WorkEnded, Undecided."""
    if not review.decision.strip():
        raise Undecided
    with record.begin(scope, now) as unit:
        seen = _of_kind(unit, task, version, CONSULTATION)
        if (seen.resource.get("owner") or {}).get("reference") != scope.actor.practitioner:
            raise Forbidden("A colleague was asked by name. It can be handed on to you.")
        patient = _patient_of(unit, seen)
        question = work_of(seen.resource).because
        talked = _write_talk(unit, seen, patient, "consultation", question, review)
        back = _to_read(unit, seen, patient, talked, question)
        ended = _end(unit, seen, talked, review.decision, minutes)
        return Result(ended, working.undo_token(ended, talked, back), made=(talked, back))


def _to_read(unit: Unit, seen: Stored, patient: Stored, talked: Stored, question: str) -> Stored:
    asker = seen.resource.get("requester") or {}
    work = Work(
        kind=ANSWER,
        title="Read the answer to your consultation",
        because=question,
        klass=WorkClass.ROUTINE,
        dedupe=f"consultation-answer:{seen.id}:{seen.version}",
        owner=asker.get("reference"),
        reasons=(talked.reference,),
    )
    task = to_task(work, patient.reference, unit.now)
    if asker:
        task["owner"] = asker
    return unit.create(task)


# --- what is typed is kept


def keep(scope: Scope, task: str, typed: dict[str, Any], now: datetime) -> None:
    """Of a review or a consultation that is not decided yet. Raises NotFound."""
    with record.begin(scope, now) as unit:
        seen = unit.read("Task", task)
        kept = {name: str(value)[:4_000] for name, value in typed.items()}
        drafts.save(unit, seen.person, f"{WORDS}{seen.id}", kept)


def forget_old_words(unit: Unit) -> int:
    """Whoever's they are: a case that nobody decided in so long is begun anew. How many."""
    return drafts.expire(unit, WORDS, unit.now - WORDS_KEPT)


def kept_words(unit: Unit, task: Stored) -> dict[str, Any]:
    found = drafts.load(unit, task.person, f"{WORDS}{task.id}")
    return dict(found.answers) if found else {}
