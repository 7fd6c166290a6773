"""The person's card: who this is, how to reach her, what must not be forgotten. It stands beside all that is done for
her, so that two people of one name can't be confused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from careloop.care.safe_contact import Rules, is_safe_contact, rules_of
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, day, extension, name_of, text_of
from careloop.projections import sources, story, worklist
from careloop.projections.by_type import searchable
from careloop.projections.facts import phone_of, zone_in
from careloop.projections.moments import day_where
from careloop.projections.people import PersonBrief, briefs, names, zone_of
from careloop.projections.worklist import Row
from careloop.store import Stored, Unit

ABOUT = "urn:careloop:code:about"
TYPES = ("Patient", "Flag", "AllergyIntolerance", "Coverage", "RelatedPerson", "EpisodeOfCare")
# What the card, and the sections under its frame, tell of besides.
TOLD_OF = (
    *TYPES,
    *(
        "CarePlan",
        "CareTeam",
        "Condition",
        "Consent",
        "DocumentReference",
        "Encounter",
        "Observation",
        "QuestionnaireResponse",
        "RiskAssessment",
        "ServiceRequest",
        "Task",
    ),
)


@dataclass(frozen=True, repr=False)
class Helper:
    """may_know: what may be told to them, in words."""

    name: str
    relation: str
    phone: str | None
    may_know: str | None
    is_agent: bool

    def __repr__(self) -> str:
        return "Helper(…)"


@dataclass(frozen=True, repr=False)
class PersonCard:
    """zone: IANA, None when unknown; zone_is_site: it is the site's, her address tells none. safe: what she asked about
    being reached, empty for nearly everybody. knows: the types that the reader may look for at all; of others
    nothing is said, not that there is nothing."""

    person: PersonBrief
    version: int
    zone: str | None
    zone_is_site: bool
    safety: tuple[str, ...]
    allergies: tuple[str, ...]
    matters: str | None
    matters_on: date | None
    reach: str | None
    helpers: tuple[Helper, ...]
    coverage: tuple[str, ...]
    doctor: str | None
    lead: str | None
    site: str | None
    code_status: str | None
    code_status_on: date | None
    programs: tuple[tuple[str, date | None], ...]
    promises: tuple[Row, ...]
    latest: tuple[story.Entry, ...]
    last_contact: datetime | None
    safe: tuple[Rules, ...] = ()
    knows: frozenset[str] = frozenset()

    @property
    def is_deceased(self) -> bool:
        return self.person.is_deceased

    @property
    def agents(self) -> tuple[Helper, ...]:
        return tuple(helper for helper in self.helpers if helper.is_agent)

    def __repr__(self) -> str:
        return f"PersonCard({self.person!r})"


def card(unit: Unit, patient_id: str) -> PersonCard:
    """Raises NotFound."""
    patient = unit.read("Patient", patient_id)
    kinds: dict[str, list[Resource]] = {}
    knows = frozenset(searchable(unit, TOLD_OF))
    for stored in unit.of_person(patient.rid, [kind for kind in TYPES if kind in knows]):
        kinds.setdefault(stored.type, []).append(stored.resource)
    lives = zone_of(unit, patient.rid)
    said = _said(unit, patient, lives)
    open_work = worklist.of_person(unit, patient.rid, unit.now)
    lead = _row(
        unit, "select n.name from people p join names n on n.rid = p.lead where p.person = %s", patient.rid
    )
    resource = patient.resource
    site = (resource.get("managingOrganization") or {}).get("reference")
    doctors = [d["reference"] for d in resource.get("generalPractitioner", ()) if "reference" in d]
    called = names(unit, [r for r in (site, *doctors) if r])
    matters, matters_on = said.get("what-matters", (None, None))
    status, status_on = said.get("code-status", (None, None))
    return PersonCard(
        person=briefs(unit, [patient.rid])[patient.rid],
        version=patient.version,
        zone=lives,
        zone_is_site=zone_in(resource) is None,
        safety=tuple(_safety(resource, kinds.get("Flag", ()))),
        allergies=tuple(_allergies(kinds.get("AllergyIntolerance", ()))),
        matters=matters,
        matters_on=matters_on,
        reach=extension(resource, uris.REACH),
        helpers=tuple(_helper(r) for r in kinds.get("RelatedPerson", ()) if r.get("active", True)),
        coverage=tuple(_coverage(kinds.get("Coverage", ()))),
        doctor=next((called[d] for d in doctors if d in called), None),
        lead=lead if "CareTeam" in knows else None,
        site=called.get(site) if site else None,
        code_status=status,
        code_status_on=status_on,
        programs=tuple(_programs(kinds.get("EpisodeOfCare", ()))),
        promises=tuple(row for row in open_work if row.klass is WorkClass.PROMISE),
        latest=tuple(
            e for e in story.story(unit, patient.rid, limit=8) if e.at <= unit.now and not e.is_private
        )[:4],
        last_contact=story.last_contact(unit, patient.rid),
        safe=_safe(unit, patient.rid),
        knows=knows,
    )


def code_status(unit: Unit, patient: Stored) -> str:
    """Its newest words; empty when nobody wrote any."""
    return _said(unit, patient, None).get("code-status", ("", None))[0]


def _safe(unit: Unit, person: int) -> tuple[Rules, ...]:
    """Whatever the reader may see of the record: whoever is about to call has to know."""
    return rules_of([s.resource for s in sources.of_people(unit, [person], ("Flag",))], unit.now)


def _row(unit: Unit, query: str, person: int) -> str | None:
    row = unit.cursor().execute(query, [person]).fetchone()
    return str(row[0]) if row and row[0] else None


def _said(unit: Unit, patient: Stored, lives: str | None) -> dict[str, tuple[str, date | None]]:
    """The newest of each thing she told about herself: (words, day). lives: the name of her zone."""
    if not unit.may_search("Observation"):
        return {}
    page = unit.search(
        "Observation",
        [
            ("patient", patient.reference),
            ("category", "social-history"),
            ("_sort", "-date"),
            ("_count", "30"),
        ],
    )
    found: dict[str, tuple[str, date | None]] = {}
    for stored in page.entries:
        about = _about(stored.resource)
        value = stored.resource.get("valueString") or text_of(stored.resource.get("valueCodeableConcept"))
        if about and value and stored.resource.get("status") != "entered-in-error":
            found.setdefault(about, (str(value), day_where(stored.resource.get("effectiveDateTime"), lives)))
    return found


def _about(observation: Mapping[str, object]) -> str | None:
    concept = observation.get("code")
    if not isinstance(concept, Mapping):
        return None
    coded = next((code for system, code in codings(concept) if system == ABOUT), None)
    return coded or {"what matters to me": "what-matters", "code status": "code-status"}.get(
        text_of(concept).lower()
    )


def _safety(patient: Resource, flags: Iterable[Resource]) -> Iterable[str]:
    if told := extension(patient, uris.SAFETY):
        yield str(told)
    for flag in flags:
        if (
            flag.get("status") == "active"
            and not is_safe_contact(flag)
            and (said := text_of(flag.get("code")))
        ):
            yield said


def _allergies(found: Iterable[Resource]) -> Iterable[str]:
    for allergy in found:
        status = {code for _, code in codings(allergy.get("clinicalStatus"))}
        wrong = {code for _, code in codings(allergy.get("verificationStatus"))} & {
            "refuted",
            "entered-in-error",
        }
        if not wrong and (not status or "active" in status) and (said := text_of(allergy.get("code"))):
            yield said


def _helper(related: Resource) -> Helper:
    kinds = related.get("relationship", ())
    is_agent = any(code == "HPOWATT" for concept in kinds for _, code in codings(concept))
    relation = next((text_of(c) for c in kinds if not any(code == "HPOWATT" for _, code in codings(c))), "")
    return Helper(name_of(related), relation, phone_of(related), extension(related, uris.REACH), is_agent)


def _coverage(found: Iterable[Resource]) -> Iterable[str]:
    for coverage in sorted(found, key=lambda c: int(c.get("order", 99))):
        if coverage.get("status") == "active":
            payor = next((p.get("display") for p in coverage.get("payor", ()) if p.get("display")), "")
            if said := text_of(coverage.get("type")) or payor:
                yield str(said)


def _programs(episodes: Iterable[Resource]) -> Iterable[tuple[str, date | None]]:
    for episode in episodes:
        if episode.get("status") in ("active", "onhold"):
            name = next((text_of(concept) for concept in episode.get("type", ())), "")
            if name:
                yield name, day((episode.get("period") or {}).get("start"))
