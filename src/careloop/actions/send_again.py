"""What could not be sent and was given up is tried anew, because a person says so."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.kernel.errors import Conflict, NotFound
from careloop.kernel.numbers import whole_number
from careloop.store import outbox

LETTER: Final = "review-letter"


class OnItsWay(Conflict):
    """This is being sent already, or was sent. Nothing was changed."""

    code = "on-its-way"


def send_again(scope: Scope, task: str, now: datetime, *, version: int | None = None) -> Result:
    """The to-do stays until the letter has left; given up once more, it says so.
    Raises NotFound, OnItsWay, StaleVersion, WorkEnded."""
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        resource, work = working.copy_of(seen)
        kind, _, said = work.dedupe.partition(":")
        number = whole_number(said, digits=18)
        if work.kind != LETTER or kind != "letter" or number is None:
            raise NotFound
        if not outbox.revive(unit, number, seen.person or 0):
            raise OnItsWay
        working.add_note(resource, "Tried again.", unit)
        return Result(working.save(unit, resource, seen))
