"""Put a to-do away until an hour, with a reason. It comes back by itself: the worklist reads the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.care.work import Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import fhir_instant, set_extension
from careloop.kernel.calendar import BusinessCalendar, zone
from careloop.kernel.errors import CareError
from careloop.projections.people import zone_of
from careloop.store import Stored, Unit

LONGEST = timedelta(days=90)


class BadSnooze(CareError):
    """That hour does not work."""

    code, status, issue_type = "bad-snooze", 422, "value"


class PastTheDeadline(BadSnooze):
    """A rule’s deadline falls before that hour. Choose an earlier one, or close it with a reason."""

    code = "past-the-deadline"


class AlreadyLate(BadSnooze):
    """A rule’s deadline has passed: it can rest until the end of the next business day, no longer."""

    code = "already-late"


def snooze_work(
    scope: Scope, task: str, until: datetime, reason: str, now: datetime, *, version: int | None = None
) -> Result:
    """Raises StaleVersion, WorkEnded, ProtectedWork, ReasonMissing, BadSnooze, PastTheDeadline, AlreadyLate."""
    why = working.words(reason, 300)
    if until <= now:
        raise BadSnooze("Choose an hour that is still to come.")
    if until > now + LONGEST:
        raise BadSnooze("Choose a day within 90 days.")
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        resource, work = working.copy_of(seen)
        working.refuse_protected(work)
        if work.klass is WorkClass.CLOCK and work.due and now < work.due < until:
            raise PastTheDeadline(due=work.due)
        if (
            work.klass is WorkClass.CLOCK
            and work.due
            and work.due <= now
            and until > _next_day(unit, seen, work)
        ):
            raise AlreadyLate(due=work.due)
        set_extension(resource, uris.WAKE, "DateTime", fhir_instant(until))
        working.add_note(resource, f"Snoozed: {why}", unit)
        saved = working.save(unit, resource, seen)
        return Result(saved, working.undo_token(saved))


def _next_day(unit: Unit, seen: Stored, work: Work) -> datetime:
    """The end of the next business day where she lives; as the deadline was counted where that is unknown now."""
    named = zone_of(unit, seen.person) or work.zone or "UTC"
    calendar = BusinessCalendar(zone(named))
    return calendar.end_of(calendar.add_business_days(calendar.local_day(unit.now), 1))
