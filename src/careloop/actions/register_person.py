"""Add a person. Whoever looks like a person we know is shown first, with what speaks for it; nothing is guessed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.leading import lead_by
from careloop.care.identify import LIKE, Facts, compare, facts_of
from careloop.care.register import NotAPerson, Told, new_patient, problems
from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, fhir_instant, ref
from careloop.kernel.errors import Conflict
from careloop.projections import identity
from careloop.store import Stored, Unit

SAME_NUMBER: Final = "Same record number."
ANOTHER: Final = "Somebody looked at both and said that this is another person."


@dataclass(frozen=True, repr=False)
class Alike:
    """Somebody who may be the same person. because: fixed English sentences, likeliest first."""

    person: Stored
    because: tuple[str, ...]
    points: int

    def __repr__(self) -> str:
        return f"Alike({self.person.reference})"


class LooksLike(Conflict):
    """Somebody we know looks like this person. Open her record, or say that this is another person."""

    code = "looks-like"

    def __init__(self, alike: Collection[Alike]) -> None:
        super().__init__("", people=[each.person.reference for each in alike])
        self.alike = tuple(alike)


def register_person(
    scope: Scope,
    told: Told,
    site: str,
    now: datetime,
    *,
    another_than: Collection[str] = (),
    leads: bool = False,
) -> Stored:
    """site: Organization id. another_than: Patient ids that a person looked at and found to be somebody else.
    leads: whoever adds her leads her care. Raises NotAPerson, LooksLike, Forbidden for a foreign site."""
    with record.begin(scope, now) as unit:
        return register(unit, told, site, another_than=another_than, leads=leads)


def register(
    unit: Unit, told: Told, site: str, *, another_than: Collection[str] = (), leads: bool = False
) -> Stored:
    """In the caller's own unit."""
    if found := problems(told, unit.now.date()):
        raise NotAPerson(found)
    resource = new_patient(told, f"Organization/{site}", authority_of(unit, site))
    looks = [each for each in lookalikes(unit, resource) if each.person.id not in another_than]
    if looks:
        raise LooksLike(looks)
    patient = unit.create(resource)
    if another_than:
        _remember_decision(unit, patient, another_than)
    if leads and unit.scope.actor.practitioner:
        lead_by(unit, patient, unit.scope.actor.practitioner, unit.scope.actor.name)
    return patient


def authority_of(unit: Unit, site: str) -> str:
    """The system of the record numbers that this site gives: as its Organization says, else one of our own."""
    found = unit.find("Organization", site)
    said = extension(found.resource, uris.MRN_AUTHORITY) if found else None
    return str(said or f"urn:careloop:id:mrn:{site}")


def lookalikes(unit: Unit, new: Resource) -> list[Alike]:
    """Who of those the actor may see looks like this Patient, likeliest first. Until the commit nobody else decides
    who somebody is."""
    identity.one_at_a_time(unit)
    people = {each.reference: each for each in identity.look_alikes(unit, new)}
    return alike_among(facts_of(new), people)


def alike_among(facts: Facts, people: Mapping[str, Stored]) -> list[Alike]:
    alike = [each for stored in people.values() if (each := _alike(facts, stored)) is not None]
    return sorted(alike, key=lambda each: (-each.points, each.person.id))[:10]


def _alike(facts: Facts, known: Stored) -> Alike | None:
    other = facts_of(known.resource)
    reasons = compare(facts, other)
    points = sum(reason.points for reason in reasons)
    if facts.numbers & other.numbers:
        return Alike(known, (SAME_NUMBER, *(reason.text for reason in reasons)), points + 20)
    if points < LIKE:
        return None
    return Alike(known, tuple(reason.text for reason in reasons), points)


def _remember_decision(unit: Unit, patient: Stored, another_than: Collection[str]) -> None:
    """A Provenance: who said that these are two people, so that the next one need not wonder."""
    unit.create(
        {
            "resourceType": "Provenance",
            "target": [ref(patient.reference)],
            "recorded": fhir_instant(unit.now),
            "reason": [{"text": ANOTHER}],
            "agent": [
                {
                    "who": working.me(unit)
                    if unit.scope.actor.practitioner
                    else {"display": unit.scope.actor.name}
                }
            ],
            "entity": [{"role": "source", "what": ref(f"Patient/{other}")} for other in sorted(another_than)],
        }
    )
