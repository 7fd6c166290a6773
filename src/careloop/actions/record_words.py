"""What a person says about herself, in her own words: what matters to her. Never overwritten: the newest stands first,
what she said before stays."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.fhir import uris
from careloop.fhir.elements import Resource, fhir_instant, ref, set_extension

ABOUT: Final = "urn:careloop:code:about"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
MOST: Final = 500


def record_words(scope: Scope, person: str, said: str, now: datetime, *, heard_from: str = "") -> Result:
    """person: Patient id. heard_from: who told it, when it was not she herself. Raises ReasonMissing for nothing,
    NotFound."""
    text = working.words(said, MOST)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        resource: Resource = {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": CATEGORY, "code": "social-history"}]}],
            "code": {"coding": [{"system": ABOUT, "code": "what-matters"}], "text": "What matters to me"},
            "subject": ref(patient.reference),
            "effectiveDateTime": fhir_instant(now),
            "performer": [ref(patient.reference), working.me(unit)],
            "valueString": text,
        }
        set_extension(resource, uris.HEARD_FROM, "String", heard_from.strip()[:200] or None)
        stored = unit.create(resource)
        return Result(None, working.undo_token(stored), made=(stored,))
