"""A person's record in the making: who she is, how to reach her, who stands by her, who pays."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, ref, set_extension
from careloop.server.demo.days import Days

LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "vi": "Vietnamese",
    "zh": "Mandarin",
    "ht": "Haitian Creole",
    "ar": "Arabic",
    "ko": "Korean",
    "pl": "Polish",
    "tl": "Tagalog",
    "ru": "Russian",
}
RELATIONSHIP = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
# Source of Payment Typology (PHDSC), the codes that tell original Medicare from managed Medicare and the rest.
PAYMENT = "https://nahdo.org/sopt"
FLAG_CATEGORY = "http://terminology.hl7.org/CodeSystem/flag-category"
TEAM_ROLE = "urn:careloop:code:team-role"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def ident(seed: int, *parts: str) -> str:
    """An opaque id, always the same for the same seed and parts; no name may show in an address."""
    digest = sha256("\n".join((str(seed), *parts)).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def phone(number: str, use: str = "mobile", rank: int | None = None) -> Resource:
    return {"system": "phone", "value": number, "use": use, **({"rank": rank} if rank else {})}


@dataclass
class Chart:
    """key: the story's own word for the person, part of every id. site, lead, doctor: references."""

    seed: int
    key: str
    days: Days
    site: str
    lead: str
    lead_name: str
    program: str = ""
    doctor: str = ""
    resources: list[Resource] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def patient(self) -> str:
        return f"Patient/{ident(self.seed, 'Patient', self.key)}"

    def add(self, kind: str, elements: Resource, slug: str = "") -> str:
        """Adds a resource and returns its reference. Without a slug the ids are numbered in order."""
        if not slug:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            slug = str(self.counts[kind])
        found = ident(self.seed, kind, self.key, slug)
        self.resources.append({"resourceType": kind, "id": found, **elements})
        return f"{kind}/{found}"

    @property
    def clinician(self) -> Resource:
        """Who says so, of what a clinician knows: her doctor, else whoever leads her care."""
        return ref(self.doctor or self.lead)

    @property
    def subject(self) -> Resource:
        return ref(self.patient)


def language_of(code: str) -> Resource:
    return codeable("urn:ietf:bcp:47", code, LANGUAGES[code])


def be(
    chart: Chart,
    given: str,
    family: str,
    *,
    gender: str,
    birth_date: str,
    mrn: str,
    authority: str,
    number: str,
    street: str,
    city: str,
    state: str,
    postal_code: str,
    language: str = "en",
    interpreter: bool = False,
    pronouns: str = "",
    reach: str = "",
    calls: str = "",
    doctor: str = "",
) -> str:
    """The Patient. pronouns: “she/her”. reach: when and how, in a sentence. doctor: Practitioner reference."""
    patient: Resource = {
        "identifier": [
            {"use": "usual", "type": codeable(uris.IDENTIFIER_TYPE, "MR"), "system": authority, "value": mrn}
        ],
        "active": True,
        "name": [{"use": "official", "family": family, "given": given.split()}],
        "telecom": [phone(number, rank=1)],
        "gender": gender,
        "birthDate": birth_date,
        "address": [
            {
                "use": "home",
                "line": [street],
                "city": city,
                "state": state,
                "postalCode": postal_code,
                "country": "US",
            }
        ],
        "communication": [{"language": language_of(language), "preferred": True}],
        "managingOrganization": ref(chart.site),
    }
    if calls:
        patient["name"].append({"use": "nickname", "given": [calls]})
    if doctor:
        chart.doctor = doctor
        patient["generalPractitioner"] = [ref(doctor)]
    if pronouns:
        spoken = {"she/her": "LA29519-8", "he/him": "LA29518-0", "they/them": "LA29520-6"}[pronouns]
        told = {"coding": [{"system": uris.LOINC, "code": spoken}], "text": pronouns}
        patient["extension"] = [
            {"url": uris.PRONOUNS, "extension": [{"url": "value", "valueCodeableConcept": told}]}
        ]
    set_extension(patient, uris.INTERPRETER, "Boolean", True if interpreter else None)
    set_extension(patient, uris.REACH, "String", reach or None)
    found = chart.patient.removeprefix("Patient/")
    chart.resources.append({"resourceType": "Patient", "id": found, **patient})
    return chart.patient


def relative(
    chart: Chart,
    given: str,
    family: str,
    *,
    relation: str,
    said: str,
    number: str = "",
    is_agent: bool = False,
    may_know: str = "",
    language: str = "",
    gender: str = "",
) -> str:
    """A RelatedPerson. relation: v3-RoleCode (DAU, SPS, …); said: “daughter”. may_know: what may be told."""
    relations = [codeable(RELATIONSHIP, relation, said)]
    if is_agent:
        relations.append(codeable(RELATIONSHIP, "HPOWATT", "health care agent"))
    person: Resource = {
        "active": True,
        "patient": chart.subject,
        "relationship": relations,
        "name": [{"family": family, "given": given.split()}],
    }
    if number:
        person["telecom"] = [phone(number)]
    if gender:
        person["gender"] = gender
    if language:
        person["communication"] = [{"language": language_of(language), "preferred": True}]
    set_extension(person, uris.REACH, "String", may_know or None)
    return chart.add("RelatedPerson", person)


def cover(chart: Chart, payer: str, payer_name: str, typology: str, name: str, order: int = 1) -> str:
    """Coverage. typology: Source of Payment code; name: “Original Medicare”, as the card shows it."""
    member = f"{int(ident(chart.seed, chart.key, name)[:8], 16) % 10**9:09d}"
    return chart.add(
        "Coverage",
        {
            "status": "active",
            "type": codeable(PAYMENT, typology, name),
            "subscriberId": member,
            "beneficiary": chart.subject,
            "relationship": codeable("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "self"),
            "period": {"start": chart.days.day(300)},
            "payor": [ref(payer, payer_name)],
            "order": order,
        },
    )


def flag(chart: Chart, text: str, category: str = "safety") -> str:
    """What whoever calls or visits must know first: “Dog in the yard”, “No voicemail”."""
    return chart.add(
        "Flag",
        {
            "status": "active",
            "category": [codeable(FLAG_CATEGORY, category)],
            "code": {"text": text},
            "subject": chart.subject,
            "period": {"start": chart.days.day(60)},
        },
    )


def team(chart: Chart, others: tuple[tuple[str, str, str], ...] = ()) -> str:
    """The CareTeam. others: (role in words, reference, name)."""
    lead = {
        "role": [codeable(TEAM_ROLE, "lead", "Lead coordinator")],
        "member": ref(chart.lead, chart.lead_name),
    }
    helpers: list[Any] = [{"role": [{"text": role}], "member": ref(who, name)} for role, who, name in others]
    return chart.add(
        "CareTeam",
        {
            "status": "active",
            "name": "Care team",
            "subject": chart.subject,
            "period": {"start": chart.days.day(90)},
            "participant": [lead, *helpers],
            "managingOrganization": [ref(chart.site)],
        },
    )


def note_about(chart: Chart, about: str, said: str, days_ago: int, code: str, performer: str = "") -> str:
    """A social-history Observation in words: what matters to her, her code status."""
    concept: Resource = {"coding": [{"system": "urn:careloop:code:about", "code": code}], "text": about}
    return chart.add(
        "Observation",
        {
            "status": "final",
            "category": [codeable(OBSERVATION_CATEGORY, "social-history")],
            "code": concept,
            "subject": chart.subject,
            "effectiveDateTime": chart.days.said(days_ago, "10:20"),
            "performer": [ref(performer or chart.lead)],
            "valueString": said,
        },
    )


def matters(chart: Chart, said: str, days_ago: int = 50) -> str:
    return note_about(chart, "What matters to me", said, days_ago, "what-matters", chart.patient)


def code_status(chart: Chart, said: str, days_ago: int = 100) -> str:
    return note_about(chart, "Code status", said, days_ago, "code-status")


def enroll(
    chart: Chart, program: str, name: str, days_ago: int, status: str = "active", ended: int | None = None
) -> str:
    """EpisodeOfCare with the Consent that allows it. ended: days ago, for one that is over."""
    period = {
        "start": chart.days.day(days_ago),
        **({"end": chart.days.day(ended)} if ended is not None else {}),
    }
    if status in ("active", "onhold", "finished"):
        chart.add(
            "Consent",
            {
                "status": "active",
                "scope": codeable("http://terminology.hl7.org/CodeSystem/consentscope", "treatment"),
                "category": [codeable(uris.PROGRAM, program, f"Care coordination: {name}")],
                "patient": chart.subject,
                "dateTime": chart.days.said(days_ago, "11:00"),
                "performer": [chart.subject],
                "organization": [ref(chart.site)],
                "policyRule": {"text": "Said yes by phone; cost share explained"},
            },
        )
    return chart.add(
        "EpisodeOfCare",
        {
            "status": status,
            "type": [codeable(uris.PROGRAM, program, name)],
            "patient": chart.subject,
            "managingOrganization": ref(chart.site),
            "period": period,
            "careManager": ref(chart.lead, chart.lead_name),
        },
    )
