"""How complex the medical decisions after a stay are: a clinician's judgment, which moves the day of the visit."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.follow_person import follow
from careloop.actions.hospital_reviews import token
from careloop.actions.person_facts import COMPLEXITY
from careloop.actions.working import Result
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.kernel.errors import CareError, Forbidden
from careloop.library import Library
from careloop.store import Stored, Unit

Complexity = Literal["moderate", "high"]
WORDS: Final = {"moderate": "Moderate complexity", "high": "High complexity"}


class CliniciansOnly(Forbidden):
    """Only a clinician records how complex the medical decisions are. Ask one who treats this person."""

    code = "clinicians-only"


class BadComplexity(CareError):
    """Say moderate or high."""

    code, status, issue_type = "bad-complexity", 422, "value"


def record_complexity(
    scope: Scope, encounter: str, complexity: Complexity, now: datetime, library: Library
) -> Result:
    """encounter: id of the hospital stay. Recorded again, it corrects what was said; history keeps both. The visit
    moves in the same commit: day 14 for moderate, 7 for high. Raises CliniciansOnly, BadComplexity, NotFound."""
    if complexity not in WORDS:
        raise BadComplexity
    if "clinician" not in scope.actor.roles:
        raise CliniciansOnly
    with record.begin(scope, now) as unit:
        stay = unit.read("Encounter", encounter)
        written = _recorded(unit, stay, complexity)
        return Result(None, made=(written, *follow(unit, stay.person, library)))


def _recorded(unit: Unit, stay: Stored, complexity: str) -> Stored:
    key = f"complexity:{stay.reference}"
    found = unit.match_one("Observation", [("identifier", token(uris.DEDUPE, key))])
    fresh: Resource = {
        "resourceType": "Observation",
        "identifier": [{"system": uris.DEDUPE, "value": key}],
        "status": "amended" if found else "final",
        "code": codeable(uris.OBSERVED, COMPLEXITY, "Complexity of medical decisions"),
        "subject": ref(str(stay.resource["subject"]["reference"])),
        "encounter": ref(stay.reference),
        "effectiveDateTime": fhir_instant(unit.now),
        "performer": [working.me(unit)],
        "valueCodeableConcept": codeable(uris.COMPLEXITY, complexity, WORDS[complexity]),
    }
    if found is None:
        return unit.create(fresh)
    if found.resource["valueCodeableConcept"] == fresh["valueCodeableConcept"]:
        return found
    return unit.update({**found.resource, **fresh}, if_match=found.version)
