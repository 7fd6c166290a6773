"""What access and the clock need to know of a person, read from her resources. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from careloop.care.stay import zone_of_person
from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    codings,
    day,
    extension,
    identifiers,
    instant,
    name_of,
    text_of,
)
from careloop.kernel.zones import zone_of_address

TEAM_ROLE = "urn:careloop:code:team-role"
OPEN_EPISODES = frozenset({"active", "onhold"})


@dataclass(frozen=True)
class Enrollment:
    program: str
    since: datetime
    until: datetime | None
    episode: str


@dataclass(frozen=True)
class Facts:
    """site, team, lead: references. zone: IANA name, or None when neither address nor site says."""

    site: str | None
    team: str | None
    lead: str | None
    zone: str | None
    merged_into: str | None
    enrolled: tuple[Enrollment, ...]


# All that `facts_of` reads of a Patient.
READ_OF_PATIENT = ("managingOrganization", "address", "link")


def tells_the_same(before: Resource, after: Resource) -> bool:
    """Whether a new version of a Patient changes neither her facts nor who may see her: then nothing that was derived
    from them has to be written anew. Most versions do not."""
    labels = ((each.get("meta") or {}).get("security") for each in (before, after))
    return len({repr(each) for each in labels}) == 1 and all(
        before.get(name) == after.get(name) for name in READ_OF_PATIENT
    )


def facts_of(
    patient: Resource, teams: Iterable[Resource], episodes: Iterable[Resource], site: Resource | None
) -> Facts:
    """site: the Organization that Patient.managingOrganization names, for the zone of its address."""
    active = [team for team in teams if team.get("status", "active") == "active"]
    managed = sorted((e for e in episodes if e.get("status") in OPEN_EPISODES), key=_start, reverse=True)
    lead = next((m for team in active if (m := _member(team, "lead"))), None)
    manager = next((r for e in managed if (r := _reference(e.get("careManager")))), None)
    return Facts(
        site=_reference(patient.get("managingOrganization")),
        team=next((m for team in active if (m := _member(team, None, "CareTeam/"))), None),
        lead=lead or manager,
        zone=zone_of_person(patient, site)[0],
        merged_into=_replaced_by(patient),
        enrolled=tuple(_enrollments(episodes)),
    )


def zone_in(resource: Mapping[str, Any]) -> str | None:
    """The zone of the first address (home before others) that tells one."""
    addresses = [a for a in resource.get("address", ()) if a.get("use") != "old"]
    for address in sorted(addresses, key=lambda a: a.get("use") != "home"):
        if found := zone_of_address(address.get("postalCode"), address.get("state")):
            return found
    return None


def _reference(element: Mapping[str, Any] | None) -> str | None:
    return (element or {}).get("reference")


def _member(team: Resource, role: str | None, prefix: str = "Practitioner/") -> str | None:
    for participant in team.get("participant", ()):
        has_role = role is None or any(
            (TEAM_ROLE, role) == coding
            for concept in participant.get("role", ())
            for coding in codings(concept)
        )
        member = _reference(participant.get("member"))
        if has_role and member and member.startswith(prefix):
            return member
    return None


def _start(episode: Resource) -> str:
    return str((episode.get("period") or {}).get("start", ""))


def _replaced_by(patient: Resource) -> str | None:
    return next(
        (
            _reference(link.get("other"))
            for link in patient.get("link", ())
            if link.get("type") == "replaced-by"
        ),
        None,
    )


def moment(text: str | None) -> datetime | None:
    """A FHIR instant; a bare date counts from its midnight in UTC."""
    if found := instant(text):
        return found
    on = day(text)
    return datetime.combine(on, time(), tzinfo=UTC) if on else None


def _enrollments(episodes: Iterable[Resource]) -> Iterable[Enrollment]:
    for episode in episodes:
        since = moment(_start(episode))
        for concept in episode.get("type", ()):
            for system, code in codings(concept):
                if system == uris.PROGRAM and since and episode.get("status") in {*OPEN_EPISODES, "finished"}:
                    until = moment((episode.get("period") or {}).get("end"))
                    is_over = episode.get("status") == "finished"
                    yield Enrollment(
                        code, since, (until or since) if is_over else None, f"EpisodeOfCare/{episode['id']}"
                    )


@dataclass(frozen=True, repr=False)
class Brief:
    """A person in one line, as kept in the briefs table."""

    id: str
    name: str
    birth_date: date | None
    mrn: str | None
    language: str | None
    needs_interpreter: bool
    pronouns: str | None
    gender: str | None
    phone: str | None
    is_deceased: bool

    def __repr__(self) -> str:
        return f"Brief(Patient/{self.id})"


def brief_of(patient: Resource) -> Brief:
    return Brief(
        id=patient["id"],
        name=name_on_lists(patient) or "",
        birth_date=day(patient.get("birthDate")) if len(patient.get("birthDate", "")) == 10 else None,
        mrn=mrn_of(patient),
        language=language_of(patient),
        needs_interpreter=bool(extension(patient, uris.INTERPRETER) or _interpreter_concept(patient)),
        pronouns=pronouns_of(patient),
        gender=patient.get("gender"),
        phone=phone_of(patient),
        is_deceased=bool(patient.get("deceasedBoolean") or patient.get("deceasedDateTime")),
    )


def name_on_lists(patient: Resource) -> str:
    """Official given and family name; a nickname is not enough to tell two people apart."""
    for use in ("official", "usual"):
        for name in patient.get("name", ()):
            if name.get("use") == use and name.get("family"):
                return " ".join((*name.get("given", ())[:1], name["family"]))
    return name_of(patient)


def mrn_of(patient: Resource) -> str | None:
    """The medical record number: `usual` first, else the first identifier of type MR."""
    found: Sequence[Mapping[str, Any]] = [
        i for i in identifiers(patient) if any(code == "MR" for _, code in codings(i.get("type")))
    ]
    chosen = next((i for i in found if i.get("use") == "usual"), found[0] if found else None)
    return str(chosen["value"]) if chosen and chosen.get("value") else None


def language_of(patient: Resource) -> str | None:
    """The preferred language's code (`es`), else its text."""
    spoken = patient.get("communication", ())
    chosen = next((c for c in spoken if c.get("preferred")), spoken[0] if spoken else None)
    if not chosen:
        return None
    concept = chosen.get("language")
    return next((code for _, code in codings(concept)), None) or text_of(concept) or None


def _interpreter_concept(patient: Resource) -> bool:
    needed = extension(patient, uris.INTERPRETER)
    return isinstance(needed, Mapping) and any(
        code in ("373066001", "true", "Y") for _, code in codings(needed)
    )


def pronouns_of(patient: Resource) -> str | None:
    for found in patient.get("extension", ()):
        if found.get("url") == uris.PRONOUNS:
            said = extension(found, "value") or extension(patient, uris.PRONOUNS)
            return text_of(said) or None if isinstance(said, Mapping) else None
    return None


def phone_of(resource: Resource) -> str | None:
    """The phone of the lowest rank that is not old; mobile before home before work."""
    order = {"mobile": 0, "home": 1, "work": 2}
    phones = [
        t
        for t in resource.get("telecom", ())
        if t.get("system") in ("phone", "sms") and t.get("use") != "old"
    ]
    phones.sort(key=lambda t: (t.get("rank", 9), order.get(t.get("use", ""), 3)))
    return str(phones[0]["value"]) if phones and phones[0].get("value") else None
