"""What the protocols that are on say of one person, made so: a firing (DetectedIssue), its work, its proposal.

In the caller's own unit. Asked again about the same record it writes nothing. Reactions ask after a change, only those
protocols that read what changed; timers ask when days alone may have changed something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.actions.apply_proposal import apply_in, hold
from careloop.actions.propose_plan import LINE_TYPES, local_day, owners_of, standing, write_lines
from careloop.actions.urgent import TIMER as ESCALATE
from careloop.actions.urgent import next_on_call
from careloop.care.firing import (
    adjusted_in,
    because_in,
    ended,
    evidence_in,
    is_open,
    issue,
    key_of,
    past_in,
    protocol_of,
    say,
    set_for,
)
from careloop.care.plan import PlanProposal
from careloop.care.plan_adjust import adjusted_lines
from careloop.care.protocols import (
    MOST_FOR_ONE,
    Adjusted,
    Decided,
    Outcome,
    Past,
    decide,
    evaluate,
    is_open_at,
    opens_next,
    say_words,
)
from careloop.care.signals import Signals
from careloop.care.stay import state_of
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, identifier_in, instant, set_extension, text_of
from careloop.fhir.translation import translate, translated
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import UnknownZone
from careloop.library import Library, Words
from careloop.library.protocols import Branch, Protocol, Review
from careloop.library.reviewing import review_from
from careloop.projections import people
from careloop.projections.signals import gather, own_limits
from careloop.store import Stored, Unit, protocol_switches
from careloop.store.protocol_switches import Switch

TIMER: Final = "protocol"
NO_LONGER: Final = Words("It does not hold any more.", "Ya no se cumple.")
ENDED_BY_PERSON: Final = Words("Ended", "Cerrado")
LOOPED: Final = (
    "It said the same again and again, {n} times in a week: it was switched off for this person, so that somebody"
    " looks."
)
CLASSES: Final = {
    "urgent": WorkClass.DANGER,
    "soon": WorkClass.ROUTINE,
    "routine": WorkClass.ROUTINE,
    "silence": WorkClass.SILENCE,
}
PATHS_OF_OWN: Final = "firing"


@dataclass(frozen=True)
class On:
    """A protocol that is on, and who answers for it: None while nobody has reviewed it."""

    protocol: Protocol
    review: Review | None


def switched_on(unit: Unit, library: Library) -> dict[str, On]:
    return those_on(protocol_switches.latest(unit.cursor()), library)


def those_on(switches: Mapping[str, Switch], library: Library) -> dict[str, On]:
    """A review that was given for another version of the protocol is none."""
    found: dict[str, On] = {}
    for name, switch in switches.items():
        protocol = library.protocols.get(name)
        if protocol is None or not switch.is_on:
            continue
        given = review_from(switch.review) if switch.version == protocol.version else None
        found[name] = On(protocol, given or protocol.review)
    return found


def concerned(on: Mapping[str, On], paths: Collection[str]) -> set[str]:
    """Which of them read any of this. `firing`: one of their own items changed, so all are asked."""
    if PATHS_OF_OWN in paths:
        return set(on)
    wanted = set(paths)
    return {name for name, each in on.items() if each.protocol.reads & wanted}


def run(
    unit: Unit, person: int, library: Library, on: Mapping[str, On], only: Collection[str]
) -> tuple[Stored, ...]:
    """person: rid of the Patient. only: ids of the protocols to ask. Returns what was written."""
    asked = [on[name] for name in sorted(only) if name in on]
    if not asked:
        return ()
    reference = unit.reference_of(person)
    hold(unit, reference)
    paths = {path for each in asked for path in each.protocol.reads}
    signals = gather(unit, [person], paths, library).get(person)
    if signals is None:
        return ()
    one = _One(unit, person, reference, signals, library)
    written: list[Stored] = []
    for each in asked:
        written += one.ask(each)
    return tuple(written)


class _One:
    """One person in one unit. What is held of her is read once."""

    def __init__(self, unit: Unit, person: int, reference: str, signals: Signals, library: Library) -> None:
        self.unit, self.person, self.reference = unit, person, reference
        self.signals, self.library = signals, library
        held = unit.of_person(person, ["DetectedIssue", "RequestGroup"])
        self.issues = {s.reference: s for s in held if s.type == "DetectedIssue" and protocol_of(s.resource)}
        self.groups = [s for s in held if s.type == "RequestGroup"]
        self.limits = own_limits(
            unit,
            [person],
            [v.threshold[0] for p in library.protocols.values() for v in p.values if v.threshold],
        ).get(person, {})

    def ask(self, on: On) -> list[Stored]:
        protocol = on.protocol
        written = self._end_decided(protocol)
        adjusted = self._adjusted(protocol)
        outcome = evaluate(protocol, self.signals, values_of(protocol, adjusted, self.limits), self.unit.now)
        past = past_in([s.resource for s in self.issues.values()], protocol.id)
        decided = decide(protocol, outcome, past, adjusted, self.unit.now)
        if decided.step == "raise" and self._is_too_much():
            decided = Decided("nothing", self.unit.now + timedelta(days=1))
            written += self._too_much()
        match decided.step:
            case "raise":
                written += self._raise(on, outcome, adjusted)
            case "update":
                written += self._update(on, outcome, past, adjusted)
            case "settle":
                written += self._settle(protocol, past)
            case "stop":
                written += self._stop(protocol, past)
        self._look_again(protocol, decided)
        return written

    def _adjusted(self, protocol: Protocol) -> Adjusted:
        return adjusted_in([each.resource for each in self.groups], protocol)

    def _look_again(self, protocol: Protocol, decided: Decided) -> None:
        if decided.look_again is not None and decided.look_again.year < 9999:
            self.unit.set_timer(self.person, TIMER, protocol.id, decided.look_again)
        elif protocol.is_timed:
            self.unit.clear_timer(self.person, TIMER, protocol.id)

    # --- what a person ended

    def _end_decided(self, protocol: Protocol) -> list[Stored]:
        """The work of a firing was done or closed: the firing is over, and says how."""
        mine = [
            s for s in self.issues.values() if protocol_of(s.resource) == protocol.id and is_open(s.resource)
        ]
        if not mine:
            return []
        tasks = {
            key: task
            for task in self.unit.of_person(self.person, ["Task"])
            if (key := identifier_in(task.resource, uris.DEDUPE))
        }
        written = []
        for stored in mine:
            task = tasks.get(identifier_in(stored.resource, uris.DEDUPE) or "")
            if task is not None and state_of(task.resource) != "open":
                written.append(self._over(stored, _how(task.resource), task))
        return written

    def _over(self, stored: Stored, how: Words, task: Stored | None) -> Stored:
        at, by = self.unit.now, None
        if task is not None:
            at = instant((task.resource.get("executionPeriod") or {}).get("end")) or at
            owner = str((task.resource.get("owner") or {}).get("reference", ""))
            by = owner if owner.startswith("Practitioner/") else None
        saved = self.unit.update(ended(stored.resource, how, at, by), if_match=stored.version)
        self.issues[saved.reference] = saved
        return saved

    # --- raise, update, settle

    def _raise(self, on: On, outcome: Outcome, adjusted: Adjusted) -> list[Stored]:
        made = issue(on.protocol, outcome, self.reference, self.unit.now)
        stored = self.unit.create(made)
        self.issues[stored.reference] = stored
        proposal = self._propose(on.protocol, outcome, stored, adjusted)
        work = self._work(on, outcome, stored, proposal)
        return [stored, *([proposal] if proposal else []), *self._write(on, outcome, work)]

    def _update(self, on: On, outcome: Outcome, past: Sequence[Past], adjusted: Adjusted) -> list[Stored]:
        """The same firing says what holds now; its work too, and a line that it was changed."""
        standing_one = next(each for each in past if each.is_open)
        stored = self.issues[standing_one.reference]
        made = {**stored.resource, "extension": list(stored.resource.get("extension", ()))}
        say(made, on.protocol, outcome)
        saved = self.unit.update(made, if_match=stored.version)
        self.issues[saved.reference] = saved
        is_other = standing_one.branch != (outcome.branch.id if outcome.branch else "")
        proposal = self._propose(on.protocol, outcome, saved, adjusted) if is_other else None
        work = self._work(on, outcome, saved, proposal)
        said = f"Changed since it came up. Before: {standing_one.because}"
        written = self._write(on, outcome, replace(work, details=_joined(work.details, said)), wake=is_other)
        return [saved, *([proposal] if proposal else []), *written]

    def _settle(self, protocol: Protocol, past: Sequence[Past]) -> list[Stored]:
        stored = self.issues[next(each.reference for each in past if each.is_open)]
        saved = self._over(stored, NO_LONGER, None)
        key = identifier_in(stored.resource, uris.DEDUPE) or ""
        gone = apply_in(self.unit, Proposal(withdraw=(Withdrawal(key, NO_LONGER.en),)), self.reference)
        return [saved, *gone]

    def _stop(self, protocol: Protocol, past: Sequence[Past]) -> list[Stored]:
        """It loops: off for this person, and somebody is told."""
        week = sum(self.unit.now - each.since < timedelta(days=7) for each in past)
        why = LOOPED.format(n=week)
        off = Adjusted(off_until=self.unit.now + timedelta(days=30), why=why, at=self.unit.now)
        written = [adjust_in(self.unit, protocol, self.reference, off, None, self.groups)]
        work = Work(
            kind="review-protocol",
            title="A protocol keeps saying the same of this person: it was stopped",
            because=f"{protocol.title.en}: {why}",
            klass=WorkClass.ROUTINE,
            dedupe=f"protocol-stopped:{protocol.id}:{self.reference}:{self.unit.now:%Y-%m-%d}",
            target=self.unit.now + timedelta(days=1),
            zone="UTC",
            source=protocol.source,
        )
        return [*written, *apply_in(self.unit, Proposal((work,)), self.reference)]

    def _is_too_much(self) -> bool:
        today = [s for s in self.issues.values() if self._is_of_today(s.resource)]
        return len(today) >= MOST_FOR_ONE

    def _is_of_today(self, made: Resource) -> bool:
        at = instant(made.get("identifiedDateTime"))
        return at is not None and self.unit.now - at < timedelta(days=1)

    def _too_much(self) -> list[Stored]:
        work = Work(
            kind="review-protocol",
            title="Look at this person: more alerts in a day than anybody can follow",
            because=f"{MOST_FOR_ONE} alerts of protocols in 24 hours; further ones wait for tomorrow.",
            klass=WorkClass.ROUTINE,
            dedupe=f"protocol-cap:{self.reference}:{self.unit.now:%Y-%m-%d}",
            target=self.unit.now + timedelta(hours=4),
            zone="UTC",
        )
        return list(apply_in(self.unit, Proposal((work,)), self.reference))

    # --- the work

    def _work(self, on: On, outcome: Outcome, stored: Stored, proposal: Stored | None) -> Work:
        branch = outcome.branch
        assert branch is not None
        zone = people.zone_of(self.unit, self.person)
        klass = CLASSES[branch.work.urgency]
        if klass is WorkClass.DANGER and on.review is None:
            klass = WorkClass.ROUTINE  # nobody answers for it yet: it proposes, and pages nobody
        after = on.review is not None and not is_open_at(on.review, self.unit.now, zone)
        if klass is WorkClass.DANGER and after and on.review and on.review.path != "on-call":
            klass = WorkClass.ROUTINE
        target = self._target(branch, zone, on.review if after else None)
        return Work(
            kind=branch.work.kind,
            title=branch.work.title.en,
            because=outcome.because.en,
            klass=klass,
            dedupe=identifier_in(stored.resource, uris.DEDUPE) or "",
            due=target if klass is WorkClass.DANGER else None,
            target=target,
            zone=zone or "UTC",
            rule=f"{on.protocol.id}@{on.protocol.version}",
            source=on.protocol.source,
            owner=self._owner(branch),
            reasons=(stored.reference, *([proposal.reference] if proposal else [])),
            is_protected=klass is WorkClass.DANGER,
            details=self._details(on, after=after),
        )

    def _details(self, on: On, *, after: bool) -> str:
        if on.review is None:
            return "Not reviewed: no clinician has approved this protocol here, and nobody watches it by the hour."
        said = f"{on.review.owner} answers for this protocol."
        return f"{said} Out of hours: {on.review.after_hours.en}" if after else said

    def _owner(self, branch: Branch) -> str | None:
        if branch.work.owner == "coordinator":
            return None  # whoever leads her care
        patient = self.unit.get([self.reference])[self.reference]
        found = owners_of(self.unit, patient).get("clinician")
        return str(found["reference"]) if found else None

    def _target(self, branch: Branch, zone: str | None, review: Review | None) -> datetime:
        """5 pm of its day, or tonight when that is over; for a reviewed protocol out of hours, the next opening."""
        try:
            tz = zone_called(zone) if zone else ZoneInfo("UTC")
        except UnknownZone:
            tz = ZoneInfo("UTC")
        if review is not None and zone and branch.work.urgency == "urgent":
            return opens_next(review, self.unit.now, zone)
        calendar = BusinessCalendar(tz)
        day = calendar.local_day(self.unit.now) + timedelta(days=branch.work.due_days)
        if branch.work.urgency != "urgent":
            day = _workday(calendar, day)
        target = calendar.working_target(day)
        return target if target > self.unit.now else calendar.end_of(day).astimezone(UTC)

    def _write(self, on: On, outcome: Outcome, work: Work, *, wake: bool = False) -> list[Stored]:
        patient = self.unit.get([self.reference])[self.reference]
        if work.klass is WorkClass.DANGER:
            first = next_on_call(self.unit, patient)
            work = replace(work, owner=first.practitioner if first else work.owner)
        written = list(apply_in(self.unit, Proposal((work,)), self.reference))
        translated_tasks = [self._in_spanish(task, outcome, wake=wake) for task in written]
        if work.klass is WorkClass.DANGER and work.target:
            for task in translated_tasks:
                self.unit.set_timer(
                    self.person, ESCALATE, task.reference, self.unit.now + timedelta(minutes=15)
                )
        return translated_tasks

    def _in_spanish(self, task: Stored, outcome: Outcome, *, wake: bool) -> Stored:
        """The because in Spanish beside the English; what was put away comes back when it is another matter now."""
        reason = dict(task.resource.get("reasonCode", {}))
        is_awake = extension(task.resource, uris.WAKE) is None or not wake
        if translated(reason, "text", "es") == outcome.because.es and is_awake:
            return task
        translate(reason, "text", "es", outcome.because.es)
        resource = {**task.resource, "reasonCode": reason, "extension": list(task.resource["extension"])}
        if wake:
            set_extension(resource, uris.WAKE, "DateTime", None)
        return self.unit.update(resource, if_match=task.version)

    # --- the plan

    def _propose(
        self, protocol: Protocol, outcome: Outcome, stored: Stored, adjusted: Adjusted
    ) -> Stored | None:
        branch = outcome.branch
        if branch is None or not branch.plan:
            return None
        patient = self.unit.get([self.reference])[self.reference]
        held = self.unit.of_person(self.person, ["CarePlan", *LINE_TYPES])
        owners = {
            word: (str(each.get("reference", "")), str(each.get("display", "")))
            for word, each in owners_of(self.unit, patient).items()
        }
        values = values_of(protocol, adjusted, self.limits)
        lines = adjusted_lines(
            branch.plan,
            outcome.because,
            protocol.source,
            standing(held),
            local_day(patient.resource, self.unit.now),
            say=lambda words: say_words(protocol, self.signals, values, self.unit.now, words),
            owners=owners,
        )
        if not lines:
            return None
        title = protocol.title
        because = Words(f"{title.en}. {outcome.because.en}", f"{title.es}. {outcome.because.es}")
        key = identifier_in(stored.resource, uris.DEDUPE) or stored.reference
        return write_lines(
            self.unit,
            patient,
            held,
            PlanProposal(lines),
            self.library,
            because,
            f"{key}:{branch.id}",
            (stored.reference, *evidence_in(stored.resource)[-5:]),
        )


def values_of(
    protocol: Protocol, adjusted: Adjusted, limits: Mapping[tuple[str, str], Any]
) -> dict[str, Any]:
    """Her own numbers: what was set for this protocol, else the limit that was set for her readings."""
    found = {
        value.name: limits[value.threshold]
        for value in protocol.values
        if value.threshold and value.threshold in limits
    }
    return {**found, **adjusted.values}


def adjust_in(
    unit: Unit,
    protocol: Protocol,
    person: str,
    adjusted: Adjusted,
    author: Resource | None,
    groups: Iterable[Stored],
) -> Stored:
    """Writes what is set for one person. groups: her RequestGroups."""
    key = set_for(protocol.id, protocol.version, person, adjusted, author, protocol.title.en)
    wanted = identifier_in(key, uris.DEDUPE)
    known = next((each for each in groups if identifier_in(each.resource, uris.DEDUPE) == wanted), None)
    if known is None:
        return unit.create(key)
    made = set_for(protocol.id, protocol.version, person, adjusted, author, protocol.title.en, known.resource)
    return unit.update(made, if_match=known.version)


def _how(task: Resource) -> Words:
    said = text_of(task.get("statusReason")) or ENDED_BY_PERSON.en
    return Words(said, said)


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _workday(calendar: BusinessCalendar, day: date) -> date:
    while not calendar.is_business_day(day):
        day += timedelta(days=1)
    return day


__all__ = [
    "On",
    "adjust_in",
    "because_in",
    "concerned",
    "key_of",
    "run",
    "switched_on",
    "those_on",
    "values_of",
]
