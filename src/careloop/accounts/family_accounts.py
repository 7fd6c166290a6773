"""Accounts at the family's door: made once a person, whoever she is in the record and however many she helps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from careloop.access import Actor
from careloop.accounts import family_codes, sessions
from careloop.accounts.family_codes import Where
from careloop.accounts.family_models import PortalAccount, PortalContact, PortalIdentity
from careloop.accounts.models import Principal
from careloop.accounts.sign_in_models import Passkey
from careloop.kernel.errors import CareError, Conflict


class ContactTaken(Conflict):
    """Somebody else signs in with this phone or e-mail. Ask for one of this person’s own, or hand over a letter."""

    code = "contact-taken"


class HowMissing(CareError):
    """Say how the person confirmed that nobody else reads this phone or mailbox."""

    code, status, issue_type = "how-missing", 422, "required"


@dataclass(frozen=True)
class Known:
    """An account as a page of the staff shows it. contacts: those that codes may go to."""

    account: PortalAccount
    references: tuple[str, ...]
    contacts: tuple[PortalContact, ...]


def open_account(reference: str, name: str, language: str, now: datetime) -> PortalAccount:
    """The account of whoever this is, made when there is none. reference: "Patient/…" or "RelatedPerson/…"."""
    with transaction.atomic():
        found = PortalIdentity.objects.select_related("account__principal").filter(reference=reference)
        if known := found.first():
            return known.account
        principal = Principal.objects.create(kind="person", name=name)
        account = PortalAccount.objects.create(principal=principal, language=language or "en", made_at=now)
        made, is_new = PortalIdentity.objects.get_or_create(
            reference=reference, defaults={"account": account}
        )
        if not is_new:  # somebody else made it at this moment
            account.delete()
            principal.delete()
        return made.account


def join(kept: PortalAccount, other: PortalAccount, now: datetime) -> None:
    """Two accounts of one person, the daughter of two people: what the other one was, and where its codes went, is the
    kept one's from now on; the other is closed. Only after she has proved in one session that both are hers."""
    with transaction.atomic():
        both = PortalAccount.objects.select_for_update().filter(pk__in=(kept.pk, other.pk), is_active=True)
        if len(both.order_by("pk")) < 2:
            raise Conflict
        other.identities.update(account=kept)
        other.contacts.update(account=kept)
        Passkey.objects.filter(principal=other.principal_id).delete()
        close(other, now)


def confirm_contact(account: PortalAccount, to: Where, how: str, by: int, now: datetime) -> PortalContact:
    """by: principal of whoever confirmed it. Raises HowMissing, ContactTaken."""
    if not how.strip():
        raise HowMissing
    if known := PortalContact.objects.filter(digest=to.digest, ended_at=None).first():
        if known.account_id != account.pk:
            raise ContactTaken
        return known
    try:
        with transaction.atomic():
            return PortalContact.objects.create(
                account=account,
                kind=to.kind,
                value=to.value,
                digest=to.digest,
                confirmed_how=how.strip()[:200],
                confirmed_by=by,
                confirmed_at=now,
            )
    except IntegrityError as error:
        raise ContactTaken from error


def check_free(to: Where, reference: str) -> None:
    """Raises ContactTaken when somebody else than this one signs in with it."""
    others = PortalContact.objects.filter(digest=to.digest, ended_at=None)
    if others.exclude(account__identities__reference=reference).exists():
        raise ContactTaken


def end_contact(account: PortalAccount, contact: int, now: datetime) -> bool:
    """No code goes there any more; one that is on its way no longer works. Somebody else may have used it: all sessions
    end, what apps were granted, and the passkeys that were made meanwhile."""
    ended = account.contacts.filter(pk=contact, ended_at=None).update(ended_at=now)
    if ended:
        family_codes.end_codes(account, now)
        Passkey.objects.filter(principal=account.principal_id).delete()
        sessions.void(account.principal_id, now, "contact ended")
    return bool(ended)


def known(references: Iterable[str]) -> dict[str, Known]:
    """By reference, those who have an account."""
    rows = PortalIdentity.objects.select_related("account__principal").filter(reference__in=list(references))
    return {row.reference: _known(row.account) for row in rows}


def _known(account: PortalAccount) -> Known:
    live = account.contacts.filter(ended_at=None).order_by("confirmed_at", "pk")
    return Known(account, references_of(account), tuple(live))


def references_of(account: PortalAccount) -> tuple[str, ...]:
    return tuple(account.identities.order_by("pk").values_list("reference", flat=True))


def of_principal(principal: int) -> PortalAccount | None:
    """None for one that was closed."""
    return (
        PortalAccount.objects.select_related("principal").filter(principal=principal, is_active=True).first()
    )


def principal_of(reference: str) -> int | None:
    row = PortalIdentity.objects.select_related("account").filter(reference=reference).first()
    return row.account.principal_id if row else None


def actor_of(account: PortalAccount, own: Iterable[int], shared: Iterable[tuple[int, str]]) -> Actor:
    """own: rids of the Patients who she is. shared: (rid of Patient, share) of those she helps. A helper never has a
    record whole: what is sensitive stays with the person."""
    return Actor(
        principal=account.principal_id,
        kind="person",
        name=account.principal.name,
        shares=frozenset({*((rid, "all") for rid in own), *shared}),
    )


def sign_out_everywhere(reference: str, now: datetime, why: str) -> int:
    """Ends every session of whoever this is, and all that apps were granted. How many sessions ended."""
    principal = principal_of(reference)
    return sessions.void(principal, now, why) if principal is not None else 0


def close(account: PortalAccount, now: datetime) -> None:
    account.is_active = False
    account.save(update_fields=["is_active"])
    family_codes.end_codes(account, now)
    sessions.void(account.principal_id, now, "account closed")


def open_again(account: PortalAccount) -> None:
    account.is_active = True
    account.save(update_fields=["is_active"])
