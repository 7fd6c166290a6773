"""What the protocols that are on say of one person, made so: a firing (DetectedIssue), its work, its proposal.

In the caller's own unit. Asked again about the same record it writes nothing. Reactions ask after a change, only those
protocols that read what changed; timers ask when days alone may have changed something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from careloop.actions.apply_proposal import apply_in, hold
from careloop.actions.protocol_work import Whom, propose, proposed, write_stopped, write_work
from careloop.actions.protocols_on import On, values_of
from careloop.care.firing import adjusted_in, ended, is_open, issue, past_in, protocol_of, say, set_for
from careloop.care.protocols import MOST_FOR_ONE, Adjusted, Decided, Outcome, Past, decide, evaluate
from careloop.care.stay import state_of
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, identifier_in, instant, text_of
from careloop.library import Library, Words
from careloop.library.protocols import Protocol
from careloop.projections.reading_limits import set_limits_of
from careloop.projections.signals import gather, own_limits
from careloop.store import Stored, Unit

TIMER: Final = "protocol"
NO_LONGER: Final = Words("It does not hold any more.", "Ya no se cumple.")
ENDED_BY_PERSON: Final = Words("Ended", "Cerrado")
LOOPED: Final = Words(
    "It said the same again and again, {n} times in a week: it was switched off for this person, so that somebody"
    " looks.",
    "Dijo lo mismo una y otra vez, {n} veces en una semana: se apagó para esta persona, para que alguien lo revise.",
)


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
    reach = max(each.protocol.reach_days for each in asked)
    signals = gather(unit, [person], paths, library, reach).get(person)
    patient = unit.get([reference]).get(reference)
    if signals is None or patient is None:
        return ()
    kinds = {value.threshold[0] for each in asked for value in each.protocol.values if value.threshold}
    limits = own_limits(unit, [person], kinds).get(person, {})
    one = _One(Whom(unit, patient, signals, library, limits), _kept_from_some(unit, person, kinds))
    written: list[Stored] = []
    for each in asked:
        written += one.ask(each)
    return tuple(written)


def _kept_from_some(unit: Unit, person: int, kinds: Collection[str]) -> tuple[str, ...]:
    """Limits of hers that not everybody may see, and whose numbers a firing may say."""
    set_for_her = [unit.reference_of(each) for each in set_limits_of(unit, person, kinds)] if kinds else []
    return tuple(each for each in set_for_her if unit.is_sensitive([each]))


class _One:
    """One person in one unit. What is held of her is read once. limits: references of limits with a label."""

    def __init__(self, whom: Whom, limits: tuple[str, ...] = ()) -> None:
        self.limits = limits
        self.whom, self.unit = whom, whom.unit
        self.person, self.reference = whom.patient.rid, whom.reference
        held = self.unit.of_person(self.person, ["DetectedIssue", "RequestGroup"])
        self.issues = {s.reference: s for s in held if s.type == "DetectedIssue" and protocol_of(s.resource)}
        self.groups = [s for s in held if s.type == "RequestGroup"]

    def ask(self, on: On) -> list[Stored]:
        protocol = on.protocol
        written = self._end_decided(protocol)
        adjusted = self._adjusted(protocol)
        outcome = evaluate(
            protocol, self.whom.signals, values_of(protocol, adjusted, self.whom.limits), self.unit.now
        )
        if outcome.branch is not None and any(value.threshold for value in protocol.values):
            outcome = replace(outcome, evidence=(*outcome.evidence, *self.limits))
        past = past_in([s.resource for s in self.issues.values()], protocol.id)
        decided = decide(protocol, outcome, past, adjusted, self.unit.now)
        if decided.step == "raise" and self._is_too_much(outcome):
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
                written += self._stop(on, outcome, past, adjusted)
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
        stored = self.unit.create(issue(on.protocol, outcome, self.reference, self.unit.now))
        self.issues[stored.reference] = stored
        proposal = propose(self.whom, on, outcome, stored, adjusted)
        written = write_work(self.whom, on, outcome, stored, proposal)
        return [stored, *([proposal] if proposal else []), *written]

    def _update(self, on: On, outcome: Outcome, past: Sequence[Past], adjusted: Adjusted) -> list[Stored]:
        """The same firing says what holds now; its work too, and that it was changed."""
        was = next(each for each in past if each.is_open)
        stored = self.issues[was.reference]
        made = {**stored.resource, "extension": list(stored.resource.get("extension", ()))}
        say(made, on.protocol, outcome)
        saved = self.unit.update(made, if_match=stored.version)
        self.issues[saved.reference] = saved
        is_other = outcome.branch is not None and was.branch != outcome.branch.id
        fresh = propose(self.whom, on, outcome, saved, adjusted) if is_other else None
        proposal = fresh or proposed(self.unit, saved)
        written = write_work(self.whom, on, outcome, saved, proposal, changed=was.because, is_other=is_other)
        return [saved, *([fresh] if fresh else []), *written]

    def _settle(self, protocol: Protocol, past: Sequence[Past]) -> list[Stored]:
        stored = self.issues[next(each.reference for each in past if each.is_open)]
        saved = self._over(stored, NO_LONGER, None)
        key = identifier_in(stored.resource, uris.DEDUPE) or ""
        gone = apply_in(self.unit, Proposal(withdraw=(Withdrawal(key, NO_LONGER.en),)), self.reference)
        return [saved, *gone]

    def _stop(self, on: On, outcome: Outcome, past: Sequence[Past], adjusted: Adjusted) -> list[Stored]:
        """It loops: off for this person, and somebody is told."""
        week = sum(self.unit.now - each.since < timedelta(days=7) for each in past)
        why = Words(LOOPED.en.format(n=week), LOOPED.es.format(n=week))
        until = self.unit.now + timedelta(days=30)
        off = Adjusted(adjusted.values, until, why.en, at=self.unit.now)
        made = adjust_in(self.unit, on.protocol, self.reference, off, None, self.groups)
        return [made, *write_stopped(self.whom, on, outcome, why)]

    def _is_too_much(self, outcome: Outcome) -> bool:
        """What is urgent is never one alert too many."""
        if outcome.branch is not None and outcome.branch.work.urgency == "urgent":
            return False
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
