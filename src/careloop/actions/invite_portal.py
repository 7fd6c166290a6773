"""Bring somebody to the family's door: confirm a contact as private, hand a code over on paper, send one when asked.

A code is shown to staff only on a letter that is handed over in person; who got it and how she was known stands beside
the code, and that there was one in the audit trail. Whoever may do this could become the person: so it is for those who
give care alone, the privacy officer is told each time, and both are written down before anything is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from careloop import store
from careloop.access import Actor, Scope, system_actor
from careloop.access.policy import CARE_ROLES
from careloop.accounts import family_accounts, family_codes, sealing
from careloop.accounts.family_accounts import HowMissing
from careloop.accounts.family_codes import Where
from careloop.accounts.family_models import FamilyCode, PortalAccount, PortalContact
from careloop.actions import record
from careloop.actions.heed_safe_contact import allowed
from careloop.care.safe_contact import Channel, Refused
from careloop.fhir.elements import day, fhir_instant, name_of
from careloop.kernel.errors import CareError, Forbidden, NotFound
from careloop.projections.alerts import Told, raise_alert
from careloop.projections.facts import language_of
from careloop.projections.portal_shares import held_by
from careloop.store import Stored, Unit

KIND: Final = "portal-code"
# That somebody asked for a code: written for known and unknown contacts alike, and answered by jobs/portal_codes.py.
ASKED: Final = "portal-asked"
ALERT: Final = "portal-access"
CHANNELS: Final[dict[str, Channel]] = {"sms": "text", "mail": "email"}


class HandingMissing(CareError):
    """Say to whom you hand the letter and how you know who it is."""

    code, status, issue_type = "handing-missing", 422, "required"


class NoBirthDate(CareError):
    """A letter needs the birth date as a second check, and there is none on record. Write it down first."""

    code, status, issue_type = "no-birth-date", 422, "required"


class NotShared(Forbidden):
    """Nothing is shared with this person yet: choose first what may be seen."""

    code = "not-shared"


class CareTeamOnly(Forbidden):
    """Only those who give care to a person open or close the way to the person’s own pages."""

    code = "care-team-only"


@dataclass(frozen=True, repr=False)
class Letter:
    """Shown once. name: of who gets it."""

    name: str
    code: str
    until: datetime
    language: str

    def __repr__(self) -> str:
        return "Letter(…)"


def may_invite(actor: Actor) -> bool:
    return actor.kind == "staff" and actor.app is None and bool(actor.roles & CARE_ROLES)


def confirm_contact(scope: Scope, reference: str, typed: str, how: str, now: datetime) -> PortalContact:
    """reference: "Patient/…" or "RelatedPerson/…". how: in what way she said that nobody else reads it.
    Raises CareTeamOnly, BadContact, HowMissing, ContactTaken, NotFound."""
    _check(scope, reference, now)
    to = family_codes.where(typed)
    if not how.strip():
        raise HowMissing
    with record.begin(scope, now) as unit:
        found = _whom(unit, reference)
        family_accounts.check_free(to, reference)
        unit.saw([found.person], "a contact confirmed as private")
        _tell(unit, found, "portal-contact", how)
    account = _account(found, now)
    return family_accounts.confirm_contact(account, to, how, scope.actor.principal, now)


def end_contact(scope: Scope, reference: str, contact: int, now: datetime) -> bool:
    """Whoever used it is out at once, on every device. Raises CareTeamOnly, NotFound."""
    _check(scope, reference, now)
    with store.open(scope, now=now) as unit:
        found = _whom(unit, reference)
        unit.saw([found.person], "a private contact ended")
    known = family_accounts.known([reference]).get(reference)
    return known is not None and family_accounts.end_contact(known.account, contact, now)


def letter(scope: Scope, reference: str, how: str, now: datetime) -> Letter:
    """A letter with a code, to be handed over in person. how: to whom, and how she is known. The care team does it; the
    patient herself does it for somebody whom she lets in.
    Raises CareTeamOnly, HandingMissing, NoBirthDate, NotShared, NotFound."""
    by_herself = _is_for_her_helper(scope, reference, now)
    if not by_herself:
        _check(scope, reference, now)
    if not how.strip():
        raise HandingMissing
    with record.begin(scope, now) as unit:
        found = _whom(unit, reference)
        if not found.resource.get("birthDate"):
            raise NoBirthDate
        if found.type == "RelatedPerson" and not _has_share(unit, found):
            raise NotShared
        unit.saw([found.person], "a letter with a sign-in code handed over")
        if not by_herself:
            _tell(unit, found, "portal-letter", how)
    account = _account(found, now)
    code = family_codes.issue_paper(account, scope.actor.principal, how.strip(), now)
    return Letter(name_of(found.resource), code, now + family_codes.PAPER_FOR, account.language)


def send_code(scope: Scope, to: Where, now: datetime, slot: str = "") -> None:
    """scope: of whoever runs the door; nobody is signed in yet. The same rows by the same statements for known and
    unknown contacts; who she is, and whether anything goes, is looked up by `release`. slot: see family_codes.slot."""
    asked = family_codes.ask(to, now, slot)
    with record.begin(scope, now) as unit:
        unit.saw((), "a sign-in code asked for")
        if asked.row:
            told = {
                "code": asked.row,
                "to": sealing.seal(f"{to.kind}:{to.value}"),
                "sealed": sealing.seal(asked.code),
                "until": fhir_instant(now + family_codes.SENT_FOR),
            }
            unit.send(f"{ASKED}:{asked.row}", ASKED, "", told, 0)


def release(scope: Scope, told: Mapping[str, Any], now: datetime) -> None:
    """What was asked for goes on its way, when the contact is known and she did not ask not to be reached there. told:
    the payload that `send_code` wrote."""
    kind, _, value = sealing.unseal(str(told["to"])).partition(":")
    to = Where(kind, value)
    contact = family_codes.to_send(int(told["code"]), to)
    if contact is None:
        return
    with record.begin(scope, now) as unit:
        people = _own_people(unit, contact)
        unit.saw([stored.rid for stored in people], "a sign-in code sent")
        if all(_is_safe(unit, stored, to, now) for stored in people):
            letter = {
                "kind": to.kind,
                "language": contact.account.language,
                "sealed": told["sealed"],
                "until": told["until"],
            }
            unit.send(f"{KIND}:{told['code']}", KIND, to.value, letter, people[0].rid if people else 0)


def is_born_on(paper: FamilyCode | None, born: date, scope: Scope, now: datetime) -> bool:
    """Whether the one who got this paper was born on that day, by the record. For no paper the same work is done."""
    references = family_accounts.references_of(paper.account) if paper and paper.account else ()
    with store.open(scope, now=now) as unit:
        unit.saw((), "a birth date checked at the family's door")
        found = [stored for each in references if (stored := _find(unit, each))]
    return any(day(stored.resource.get("birthDate")) == born for stored in found)


def door() -> Scope:
    """Of the family's door before anybody is signed in."""
    return Scope(system_actor("accounts"), "family", "operations")


def text_of_code(payload: dict[str, Any]) -> str:
    """What is sent: no name, no place, nothing that tells what it is for."""
    code = sealing.unseal(str(payload["sealed"]))
    spaced = f"{code[:4]} {code[4:]}"
    if str(payload.get("language", "")).startswith("es"):
        return f"Su código es {spaced}. Sirve 10 minutos. Nadie le pedirá este código por teléfono."
    return f"Your code is {spaced}. It works for 10 minutes. Nobody will ask you for it on the phone."


def _is_for_her_helper(scope: Scope, reference: str, now: datetime) -> bool:
    """At the family's door, without an app: whether this RelatedPerson is of her own record."""
    actor = scope.actor
    if actor.kind != "person" or actor.app is not None or not reference.startswith("RelatedPerson/"):
        return False
    with store.open(scope, now=now) as unit:
        return (_whom(unit, reference).person, "all") in actor.shares


def _check(scope: Scope, reference: str, now: datetime) -> None:
    """Raises NotFound, CareTeamOnly: the refusal stands in the audit trail beside the person."""
    if may_invite(scope.actor):
        return
    with store.open(scope, now=now) as unit:
        unit.saw([_whom(unit, reference).person], "denied a way into a person's pages")
    raise CareTeamOnly


def _tell(unit: Unit, found: Stored, code: str, how: str) -> None:
    """Each time is one alert: an honest letter in the morning must not hide another one."""
    principal = unit.scope.actor.principal
    key = f"{ALERT}:{code}:{found.rid}:{principal}:{unit.now.isoformat()}"
    told: Told = [(code, {}), ("said", {"words": how.strip()[:200]})]
    raise_alert(unit, ALERT, found.person, principal, told, key=key)


def _whom(unit: Unit, reference: str) -> Stored:
    kind, _, id = reference.partition("/")
    if kind not in ("Patient", "RelatedPerson"):
        raise NotFound(reference)
    return unit.read(kind, id)


def _find(unit: Unit, reference: str) -> Stored | None:
    kind, _, id = reference.partition("/")
    return unit.find(kind, id)


def _account(found: Stored, now: datetime) -> PortalAccount:
    language = (language_of(found.resource) or "en").lower()
    return family_accounts.open_account(
        found.reference, name_of(found.resource), "es" if language.startswith(("es", "span")) else "en", now
    )


def _has_share(unit: Unit, related: Stored) -> bool:
    return any(held.person == related.person for held in held_by(unit, [related.rid]))


def _own_people(unit: Unit, contact: PortalContact) -> list[Stored]:
    """The Patients who she is herself: what is asked of us about contacting a patient binds us there."""
    own = [r for r in family_accounts.references_of(contact.account) if r.startswith("Patient/")]
    return [stored for each in own if (stored := _find(unit, each))]


def _is_safe(unit: Unit, patient: Stored, to: Where, now: datetime) -> bool:
    number = to.value if to.kind == "sms" else None
    return not isinstance(allowed(unit, patient.rid, CHANNELS[to.kind], now, number=number), Refused)
