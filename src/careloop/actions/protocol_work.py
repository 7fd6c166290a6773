"""What a firing asks for: the to-do with its hour and owner, and the proposal for the plan. In the caller's unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.actions.apply_proposal import apply_in
from careloop.actions.follow_readings import past_limits, zone_or_utc
from careloop.actions.propose_plan import (
    LINE_TYPES,
    local_day,
    open_proposals,
    owners_of,
    standing,
    write_lines,
)
from careloop.actions.protocols_on import On, values_of
from careloop.actions.urgent import TIMER as ESCALATE
from careloop.actions.urgent import next_on_call
from careloop.care.firing import evidence_in
from careloop.care.plan import PlanProposal
from careloop.care.plan_adjust import adjusted_lines
from careloop.care.protocols import Adjusted, Outcome, is_open_at, opens_next, say_words
from careloop.care.reading_work import Past, past_said
from careloop.care.signals import Signals
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import extension, identifier_in, set_extension
from careloop.fhir.translation import translate, translated
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import UnknownZone
from careloop.library import Library, Words
from careloop.library.protocols import Branch, Review
from careloop.projections import people
from careloop.store import Stored, Unit

CLASSES: Final = {
    "urgent": WorkClass.DANGER,
    "soon": WorkClass.ROUTINE,
    "routine": WorkClass.ROUTINE,
    "silence": WorkClass.SILENCE,
}
ESCALATES_AFTER: Final = timedelta(minutes=15)
STOPPED: Final = "A protocol keeps saying the same of this person: it was stopped"
NOT_REVIEWED: Final = (
    "Not reviewed: no clinician has approved this protocol here, and nobody watches it by the hour."
)
READING: Final = "reading/"
LIMIT_TOO: Final = Words(
    "Past a limit of this person’s own, too:", "También pasa un límite propio de la persona:"
)
TOLD_HERE: Final = "One cause, one to-do: the alert about the same reading says it."


@dataclass(frozen=True)
class Whom:
    """One person in one unit. limits: of her readings, by kind and edge."""

    unit: Unit
    patient: Stored
    signals: Signals
    library: Library
    limits: Mapping[tuple[str, str], Any]

    @property
    def reference(self) -> str:
        return self.patient.reference


def write_work(
    whom: Whom,
    on: On,
    outcome: Outcome,
    issue: Stored,
    proposal: Stored | None,
    *,
    changed: str = "",
    is_other: bool = False,
) -> list[Stored]:
    """The to-do of a firing, made or brought up to date. changed: what it said before; is_other: another branch holds
    now, so that what was put away comes back."""
    because, past = outcome.because, _past_too(whom, on, issue)
    work = _work(whom, on, outcome, issue, proposal)
    if changed:
        said = f"Changed since it came up. Before: {changed}"
        work = replace(work, details=" ".join(filter(None, (work.details, said))))
    if past:
        because = _with_limits(because, past, whom)
        work = replace(_pressing(work, past), because=because.en)
    work = _called(whom, work)
    gone = tuple(Withdrawal(each.key(whom.reference), TOLD_HERE) for each in past)
    written = [
        _in_spanish(whom.unit, task, because, wake=is_other) if _is_of(task, work) else task
        for task in apply_in(whom.unit, Proposal((work,), gone), whom.reference)
    ]
    _escalates(whom, written, work)
    return written


def write_stopped(whom: Whom, on: On, outcome: Outcome, why: Words) -> list[Stored]:
    """The to-do of a protocol that was switched off for her because it went round. What it said stands in it, as urgent
    as it was: nobody is left alone with a danger because it was told too often."""
    branch = outcome.branch
    assert branch is not None
    when = _when(whom, on, branch)
    title, said = on.protocol.title, outcome.because
    because = Words(f"{title.en}: {said.en} {why.en}", f"{title.es}: {said.es} {why.es}")
    work = _called(
        whom,
        Work(
            kind="review-protocol",
            title=STOPPED,
            because=because.en,
            klass=when.klass,
            dedupe=f"protocol-stopped:{on.protocol.id}:{whom.reference}:{whom.unit.now:%Y-%m-%d}",
            due=when.due,
            target=when.target,
            zone=when.zone,
            source=on.protocol.source,
            is_protected=when.is_danger,
        ),
    )
    written = [
        _in_spanish(whom.unit, task, because, wake=False) if _is_of(task, work) else task
        for task in apply_in(whom.unit, Proposal((work,)), whom.reference)
    ]
    _escalates(whom, written, work)
    return written


def _called(whom: Whom, work: Work) -> Work:
    """Urgent work goes to whoever is on call."""
    if work.klass is WorkClass.DANGER and (first := next_on_call(whom.unit, whom.patient)):
        return replace(work, owner=first.practitioner)
    return work


def _escalates(whom: Whom, written: Iterable[Stored], work: Work) -> None:
    if work.klass is not WorkClass.DANGER:
        return
    for task in (each for each in written if _is_of(each, work)):
        whom.unit.set_timer(whom.patient.rid, ESCALATE, task.reference, whom.unit.now + ESCALATES_AFTER)


def _work(whom: Whom, on: On, outcome: Outcome, issue: Stored, proposal: Stored | None) -> Work:
    branch = outcome.branch
    assert branch is not None
    when = _when(whom, on, branch)
    return Work(
        kind=branch.work.kind,
        title=branch.work.title.en,
        because=outcome.because.en,
        klass=when.klass,
        dedupe=identifier_in(issue.resource, uris.DEDUPE) or "",
        due=when.due,
        target=when.target,
        zone=when.zone,
        rule=f"{on.protocol.id}@{on.protocol.version}",
        source=on.protocol.source,
        owner=_owner(whom, branch),
        reasons=(issue.reference, *([proposal.reference] if proposal else [])),
        is_protected=when.is_danger,
        details=_details(on, is_closed=when.is_closed),
    )


@dataclass(frozen=True)
class _When:
    """How urgent a branch is for her now, and until when. zone: UTC where hers is not known. is_closed: nobody
    watches."""

    klass: WorkClass
    target: datetime
    zone: str
    is_closed: bool

    @property
    def is_danger(self) -> bool:
        return self.klass is WorkClass.DANGER

    @property
    def due(self) -> datetime | None:
        return self.target if self.is_danger else None


def _when(whom: Whom, on: On, branch: Branch) -> _When:
    zone = people.zone_of(whom.unit, whom.patient.rid)
    is_closed = on.review is not None and not is_open_at(on.review, whom.unit.now, zone)
    klass = _class_of(branch, on.review, is_closed=is_closed)
    target = _target(whom.unit, branch, zone, on.review if is_closed else None)
    return _When(klass, target, zone or "UTC", is_closed)


def _class_of(branch: Branch, review: Review | None, *, is_closed: bool) -> WorkClass:
    """What nobody has reviewed pages nobody; out of hours only what a clinician said calls whoever is on call."""
    klass = CLASSES[branch.work.urgency]
    if klass is not WorkClass.DANGER:
        return klass
    if review is None or (is_closed and review.path != "on-call"):
        return WorkClass.ROUTINE
    return klass


def _details(on: On, *, is_closed: bool) -> str:
    if on.review is None:
        return NOT_REVIEWED
    said = f"{on.review.owner} answers for this protocol."
    return f"{said} Out of hours: {on.review.after_hours.en}" if is_closed else said


def _owner(whom: Whom, branch: Branch) -> str | None:
    """None: whoever leads her care."""
    if branch.work.owner == "coordinator":
        return None
    found = owners_of(whom.unit, whom.patient).get("clinician")
    return str(found["reference"]) if found else None


def _target(unit: Unit, branch: Branch, zone: str | None, closed: Review | None) -> datetime:
    """5 pm of its day, or tonight when that is over. closed: nobody watches now, so what is urgent aims at the next
    opening, unless somebody is called."""
    is_urgent = branch.work.urgency == "urgent"
    if closed is not None and zone and is_urgent and closed.path != "on-call":
        return opens_next(closed, unit.now, zone)
    try:
        tz = zone_called(zone) if zone else ZoneInfo("UTC")
    except UnknownZone:
        tz = ZoneInfo("UTC")
    calendar = BusinessCalendar(tz)
    day = calendar.local_day(unit.now) + timedelta(days=branch.work.due_days)
    if not is_urgent:
        day = _workday(calendar, day)
    target = calendar.working_target(day)
    return target if target > unit.now else calendar.end_of(day).astimezone(UTC)


def _workday(calendar: BusinessCalendar, day: date) -> date:
    while not calendar.is_business_day(day):
        day += timedelta(days=1)
    return day


def _past_too(whom: Whom, on: On, issue: Stored) -> list[Past]:
    """The limits of her own that are passed by the very values it speaks of."""
    kinds = [
        whom.library.readings[name]
        for path in sorted(on.protocol.reads)
        if path.startswith(READING) and (name := path.removeprefix(READING)) in whom.library.readings
    ]
    told = set(evidence_in(issue.resource))
    found = past_limits(whom.unit, whom.patient.rid, kinds) if kinds else []
    return [each for each in found if not told.isdisjoint(each.streak)]


def _with_limits(because: Words, past: Sequence[Past], whom: Whom) -> Words:
    tz = zone_or_utc(whom.unit, whom.patient.rid)
    en, es = ("; ".join(past_said(each, tz, language) for each in past) for language in ("en", "es"))
    return Words(f"{because.en} {LIMIT_TOO.en} {en}.", f"{because.es} {LIMIT_TOO.es} {es}.")


def _pressing(work: Work, past: Sequence[Past]) -> Work:
    """A limit that was set for one person is a promise to look: the row is no less than that."""
    requests = tuple(each.limits.request for each in past if each.limits.request)
    return replace(work, klass=min(work.klass, WorkClass.PROMISE), reasons=(*work.reasons, *requests))


def _is_of(task: Stored, work: Work) -> bool:
    return identifier_in(task.resource, uris.DEDUPE) == work.dedupe


def _in_spanish(unit: Unit, task: Stored, because: Words, *, wake: bool) -> Stored:
    """The because in Spanish beside the English; what was put away comes back when it is another matter now."""
    reason = dict(task.resource.get("reasonCode", {}))
    is_asleep = wake and extension(task.resource, uris.WAKE) is not None
    if translated(reason, "text", "es") == because.es and not is_asleep:
        return task
    translate(reason, "text", "es", because.es)
    resource = {**task.resource, "reasonCode": reason, "extension": list(task.resource["extension"])}
    if is_asleep:
        set_extension(resource, uris.WAKE, "DateTime", None)
    return unit.update(resource, if_match=task.version)


# --- the plan


def proposed(unit: Unit, issue: Stored) -> Stored | None:
    """The open proposal that a firing asked for."""
    key = f"proposal:{identifier_in(issue.resource, uris.DEDUPE)}"
    for plan in open_proposals(unit.of_person(issue.person, ["CarePlan"])):
        if any(str(each.get("value", "")).startswith(key) for each in plan.resource.get("identifier", ())):
            return plan
    return None


def propose(whom: Whom, on: On, outcome: Outcome, issue: Stored, adjusted: Adjusted) -> Stored | None:
    """The open proposal with the lines that the branch asks for; None when it asks for nothing new."""
    branch, protocol, unit = outcome.branch, on.protocol, whom.unit
    if branch is None or not branch.plan:
        return None
    held = unit.of_person(whom.patient.rid, ["CarePlan", *LINE_TYPES])
    owners = {
        word: (str(each.get("reference", "")), str(each.get("display", "")))
        for word, each in owners_of(unit, whom.patient).items()
    }
    values = values_of(protocol, adjusted, whom.limits)
    lines = adjusted_lines(
        branch.plan,
        outcome.because,
        protocol.source,
        standing(held),
        local_day(whom.patient.resource, unit.now),
        say=lambda words: say_words(protocol, whom.signals, values, unit.now, words),
        owners=owners,
    )
    if not lines:
        return None
    title = protocol.title
    because = Words(f"{title.en}. {outcome.because.en}", f"{title.es}. {outcome.because.es}")
    key = identifier_in(issue.resource, uris.DEDUPE) or issue.reference
    return write_lines(
        unit,
        whom.patient,
        held,
        PlanProposal(lines),
        whom.library,
        because,
        f"{key}:{branch.id}",
        (issue.reference, *evidence_in(issue.resource)[-5:]),
    )
