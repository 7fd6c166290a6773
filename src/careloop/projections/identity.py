"""Whom somebody could be: the people worth comparing, read whole. care/identify.py decides."""

from __future__ import annotations

from typing import Final

from careloop.care.identify import facts_of
from careloop.fhir.elements import Resource, day, identifiers
from careloop.projections import finder
from careloop.store import Stored, Unit

_LOCK: Final = 0x1DE7


def one_at_a_time(unit: Unit) -> None:
    """Until the commit, nobody else decides who somebody is: two messages about one stranger make one person."""
    unit.cursor().execute("select pg_advisory_xact_lock(%s)", [_LOCK])


def look_alikes(unit: Unit, patient: Resource) -> list[Stored]:
    """patient: as a message or a form says her. Those merged into somebody else are left out."""
    facts = facts_of(patient)
    found = finder.candidates(
        unit,
        names={part for family, given, _ in facts.names for part in (family, given) if part},
        birth_date=day(facts.birth_date),
        phones=facts.phones,
        mrns=[str(number.get("value", "")) for number in identifiers(patient)],
        postal=next((place[1] for place in sorted(facts.places)), None),
    )
    people = unit.get(f"Patient/{one.id}" for one in found)
    return [people[f"Patient/{one.id}"] for one in found if _stands(people.get(f"Patient/{one.id}"))]


def _stands(stored: Stored | None) -> bool:
    if stored is None:
        return False
    return not any(link.get("type") == "replaced-by" for link in stored.resource.get("link", ()))
