"""Who she is to whom: how to reach her, who stands by her, who cares for her, in which programs, with whose consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, day, extension, name_of, text_of
from careloop.projections.by_type import searchable
from careloop.projections.facts import zone_in
from careloop.projections.languages import language_name
from careloop.projections.people import names
from careloop.store import Stored, Unit

TYPES: Final = ("RelatedPerson", "CareTeam", "EpisodeOfCare", "Consent")
AGENT: Final = "HPOWATT"
SSN: Final = "http://hl7.org/fhir/sid/us-ssn"


@dataclass(frozen=True, repr=False)
class Way:
    """One way to reach somebody. use: home, work, mobile, old."""

    system: str
    value: str
    use: str


@dataclass(frozen=True, repr=False)
class Address:
    lines: tuple[str, ...]
    use: str
    zone: str | None


@dataclass(frozen=True, repr=False)
class Relation:
    """may_know: what may be told to them, in words."""

    name: str
    relation: str
    is_agent: bool
    is_active: bool
    ways: tuple[Way, ...]
    language: str
    may_know: str


@dataclass(frozen=True, repr=False)
class Member:
    name: str
    role: str
    is_lead: bool


@dataclass(frozen=True, repr=False)
class Enrollment:
    """status: of the EpisodeOfCare. consent: how she agreed, and when."""

    code: str
    name: str
    status: str
    since: date | None
    until: date | None
    manager: str
    reason: str
    consent: str
    consent_on: date | None


@dataclass(frozen=True, repr=False)
class Number:
    """value: of a social security number only its end. kind: HL7's identifier type, else its text."""

    value: str
    kind: str
    authority: str


@dataclass(frozen=True, repr=False)
class About:
    """joined_into: reference of the record that this one was joined into, empty for nearly everybody."""

    full_names: tuple[str, ...]
    ways: tuple[Way, ...]
    addresses: tuple[Address, ...]
    relations: tuple[Relation, ...]
    team: tuple[Member, ...]
    programs: tuple[Enrollment, ...]
    numbers: tuple[Number, ...]
    doctors: tuple[str, ...]
    gender: str


def about(unit: Unit, patient: Stored) -> About:
    held: dict[str, list[Stored]] = {kind: [] for kind in TYPES}
    for stored in unit.of_person(patient.rid, searchable(unit, TYPES)):
        held[stored.type].append(stored)
    resource = patient.resource
    doctors = [d.get("reference", "") for d in resource.get("generalPractitioner", ())]
    teams = [t.resource for t in held["CareTeam"] if t.resource.get("status", "active") == "active"]
    people = {p.get("member", {}).get("reference", "") for t in teams for p in t.get("participant", ())}
    managers = {(e.resource.get("careManager") or {}).get("reference", "") for e in held["EpisodeOfCare"]}
    called = names(unit, {*doctors, *people, *managers} - {""})
    relations = [_relation(s.resource) for s in held["RelatedPerson"]]
    consents = [s.resource for s in held["Consent"]]
    return About(
        full_names=tuple(dict.fromkeys(_full_names(resource))),
        ways=tuple(_ways(resource)),
        addresses=tuple(_addresses(resource)),
        relations=tuple(sorted(relations, key=lambda r: (not r.is_active, not r.is_agent, r.name))),
        team=tuple(dict.fromkeys(_team(teams, called))),
        programs=tuple(_enrollments(held["EpisodeOfCare"], consents, called)),
        numbers=tuple(_numbers(resource)),
        doctors=tuple(called[d] for d in doctors if d in called),
        gender=str(resource.get("gender", "")),
    )


def joined_into(patient: Resource) -> str:
    """Patient id of the record that replaced this one."""
    for link in patient.get("link", ()):
        if link.get("type") == "replaced-by":
            return str((link.get("other") or {}).get("reference", "")).removeprefix("Patient/")
    return ""


def _full_names(patient: Resource) -> Iterable[str]:
    for name in patient.get("name", ()):
        said = name.get("text") or " ".join((*name.get("given", ()), name.get("family", ""))).strip()
        if said:
            yield f"“{said}”" if name.get("use") == "nickname" else str(said)


def _ways(resource: Resource) -> Iterable[Way]:
    found = [t for t in resource.get("telecom", ()) if t.get("value") and t.get("use") != "old"]
    for way in sorted(found, key=lambda t: int(t.get("rank", 99))):
        yield Way(str(way.get("system", "")), str(way["value"]), str(way.get("use", "")))


def _addresses(resource: Resource) -> Iterable[Address]:
    for address in resource.get("address", ()):
        if address.get("use") == "old":
            continue
        place = " ".join(part for part in (address.get("state"), address.get("postalCode")) if part)
        town = ", ".join(part for part in (address.get("city"), place) if part)
        lines = [*address.get("line", ()), town] if town else list(address.get("line", ()))
        lines = lines or [str(address.get("text", ""))]
        yield Address(tuple(lines), str(address.get("use", "")), zone_in({"address": [address]}))


def _relation(related: Resource) -> Relation:
    kinds = related.get("relationship", ())
    said = [text_of(c) for c in kinds if not any(code == AGENT for _, code in codings(c))]
    spoken: Mapping[str, Any] = next(iter(related.get("communication", ())), {})
    language = next((code for _, code in codings(spoken.get("language"))), "")
    return Relation(
        name=name_of(related),
        relation=", ".join(found for found in said if found),
        is_agent=any(code == AGENT for c in kinds for _, code in codings(c)),
        is_active=bool(related.get("active", True)),
        ways=tuple(_ways(related)),
        language=language_name(language) if language else "",
        may_know=str(extension(related, uris.REACH) or ""),
    )


def _team(teams: Iterable[Resource], called: Mapping[str, str]) -> Iterable[Member]:
    for team in teams:
        for one in team.get("participant", ()):
            member = one.get("member") or {}
            name = called.get(member.get("reference", "")) or member.get("display", "")
            roles = one.get("role", ())
            is_lead = any(code == "lead" for c in roles for _, code in codings(c))
            if name:
                yield Member(str(name), ", ".join(text_of(c) for c in roles), is_lead)


def _enrollments(
    episodes: Iterable[Stored], consents: Iterable[Resource], called: Mapping[str, str]
) -> Iterable[Enrollment]:
    by_program = {
        code: consent
        for consent in consents
        if consent.get("status") == "active"
        for concept in consent.get("category", ())
        for system, code in codings(concept)
        if system == uris.PROGRAM
    }
    for stored in sorted(
        episodes, key=lambda s: str(s.resource.get("period", {}).get("start")), reverse=True
    ):
        episode = stored.resource
        period, manager = episode.get("period") or {}, episode.get("careManager") or {}
        concept: Mapping[str, Any] = next(iter(episode.get("type", ())), {})
        code = next((code for system, code in codings(concept) if system == uris.PROGRAM), "")
        reason = extension(episode, uris.REASON)
        consent = by_program.get(code, {})
        yield Enrollment(
            code=code,
            name=text_of(concept),
            status=str(episode.get("status", "")),
            since=day(period.get("start")),
            until=day(period.get("end")),
            manager=str(called.get(manager.get("reference", "")) or manager.get("display", "")),
            reason=text_of(reason) if isinstance(reason, Mapping) else str(reason or ""),
            consent=text_of(consent.get("policyRule")),
            consent_on=day(consent.get("dateTime")),
        )


def _numbers(patient: Resource) -> Iterable[Number]:
    for found in patient.get("identifier", ()):
        if not found.get("value"):
            continue
        code = next((code for _, code in codings(found.get("type"))), "")
        is_social = code == "SS" or found.get("system") == SSN
        value = f"…{str(found['value'])[-4:]}" if is_social else str(found["value"])
        authority = (found.get("assigner") or {}).get("display") or found.get("system", "")
        yield Number(value, "SS" if is_social else code or text_of(found.get("type")), str(authority))
