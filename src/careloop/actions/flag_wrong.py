"""“Something is wrong or unclear”: what a person or her family asks becomes work with a day by which somebody answers,
and the answer is shown to whoever asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.care.work import Work, WorkClass, to_task, work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, codings, fhir_instant, instant, ref
from careloop.kernel.calendar import BusinessCalendar, zone
from careloop.kernel.errors import CareError, NotFound, UnknownZone
from careloop.kernel.ids import new_id
from careloop.projections.people import lead_of, names, zone_of
from careloop.store import Stored, Unit

KIND: Final = "family-question"
TITLE: Final = "Answer a question from the family"
TITLE_SELF: Final = "Answer a question from the person"
ASKED: Final = "asked"
ANSWER: Final = "answer"
ABOUT: Final = "about"
WITHIN_BUSINESS_DAYS: Final = 1
MOST_OPEN: Final = 20


class WordsMissing(CareError):
    """Write what is wrong or unclear, in your own words."""

    code, status, issue_type = "words-missing", 422, "required"


class AnswerMissing(CareError):
    """Write the answer in words that the person understands."""

    code, status, issue_type = "answer-missing", 422, "required"


class TooManyQuestions(CareError):
    """There are many open questions already. We answer those first. If it can’t wait, please call."""

    code, status, issue_type = "too-many-questions", 429, "throttled"


@dataclass(frozen=True, repr=False)
class Question:
    """about: the line she meant, in words; empty for none. due: the end of the day by which somebody answers."""

    id: str
    text: str
    about: str
    asked: datetime | None
    due: datetime | None
    answer: str
    answered: datetime | None
    who: str
    asker: str

    @property
    def is_open(self) -> bool:
        return self.answered is None


def flag_wrong(
    scope: Scope, patient: str, me: str, text: str, now: datetime, *, about: str = "", line: str = ""
) -> Stored:
    """patient: id. me: who asks, "Patient/…" or "RelatedPerson/…". about: the words of the line, line: its reference.
    Raises WordsMissing, TooManyQuestions, NotFound, Forbidden."""
    said = text.strip()[:2_000]
    if not said:
        raise WordsMissing
    with record.begin(scope, now) as unit:
        subject = unit.read("Patient", patient)
        if sum(each.is_open for each in questions(unit, subject.rid, [me])) >= MOST_OPEN:
            raise TooManyQuestions
        return unit.create(_task(unit, subject, me, said, about.strip()[:300], line))


def _task(unit: Unit, subject: Stored, me: str, said: str, about: str, line: str) -> Resource:
    zone_name = zone_of(unit, subject.rid)
    calendar = calendar_of(zone_name)
    last = calendar.add_business_days(calendar.local_day(unit.now), WITHIN_BUSINESS_DAYS)
    work = Work(
        kind=KIND,
        title=TITLE_SELF if me == subject.reference else TITLE,
        because="it was asked on the family’s page; the answer is promised for that day",
        klass=WorkClass.PROMISE,
        dedupe=f"question:{new_id()}",
        due=calendar.end_of(last),
        target=calendar.working_target(last),
        zone=zone_name,
        owner=lead_of(unit, subject.rid),
        details=f"“{said}”" + (f" About: {about}" if about else ""),
    )
    task = to_task(work, subject.reference, unit.now)
    if work.owner and (name := names(unit, [work.owner]).get(work.owner)):
        task["owner"] = ref(work.owner, name)
    task["requester"] = ref(me)
    told = {ASKED: said, **({ABOUT: about} if about else {})}
    task["input"] = [
        {"type": codeable(uris.TASK_IO, code), "valueString": text} for code, text in told.items()
    ]
    if line:
        task["focus"] = ref(line)
    return task


def calendar_of(zone_name: str | None) -> BusinessCalendar:
    """Of a person whose zone nobody knows, in UTC: the end of the day comes earlier there, never later."""
    try:
        return BusinessCalendar(zone(zone_name or ""))
    except UnknownZone:
        return BusinessCalendar(zone("UTC"))


def answer_question(
    scope: Scope, task: str, text: str, now: datetime, *, version: int | None = None
) -> Result:
    """By staff. The to-do is done with it. Raises AnswerMissing, StaleVersion, WorkEnded, NotFound."""
    said = text.strip()[:4_000]
    if not said:
        raise AnswerMissing
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        resource, work = working.copy_of(seen)
        if work.kind != KIND:
            raise NotFound(f"Task/{task}")
        output = {"type": codeable(uris.TASK_IO, ANSWER), "valueString": said}
        resource["output"] = [*resource.get("output", ()), output]
        resource["status"] = "completed"
        resource["statusReason"] = {**codeable(uris.REASON, "done", "Done"), "text": "Answered"}
        resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(now)}
        resource["owner"] = working.me(unit)
        saved = working.save(unit, resource, seen)
        return Result(saved, working.undo_token(saved))


def questions(unit: Unit, person: int, mine: list[str]) -> list[Question]:
    """person: rid. Those asked by one of these references, the newest first."""
    found = [
        s
        for s in unit.of_person(person, ["Task"])
        if (s.resource.get("requester") or {}).get("reference") in mine
    ]
    return [question_of(s) for s in found if is_question(s.resource)]


def is_question(task: Resource) -> bool:
    return (uris.WORK_CODE, KIND) in codings(task.get("code"))


def question_of(stored: Stored) -> Question:
    """What stands there when it was closed without an answer is the word that whoever closed it gave."""
    task, work = stored.resource, work_of(stored.resource)
    answer = words_in(task, "output", ANSWER)
    ended = instant((task.get("executionPeriod") or {}).get("end"))
    is_over = task.get("status") in ("completed", "cancelled", "failed")
    return Question(
        id=stored.id,
        text=words_in(task, "input", ASKED),
        about=words_in(task, "input", ABOUT),
        asked=instant(task.get("authoredOn")),
        due=work.target,
        answer=answer or (str((task.get("statusReason") or {}).get("text", "")) if is_over else ""),
        answered=(ended or stored.at) if is_over else None,
        who=str((task.get("owner") or {}).get("display", "")),
        asker=str((task.get("requester") or {}).get("reference", "")),
    )


def words_in(task: Resource, name: str, code: str) -> str:
    found = (each for each in task.get(name, ()) if (uris.TASK_IO, code) in codings(each.get("type")))
    return next((str(each.get("valueString", "")) for each in found), "")


def due_day(question: Question, zone_name: str | None) -> date | None:
    return question.due.astimezone(calendar_of(zone_name).tz).date() if question.due else None
