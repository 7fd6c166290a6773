"""Let somebody see a person's pages: whom she chose, her representative by the paper, a parent of a minor."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from careloop import library
from careloop.access import Scope
from careloop.actions import record
from careloop.actions.hand_over_portal import watch_birthday
from careloop.care.representation import (
    PARTS,
    WITH_PAPERS,
    Kind,
    Standing,
    birthday,
    is_portal,
    standing_of,
    to_consent,
)
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, day, fhir_instant, name_of, ref
from careloop.kernel.errors import CareError, Forbidden, NotFound
from careloop.projections.portal_shares import RULE, ages_of
from careloop.store import Stored, Unit

RELATIONSHIP: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
# v3-RoleCode -> words, for whoever is added on a page.
RELATIONS: Final[dict[str, str]] = {
    "SPS": "spouse or partner",
    "CHILD": "daughter or son",
    "PRN": "parent",
    "SIB": "sister or brother",
    "GRPRN": "grandparent",
    "GRNDCHILD": "grandchild",
    "EXT": "other relative",
    "FRND": "friend",
    "NBOR": "neighbor",
    "GUARD": "guardian",
    "ONESELF": "somebody else",
}


class NothingShared(CareError):
    """Choose at least one thing that may be seen."""

    code, status, issue_type = "nothing-shared", 422, "required"


class PaperMissing(CareError):
    """A representative needs the paper: say what it is, its date and where it is kept."""

    code, status, issue_type = "paper-missing", 422, "required"


class NotAMinor(CareError):
    """Only the parent of a child sees a record this way: this person is of age, or has no birth date on record."""

    code, status, issue_type = "not-a-minor", 422, "business-rule"


class NameMissing(CareError):
    """Write the name of the person who may see this."""

    code, status, issue_type = "name-missing", 422, "required"


class BadEnd(CareError):
    """An end has to be later than today."""

    code, status, issue_type = "bad-end", 422, "value"


@dataclass(frozen=True, repr=False)
class Relative:
    """Somebody who is not in the record yet. relation: of RELATIONS. birth_date: the second answer to a paper code."""

    name: str
    relation: str
    birth_date: date | None

    def __repr__(self) -> str:
        return "Relative(…)"


@dataclass(frozen=True, repr=False)
class Paper:
    """title: “Medical power of attorney”. kept: where the paper lies."""

    title: str
    signed: date | None
    kept: str

    def __repr__(self) -> str:
        return "Paper(…)"


def share(
    scope: Scope,
    patient: str,
    who: str | Relative,
    shares: Collection[str],
    now: datetime,
    *,
    kind: Kind = "chosen",
    said: str = "",
    paper: Paper | None = None,
    on_incapacity: bool = False,
    until: datetime | None = None,
) -> Stored:
    """The Consent that now stands. patient: id. who: id of a RelatedPerson of hers, or a new one. A family member may
    only be chosen by the person herself; what stood for the same two before is replaced.

    Raises NothingShared, PaperMissing, NotAMinor, NameMissing, BadEnd, NotFound, Forbidden."""
    wanted = tuple(part for part in PARTS if part in shares)
    _check(scope, wanted, kind, paper, until, now)
    with record.begin(scope, now) as unit:
        subject = unit.read("Patient", patient)
        if kind == "parent":
            _check_minor(subject, now)
        related = _related(unit, subject, who)
        document = keep_paper(unit, subject, paper) if paper else ""
        site = subject.resource.get("managingOrganization")
        standing = Standing(
            patient=subject.reference,
            related=related.reference,
            kind=kind,
            shares=wanted,
            since=now,
            until=until,
            said=said.strip()[:500],
            document=document,
            on_incapacity=on_incapacity,
        )
        performer = ref(subject.reference) if kind == "chosen" else ref(related.reference)
        for earlier in _same(unit, subject, related.reference, kind):
            unit.update({**earlier.resource, "status": "inactive"}, if_match=earlier.version)
        made = unit.create(to_consent(standing, performer, site, now))
        if kind == "parent":
            watch_birthday(unit, subject)
        return made


def _check(
    scope: Scope,
    shares: Iterable[str],
    kind: Kind,
    paper: Paper | None,
    until: datetime | None,
    now: datetime,
) -> None:
    if scope.actor.kind == "person" and kind != "chosen":
        raise Forbidden("Papers of a representative are looked at by your care team.")
    if not shares:
        raise NothingShared
    if kind in WITH_PAPERS and (paper is None or not paper.title.strip() or not paper.kept.strip()):
        raise PaperMissing
    if until is not None and until <= now:
        raise BadEnd


def _check_minor(patient: Stored, now: datetime) -> None:
    born = day(patient.resource.get("birthDate"))
    adult = ages_of(library.load().rule(RULE, now.date())).adult
    if born is None or birthday(born, adult, None) <= now:
        raise NotAMinor


def _related(unit: Unit, patient: Stored, who: str | Relative) -> Stored:
    if isinstance(who, str):
        found = unit.read("RelatedPerson", who)
        if found.person != patient.rid:
            raise NotFound(f"RelatedPerson/{who}")
        return found
    if not who.name.strip():
        raise NameMissing
    made: Resource = {
        "resourceType": "RelatedPerson",
        "active": True,
        "patient": ref(patient.reference),
        "name": [{"text": who.name.strip()[:200]}],
    }
    if said := RELATIONS.get(who.relation):
        made["relationship"] = [codeable(RELATIONSHIP, who.relation, said)]
    if who.birth_date:
        made["birthDate"] = who.birth_date.isoformat()
    return unit.create(made)


def keep_paper(unit: Unit, patient: Stored, paper: Paper) -> str:
    """Where the paper is and what it says it is; its picture can follow as a document of its own."""
    attachment = {"title": paper.title.strip()[:200]}
    if paper.signed:
        attachment["creation"] = paper.signed.isoformat()
    kept = unit.create(
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": codeable(uris.LOINC, "64298-3", "Power of attorney"),
            "subject": ref(patient.reference),
            "date": fhir_instant(unit.now),
            "description": f"{paper.title.strip()[:200]}. Kept: {paper.kept.strip()[:300]}",
            "content": [{"attachment": attachment}],
        }
    )
    return kept.reference


def _same(unit: Unit, patient: Stored, related: str, kind: Kind) -> list[Stored]:
    """What stands for the same two and for the same reason."""
    return [
        each
        for each, standing in standings(unit, patient.rid)
        if standing.related == related and standing.kind == kind and not standing.is_ended
    ]


def standings(unit: Unit, person: int) -> list[tuple[Stored, Standing]]:
    """Every Consent of the portal that this person has, the newest first."""
    consents = [s for s in unit.of_person(person, ["Consent"]) if is_portal(s.resource)]
    return [(s, found) for s in consents if (found := standing_of(s.resource))]


def names_of_related(unit: Unit, person: int) -> dict[str, Stored]:
    """Her relatives and friends who are in the record, by reference."""
    found = [s for s in unit.of_person(person, ["RelatedPerson"]) if s.resource.get("active", True)]
    return {s.reference: s for s in sorted(found, key=lambda s: name_of(s.resource))}
