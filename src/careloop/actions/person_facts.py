"""What the decisions need to know of one person, read from the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from careloop.accounts.models import Sender
from careloop.care.coverage import kinds_of
from careloop.care.monitor import Joined, SilenceFacts, heard_at
from careloop.care.stay import Stay, outstanding, sender_of, stay_of, zone_of_person
from careloop.care.transition_facts import PROGRAM, PersonFacts
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, day, extension, instant
from careloop.kernel.calendar import zone as zone_called
from careloop.library import Library
from careloop.projections.facts import Facts, facts_of, moment
from careloop.projections.people import names
from careloop.store import Stored, Unit
from careloop.store.keys import number_of

TYPES: Final = (
    "Patient",
    "Encounter",
    "Coverage",
    "EpisodeOfCare",
    "CareTeam",
    "Task",
    "QuestionnaireResponse",
)
# Observation.code of what a clinician records about a stay; its value is moderate or high.
COMPLEXITY: Final = "medical-decision-complexity"


@dataclass(frozen=True, repr=False)
class Found:
    """Of one person, ready to be decided upon."""

    person: PersonFacts
    stays: tuple[Stay, ...]
    silence: SilenceFacts

    def __repr__(self) -> str:
        return f"Found({self.person.reference})"


def gather(unit: Unit, person: int, library: Library) -> Found | None:
    """None when there is no such Patient (yet, or any more)."""
    kinds: dict[str, list[Resource]] = {kind: [] for kind in TYPES}
    for stored in unit.of_person(person, TYPES):
        kinds[stored.type].append(stored.resource)
    patient = next(iter(kinds["Patient"]), None)
    if patient is None:
        return None
    site = _site(unit, patient)
    facts = _person(patient, site, kinds, unit.now.date(), library)
    stays = _stays(unit, facts, kinds, library)
    heard = heard_at((*kinds["Encounter"], *kinds["QuestionnaireResponse"], *kinds["Task"]))
    joined = _joined(
        unit, person, _told(patient, site, kinds), kinds["EpisodeOfCare"], is_heard=heard is not None
    )
    return Found(facts, stays, _silence(facts, joined, heard))


def _site(unit: Unit, patient: Resource) -> Resource | None:
    reference = (patient.get("managingOrganization") or {}).get("reference", "")
    found: Stored | None = unit.get([reference]).get(reference) if reference else None
    return found.resource if found else None


def _told(patient: Resource, site: Resource | None, kinds: Mapping[str, list[Resource]]) -> Facts:
    return facts_of(patient, kinds["CareTeam"], kinds["EpisodeOfCare"], site)


def _person(
    patient: Resource,
    site: Resource | None,
    kinds: Mapping[str, list[Resource]],
    today: date,
    library: Library,
) -> PersonFacts:
    told = _told(patient, site, kinds)
    zone, zone_from = zone_of_person(patient, site)
    work = outstanding(kinds["Task"])
    declined = _declined_at(kinds["EpisodeOfCare"])
    return PersonFacts(
        reference=f"Patient/{patient['id']}",
        is_deceased=bool(patient.get("deceasedDateTime") or patient.get("deceasedBoolean")),
        died_on=_died_on(patient, zone),
        zone=zone,
        zone_from=zone_from,
        site=told.site,
        lead=told.lead,
        coverage=kinds_of(kinds["Coverage"], today, library),
        has_declined=declined is not None,
        declined_at=declined,
        is_known=bool(told.lead or told.enrolled or any(each.state == "open" for each in work)),
        work=work,
    )


def _died_on(patient: Resource, zone: str | None) -> date | None:
    said = patient.get("deceasedDateTime")
    at = instant(said)
    return at.astimezone(zone_called(zone)).date() if at and zone else day(said)


def _declined_at(episodes: Iterable[Resource]) -> datetime | None:
    """When she said no to the transitions program; None when she did not, or joined it after all."""
    hers = [e for e in episodes if any((uris.PROGRAM, PROGRAM) in codings(c) for c in e.get("type", ()))]
    if any(each.get("status") in ("active", "onhold", "waitlist") for each in hers):
        return None
    said = [
        moment((each.get("period") or {}).get("end")) or moment((each.get("meta") or {}).get("lastUpdated"))
        for each in hers
        if each.get("status") == "cancelled" and _reason(each) == "declined"
    ]
    return max(filter(None, said), default=None)


def _reason(episode: Resource) -> str | None:
    said: Any = extension(episode, uris.REASON)
    return code_in(said, uris.REASON) if isinstance(said, Mapping) else said


# Stays


def _stays(
    unit: Unit, person: PersonFacts, kinds: Mapping[str, list[Resource]], library: Library
) -> tuple[Stay, ...]:
    encounters = kinds["Encounter"]
    own = own_codes({name for each in encounters if (name := sender_of(each))})
    hospitals = _hospitals(unit, encounters)
    recorded = _complexity(unit, person.reference) if encounters else {}
    today = unit.now.date()
    return tuple(
        stay_of(
            each,
            library,
            today,
            facility=hospitals.get(_hospital(each), ""),
            own=own.get(sender_of(each) or ""),
            complexity=recorded.get(f"Encounter/{each['id']}"),
            coverage=_coverage(each, person.zone, kinds["Coverage"], library),
        )
        for each in sorted(encounters, key=lambda each: str(each["id"]))
    )


def _coverage(
    encounter: Resource, zone: str | None, coverages: list[Resource], library: Library
) -> frozenset[str]:
    """The kinds in force on the day of discharge; empty while she is there."""
    said = (encounter.get("period") or {}).get("end")
    at = instant(said)
    ended = at.astimezone(zone_called(zone)).date() if at and zone else day(said)
    if ended is None or ended < library.rules["coverage-kinds"][0].since:
        return frozenset()
    return kinds_of(coverages, ended, library)


def own_codes(senders: set[str]) -> dict[str, dict[str, str]]:
    """Each sender's own disposition codes."""
    if not senders:
        return {}
    return {each.name: dict(each.dispositions) for each in Sender.objects.filter(name__in=sorted(senders))}


def _hospital(encounter: Resource) -> tuple[str, str]:
    provider = encounter.get("serviceProvider") or {}
    return str(provider.get("reference", "")), str(provider.get("display", ""))


def _hospitals(unit: Unit, encounters: Iterable[Resource]) -> dict[tuple[str, str], str]:
    """What each hospital is called: by its Organization, else as the message says."""
    said = {_hospital(each) for each in encounters}
    called = names(unit, {reference for reference, _ in said if reference})
    return {(reference, display): called.get(reference) or display for reference, display in said}


def _complexity(unit: Unit, person: str) -> dict[str, str]:
    """Encounter -> moderate or high, as a clinician recorded it; the newest counts."""
    pairs = [("patient", person), ("code", f"{uris.OBSERVED}|{COMPLEXITY}"), ("_sort", "_lastUpdated")]
    found: dict[str, str] = {}
    for stored in unit.search("Observation", pairs).entries:
        resource = stored.resource
        value = code_in(resource.get("valueCodeableConcept"), uris.COMPLEXITY)
        about = (resource.get("encounter") or {}).get("reference", "")
        if resource.get("status") in ("final", "amended", "corrected") and value:
            found[about] = value
        else:
            found.pop(about, None)
    return found


# Silence

FIRST_RECORDED: Final = """
select i.id, v.at from versions v join ids i on i.rid = v.rid
where v.person = %s and v.version = 1 and i.type = %s
"""


def _joined(
    unit: Unit, person: int, told: Facts, episodes: Iterable[Resource], *, is_heard: bool
) -> tuple[Joined, ...]:
    """The programs that she is in now; paused ones wait for nobody. Before the record knew of a program, nobody could
    write down a word from her: with none on record, it counts from there. An imported panel is not silent at once."""
    active = {f"EpisodeOfCare/{each['id']}" for each in episodes if each.get("status") == "active"}
    hers = [each for each in told.enrolled if each.episode in active and each.until is None]
    if is_heard or not hers:
        return tuple(Joined(each.program, each.since) for each in hers)
    rows = unit.cursor().execute(FIRST_RECORDED, [person, number_of("EpisodeOfCare")]).fetchall()
    known = {f"EpisodeOfCare/{id}": at for id, at in rows}
    return tuple(Joined(each.program, max(each.since, known.get(each.episode, each.since))) for each in hers)


def _silence(person: PersonFacts, joined: tuple[Joined, ...], heard: datetime | None) -> SilenceFacts:
    return SilenceFacts(
        reference=person.reference,
        joined=joined,
        heard=heard,
        is_deceased=person.is_deceased,
        zone=person.zone,
        site=person.site,
        lead=person.lead,
        work=person.work,
    )
