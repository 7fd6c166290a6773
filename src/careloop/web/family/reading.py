"""The plan and what comes next, read with the eyes of whoever is signed in: each function asks only for the types that
its share covers, so that what is not shared is not even asked for.

Never shown: to-dos of the staff among themselves, and what is urgent or protected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.utils.translation import get_language, gettext

from careloop import library
from careloop.care.others_plans import is_our_plan, lines_of_others
from careloop.care.work import Work, WorkClass, work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, day, extension, instant, text_of
from careloop.fhir.translation import translated
from careloop.projections.looked import is_proposed
from careloop.projections.people import names
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.family.door import Frame
from careloop.web.work_words import work_title

LIVE_GOALS: Final = frozenset({"accepted", "active", "planned", "on-hold", "completed"})
LOST: Final = frozenset({"cancelled", "rejected", "entered-in-error", "failed"})
# Promises to the person that are the staff's own business all the same.
NOT_FOR_HER: Final = frozenset(
    {"read-answer", "family-question", "portal-handover", "review-failure", "mail-letter"}
)
BOOKED: Final = frozenset({"booked", "pending", "arrived", "checked-in"})


@dataclass(frozen=True, repr=False)
class Line:
    """One thing. detail: small words under it. when: a day or an hour in words. reference: to ask about it."""

    title: str
    detail: str = ""
    when: str = ""
    reference: str = ""
    is_past: bool = False


@dataclass(frozen=True, repr=False)
class Step:
    """who: empty where it is hers and the page says “you”. due: for the order."""

    line: Line
    who: str
    is_mine: bool
    is_done: bool
    due: datetime | None


@dataclass(frozen=True, repr=False)
class Aim:
    """A goal with its steps. title: empty for steps that belong to none. words: as the person said it."""

    title: str
    by: str
    words: str
    reference: str
    is_reached: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, repr=False)
class Plan:
    aims: tuple[Aim, ...]
    agreed: date | None

    @property
    def is_empty(self) -> bool:
        return not self.aims

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for aim in self.aims for step in aim.steps)


@dataclass(frozen=True, repr=False)
class Next:
    """What comes next. what, when: large. notes: what to know about it. is_visit: one can say “I can’t go”."""

    what: str
    when: str
    notes: tuple[str, ...]
    reference: str
    is_visit: bool
    at: datetime


# --- the plan


def plan(unit: Unit, frame: Frame) -> Plan:
    """Needs the share “plan”."""
    held: dict[str, list[Stored]] = {kind: [] for kind in ("CarePlan", "Goal", "Task", "Condition")}
    kinds = ["CarePlan", "Goal", "Task", *(["Condition"] if frame.whose.is_self else [])]
    for stored in unit.of_person(frame.whose.rid, kinds):
        held[stored.type].append(stored)
    theirs = lines_of_others(p.resource for p in held["CarePlan"])
    active = next((p for p in held["CarePlan"] if is_our_plan(p.resource)), None)
    place = _places(active.resource if active else {})
    tasks = [t for t in held["Task"] if _is_step(t, place) and t.reference not in theirs]
    goals = [g for g in held["Goal"] if g.resource.get("lifecycleStatus") in LIVE_GOALS]
    goals = [goal for goal in goals if goal.reference not in theirs]
    goals.sort(key=lambda g: (place.get(g.reference, len(place)), g.rid))
    tasks.sort(key=lambda t: (place.get(t.reference, len(place)), t.rid))
    own_words = {c.reference: str(extension(c.resource, uris.OWN_WORDS) or "") for c in held["Condition"]}
    called = names(unit, {r for t in tasks if (r := (t.resource.get("owner") or {}).get("reference"))})
    aims = list(_aims(frame, goals, tasks, own_words, called))
    agreed = day(active.resource.get("created")) if active else None
    return Plan(tuple(aim for aim in aims if aim.title or aim.steps), agreed)


def _places(resource: Resource) -> dict[str, int]:
    actions = [each.get("reference", {}) for each in resource.get("activity", ())]
    every = [*resource.get("goal", ()), *actions]
    return {each["reference"]: n for n, each in enumerate(every) if "reference" in each}


def _is_step(task: Stored, place: Mapping[str, int]) -> bool:
    resource = task.resource
    if is_proposed(resource) or resource.get("status") in LOST or work_of(resource).is_protected:
        return False
    return task.reference in place or resource.get("intent") == "plan"


def _aims(
    frame: Frame,
    goals: Sequence[Stored],
    tasks: Sequence[Stored],
    own_words: Mapping[str, str],
    called: Mapping[str, str],
) -> Iterable[Aim]:
    known = {goal.reference for goal in goals}
    steps: dict[str, list[Step]] = {}
    for task in tasks:
        aim = next((r for r in work_of(task.resource).reasons if r in known), "")
        steps.setdefault(aim, []).append(_step(frame, task, called))
    for goal in goals:
        resource = goal.resource
        target: Mapping[str, Any] = next(iter(resource.get("target", ())), {})
        due = day(target.get("dueDate"))
        addressed = [a.get("reference", "") for a in resource.get("addresses", ())]
        words = str(extension(resource, uris.OWN_WORDS) or "")
        yield Aim(
            title=_said(resource.get("description"), text_of(resource.get("description"))),
            by=formats.full_date(due) if due else "",
            words=words or next((own_words[a] for a in addressed if own_words.get(a)), ""),
            reference=goal.reference,
            is_reached=resource.get("lifecycleStatus") == "completed"
            or "achieved" in {code for _, code in codings(resource.get("achievementStatus"))},
            steps=_ordered(steps.pop(goal.reference, [])),
        )
    if rest := [step for found in steps.values() for step in found]:
        yield Aim("", "", "", "", False, _ordered(rest))


def _ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """What is to be done first, by its hour; what is done last."""
    return tuple(sorted(steps, key=lambda s: (s.is_done, _order(s.due), s.line.title)))


def _order(due: datetime | None) -> float:
    return due.timestamp() if due else float("inf")


def _step(frame: Frame, task: Stored, called: Mapping[str, str]) -> Step:
    resource, work = task.resource, work_of(task.resource)
    owner = resource.get("owner") or {}
    named = str(owner.get("display") or called.get(owner.get("reference", ""), ""))
    is_hers = owner.get("reference") == f"Patient/{frame.whose.id}"
    # A step of hers may be in another's hands: the name written beside it wins.
    is_mine = is_hers and named in ("", frame.brief.name, frame.first_name)
    is_done = resource.get("status") not in OPEN
    due = work.target or work.due
    is_coming = due is not None and due > frame.now
    when = _day(due, frame) if due and is_coming else ""
    detail = (
        gettext("We wait for %(who)s") % {"who": work.waiting_on} if work.waiting_on and not is_done else ""
    )
    line = Line(_said(resource.get("code"), work.title), detail, when, task.reference, is_done)
    who = frame.first_name if is_mine else named
    return Step(line, who, is_mine, is_done, due)


def _said(element: Mapping[str, Any] | None, english: str) -> str:
    """In the reader's language where somebody has said it so."""
    language = (get_language() or "en")[:2]
    if language == "en":
        return english
    return translated(element, "text", language) or _of_library(english, language) or work_title(english)


def _of_library(english: str, language: str) -> str:
    for need in (need for each in library.load().plans.values() for need in each.needs):
        every = (need.text, *(g.text for g in need.goals), *(a.text for g in need.goals for a in g.actions))
        for words in every:
            if words.en == english:
                return words.get(language)
    return ""


# --- what comes next, and today


def coming(unit: Unit, frame: Frame) -> list[Next]:
    """Visits first, then what we promised, by their hour. What is not shared is left out."""
    found = list(_appointments(unit, frame)) if frame.whose.shows("visits") else []
    if frame.whose.shows("plan") or frame.whose.shows("visits"):
        found += _promises(unit, frame)
    return sorted(found, key=lambda each: (not each.is_visit, each.at))


def _appointments(unit: Unit, frame: Frame) -> Iterable[Next]:
    for stored in unit.of_person(frame.whose.rid, ["Appointment"]):
        resource = stored.resource
        at = instant(resource.get("start"))
        if at is None or at < frame.now or resource.get("status") not in BOOKED:
            continue
        told = [str(resource.get("patientInstruction", "")), *(_places_of(resource))]
        notes = tuple(note for note in told if note)
        yield Next(_with_whom(resource), _hour(at, frame), notes, stored.reference, True, at)


def _with_whom(appointment: Resource) -> str:
    """`Dr. Wei Chen`, else what it is about."""
    for each in appointment.get("participant", ()):
        actor = each.get("actor") or {}
        if str(actor.get("reference", "")).startswith("Practitioner/") and actor.get("display"):
            return str(actor["display"])
    kinds = [*appointment.get("serviceType", ()), appointment.get("appointmentType") or {}]
    return next((said for kind in kinds if (said := text_of(kind))), gettext("Your visit"))


def _places_of(appointment: Resource) -> Iterable[str]:
    for each in appointment.get("participant", ()):
        actor = each.get("actor") or {}
        if str(actor.get("reference", "")).startswith("Location/") and actor.get("display"):
            yield str(actor["display"])


def _promises(unit: Unit, frame: Frame) -> Iterable[Next]:
    tasks = [(t, work_of(t.resource)) for t in unit.of_person(frame.whose.rid, ["Task"]) if _is_open(t)]
    promised = [(t, work) for t, work in tasks if _is_for_her(t, work)]
    owners = {r for t, _ in promised if (r := (t.resource.get("owner") or {}).get("reference"))}
    called = names(unit, owners)
    for task, work in promised:
        assert work.due is not None
        owner = task.resource.get("owner") or {}
        who = str(owner.get("display") or called.get(owner.get("reference", ""), ""))
        notes = (gettext("%(who)s takes care of it.") % {"who": who},) if who else ()
        title = _said(task.resource.get("code"), work.title)
        yield Next(title, _hour(work.due, frame), notes, task.reference, False, work.due)


def _is_open(task: Stored) -> bool:
    return task.resource.get("status") in OPEN and not is_proposed(task.resource)


def _is_for_her(task: Stored, work: Work) -> bool:
    is_promise = work.klass is WorkClass.PROMISE and task.resource.get("intent") != "plan"
    return is_promise and work.kind not in NOT_FOR_HER and not work.is_protected and work.due is not None


def _day(at: datetime, frame: Frame) -> str:
    return formats.day_words(at.astimezone(frame.tz).date(), frame.now.astimezone(frame.tz).date())


def _hour(at: datetime, frame: Frame) -> str:
    """`Thursday, 10:15 am`; far away with its date."""
    said = _day(at, frame)
    return f"{said[:1].upper()}{said[1:]}, {_clock(at, frame)}"


def _clock(at: datetime, frame: Frame) -> str:
    return formats.clock_time(at.astimezone(frame.tz))


def today(found: Plan | None, most: int = 3) -> list[Line]:
    """What she can do herself, the nearest first."""
    mine = [step for step in (found.steps if found else ()) if step.is_mine and not step.is_done]
    return [step.line for step in sorted(mine, key=lambda step: _order(step.due))[:most]]
