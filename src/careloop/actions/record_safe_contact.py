"""What the person asked about how to be reached: written down as a Flag, the earlier one ended with it."""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.actions import record, working
from careloop.care import safe_contact
from careloop.care.safe_contact import Rules
from careloop.fhir.elements import Resource, fhir_instant
from careloop.kernel.errors import StaleVersion
from careloop.store import Stored, Unit


def record_safe_contact(
    scope: Scope, person: str, rules: Rules, now: datetime, *, seen: frozenset[str] | None = None
) -> Stored | None:
    """person: Patient id. Empty rules: nothing is asked any more; the Flags end and None is returned. seen: references
    with versions (`Flag/1@2`) of the Flags that she had before her; others that came meanwhile are not ended unseen.

    Raises BadSafeContact, UnknownZone, StaleVersion, NotFound."""
    if not rules.is_empty:
        safe_contact.check(rules)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        standing = [each for each in unit.of_person(patient.rid, ["Flag"]) if _holds(each, now)]
        if seen is not None and seen != mark(standing):
            raise StaleVersion
        for flag in standing:
            unit.update(_ended(flag, now), if_match=flag.version)
        if rules.is_empty:
            return None
        author = working.me(unit) if scope.actor.practitioner else None
        return unit.create(safe_contact.to_flag(rules, patient.reference, fhir_instant(now), author))


def standing_flags(unit: Unit, person: int) -> list[Stored]:
    """Those in force, as far as the reader may see them. person: rid."""
    return [each for each in unit.of_person(person, ["Flag"]) if _holds(each, unit.now)]


def mark(flags: list[Stored]) -> frozenset[str]:
    return frozenset(f"{each.reference}@{each.version}" for each in flags)


def _holds(flag: Stored, now: datetime) -> bool:
    return safe_contact.is_in_force(flag.resource, now)


def _ended(flag: Stored, now: datetime) -> Resource:
    period = {**flag.resource.get("period", {}), "end": fhir_instant(now)}
    return {**flag.resource, "status": "inactive", "period": period}
