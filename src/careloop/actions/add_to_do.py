"""A to-do that somebody adds by hand, for one person."""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.act_on_many import add_to_do as write_to_do
from careloop.actions.working import Result
from careloop.care.many import Wanted
from careloop.kernel.errors import CareError
from careloop.kernel.ids import new_id


class PastDue(CareError):
    """Choose a day that is still to come."""

    code, status, issue_type = "past-due", 422, "value"


def add_to_do(scope: Scope, person: str, wanted: Wanted, now: datetime) -> Result:
    """person: Patient id. Raises NotFound, ReasonMissing, PastDue."""
    if wanted.due is not None and wanted.due <= now:
        raise PastDue
    with record.begin(scope, now) as unit:
        stored = write_to_do(unit, unit.read("Patient", person), wanted, f"by-hand:{new_id()}")
        return Result(stored, working.undo_token(stored))
