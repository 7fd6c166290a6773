"""What a person says about herself, in her own words: what matters to her, what she is good at, how she wants things
done. Never overwritten: the newest stands first, what she said before stays."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.working import Result
from careloop.care.own_words import ABOUT, SAID_OF, in_own_words
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, fhir_instant, ref, set_extension
from careloop.kernel.errors import NotFound

MOST: Final = 500


def record_words(
    scope: Scope, person: str, said: str, now: datetime, *, heard_from: str = "", about: str = "what-matters"
) -> Result:
    """person: Patient id. heard_from: who told it, when it was not she herself. about: of SAID_OF. Raises ReasonMissing
    for nothing, NotFound."""
    text = working.words(said, MOST)
    if about not in SAID_OF:
        raise NotFound(about)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        resource: Resource = {
            "resourceType": "Observation",
            "status": "final",
            "subject": ref(patient.reference),
            "effectiveDateTime": fhir_instant(now),
            "performer": [ref(patient.reference), working.me(unit)],
            **in_own_words(about, text),
        }
        set_extension(resource, uris.HEARD_FROM, "String", heard_from.strip()[:200] or None)
        stored = unit.create(resource)
        return Result(None, working.undo_token(stored), made=(stored,))


def no_longer(scope: Scope, person: str, words: str, now: datetime) -> Result:
    """It was so until now: it leaves the plan and stays in the record. words: Observation id. Raises NotFound."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        seen = unit.read("Observation", words)
        if seen.person != patient.rid or code_in(seen.resource.get("code"), ABOUT) not in SAID_OF:
            raise NotFound(words)
        resource = dict(seen.resource)
        began = resource.pop("effectiveDateTime", None)
        period = {**({"start": began} if began else {}), "end": fhir_instant(now)}
        resource["effectivePeriod"] = {**period, **resource.get("effectivePeriod", {})}
        saved = unit.update(resource, if_match=seen.version)
        return Result(None, working.undo_token(saved), made=(saved,))
