"""“I will call you Tuesday.” What was promised to a person is work of its own class, before silence and routine."""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir.elements import fhir_instant
from careloop.kernel.calendar import zone
from careloop.kernel.errors import CareError, UnknownZone
from careloop.kernel.ids import new_id
from careloop.projections.people import zone_of
from careloop.store import Stored, Unit


class BadPromise(CareError):
    """A promise needs an hour that is still to come."""

    code, status, issue_type = "bad-promise", 422, "value"


def record_promise(
    scope: Scope, person: str, what: str, due: datetime, now: datetime, *, reason: str | None = None
) -> Result:
    """person: Patient id. due: the hour that was said. reason: reference of the contact in which it was said.
    Raises ReasonMissing, BadPromise."""
    with record.begin(scope, now) as unit:
        stored = write_promise(unit, unit.read("Patient", person), what, due, reason)
        return Result(stored, working.undo_token(stored))


def write_promise(unit: Unit, patient: Stored, what: str, due: datetime, reason: str | None) -> Stored:
    """The to-do that a promise is, in a unit that is open already."""
    said = working.words(what, 300)
    if due <= unit.now:
        raise BadPromise
    zone_name = zone_of(unit, patient.rid)
    work = Work(
        kind="promise",
        title=said,
        because=f"a promise, made {_day(unit, zone_name)}",
        klass=WorkClass.PROMISE,
        dedupe=f"promise:{new_id()}",
        due=due,
        target=due,
        zone=zone_name,
        owner=working.me(unit)["reference"],
        reasons=(reason,) if reason else (),
    )
    task = to_task(work, patient.reference, unit.now)
    task["owner"] = working.me(unit)
    task["requester"] = working.me(unit)
    return unit.create(task)


def _day(unit: Unit, zone_name: str | None) -> str:
    """`Monday`, in the person's zone when it is known."""
    try:
        return f"{unit.now.astimezone(zone(zone_name or '')):%A}"
    except UnknownZone:
        return fhir_instant(unit.now)[:10]
