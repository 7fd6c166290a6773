"""Who has not been heard from. Pure: silence of a person in a program is work, until somebody has heard from her.

The numbers and their source: the rule that each program names (content/programs/<code>, content/rules/silence*.yaml).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from careloop.care.stay import Outstanding
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, extension, instant
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.calendar import zone as zone_called
from careloop.library import Library, Rule

KIND = "check-in"
HOUSE_RULE = "silence"
# Outcomes of a contact in which somebody spoke with us.
HEARD = frozenset({"reached", "declined"})


@dataclass(frozen=True)
class Joined:
    """A program that she is in now. since: when she joined it."""

    program: str
    since: datetime


@dataclass(frozen=True, repr=False)
class SilenceFacts:
    """reference: Patient/…. heard: when anybody of ours last heard from her; None: never. work: hers, open or not."""

    reference: str
    joined: tuple[Joined, ...] = ()
    heard: datetime | None = None
    is_deceased: bool = False
    zone: str | None = None
    site: str | None = None
    lead: str | None = None
    work: tuple[Outstanding, ...] = ()

    def __repr__(self) -> str:
        return f"SilenceFacts({self.reference})"


@dataclass(frozen=True)
class Watch:
    """look_again: when silence would begin; None when there is nobody to wait for, or it was named already."""

    proposal: Proposal
    look_again: datetime | None


@dataclass(frozen=True)
class _Silence:
    program: str
    rule: Rule
    since: datetime
    begins: datetime


def on_silence(facts: SilenceFacts, library: Library, now: datetime) -> Watch:
    """The check-in that should stand now, and what should not."""
    if facts.is_deceased or not facts.joined:
        return Watch(_only(facts, None, "No program asks for it any more."), None)
    silence = min((_of(joined, facts, library, now) for joined in facts.joined), key=lambda each: each.begins)
    if now < silence.begins:
        return Watch(_only(facts, None, "Heard from again."), silence.begins)
    key = f"silence:{facts.reference}:{silence.since.astimezone(UTC):%Y-%m-%dT%H%M}"
    settled = _only(facts, key, "Heard from again.")
    if any(each.kind == KIND and each.state == "open" and not _is_ours(each, facts) for each in facts.work):
        return Watch(settled, None)  # somebody asked for a check-in by hand
    work = _check_in(facts, silence, key)
    return Watch(replace(settled, work=(work,), because=work.because), None)


def heard_at(resources: Iterable[Resource]) -> datetime | None:
    """The last time in these Encounters, QuestionnaireResponses and Tasks that somebody of ours heard from her."""
    return max((at for each in resources if (at := _heard(each)) is not None), default=None)


def _heard(resource: Resource) -> datetime | None:
    kind, status = resource["resourceType"], resource.get("status")
    if kind == "Encounter" and status != "entered-in-error":
        outcome = code_in(extension(resource, uris.OUTCOME), uris.CONTACT_OUTCOME)
        period = resource.get("period") or {}
        return instant(period.get("end") or period.get("start")) if outcome in HEARD else None
    if kind == "QuestionnaireResponse" and status in ("completed", "amended"):
        return instant(resource.get("authored"))
    if kind == "Task" and status == "completed" and _is_reached_call(resource):
        return instant((resource.get("executionPeriod") or {}).get("end"))
    return None


def _is_reached_call(task: Resource) -> bool:
    """A call that was closed with words alone reached nobody."""
    return any((uris.TASK_IO, "contact") in codings(each.get("type")) for each in task.get("output", ()))


def _of(joined: Joined, facts: SilenceFacts, library: Library, now: datetime) -> _Silence:
    """A check-in that somebody ended starts the wait anew: it was looked at."""
    program = library.programs.get(joined.program)
    rule = library.rule(program.silence if program else HOUSE_RULE, now.date())
    ended = (w.ended for w in facts.work if w.kind == KIND and w.state in ("done", "closed") and w.ended)
    since = max(filter(None, (joined.since, facts.heard, *ended)))
    return _Silence(joined.program, rule, since, since + timedelta(days=rule.integer("days")))


def _only(facts: SilenceFacts, key: str | None, because: str) -> Proposal:
    """Without the check-ins that Careloop asked for, but for that one."""
    return Proposal(
        withdraw=tuple(
            Withdrawal(each.dedupe, because)
            for each in facts.work
            if _is_ours(each, facts) and each.state == "open" and each.dedupe != key
        )
    )


def _is_ours(work: Outstanding, facts: SilenceFacts) -> bool:
    return work.dedupe.startswith(f"silence:{facts.reference}:")


def _check_in(facts: SilenceFacts, silence: _Silence, key: str) -> Work:
    tz = zone_called(facts.zone) if facts.zone else UTC
    day = silence.since.astimezone(tz)
    said = (
        "Not heard from since" if facts.heard == silence.since else "No word from this person on record since"
    )
    days = silence.rule.integer("days")
    return Work(
        kind=KIND,
        title="Check in",
        because=f"{said} {day:%a %b} {day.day}: {days} days without a word ({silence.rule.label})",
        klass=WorkClass.SILENCE,
        dedupe=key,
        target=_target(facts.zone, silence.begins),
        zone=facts.zone,
        rule=silence.rule.ref,
        source=silence.rule.source,
        owner=facts.lead,
        program=silence.program,
        site=facts.site,
    )


def _target(zone: str | None, begins: datetime) -> datetime:
    """5 pm of the first business day after silence began; no legal end. Without a zone a day later, to the minute."""
    if zone is None:
        return begins + timedelta(days=1)
    calendar = BusinessCalendar(zone_called(zone))
    return calendar.working_target(calendar.add_business_days(calendar.local_day(begins), 1))
