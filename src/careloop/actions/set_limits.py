"""Limits for one person: outside of which her readings are to be looked at. Set by somebody, with why and until when;
one ServiceRequest for each kind, changed in its place, so that its history tells what held when."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.hospital_reviews import token
from careloop.actions.working import Result
from careloop.care.reading_limits import Limits, limits_in, to_request
from careloop.fhir import uris
from careloop.kernel.errors import CareError, NotFound
from careloop.library import Kind, Library
from careloop.store import Stored, Unit

MOST: Final = 500


class BadLimits(CareError):
    """These limits can’t hold: look at the numbers again."""

    code, status, issue_type = "bad-limits", 422, "value"

    def __init__(self, sentence: str, field: str) -> None:
        self.field = field
        super().__init__(sentence)


def set_limits(
    scope: Scope,
    person: str,
    limits: Limits,
    why: str,
    library: Library,
    now: datetime,
    *,
    version: int | None = None,
) -> Result:
    """person: Patient id. limits: in the kind's unit. Raises BadLimits, ReasonMissing, NotFound, StaleVersion."""
    kind = library.readings.get(limits.kind)
    if kind is None:
        raise NotFound(limits.kind)
    check_limits(kind, limits, now)
    said = working.words(why, MOST)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        known = standing(unit, patient, kind)
        resource = to_request(kind, limits, patient.reference, unit.scope.actor.practitioner, now, said)
        if known is None:
            stored = unit.create(resource)
        else:
            stored = unit.update({**resource, "id": known.id}, if_match=version or known.version)
        return Result(None, working.undo_token(stored), made=(stored,))


def end_limits(scope: Scope, person: str, kind_id: str, library: Library, now: datetime) -> Result:
    """From now on those of everybody hold. Raises NotFound when she has none of her own."""
    kind = library.readings.get(kind_id)
    with record.begin(scope, now) as unit:
        known = standing(unit, unit.read("Patient", person), kind) if kind else None
        if known is None:
            raise NotFound(kind_id)
        stored = unit.update({**known.resource, "status": "revoked"}, if_match=known.version)
        return Result(None, working.undo_token(stored), made=(stored,))


def standing(unit: Unit, patient: Stored, kind: Kind) -> Stored | None:
    """The one that says so now, whoever wrote it."""
    key = token(uris.DEDUPE, f"limits:{patient.reference}:{kind.id}")
    for stored in unit.search("ServiceRequest", [("identifier", key)]).entries:
        if limits_in(stored.resource, {kind.id: kind}) is not None:
            return stored
    return None


def check_limits(kind: Kind, limits: Limits, now: datetime) -> None:
    """Raises BadLimits."""
    if limits.is_empty:
        raise BadLimits("Write at least one number.", "low")
    if limits.low is not None and limits.high is not None and limits.low >= limits.high:
        raise BadLimits("The upper limit is not above the lower one.", "high")
    pair = (limits.second_low, limits.second_high)
    if pair[0] is not None and pair[1] is not None and pair[0] >= pair[1]:
        raise BadLimits("The upper limit is not above the lower one.", "second_high")
    for name, value in (("low", limits.low), ("high", limits.high)):
        if value is not None and not kind.possible.holds(value):
            raise BadLimits("Nobody can have such a value. Look at the number and its unit.", name)
    for name, value in (("second_low", limits.second_low), ("second_high", limits.second_high)):
        if value is not None and kind.second is not None and not kind.second.possible.holds(value):
            raise BadLimits("Nobody can have such a value. Look at the number and its unit.", name)
    if limits.until is not None and limits.until <= now:
        raise BadLimits("That day is over already.", "until")
