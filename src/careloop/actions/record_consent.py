"""Write down what a person agrees to share, or asks not to be shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from careloop.access import Scope, system_actor
from careloop.actions import record
from careloop.actions.revocation import follow_consents
from careloop.care.consent_asked import Asked, lacks, to_consent
from careloop.fhir.elements import Resource, codeable, fhir_instant, name_of, ref
from careloop.kernel.errors import CareError, NotFound
from careloop.library.labels import BITS, rules
from careloop.store import Stored, Unit

CONSENT_DOCUMENT: Final = ("http://loinc.org", "59284-0", "Consent document")
_NAMED: Final = ("Organization", "Practitioner")


class ConsentLacks(CareError):
    """Something that this consent needs is missing."""

    code, status, issue_type = "consent-lacks", 422, "required"

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.lacking = fields
        super().__init__(f"Missing: {', '.join(fields)}.", lacking=list(fields))


@dataclass(frozen=True, repr=False)
class Paper:
    """title: what is written on it. kept: where it lies."""

    title: str
    signed: date | None
    kept: str

    def __repr__(self) -> str:
        return "Paper(…)"


def record_consent(scope: Scope, asked: Asked, now: datetime, *, paper: Paper | None = None) -> Stored:
    """Holds with the commit. Raises ConsentLacks naming what 42 CFR 2.31 asks for, NotFound for a recipient or a
    person who is not there."""
    if missing := lacks(asked):
        raise ConsentLacks(missing)
    if unknown := [name for name in asked.what if name not in BITS or name == "unknown"]:
        raise ConsentLacks(("what",)) from KeyError(unknown[0])
    if asked.until is not None and asked.until <= now:
        raise ConsentLacks(("until",))
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", asked.person.partition("/")[2])
        _check_known(unit, asked)
        document = _keep_paper(unit, patient, paper) if paper and paper.title.strip() else asked.document
        made = to_consent(replace(asked, document=document), rules(), _performer(patient, asked), now)
        saved = unit.create(made)
    reach(saved.person, now)
    return saved


def reach(person: int, now: datetime) -> tuple[str, ...]:
    """At once what would follow a moment later: by Careloop itself, since whoever changes a consent may not be one who
    may change referrals."""
    with record.begin(Scope(system_actor("reactions"), "work", "operations"), now) as unit:
        return follow_consents(unit, person)


def _check_known(unit: Unit, asked: Asked) -> None:
    named = [*asked.recipients, *filter(None, [asked.by_whom])]
    there = unit.get(named)
    for reference in named:
        if reference.partition("/")[0] not in _NAMED or reference not in there:
            raise NotFound(reference)


def _performer(patient: Stored, asked: Asked) -> Resource:
    name = asked.signed_by.strip()
    is_herself = name.casefold() == name_of(patient.resource).casefold()
    return ref(patient.reference, name) if is_herself else {"display": name}


def _keep_paper(unit: Unit, patient: Stored, paper: Paper) -> str:
    attachment = {"title": paper.title.strip()[:200]}
    if paper.signed:
        attachment["creation"] = paper.signed.isoformat()
    kept = f" Kept: {paper.kept.strip()[:300]}" if paper.kept.strip() else ""
    return unit.create(
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": codeable(*CONSENT_DOCUMENT),
            "subject": ref(patient.reference),
            "date": fhir_instant(unit.now),
            "description": f"{paper.title.strip()[:200]}.{kept}",
            "content": [{"attachment": attachment}],
        }
    ).reference
