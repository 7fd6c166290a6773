"""Put right how to reach somebody, what she is called, and what whoever calls or visits must know first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.register_person import authority_of
from careloop.care.register import NotAPerson, Told, changed, problems
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.kernel.errors import StaleVersion
from careloop.store import Stored, Unit

FLAG_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/flag-category"


def update_person(
    scope: Scope,
    person: str,
    told: Told,
    now: datetime,
    *,
    version: int | None = None,
    add_flags: Collection[str] = (),
    end_flags: Collection[str] = (),
) -> Stored:
    """person: Patient id. add_flags: safety flags in words; end_flags: ids of Flags that no longer hold.

    Raises NotAPerson, StaleVersion."""
    with record.begin(scope, now) as unit:
        seen = unit.read("Patient", person)
        if version is not None and version != seen.version:
            raise StaleVersion(version=seen.version)
        if found := problems(told, now.date()):
            raise NotAPerson(found)
        resource = changed(seen.resource, told, authority_of(unit, _site(seen)))
        saved = unit.update(resource, if_match=seen.version)
        for flag in end_flags:
            _end(unit, seen, flag)
        for words in dict.fromkeys(text.strip()[:200] for text in add_flags):
            if words:
                _flag(unit, seen, words)
        return saved


def _site(patient: Stored) -> str:
    reference = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
    return reference.removeprefix("Organization/")


def _end(unit: Unit, patient: Stored, flag: str) -> None:
    """Only her own, and only one that still holds."""
    found = unit.find("Flag", flag)
    if found is None or found.person != patient.rid or found.resource.get("status") != "active":
        return
    period = {**found.resource.get("period", {}), "end": fhir_instant(unit.now)}
    unit.update({**found.resource, "status": "inactive", "period": period}, if_match=found.version)


def _flag(unit: Unit, patient: Stored, words: str) -> None:
    flag = {
        "resourceType": "Flag",
        "status": "active",
        "category": [codeable(FLAG_CATEGORY, "safety", "Safety")],
        "code": {"text": words},
        "subject": ref(patient.reference),
        "period": {"start": fhir_instant(unit.now)},
    }
    if unit.scope.actor.practitioner:
        flag["author"] = working.me(unit)
    unit.create(flag)
