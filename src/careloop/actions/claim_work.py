"""Take what nobody has."""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.kernel.errors import Conflict, StaleVersion


class AlreadyClaimed(Conflict):
    """A colleague took this a moment before you."""

    code = "already-claimed"


def claim_work(scope: Scope, task: str, now: datetime, *, version: int | None = None) -> Result:
    """Of 32 who claim at once, one gets it. Raises AlreadyClaimed, StaleVersion, WorkEnded."""
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, None)
        mine = working.me(unit)
        owner = seen.resource.get("owner") or {}
        if owner.get("reference") == mine["reference"]:
            return Result(seen)
        if owner:
            raise AlreadyClaimed(str(owner.get("display", "")))
        if version is not None and version != seen.version:
            raise StaleVersion(version=seen.version)
        resource, work = working.copy_of(seen)
        resource |= {"owner": mine, "status": "accepted"}
        try:
            saved = working.save(unit, resource, seen)
        except StaleVersion as lost:
            raise AlreadyClaimed from lost
        return Result(saved, "" if work.is_protected else working.undo_token(saved))
