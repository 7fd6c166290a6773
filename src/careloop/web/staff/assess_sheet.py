"""What a page of questions shows: each question with its answers, the earlier answer beside, and what is critical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from careloop.actions.adopted import instrument_for
from careloop.actions.drafting import DraftState, OpenDraft
from careloop.actions.start_assessment import Previous, is_fresh
from careloop.actions.urgent import TIMER, next_on_call
from careloop.care.assess import Alarm, said, score
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import extension, instant
from careloop.fhir.responses import answers_of
from careloop.library import Critical, Instrument, Library
from careloop.projections.facts import phone_of
from careloop.store import Stored, Unit, timers
from careloop.web.staff.assess_asked import Asked, Choice, Earlier
from careloop.web.staff.assess_items import Sheet, questions
from careloop.web.staff.assess_words import Teller, reader_language

FINISH = "finish"


def earlier_answers(
    instrument: Instrument,
    previous: Mapping[str, Previous],
    tellers: Mapping[str, Teller],
    by: Mapping[str, str],
    now: datetime,
) -> dict[str, Earlier]:
    """tellers: by response id. by: names of staff by reference."""
    language = reader_language()
    return {
        item: Earlier(
            said(instrument.by_id[item], each.answer, language),
            each.on,
            tellers.get(each.response),
            by.get(each.by or "", ""),
            each.called.get(language) if each.called else "",
            is_offered=is_fresh(instrument, item, each, now),
            is_old=each.answer.is_given
            and not instrument.is_private
            and not is_fresh(instrument, item, each, now),
        )
        for item, each in previous.items()
        if item in instrument.by_id
    }


# --- what is critical


@dataclass(frozen=True, repr=False)
class Urgent:
    """One critical answer and the urgent work it raised. to: who has it now; following: who gets it next, empty for
    nobody left; waiting: the sentence when nobody has it. is_said: the answer still stands."""

    critical: Critical
    say: str
    do: tuple[str, ...]
    because: str
    task: Stored
    to: str
    phone: str
    since: datetime
    acknowledged: datetime | None
    passes_on: datetime | None
    following: str
    waiting: str
    is_said: bool
    is_mine: bool

    @property
    def is_open(self) -> bool:
        return self.task.resource["status"] not in ("completed", "cancelled", "entered-in-error", "failed")

    def __repr__(self) -> str:
        return f"Urgent({self.critical.id})"


def urgents(unit: Unit, found: OpenDraft, still: Mapping[str, Alarm]) -> list[Urgent]:
    """Those whose answers stand first, then in the order of the instrument, which names the gravest first. still: the
    alarms whose answers stand, by id."""
    state, instrument = found.state, found.instrument
    tasks = unit.get(state.urgent.values())
    raised = [
        urgent_of(unit, critical, tasks[state.urgent[critical.id]], state, still.get(critical.id))
        for critical in instrument.scoring.critical
        if state.urgent.get(critical.id) in tasks
    ]
    return sorted(raised, key=lambda each: not each.is_said)


def urgent_of(unit: Unit, critical: Critical, task: Stored, state: DraftState, alarm: Alarm | None) -> Urgent:
    language = reader_language()
    work, resource = work_of(task.resource), task.resource
    owner = resource.get("owner") or {}
    now_with = who_has(unit, task)
    return Urgent(
        critical=critical,
        say=critical.say.get(state.asked.language),
        do=tuple(each.get(language) for each in critical.do),
        because=alarm.because.get(language) if alarm else work.because,
        task=task,
        to=str(owner.get("display", "")),
        phone=now_with.phone,
        since=instant(resource.get("authoredOn")) or task.at,
        acknowledged=instant(extension(resource, uris.ACKNOWLEDGED)),
        passes_on=now_with.passes_on,
        following=now_with.following,
        waiting=work.waiting_on or "",
        is_said=alarm is not None,
        is_mine=owner.get("reference") == unit.scope.actor.practitioner,
    )


def raised_by(unit: Unit, task: Stored, library: Library) -> tuple[Critical | None, Alarm | None]:
    """What content/instruments says about the critical answer that raised this work; the alarm while it stands."""
    work = work_of(task.resource)
    reference = next((r for r in work.reasons if r.startswith("QuestionnaireResponse/")), "")
    stored = unit.get([reference]).get(reference) if reference else None
    if stored is None:
        return None, None
    instrument = instrument_for(unit, library, str(stored.resource.get("questionnaire", "")))
    if instrument is None:
        return None, None
    key = work.dedupe.rpartition(":")[2]
    answers, _ = answers_of(instrument.form, stored.resource)
    alarms = {alarm.critical.id: alarm for alarm in score(instrument, answers).critical}
    return next((c for c in instrument.scoring.critical if c.id == key), None), alarms.get(key)


@dataclass(frozen=True)
class NowWith:
    phone: str
    passes_on: datetime | None
    following: str


def who_has(unit: Unit, task: Stored) -> NowWith:
    """The phone of whoever has urgent work, when it passes on, and to whom."""
    resource = task.resource
    owner = (resource.get("owner") or {}).get("reference")
    patient = (resource.get("for") or {}).get("reference", "")
    held = unit.get([each for each in (owner, patient) if each])
    following = next_on_call(unit, held[patient], owner) if owner and patient in held else None
    return NowWith(
        phone=(phone_of(held[owner].resource) or "") if owner in held else "",
        passes_on=timers.due_at(unit, task.person, TIMER, task.reference),
        following=following.name if following else "",
    )


def next_question(asked: list[Asked], after: str) -> str:
    """The next one that is asked; FINISH after the last."""
    ids = [each.id for each in asked if each.is_asked]
    order = [each.id for each in asked]
    rest = order[order.index(after) + 1 :] if after in order else []
    return next((each for each in rest if each in ids), FINISH)


def question_before(asked: list[Asked], here: str) -> str:
    ids = [each.id for each in asked if each.is_asked]
    if here == FINISH:
        return ids[-1] if ids else ""
    order = [each.id for each in asked]
    rest = order[: order.index(here)] if here in order else []
    return next((each for each in reversed(rest) if each in ids), "")


def first_open(asked: list[Asked]) -> str:
    """Where she left off: the first question without an answer that needs one (of a form that needs none: the first
    without an answer), else the end."""
    asks_for_some = any(each.question.is_required for each in asked)
    needed = (
        each.id
        for each in asked
        if each.is_unasked
        or (each.is_asked and not each.is_answered and (each.question.is_required or not asks_for_some))
    )
    return next(needed, FINISH)


__all__ = [
    "FINISH",
    "Asked",
    "Choice",
    "Earlier",
    "NowWith",
    "Sheet",
    "Urgent",
    "earlier_answers",
    "first_open",
    "next_question",
    "question_before",
    "questions",
    "raised_by",
    "urgents",
    "who_has",
]
