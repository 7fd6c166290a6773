"""Who signs a version of the plan, and how: on the screen, at the family's door, by word of mouth before a witness, on
paper. A Provenance with the signature stands over exactly the versions that were signed, with a digest of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from hashlib import sha256
from typing import Final, Literal
from zoneinfo import ZoneInfo

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.plan_writing import BadLine, check_staff
from careloop.actions.propose_plan import local_day, zone_of
from careloop.actions.see_plan import plan_of_person, record_seen, refuse_old
from careloop.actions.sign_note import PARTICIPANT
from careloop.actions.sign_note import SIGNATURE as AUTHORS
from careloop.actions.working import Result
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, name_of, ref
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import NotFound
from careloop.kernel.numbers import whole_number
from careloop.projections.people import names
from careloop.projections.plan_history import plan_now
from careloop.projections.plan_seen import SIGNED, Signature
from careloop.store import Stored, Unit

How = Literal["screen", "portal", "verbal", "paper"]
Role = Literal["person", "representative", "clinician", "coordinator"]
ROLES: Final[tuple[Role, ...]] = ("person", "representative", "clinician", "coordinator")
HOWS: Final[tuple[How, ...]] = ("verbal", "paper", "screen", "portal")
# ASTM E1762: who agrees to a plan about herself, and who saw her do so.
CONSENTS: Final = {**AUTHORS, "code": "1.2.840.10065.1.12.1.7", "display": "Consent Signature"}
WITNESSES: Final = {**AUTHORS, "code": "1.2.840.10065.1.12.1.8", "display": "Signature Witness Signature"}


@dataclass(frozen=True, repr=False)
class Signing:
    """who: a reference; name: as it is signed. witness: the name of who heard it, for verbal. on: the day on the
    paper."""

    who: str
    role: Role
    how: How
    name: str = ""
    witness: str = ""
    on: date | None = None

    def __repr__(self) -> str:
        return f"Signing({self.role} {self.how})"


def sign_plan(scope: Scope, person: str, version: int, signing: Signing, now: datetime) -> Result:
    """By staff: herself on the screen, or what somebody said or signed on paper. version: as it was shown. Raises
    BadLine, StalePlan, NotFound."""
    with record.begin(scope, now) as unit:
        check_staff(unit)
        patient, plan = plan_of_person(unit, person)
        refuse_old(plan, version)
        _check(unit, patient, signing)
        lines = _lines(unit, patient, plan)
        made = unit.create(_provenance(unit, patient, plan, signing, lines))
        outputs = {"version": str(plan.version), "how": "signed", "by": unit.scope.actor.name}
        seen = record_seen(unit, patient, plan, signing.who, outputs)
        return Result(None, made=(made, seen))


def sign_at_the_door(scope: Scope, person: str, me: str, version: int, now: datetime) -> Stored:
    """By the person herself, or whoever stands for her, on the family's page. Raises StalePlan, NotFound."""
    with record.begin(scope, now) as unit:
        patient, plan = plan_of_person(unit, person)
        refuse_old(plan, version)
        lines = _lines(unit, patient, plan)
        outputs = {"version": str(plan.version), "how": "portal"}
        if me != patient.reference:  # a helper adds Tasks and nothing else: hers carries the digest
            outputs["digest"] = digest_of(lines)
            return record_seen(unit, patient, plan, me, outputs, tuple(map(_versioned, lines)))
        signing = Signing(me, "person", "portal", name_of(patient.resource))
        made = unit.create(_provenance(unit, patient, plan, signing, lines))
        record_seen(unit, patient, plan, me, outputs)
        return made


def _check(unit: Unit, patient: Stored, signing: Signing) -> None:
    if signing.role not in ROLES or signing.how not in ("verbal", "paper", "screen"):
        raise BadLine("Say who signs, and how.", "how")
    if signing.how == "verbal" and not signing.witness.strip():
        raise BadLine("Name who heard it: whoever witnesses what was said.", "witness")
    if signing.how == "paper":
        today = local_day(patient.resource, unit.now)
        if signing.on is None or signing.on > today:
            raise BadLine("Give the day on the paper; it can’t be after today.", "on")
    if signing.how == "screen" and signing.who != unit.scope.actor.practitioner:
        raise BadLine("On the screen everybody signs for herself alone.", "who")
    if not _may_sign(unit, patient, signing):
        raise BadLine("Choose who signs from the list.", "who")


def _may_sign(unit: Unit, patient: Stored, signing: Signing) -> bool:
    kind = signing.who.partition("/")[0]
    if signing.role == "person":
        return signing.who == patient.reference
    if signing.role == "representative":
        related = unit.get([signing.who]).get(signing.who) if kind == "RelatedPerson" else None
        return related is not None and related.person == patient.rid
    return kind == "Practitioner" and signing.who in unit.get([signing.who])


def _provenance(unit: Unit, patient: Stored, plan: Stored, signing: Signing, lines: list[Stored]) -> Resource:
    at = fhir_instant(_when(unit, patient, signing))
    name = signing.name or _name(unit, signing.who)
    who = ref(signing.who, name or None)
    kind = AUTHORS if signing.role in ("clinician", "coordinator") else CONSENTS
    agents: list[Resource] = [
        {
            "type": codeable(PARTICIPANT, "attester", "Attester"),
            "role": [codeable(uris.PLAN_ACT, signing.role)],
            "who": who,
        }
    ]
    signatures: list[Resource] = [{"type": [kind], "when": at, "who": who}]
    if signing.role == "representative":
        signatures[0]["onBehalfOf"] = ref(patient.reference)
    if signing.witness.strip():
        witness = {"display": " ".join(signing.witness.split())[:200]}
        agents.append({"type": codeable(PARTICIPANT, "verifier", "Verifier"), "who": witness})
        signatures.append({"type": [WITNESSES], "when": at, "who": witness})
    if signing.who != unit.scope.actor.practitioner and unit.scope.actor.practitioner:
        agents.append({"type": codeable(PARTICIPANT, "enterer", "Enterer"), "who": working.me(unit)})
    return {
        "resourceType": "Provenance",
        "extension": [
            {"url": uris.SIGNED_HOW, "valueCode": signing.how},
            {"url": uris.SIGNED_HASH, "valueString": digest_of(lines)},
        ],
        "target": [ref(_versioned(plan))],
        "recorded": fhir_instant(unit.now),
        "activity": codeable(uris.PLAN_ACT, SIGNED, "Signed"),
        "agent": agents,
        "entity": [{"role": "source", "what": ref(_versioned(each))} for each in lines],
        "signature": signatures,
    }


def _name(unit: Unit, who: str) -> str:
    found = unit.get([who]).get(who)
    return names(unit, [who]).get(who) or (name_of(found.resource) if found else "")


def _when(unit: Unit, patient: Stored, signing: Signing) -> datetime:
    """Of a paper, noon of its day where she lives: no hour is known."""
    if signing.how == "paper" and signing.on:
        return min(unit.now, at_local(signing.on, time(12), ZoneInfo(zone_of(patient.resource))))
    return unit.now


# --- what is signed


def _lines(unit: Unit, patient: Stored, plan: Stored) -> list[Stored]:
    """The plan and its live lines, as they stand for whoever signs."""
    wanted = sorted(line.reference for line in plan_now(unit, patient.rid).live)
    found = unit.get(wanted)
    return [plan, *(found[each] for each in wanted if each in found)]


def _versioned(stored: Stored) -> str:
    return f"{stored.reference}/_history/{stored.version}"


def digest_of(lines: Iterable[Stored]) -> str:
    """sha256 over a line each: the version's address and the sha256 of its JSON as it is kept."""
    told = sorted(f"{_versioned(each)} {sha256(each.json).hexdigest()}" for each in lines)
    return f"sha256:{sha256(chr(10).join(told).encode()).hexdigest()}"


def is_as_signed(unit: Unit, signature: Signature) -> bool | None:
    """Whether the versions that were signed still give the digest. None: the reader does not see all of them."""
    found = []
    for versioned in signature.lines:
        kind, id, _, version = [*versioned.split("/"), "", "", ""][:4]
        number = whole_number(version)
        if number is None:
            return None
        try:
            found.append(unit.read_version(kind, id, number))
        except NotFound:
            return None
    return digest_of(found) == signature.digest if found else None
