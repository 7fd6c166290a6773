"""Protocols follow the record: after a change only those are asked that read what changed, of that person alone.

Where days alone may change something, a timer asks again. A protocol that is switched on looks once at everybody it
could have something to say of, some people at a time, so that nothing else waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope, system_actor
from careloop.actions import record
from careloop.actions.adjust_protocol import adjusted_of
from careloop.actions.protocols_on import PATHS_OF_OWN, On, concerned, switched_on, those_on, values_of
from careloop.actions.run_protocols import TIMER, run
from careloop.actions.switch_protocol import SWEEP
from careloop.care.protocol_replay import narrowing
from careloop.care.protocols import Adjusted, evaluate
from careloop.library import Library
from careloop.projections.signals import HORIZON, gather, own_limits, paths_of
from careloop.projections.whom_to_ask import population
from careloop.reactions import trouble
from careloop.reactions.trouble import NotDone
from careloop.store import Unit, merges, protocol_switches, timers
from careloop.store.connection import keeper
from careloop.store.feed import Event
from careloop.store.timers import Timer

SLICE: Final = 200
NOT_DONE: Final = NotDone(
    "Look at this record: what is watched for this person could not be looked at",
    "A protocol that is on could not say whether anything is wrong.",
    "Look at readings and scores of this person yourself, and tell whoever runs Careloop.",
)
# What a change of these may tell. Observations and answers are asked what they are read as.
TELLS: Final[Mapping[str, frozenset[str]]] = {
    "Appointment": frozenset({"moment/missed-visit"}),
    "Condition": frozenset({"fact/conditions", "fact/lasting_conditions"}),
    "Encounter": frozenset({"moment/contact", "moment/attempt"}),
    "EpisodeOfCare": frozenset({"fact/programs", "moment/enrolled"}),
    "MedicationDispense": frozenset({"moment/medicine-run-out"}),
    "MedicationRequest": frozenset({"moment/medicine-run-out"}),
    "Patient": frozenset({"fact/has_died", "fact/age"}),
    "RequestGroup": frozenset({PATHS_OF_OWN}),
    "ServiceRequest": frozenset({"moment/open-referral"}),
    "Task": frozenset({"moment/late-work", "moment/work", "moment/open-referral"}),
}
READ_AS: Final = frozenset({"Observation", "QuestionnaireResponse"})
OWN_WORK: Final = "select task from work where task = any(%s::bigint[]) and reason like 'DetectedIssue/%%'"
LIMITED: Final = "select kind, request from reading_limits where request = any(%s::bigint[])"


def scope() -> Scope:
    return Scope(system_actor("reactions"), "work", "operations")


def follow_protocols(events: Iterable[Event], library: Library, now: datetime) -> None:
    """Each person once, in a unit of her own. What can't be worked out is told as a piece of work; others go on."""
    events = [event for event in events if event.person and (event.type in TELLS or event.type in READ_AS)]
    if not events:
        return
    on = those_on(protocol_switches.latest(keeper().cursor()), library)
    if not on:
        return
    with record.begin(scope(), now) as unit:
        touched = told_by(unit, events)
    for person, paths in sorted(touched.items()):
        asked = concerned(on, paths)
        if asked and (fault := _asked(person, library, on, asked, now)):
            with record.begin(scope(), now) as unit:
                about = "What is watched for this person could not be looked at"
                trouble.tell(unit, person, about, f"protocols:{person}", fault)


def told_by(unit: Unit, events: Collection[Event]) -> dict[int, set[str]]:
    """person -> the paths that these changes may have changed."""
    read_as = paths_of(unit, {event.rid for event in events if event.type in READ_AS})
    tasks = sorted({event.rid for event in events if event.type == "Task"})
    limits = sorted({event.rid for event in events if event.type == "ServiceRequest"})
    cursor = keeper().cursor()
    own = {row[0] for row in cursor.execute(OWN_WORK.encode(), [tasks]).fetchall()} if tasks else set()
    limited = cursor.execute(LIMITED.encode(), [limits]).fetchall() if limits else []
    kinds: dict[int, set[str]] = {}
    for kind, request in limited:
        kinds.setdefault(request, set()).add(f"reading/{kind}")
    touched: dict[int, set[str]] = {}
    for event in events:
        paths = touched.setdefault(event.person, set())
        paths |= TELLS.get(event.type, frozenset())
        paths |= read_as.get(event.rid, set())
        paths |= kinds.get(event.rid, set())
        if event.rid in own:
            paths.add(PATHS_OF_OWN)
    return touched


def _asked(
    person: int, library: Library, on: Mapping[str, On], asked: Collection[str], now: datetime
) -> str | None:
    """None when it worked, else the sentence to keep."""

    def work() -> None:
        with record.begin(scope(), now) as unit:
            if merges.standing(unit, person) is None:
                run(unit, person, library, on, asked)

    return trouble.tried(work)


def fire(timer: Timer, library: Library, now: datetime) -> None:
    """The days may have changed something: asks one protocol of one person. The key is the protocol."""
    with record.begin(scope(), now) as unit:
        timers.done(unit, timer)
        if merges.standing(unit, timer.person) is None:
            run(unit, timer.person, library, switched_on(unit, library), {timer.key})


def sweep(timer: Timer, library: Library, now: datetime) -> None:
    """The next people of whom a protocol that was switched on may have something to say. key: protocol@after."""
    protocol, _, after = timer.key.partition("@")
    with record.begin(scope(), now) as unit:
        on = {name: each for name, each in switched_on(unit, library).items() if name == protocol}
        people, further = _next(unit, on[protocol], int(after or 0)) if on else ([], None)
        told, waits = speaking(unit, on[protocol], people, library) if people else ({}, {})
        for person, at in waits.items():
            unit.set_timer(person, TIMER, protocol, at)
        timers.done(unit, timer)
        if further is not None:
            unit.set_timer(0, SWEEP, f"{protocol}@{further}", now)
    for person in sorted(told):
        if fault := _asked(person, library, on, {protocol}, now):
            with record.begin(scope(), now) as unit:
                about = "What is watched for this person could not be looked at"
                trouble.tell(unit, person, about, f"protocols:{person}", fault)


def _next(unit: Unit, on: On, after: int) -> tuple[list[int], int | None]:
    return population(unit, narrowing(on.protocol), unit.now - HORIZON, after, SLICE)


def speaking(
    unit: Unit, on: On, people: Collection[int], library: Library
) -> tuple[dict[int, str], dict[int, datetime]]:
    """(of whom it has something to say now, and which branch; when to look again at the others). Nothing is written."""
    protocol = on.protocol
    found = gather(unit, people, protocol.reads, library, protocol.reach_days, with_evidence=False)
    kinds = {value.threshold[0] for value in protocol.values if value.threshold}
    limits = own_limits(unit, people, kinds)
    adjusted = adjusted_of(unit, people, protocol)
    told: dict[int, str] = {}
    waits: dict[int, datetime] = {}
    for person, signals in found.items():
        hers = adjusted.get(person, Adjusted())
        if hers.is_off(unit.now):
            continue
        values = values_of(protocol, hers, limits.get(person, {}))
        outcome = evaluate(protocol, signals, values, unit.now, in_words=False)
        if outcome.branch is not None:
            told[person] = outcome.branch.id
        elif outcome.look_again is not None:
            waits[person] = max(outcome.look_again, unit.now + timedelta(minutes=1))
    return told, waits
