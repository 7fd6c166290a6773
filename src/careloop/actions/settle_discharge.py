"""A person says what an unclear discharge was; what follows from it stands in the same commit."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.follow_person import follow
from careloop.actions.person_facts import gather
from careloop.actions.working import Result
from careloop.care.stay import DECIDED, DECIDED_ABOUT, Stay
from careloop.care.transition_facts import REVIEW, PersonFacts, is_window_closed
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import CareError, Conflict, UnknownZone
from careloop.library import Library
from careloop.store import Stored, Unit

# What may be said, in words (English msgids), in the order of a list to choose from.
CHOICES: Final = {
    "home": "Went home",
    "snf": "To a skilled nursing facility",
    "rehab": "To rehabilitation",
    "hospital": "To another hospital",
    "psychiatric": "To a psychiatric hospital",
    "hospice": "To hospice",
    "ama": "Left against medical advice",
    "died": "Died",
    "nothing": "Nothing follows",
}
# These count no days, so that they need neither zone nor window.
WITHOUT_DEADLINE: Final = frozenset({"died", "nothing"})


class BadDecision(CareError):
    """Choose where this person went, or that nothing follows."""

    code, status, issue_type = "bad-decision", 422, "value"


class NotADischarge(CareError):
    """This to-do is not about an unclear discharge."""

    code, status, issue_type = "not-a-discharge", 422, "value"


class ZoneUnknown(UnknownZone):
    """No deadline can be counted without a time zone. Add this person’s address first, then decide."""

    code = "zone-unknown"


class DateUnknown(CareError):
    """The hospital did not say when this discharge was, so that no deadline can be counted. Add a to-do by hand."""

    code, status, issue_type = "date-unknown", 422, "required"


class WindowClosed(Conflict):
    """The 30 days after this discharge are over. Choose “Nothing follows”, or add a to-do by hand."""

    code = "window-closed"


class StayGone(Conflict):
    """The hospital stay that this was about is no longer in the record. Close the to-do with a reason."""

    code = "stay-gone"


def settle_discharge(
    scope: Scope,
    task: str,
    meaning: str,
    now: datetime,
    library: Library,
    *,
    words: str = "",
    version: int | None = None,
) -> Result:
    """task: a review of kind review-discharge. meaning: a key of CHOICES. words: why, kept with it.

    The decision holds as long as the hospital says the same about this stay. `made`: the work that follows.
    Raises BadDecision, NotADischarge, ZoneUnknown, DateUnknown, WindowClosed, StayGone, StaleVersion, WorkEnded.
    """
    if meaning not in CHOICES:
        raise BadDecision
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        if work_of(seen.resource).kind != REVIEW:
            raise NotADischarge
        stay = _stay_to_settle(unit, seen, meaning, library)
        saved = _settled(unit, seen, stay, meaning, words.strip()[:500])
        made = follow(unit, saved.person, library)
        return Result(saved, working.undo_token(saved), made=made)


def _stay_to_settle(unit: Unit, seen: Stored, meaning: str, library: Library) -> Stay:
    found = gather(unit, seen.person, library)
    about = next(iter(work_of(seen.resource).reasons), "")
    stay = next((each for each in found.stays if each.reference == about), None) if found else None
    if found is None or stay is None:
        raise StayGone
    if meaning not in WITHOUT_DEADLINE:
        _check_datable(found.person, stay, library, unit.now)
    return stay


def _check_datable(person: PersonFacts, stay: Stay, library: Library, now: datetime) -> None:
    if is_window_closed(stay, person.zone, library, now):
        raise WindowClosed
    if person.zone is None:
        raise ZoneUnknown
    if stay.ended_on(zone_called(person.zone)) is None:
        raise DateUnknown


def _settled(unit: Unit, seen: Stored, stay: Stay, meaning: str, words: str) -> Stored:
    resource, _ = working.copy_of(seen)
    said = f"{CHOICES[meaning]}. {words}".strip()
    resource["output"] = [
        *(each for each in resource.get("output", ()) if "valueReference" in each),
        {"type": codeable(uris.TASK_IO, DECIDED, "Decided"), "valueCode": meaning},
        {"type": codeable(uris.TASK_IO, DECIDED_ABOUT, "The hospital said"), "valueString": stay.said},
    ]
    resource["status"] = "completed"
    resource["statusReason"] = {**codeable(uris.REASON, "done", "Done"), "text": said}
    resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(unit.now)}
    if "owner" not in resource and unit.scope.actor.practitioner:
        resource["owner"] = ref(unit.scope.actor.practitioner, unit.scope.actor.name)
    return working.save(unit, resource, seen)
