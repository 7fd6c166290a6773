"""A referral by phone or on paper: who refers, whom, to what and why; it becomes work that ends with an answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.enroll_person import begin_enrollment, newest_enrollment, program_named
from careloop.actions.outreach import due_in
from careloop.actions.referral_loop import FIRST_LOOK, STAGE, answer_due
from careloop.actions.register_person import register
from careloop.care.enroll import REFERRAL
from careloop.care.register import Told
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref, set_extension
from careloop.kernel.errors import CareError
from careloop.library import Library, Program
from careloop.store import Stored, Unit

CHANNELS: Final = ("phone", "paper", "fax", "in-person", "email")


class BadReferral(CareError):
    """Something in this referral needs another look. Nothing was saved."""

    code, status, issue_type = "bad-referral", 422, "required"

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True, repr=False)
class Referral:
    """by: who refers, with the organization in the same words; answer_to: phone or fax for the answer. reason: in
    their words. received: the day on the paper, today when empty."""

    program: str
    by: str
    reason: str
    channel: str = "phone"
    answer_to: str = ""
    is_urgent: bool = False
    received: date | None = None

    def __repr__(self) -> str:
        return f"Referral({self.program})"


@dataclass(frozen=True, repr=False)
class Taken:
    """What was made of it."""

    patient: Stored
    request: Stored
    task: Stored
    episode: Stored

    def __repr__(self) -> str:
        return f"Taken({self.request.reference})"


def take_referral(
    scope: Scope,
    referral: Referral,
    library: Library,
    now: datetime,
    *,
    person: str = "",
    told: Told | None = None,
    site: str = "",
    another_than: Collection[str] = (),
) -> Taken:
    """person: Patient id of somebody known; else told, of site (Organization id).

    Raises BadReferral, NotAPerson, LooksLike, NotFound."""
    _check(referral, now)
    with record.begin(scope, now) as unit:
        program = program_named(library, referral.program)
        if person:
            patient = unit.read("Patient", person)
        else:
            patient = register(unit, told or Told(), site, another_than=another_than)
        before = newest_enrollment(unit, patient, program) if person else None
        request = unit.create(_request(unit, referral, program, patient))
        episode = begin_enrollment(unit, patient, program, request.reference)
        task = unit.create(_task(unit, referral, program, patient, request, library))
        if before and before.where.step in ("enrolled", "paused"):
            task = answer_due(unit, task, f"is in {program.title.en} already")
        return Taken(patient, request, task, episode)


def _check(referral: Referral, now: datetime) -> None:
    found: dict[str, str] = {}
    if not referral.by.strip():
        found["by"] = "Write who refers: a name and where they work."
    if not referral.reason.strip():
        found["reason"] = "Write why, in their words."
    if referral.channel not in CHANNELS:
        found["channel"] = "Choose how it came."
    if referral.received and referral.received > now.date():
        found["received"] = "The day on it lies in the future."
    if found:
        raise BadReferral(found)


def _request(unit: Unit, referral: Referral, program: Program, patient: Stored) -> Resource:
    site = patient.resource.get("managingOrganization")
    came = referral.received.isoformat() if referral.received else fhir_instant(unit.now)
    request: Resource = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "priority": "urgent" if referral.is_urgent else "routine",
        "code": codeable(uris.PROGRAM, program.code, program.title.en),
        "subject": ref(patient.reference),
        "authoredOn": came,
        "requester": {"display": _by(referral)},
        "reasonCode": [{"text": referral.reason.strip()[:1_000]}],
        **({"performer": [site]} if site else {}),
    }
    set_extension(request, uris.CHANNEL, "Code", referral.channel)
    set_extension(request, uris.REFERRER_PHONE, "String", referral.answer_to.strip()[:100] or None)
    return request


def _by(referral: Referral) -> str:
    return " ".join(referral.by.split())[:200]


def _task(
    unit: Unit, referral: Referral, program: Program, patient: Stored, request: Stored, library: Library
) -> Resource:
    days = "urgent_business_days" if referral.is_urgent else "business_days"
    due, zone = due_in(unit, patient, library, days)
    actor = unit.scope.actor
    work = Work(
        kind=REFERRAL,
        title=f"Referral: see whether {program.title.en} fits",
        because=f"{_by(referral)} referred: {referral.reason.strip()[:200]}",
        klass=WorkClass.CLOCK if referral.is_urgent else WorkClass.ROUTINE,
        dedupe=f"referral:{request.id}",
        due=due,
        target=due,
        zone=zone,
        source=library.rule("referral-first-look", unit.now.date()).source,
        rule=library.rule("referral-first-look", unit.now.date()).ref,
        owner=actor.practitioner,
        program=program.code,
        reasons=(request.reference,),
        site=(patient.resource.get("managingOrganization") or {}).get("reference"),
    )
    task = to_task(work, patient.reference, unit.now)
    task |= {
        "focus": ref(request.reference),
        "requester": {"display": _by(referral)},
        "businessStatus": codeable(STAGE, FIRST_LOOK, "Received"),
    }
    if actor.practitioner:
        task["owner"] = working.me(unit)
    return task
