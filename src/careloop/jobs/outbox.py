"""Carries out what leaves the house: letters of `store.outbox`, each by the sender of its kind.

A letter is held for half a minute, so that the act behind it can be undone. It is taken in one commit and sent
outside of any: a worker that dies in between sends it again, so senders pass the letter’s key on, for the other side
to know it by.
What fails waits longer each time; what was given up becomes a piece of work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope, system_actor
from careloop.actions import record
from careloop.actions.apply_proposal import apply_in
from careloop.actions.heed_safe_contact import refusal_of
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.kernel.errors import CareError
from careloop.store import Unit, outbox
from careloop.store.outbox import Letter

# Returns when the other side has it. Raises NotSent, or anything that sending over a network raises.
Sender = Callable[[Letter], None]

HOLD: Final = timedelta(seconds=30)
# As long as no sender may take; then another worker may take the letter.
LEASE: Final = timedelta(minutes=5)
FAULTS: Final = (CareError, OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class NotSent(CareError):
    """The other side did not take it. We try again, later each time."""

    code, status, issue_type = "not-sent", 502, "transient"


class NoSender(CareError):
    """Nothing is set up here that could send this."""

    code, status, issue_type = "no-sender", 500, "not-supported"


def scope() -> Scope:
    return Scope(system_actor("jobs"), "work", "operations")


def run(
    now: datetime,
    senders: Mapping[str, Sender],
    limit: int = 10,
    *,
    held: timedelta = HOLD,
    kinds: Sequence[str] | None = None,
) -> int:
    """senders: by kind of letter. held: how long an act behind one can be undone. kinds: only these. How many were
    tried; 0 when nothing is due."""
    with record.begin(scope(), now) as unit:
        letters = outbox.take(unit, now + LEASE, limit=limit, held=held, kinds=kinds)
    for letter in letters:
        _carry_out(letter, senders, now)
    return len(letters)


def _carry_out(letter: Letter, senders: Mapping[str, Sender], now: datetime) -> None:
    if because := _unsafe(letter, now):
        with record.begin(scope(), now) as unit:
            if outbox.failed(unit, letter, because, is_hopeless=True):
                _tell(unit, letter, because)
        return
    try:
        if letter.kind not in senders:
            raise NoSender
        senders[letter.kind](letter)
    except FAULTS as fault:
        with record.begin(scope(), now) as unit:
            if outbox.failed(unit, letter, _said(fault), is_hopeless=isinstance(fault, NoSender)):
                _tell(unit, letter, _said(fault))
        return
    with record.begin(scope(), now) as unit:
        outbox.sent(unit, letter)
        gone = Withdrawal(_key(letter), "It could be sent after all.")
        apply_in(unit, Proposal(withdraw=(gone,)), _person(unit, letter))


def _unsafe(letter: Letter, now: datetime) -> str:
    """Asked again as it leaves: what the person said may be newer than the letter."""
    with record.begin(scope(), now) as unit:
        return refusal_of(unit, letter)


def set_aside(why: str, now: datetime) -> int:
    """After a restore: what waits may have left between the backup and the loss; a person says whether it goes again.
    Returns how many. why: a sentence."""
    done = 0
    while True:
        with record.begin(scope(), now) as unit:
            letters = outbox.unsent(unit)
            for letter in letters:
                outbox.failed(unit, letter, why, is_hopeless=True)
                _tell(unit, letter, why)
        if not letters:
            return done
        done += len(letters)


def _tell(unit: Unit, letter: Letter, fault: str) -> None:
    work = Work(
        kind="review-letter",
        title="This could not be sent: reach them another way",
        because=f"{_times(letter.tries + 1)}, last answer: {fault}",
        klass=WorkClass.CLOCK,
        dedupe=_key(letter),
        details=f"What: {letter.kind}. To: {letter.dest}.",
    )
    apply_in(unit, Proposal((work,)), _person(unit, letter))


def _times(tries: int) -> str:
    return "Tried once" if tries == 1 else f"Tried {tries} times"


def _key(letter: Letter) -> str:
    return f"letter:{letter.id}"


def _person(unit: Unit, letter: Letter) -> str | None:
    return unit.reference_of(letter.person) if letter.person else None


def _said(fault: BaseException) -> str:
    """A sentence without patient data."""
    if isinstance(fault, CareError):
        return (type(fault).__doc__ or fault.code).strip().splitlines()[0]
    return f"The connection failed ({type(fault).__name__})."
