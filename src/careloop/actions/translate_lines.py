"""Say lines of a plan in the person's own language, for her copy. The words of the line itself stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.fhir.translation import translate
from careloop.kernel.errors import NotFound

CONCEPT = {"Condition": "code", "Goal": "description", "Task": "code"}
LONGEST = 300


def translate_lines(scope: Scope, person: str, said: Mapping[str, str], language: str, now: datetime) -> int:
    """person: Patient id. said: reference of a line -> its words in that language; an empty one is left as it is.
    Returns how many were written. Raises NotFound for a line that is not hers."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        found = unit.get([reference for reference, text in said.items() if text.strip()])
        written = 0
        for reference, text in said.items():
            if not text.strip():
                continue
            line = found.get(reference)
            if line is None or line.person != patient.rid or line.type not in CONCEPT:
                raise NotFound
            name = CONCEPT[line.type]
            concept = dict(line.resource[name])
            translate(concept, "text", language, text.strip()[:LONGEST])
            unit.update({**line.resource, name: concept}, if_match=line.version)
            written += 1
        return written
