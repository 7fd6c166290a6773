"""What in a person's record is labeled, for those who see it; and what could be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access.labels import NAMES, SENSITIVE
from careloop.fhir.elements import Resource, text_of
from careloop.library.carried import explicit, lifted
from careloop.library.labels import rules
from careloop.projections.moments import moments
from careloop.store import Stored, Unit

KINDS: Final = (
    *(
        "Condition",
        "Observation",
        "Encounter",
        "DocumentReference",
        "QuestionnaireResponse",
        "MedicationRequest",
    ),
    *(
        "MedicationStatement",
        "Goal",
        "Task",
        "ServiceRequest",
        "Communication",
        "Procedure",
        "DiagnosticReport",
    ),
    *("Patient", "RelatedPerson", "Flag", "Appointment", "Immunization"),
)
ROWS: Final = "select h.rid, h.labels from heads h where h.person = %s and h.state = 1 and h.labels <> 0"
NEWEST: Final = 40


@dataclass(frozen=True, repr=False)
class Labeled:
    """labels: names. said: those that somebody said; the others were computed. lifted: those somebody took away."""

    reference: str
    version: int
    title: str
    detail: str
    at: datetime
    labels: tuple[str, ...]
    said: frozenset[str]
    lifted: frozenset[str]

    def __repr__(self) -> str:
        return f"Labeled({self.reference})"


def labeled_of(unit: Unit, person: int) -> tuple[list[Labeled], list[Labeled]]:
    """(labeled, newest of the others), the newest first; only what this actor sees."""
    bits = dict(unit.cursor().execute(ROWS, [person]).fetchall())
    kinds = [kind for kind in KINDS if unit.may_search(kind)]
    held = [_of(stored, bits.get(stored.rid, 0)) for stored in unit.of_person(person, kinds)]
    labeled = [each for each in held if each.labels or each.lifted]
    others = [each for each in held if not each.labels and not each.lifted]
    return labeled, others[:NEWEST]


def _of(stored: Stored, bits: int) -> Labeled:
    resource = stored.resource
    told = moments(resource, stored.at)
    known = rules()
    said = known.of_security(
        (str(c.get("system", "")), str(c.get("code", ""))) for c in explicit(resource.get("meta") or {})
    )
    return Labeled(
        reference=stored.reference,
        version=stored.version,
        title=told[0].title if told else "",
        detail=(told[0].detail or "" if told else "") or _words(resource),
        at=told[0].at if told else stored.at,
        labels=tuple(name for bit, name in NAMES.items() if bits & SENSITIVE & bit),
        said=frozenset(name for bit, name in NAMES.items() if said & bit),
        lifted=lifted(resource),
    )


def _words(resource: Resource) -> str:
    return (
        text_of(resource.get("code")) or str(resource.get("description", "")) or text_of(resource.get("type"))
    )
