"""Fires what was to be looked at again at an hour that has come: urgent work nobody acknowledged, and silence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope, system_actor
from careloop.actions import record
from careloop.actions.acknowledge_urgent import escalate_urgent
from careloop.actions.follow_person import SILENCE, follow
from careloop.actions.keep_panel import forget_old_panels
from careloop.actions.urgent import TIMER as ESCALATE
from careloop.kernel.errors import Conflict, Gone, NotFound
from careloop.library import Library
from careloop.reactions import trouble
from careloop.reactions.alone import alone
from careloop.reactions.trouble import FAULTS, is_outage
from careloop.store import timers
from careloop.store.timers import Timer

NAME: Final = "timers"
SWEEP: Final = "find-unwatched"
SWEPT_EVERY: Final = timedelta(hours=1)

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
        return timers.due(unit, limit)


def _fired(timer: Timer, library: Library, now: datetime) -> int:
    try:
        FIRE[timer.kind](timer, library, now)
    except Conflict:
        return 0  # somebody wrote at the same moment: the next round sees what they wrote
    except FAULTS as fault:
        if is_outage(fault):
            raise
        _failed(timer, trouble.said(fault), now)
    return 1


def _failed(timer: Timer, fault: str, now: datetime) -> None:
    with record.begin(scope(), now) as unit:
        if timers.failed(unit, timer, fault) and timer.person:
            trouble.tell(unit, timer.person, f"Timer “{timer.kind}” of {timer.key}", timer.key, fault)


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


def _sweep(timer: Timer, library: Library, now: datetime) -> None:
    """People in a program whom no change has brought to our attention, as after an import, are watched from now on.
    Panels that nobody took are forgotten."""
    with record.begin(scope(), now) as unit:
        forget_old_panels(unit)
        found = unit.cursor().execute(UNWATCHED, [SILENCE, SWEPT_AT_ONCE]).fetchall()
        for (person,) in found:
            unit.set_timer(person, SILENCE, unit.reference_of(person), now)
        unit.set_timer(0, SWEEP, "all", now + (SWEPT_EVERY if len(found) < SWEPT_AT_ONCE else timedelta()))


FIRE: Final[dict[str, Callable[[Timer, Library, datetime], None]]] = {
    ESCALATE: _escalate,
    SILENCE: _silence,
    SWEEP: _sweep,
}
