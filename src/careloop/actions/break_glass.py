"""In an emergency somebody who gives care opens a record that is not in her care: with a reason, for some hours, and
the privacy officer is told. Substance use records of a Part 2 program are another act, for medical personnel in a
medical emergency alone, with a record of its own (42 CFR 2.51)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Actor, Scope
from careloop.access.acts import PART2_EMERGENCY, may
from careloop.access.policy import CARE_ROLES
from careloop.actions import record
from careloop.kernel.errors import CareError, NotFound
from careloop.projections.alerts import raise_alert
from careloop.store import Unit, grants
from careloop.store.grants import Grant, Kind

HOURS: Final = 4
REASONS: Final = ("life-or-health", "team-away", "other")
LEAST_WORDS: Final = 10


class NotForEmergencies(CareError):
    """Emergency access is for those who give care. If somebody is in danger, call 911."""

    code, status = "not-for-emergencies", 403


class MedicalPersonnelOnly(CareError):
    """Only medical personnel who treat the emergency may open these records."""

    code, status = "medical-personnel-only", 403


class SayWhy(CareError):
    """Say what the emergency is, in a sentence. The privacy officer reads it."""

    code, status = "say-why", 422


class SayWho(CareError):
    """Write down who treats the person, and where. The law asks for it."""

    code, status = "say-who", 422


@dataclass(frozen=True, repr=False)
class Opened:
    """until: when it ends by itself."""

    person: int
    until: datetime

    def __repr__(self) -> str:
        return f"Opened({self.person})"


def may_break_glass(actor: Actor) -> bool:
    return actor.kind == "staff" and actor.app is None and bool(actor.roles & CARE_ROLES)


def break_glass(scope: Scope, patient: str, reason: str, words: str, now: datetime) -> Opened:
    """patient: FHIR id. Raises NotForEmergencies, SayWhy, NotFound (also for whom she may never see)."""
    if not may_break_glass(scope.actor):
        raise NotForEmergencies
    _check_words(reason, words)
    until = now + timedelta(hours=HOURS)
    with record.begin(scope, now) as unit:
        person = key_of(unit, patient)
        told = {"reason": reason, "words": words.strip()}
        grants.give(unit, _grant(scope, Kind.EMERGENCY, person, now, until, told))
        raise_alert(
            unit, "break-glass", person, scope.actor.principal, words.strip(), key=_key(scope, person, now)
        )
        unit.saw([person], "emergency access opened")
    return Opened(person, until)


def open_part2(
    scope: Scope, patient: str, words: str, treated_by: str, treated_at: str, now: datetime
) -> Opened:
    """words: the nature of the emergency. treated_by, treated_at: the medical personnel and their facility. What 42 CFR
    2.51(c) asks to be written down stands in the grant and the audit trail: to whom, by whom, when, what for.
    Raises MedicalPersonnelOnly, SayWhy, SayWho, NotFound."""
    if not may(scope.actor, PART2_EMERGENCY):
        raise MedicalPersonnelOnly
    _check_words("life-or-health", words)
    if not treated_by.strip() or not treated_at.strip():
        raise SayWho
    until = now + timedelta(hours=HOURS)
    told = {"words": words.strip(), "treated_by": treated_by.strip(), "treated_at": treated_at.strip()}
    with record.begin(scope, now) as unit:
        person = key_of(unit, patient)
        for kind in (Kind.EMERGENCY, Kind.PART2_EMERGENCY):
            grants.give(unit, _grant(scope, kind, person, now, until, told))
        key = f"part2:{_key(scope, person, now)}"
        raise_alert(unit, "part2-emergency", person, scope.actor.principal, words.strip(), key=key)
        unit.saw([person], "part 2 emergency access opened, 42 CFR 2.51")
    return Opened(person, until)


def end_emergency(scope: Scope, patient: str, now: datetime) -> None:
    """Before its time, by whoever opened it."""
    with record.begin(scope, now) as unit:
        person = key_of(unit, patient)
        grants.end(unit, scope.actor.principal, (Kind.EMERGENCY, Kind.PART2_EMERGENCY), person)
        unit.saw([person], "emergency access ended")


def _check_words(reason: str, words: str) -> None:
    if reason not in REASONS or len(words.strip()) < LEAST_WORDS:
        raise SayWhy


def _key(scope: Scope, person: int, now: datetime) -> str:
    return f"break-glass:{person}:{scope.actor.principal}:{now.isoformat()}"


def key_of(unit: Unit, patient: str) -> int:
    """Of anybody who is in the record. Raises NotFound, also for whom the actor may never see."""
    person = unit.rid_of(f"Patient/{patient}")
    known = person and unit.cursor().execute("select 1 from people where person = %s", [person]).fetchone()
    if not person or not known or person in unit.scope.actor.denied:
        raise NotFound(f"Patient/{patient}")
    return person


def _grant(
    scope: Scope, kind: Kind, person: int, now: datetime, until: datetime, told: dict[str, str]
) -> Grant:
    principal = scope.actor.principal
    return Grant(principal, kind, person, now, until, "emergency", principal, told)
