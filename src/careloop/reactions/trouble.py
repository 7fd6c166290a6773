"""What could not be worked out becomes a visible piece of work; nothing fails in silence and nothing stops the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from careloop.actions.apply_proposal import apply_in
from careloop.care.stay import state_of
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import code_in, identifier_in
from careloop.kernel.errors import CareError, Conflict, Unavailable
from careloop.store import Stored, Unit, feed
from careloop.store.connection import keeper
from careloop.store.timers import Timer

KIND: Final = "review-failure"
# The item of a change, which the next change that is followed takes away, and that of a timer, which only it does.
OF_CHANGE: Final = "failure:"
OF_TIMER: Final = "timer-failure:"
# What odd data can make of a decision. Anything else (no memory, a broken installation) stops the worker.
FAULTS: Final = (
    CareError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
# Somebody who wrote at the same moment is no fault.
TRIES: Final = 3
OPEN_TROUBLE: Final = "select 1 from work where person = %s and kind = %s and is_open limit 1"


def is_outage(fault: BaseException) -> bool:
    """The record is away: nobody's fault, and nothing to be counted."""
    return isinstance(fault, Unavailable)


def said(fault: BaseException) -> str:
    """A sentence without patient data: details of other faults may quote values."""
    if isinstance(fault, CareError):
        return (type(fault).__doc__ or fault.code).strip().splitlines()[0]
    return f"A fault in Careloop ({type(fault).__name__})."


def tried(work: Callable[[], None]) -> str | None:
    """None when it worked, else the sentence to keep. work: a whole unit, begun again after a conflict. Raises when the
    record is away."""
    for attempt in range(TRIES):
        try:
            work()
            return None
        except Conflict as met:
            if attempt == TRIES - 1:
                return said(met)
        except FAULTS as fault:
            if is_outage(fault):
                raise
            return said(fault)
    return None


@dataclass(frozen=True)
class NotDone:
    """What an item says of a timer that fails: title; what that means; what to do."""

    title: str
    means: str
    details: str


def tell(unit: Unit, person: int, about: str, key: str, fault: str) -> None:
    """One open item a person, however many of her changes fail. about: what it was; key: the same change, one item."""
    if _told(unit, person, OF_CHANGE):
        return
    work = Work(
        kind=KIND,
        title="Look at this record: what follows could not be worked out",
        because=f"{about}: {fault} Nothing that depends on it was done.",
        klass=WorkClass.CLOCK,
        dedupe=f"{OF_CHANGE}{key}",
        details="Check whether a discharge, a death or an enrollment asks for work, and tell whoever runs Careloop.",
    )
    apply_in(unit, Proposal((work,)), unit.reference_of(person))


def is_over(unit: Unit, person: int) -> None:
    """It worked now: what was told is withdrawn."""
    told = _told(unit, person, OF_CHANGE)
    if not told:
        return
    _withdraw(unit, person, told, "It could be worked out after all.")
    for parked in feed.parked(unit):
        if parked.person == person:
            feed.resolve(unit, parked.id)


def tell_timer(unit: Unit, timer: Timer, words: NotDone, fault: str) -> None:
    """One open item a timer. Whoever closed it hears of it again on another day, while the timer still fails."""
    if _told(unit, timer.person, _key(timer)):
        return
    work = Work(
        kind=KIND,
        title=words.title,
        because=f"It failed {timer.tries + 1} times. {fault} {words.means}",
        klass=WorkClass.CLOCK,
        dedupe=f"{_key(timer)}{unit.now:%Y-%m-%d}",
        target=unit.now,
        zone="UTC",
        details=words.details,
    )
    apply_in(unit, Proposal((work,)), unit.reference_of(timer.person))


def is_timer_told(timer: Timer) -> bool:
    """Whether this person has an open item of this kind at all: the cheap question after each that worked."""
    return keeper().cursor().execute(OPEN_TROUBLE, [timer.person, KIND]).fetchone() is not None


def timer_is_over(unit: Unit, timer: Timer) -> None:
    """This very timer did its work: what was told of it is withdrawn."""
    _withdraw(unit, timer.person, _told(unit, timer.person, _key(timer)), "It was done after all.")


def _key(timer: Timer) -> str:
    return f"{OF_TIMER}{timer.kind}:{timer.key}:"


def _withdraw(unit: Unit, person: int, told: list[Stored], because: str) -> None:
    gone = tuple(Withdrawal(task.reference, because) for task in told)
    apply_in(unit, Proposal(withdraw=gone), unit.reference_of(person))


def _told(unit: Unit, person: int, begins: str) -> list[Stored]:
    """The open items whose key begins so."""
    unit.flush()
    if unit.cursor().execute(OPEN_TROUBLE, [person, KIND]).fetchone() is None:
        return []
    return [
        task
        for task in unit.of_person(person, ["Task"])
        if code_in(task.resource.get("code"), uris.WORK_CODE) == KIND
        and (identifier_in(task.resource, uris.DEDUPE) or "").startswith(begins)
        and state_of(task.resource) == "open"
    ]
