"""What could not be worked out becomes a visible piece of work; nothing fails in silence and nothing stops the rest."""

from __future__ import annotations

from typing import Final

import psycopg
from django.db import DatabaseError

from careloop.actions.apply_proposal import apply_in
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import code_in
from careloop.kernel.errors import CareError, Unavailable
from careloop.store import Unit, feed

KIND: Final = "review-failure"
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
OPEN_TROUBLE: Final = "select 1 from work where person = %s and kind = %s and is_open limit 1"


def is_outage(fault: BaseException) -> bool:
    """The record is away: nobody's fault, and nothing to be counted."""
    return isinstance(fault, Unavailable | psycopg.Error | DatabaseError)


def said(fault: BaseException) -> str:
    """A sentence without patient data: details of other faults may quote values."""
    if isinstance(fault, CareError):
        return (type(fault).__doc__ or fault.code).strip().splitlines()[0]
    return f"A fault in Careloop ({type(fault).__name__})."


def tell(unit: Unit, person: int, about: str, key: str, fault: str) -> None:
    """One open item a person, however many of her changes fail. about: what it was; key: the same change, one item."""
    if _is_told(unit, person):
        return
    work = Work(
        kind=KIND,
        title="Look at this record: what follows could not be worked out",
        because=f"{about}: {fault} Nothing that depends on it was done.",
        klass=WorkClass.CLOCK,
        dedupe=f"failure:{key}",
        details="Check whether a discharge, a death or an enrollment asks for work, and tell whoever runs Careloop.",
    )
    apply_in(unit, Proposal((work,)), unit.reference_of(person))


def is_over(unit: Unit, person: int) -> None:
    """It worked now: what was told is withdrawn."""
    if not _is_told(unit, person):
        return
    gone = tuple(
        Withdrawal(task.reference, "It could be worked out after all.")
        for task in unit.of_person(person, ["Task"])
        if code_in(task.resource.get("code"), uris.WORK_CODE) == KIND
    )
    apply_in(unit, Proposal(withdraw=gone), unit.reference_of(person))
    for parked in feed.parked(unit):
        if parked.person == person:
            feed.resolve(unit, parked.id)


def _is_told(unit: Unit, person: int) -> bool:
    unit.flush()
    return unit.cursor().execute(OPEN_TROUBLE, [person, KIND]).fetchone() is not None
