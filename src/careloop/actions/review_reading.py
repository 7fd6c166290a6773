"""A value that was not believed: a person says that it is right, that it is wrong, or what it really was. What was sent
stays in the history of the Observation."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.record_reading import BadReading, Typed, mark_reviewed, observation_of, understood
from careloop.actions.working import Result
from careloop.care.readings import readings_in
from careloop.fhir.elements import Resource
from careloop.kernel.errors import Conflict, NotFound
from careloop.library import Library
from careloop.store import Stored, Unit

Decision = Literal["confirmed", "refuted"]
MOST: Final = 300


class UnknownUnit(Conflict):
    """Nobody knows this unit, so that it can’t be right as it is. Write what it was, or say that it is wrong."""

    code = "unknown-unit"


def review_reading(
    scope: Scope,
    observation: str,
    decision: Decision,
    why: str,
    library: Library,
    now: datetime,
    *,
    version: int | None = None,
) -> Result:
    """observation: its id. Raises NotFound, StaleVersion, UnknownUnit, NoPractitioner."""
    with record.begin(scope, now) as unit:
        stored = _reading(unit, observation, library)
        if decision == "confirmed" and any(
            each.own == "unit" for each in readings_in(stored.resource, stored.at, library.readings)
        ):
            raise UnknownUnit
        resource: Resource = dict(stored.resource)
        mark_reviewed(resource, decision, _me(unit), now, why.strip()[:MOST])
        if decision == "refuted":
            resource["status"] = "entered-in-error"
        return _kept(unit, resource, stored, version)


def correct_reading(
    scope: Scope,
    observation: str,
    typed: Typed,
    why: str,
    library: Library,
    now: datetime,
    *,
    version: int | None = None,
) -> Result:
    """What it really was: the number, or its unit. Raises BadReading, NotFound, StaleVersion, NoPractitioner."""
    kind, measure, values, _ = understood(typed, library, now)
    with record.begin(scope, now) as unit:
        stored = _reading(unit, observation, library)
        if not any(
            each.kind == kind.id for each in readings_in(stored.resource, stored.at, library.readings)
        ):
            raise BadReading("That is another kind of reading.", "kind")
        made = observation_of(kind, measure, values, now, stored.resource["subject"]["reference"])
        values_only = {name: made[name] for name in ("valueQuantity", "component") if name in made}
        resource: Resource = {
            name: value
            for name, value in stored.resource.items()
            if name not in ("valueQuantity", "valueInteger", "component")
        }
        resource |= values_only | {"status": "corrected"}
        mark_reviewed(resource, "confirmed", _me(unit), now, why.strip()[:MOST])
        return _kept(unit, resource, stored, version)


def _me(unit: Unit) -> str:
    return str(working.me(unit)["reference"])


def _reading(unit: Unit, observation: str, library: Library) -> Stored:
    """Raises NotFound for what is no reading."""
    stored = unit.read("Observation", observation)
    is_wrong = stored.resource.get("status") == "entered-in-error"
    if is_wrong or not readings_in(stored.resource, stored.at, library.readings):
        raise NotFound(f"Observation/{observation}")
    return stored


def _kept(unit: Unit, resource: Resource, stored: Stored, version: int | None) -> Result:
    saved = unit.update(resource, if_match=version if version is not None else stored.version)
    return Result(None, working.undo_token(saved), made=(saved,))
