"""A letter that a person prints and mails: a to-do, and once it is done, the record says that the letter has left."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.answer_referrer import letter_left
from careloop.actions.apply_proposal import apply_in
from careloop.care.stay import state_of
from careloop.care.work import Proposal, Work, WorkClass, work_of
from careloop.kernel.errors import Gone, NotFound

KIND: Final = "mail-letter"


def ask_to_mail(scope: Scope, payload: dict[str, Any], key: str, person: int, now: datetime) -> None:
    """payload: communication (its reference), to, text, as it left with Unit.send. key: makes the to-do one."""
    work = Work(
        kind=KIND,
        title=f"Print and mail a letter to {payload['to']}",
        because="This answer goes by mail, and nothing here is connected that could mail it",
        klass=WorkClass.ROUTINE,
        dedupe=f"mail:{key}",
        target=now,
        reasons=(str(payload["communication"]),),
        details=str(payload["text"]),
    )
    with record.begin(scope, now) as unit:
        apply_in(unit, Proposal((work,)), unit.reference_of(person) if person else None)


def record_mailed(scope: Scope, task: str, now: datetime) -> None:
    """Done, the letter is on its way; ended in any other way, it is not. Said twice it changes nothing. A to-do that
    came from elsewhere and names no letter of ours is nobody's fault: whoever follows the feed goes on."""
    with record.begin(scope, now) as unit:
        found = unit.find("Task", task)
    if found is None or state_of(found.resource) != "done":
        return
    for reference in work_of(found.resource).reasons:
        if reference.startswith("Communication/"):
            with suppress(NotFound, Gone):
                letter_left(scope, reference.partition("/")[2], now)
