"""Fires what was to be looked at again at an hour that has come: urgent work nobody acknowledged, and silence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope, system_actor
from careloop.actions import act_on_many, case_review, record
from careloop.actions.acknowledge_urgent import escalate_urgent
from careloop.actions.ask_to_see import ask_due
from careloop.actions.follow_person import SILENCE, follow
from careloop.actions.follow_readings import TIMER as DEVICE_SILENCE
from careloop.actions.follow_readings import follow_readings
from careloop.actions.hand_over_portal import TIMER as HAND_OVER
from careloop.actions.hand_over_portal import hand_over
from careloop.actions.import_readings import forget_old_files
from careloop.actions.keep_panel import forget_old_panels
from careloop.actions.plan_writing import TIMER as PLAN_SEEN
from careloop.actions.revocation import TIMER as CONSENT_ENDS
from careloop.actions.revocation import follow_consents
from careloop.actions.run_protocols import TIMER as PROTOCOL
from careloop.actions.switch_protocol import SWEEP as PROTOCOL_SWEEP
from careloop.actions.urgent import TIMER as ESCALATE
from careloop.actions.watch_plan import TIMER as PLAN_COMPLETE
from careloop.kernel.errors import Conflict, Gone, NotFound
from careloop.library import Library
from careloop.reactions import protocols, risk, trouble
from careloop.reactions.alone import alone
from careloop.reactions.trouble import FAULTS, NotDone, is_outage
from careloop.store import timers
from careloop.store.timers import Timer

log = logging.getLogger("careloop.timers")
NAME: Final = "timers"
SWEEP: Final = "find-unwatched"
SWEPT_EVERY: Final = timedelta(hours=1)

# Never given up: behind the one a person may be in danger, and without the other nobody new is watched.
LASTING: Final = frozenset({ESCALATE, SWEEP})
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=5)
STUCK_FOR: Final = timedelta(days=1)
NOT_DONE: Final = {
    ESCALATE: NotDone(
        "See that somebody has the urgent work of this person: it could not be passed on",
        "Careloop tries again every few minutes; until then nobody further is called.",
        "Phone whoever is on call yourself, then tell whoever runs Careloop.",
    ),
    CONSENT_ENDS: NotDone(
        "Look at the open referrals of this person: a consent has ended",
        "What it covered is not shown any more; open referrals could not be put on hold.",
        "Put on hold what is with partners yourself, then tell whoever runs Careloop.",
    ),
    HAND_OVER: NotDone(
        "See who may open this record: a coming of age could not be worked out",
        "What parents see ends on the birthday all the same; nobody has been told.",
        "Look at the birth date and at who may see this record, and tell whoever runs Careloop.",
    ),
    PROTOCOL: protocols.NOT_DONE,
    risk.TIMER: risk.NOT_DONE,
    PLAN_SEEN: NotDone(
        "Tell those who must see this plan: they could not be asked",
        "The plan has a new version; nobody has been asked to look at it.",
        "Open the plan, see who has not seen it, and tell them yourself; tell whoever runs Careloop.",
    ),
    PLAN_COMPLETE: NotDone(
        "Look at this plan: whether it holds all that is required could not be looked at",
        "Nobody is reminded when a review of this plan falls due.",
        "Open the plan, see what it lacks, and tell whoever runs Careloop.",
    ),
}
NOT_FOLLOWED: Final = NotDone(
    "Look at this record: silence could not be looked at",
    "Nobody is reminded when nothing is heard of the person.",
    "Check when somebody last spoke with the person, and tell whoever runs Careloop.",
)

SWEPT_AT_ONCE: Final = 500
IS_SET: Final = "select 1 from timers where person = 0 and kind = %s"
UNWATCHED: Final = """
select distinct e.person from enrolled e where e.until is null
  and not exists (select from timers t where t.person = e.person and t.kind = %s)
order by e.person limit %s
"""


def scope() -> Scope:
    return Scope(system_actor("timers"), "work", "operations")


def run_timers(now: datetime, library: Library, limit: int = 100) -> int:
    """How many fired; 0 when none is due, or another worker fires them."""
    with alone(NAME) as is_mine:
        return sum(_fired(timer, library, now) for timer in _due(now, limit)) if is_mine else 0


def _due(now: datetime, limit: int) -> list[Timer]:
    """Read in a unit of its own: each timer fires in one of its own. `alone` keeps others from the same ones."""
    with record.begin(scope(), now) as unit:
        if unit.cursor().execute(IS_SET, [SWEEP]).fetchone() is None:
            unit.set_timer(0, SWEEP, "all", now)
        return timers.due(unit, limit, lasting=LASTING)


def _fired(timer: Timer, library: Library, now: datetime) -> int:
    try:
        FIRE[timer.kind](timer, library, now)
        _worked(timer, now)
    except Conflict:
        return 0  # somebody wrote at the same moment: the next round sees what they wrote
    except FAULTS as fault:
        if is_outage(fault):
            raise
        _failed(timer, trouble.said(fault), now)
    return 1


def _failed(timer: Timer, fault: str, now: datetime) -> None:
    """Counted first, so that it waits for its next hour even when nobody can be told about it."""
    with record.begin(scope(), now) as unit:
        has_stuck = timers.failed(unit, timer, fault, again=now + _pause(timer))
    log.error("timer %s of %s failed (%d before): %s", timer.kind, timer.key, timer.tries, fault)
    if not has_stuck or not timer.person:
        return
    try:
        with record.begin(scope(), now) as unit:
            trouble.tell_timer(unit, timer, NOT_DONE.get(timer.kind, NOT_FOLLOWED), fault)
    except FAULTS as another:
        if is_outage(another):
            raise
        log.error("timer %s of %s: nobody could be told: %s", timer.kind, timer.key, trouble.said(another))


def _pause(timer: Timer) -> timedelta:
    """Half a minute, a minute, two, four; then the longest."""
    return min(FIRST_PAUSE * (1 << min(timer.tries, 10)), LONGEST_PAUSE)


def _worked(timer: Timer, now: datetime) -> None:
    if timer.person and trouble.is_timer_told(timer):
        with record.begin(scope(), now) as unit:
            trouble.timer_is_over(unit, timer)


def _escalate(timer: Timer, library: Library, now: datetime) -> None:
    """The escalation sets the timer anew in its own commit; who acknowledged, or ended it, has stopped it."""
    minutes = library.rule("escalation", now.date()).integer("minutes")
    with suppress(NotFound, Gone):
        escalate_urgent(scope(), timer.key.removeprefix("Task/"), now, minutes)
    with record.begin(scope(), now) as unit:
        timers.done(unit, timer)


def _silence(timer: Timer, library: Library, now: datetime) -> None:
    with record.begin(scope(), now) as unit:
        follow(unit, timer.person, library)
        timers.done(unit, timer)  # unless the silence begins later than was thought


def _hand_over(timer: Timer, library: Library, now: datetime) -> None:
    again = hand_over(scope(), timer.person, library, now)
    with record.begin(scope(), now) as unit:
        if again is None:
            timers.done(unit, timer)
        else:
            unit.set_timer(timer.person, timer.kind, timer.key, again)


def _plan_seen(timer: Timer, library: Library, now: datetime) -> None:
    again = ask_due(scope(), timer.person, library, now)
    with record.begin(scope(), now) as unit:
        if again is None:
            timers.done(unit, timer)
        else:
            unit.set_timer(timer.person, timer.kind, timer.key, again)


def _devices(timer: Timer, library: Library, now: datetime) -> None:
    """A device of hers would be silent for too long by now."""
    with record.begin(scope(), now) as unit:
        timers.done(unit, timer)
        follow_readings(unit, timer.person, library)  # sets the next one


def _sweep(timer: Timer, library: Library, now: datetime) -> None:
    """People in a program whom no change has brought to our attention, as after an import, are watched from now on.
    Panels that nobody took are forgotten. What stuck gets another try each day: what was wrong may have been mended."""
    with record.begin(scope(), now) as unit:
        for each in timers.stuck(unit):
            if each.kind not in LASTING and each.due <= now - STUCK_FOR:
                unit.set_timer(each.person, each.kind, each.key, now)
        forget_old_panels(unit)
        act_on_many.forget_old(unit)
        case_review.forget_old_words(unit)
        forget_old_files(unit)
        found = unit.cursor().execute(UNWATCHED, [SILENCE, SWEPT_AT_ONCE]).fetchall()
        for (person,) in found:
            unit.set_timer(person, SILENCE, unit.reference_of(person), now)
        is_all = max(len(found), risk.begin_weekly(unit, SWEPT_AT_ONCE)) < SWEPT_AT_ONCE
        unit.set_timer(0, SWEEP, "all", now + (SWEPT_EVERY if is_all else timedelta()))


def _consents(timer: Timer, library: Library, now: datetime) -> None:
    """One has ended by itself. Reading has stopped already; what is on its way stops now."""
    with record.begin(scope(), now) as unit:
        timers.done(unit, timer)
        follow_consents(unit, timer.person)  # sets the next one


FIRE: Final[dict[str, Callable[[Timer, Library, datetime], None]]] = {
    ESCALATE: _escalate,
    SILENCE: _silence,
    HAND_OVER: _hand_over,
    PLAN_SEEN: _plan_seen,
    CONSENT_ENDS: _consents,
    DEVICE_SILENCE: _devices,
    PLAN_COMPLETE: _silence,  # all that follows for one person, the plan with it
    PROTOCOL: protocols.fire,
    PROTOCOL_SWEEP: protocols.sweep,
    risk.TIMER: risk.fire,
    SWEEP: _sweep,
}
