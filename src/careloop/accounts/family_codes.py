"""One-time codes for patients and families: eight digits to a private contact, or sixteen letters on paper.

A code is kept as a keyed hash, works once, and dies after a few wrong tries. Whoever asks for one hears the same words
and causes the same work, known or not. Failures are counted in the database, for all processes (accounts/attempts.py).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F
from django.utils.crypto import salted_hmac

from careloop.accounts import attempts
from careloop.accounts.family_models import FamilyCode, PortalAccount, PortalContact
from careloop.accounts.sign_in_models import SignedIn
from careloop.kernel.errors import CareError

SENT_FOR: Final = timedelta(minutes=10)
PAPER_FOR: Final = timedelta(days=7)
MOST_TRIES: Final = 5
# More than so many codes in an hour to one contact, and no more are made: nobody's phone is rung all night.
MOST_AN_HOUR: Final = 5
# Without letters and digits that look alike; 31 of them, so that sixteen are 79 bits.
LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
PAPER_LENGTH: Final = 16


class BadContact(CareError):
    """Type a phone number with its area code, or an e-mail address."""

    code, status, issue_type = "bad-contact", 422, "value"


class TooManyTries(CareError):
    """Too many tries. Please wait, then try again."""

    code, status, issue_type = "too-many-tries", 429, "throttled"


@dataclass(frozen=True, repr=False)
class Where:
    """kind: sms or mail. value: as it is sent to."""

    kind: str
    value: str

    @property
    def digest(self) -> str:
        return sha256(self.value.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Where({self.kind})"


@dataclass(frozen=True, repr=False)
class Asked:
    """row: of the FamilyCode, 0 where it was asked for too often. code: what whoever has the contact is to get."""

    row: int
    code: str

    def __repr__(self) -> str:
        return "Asked(…)"


def where(typed: str) -> Where:
    """Raises BadContact."""
    text = typed.strip()
    if "@" in text:
        try:
            validate_email(text)
        except ValidationError as error:
            raise BadContact from error
        return Where("mail", text.lower()[:254])
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException as error:
        raise BadContact from error
    if not phonenumbers.is_possible_number(number):
        raise BadContact
    return Where("sms", str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)))


def slot(to: Where, device: str) -> str:
    """What codes are kept and counted by: the contact; on a device whose account signed in there before, contact and
    device together, so that nobody who merely knows her phone uses up her codes and tries. device: its hash, or ""."""
    mine = PortalContact.objects.filter(digest=to.digest, ended_at=None).values("account__principal")
    if device and SignedIn.objects.filter(device_hash=device, principal__in=mine).exists():
        return sha256(f"{to.digest}:{device}".encode()).hexdigest()
    return to.digest


def ask(to: Where, now: datetime, kept_by: str = "") -> Asked:
    """A code for whoever has this private contact. For an unknown one all is the same, to the statement; whether it is
    to be sent is found out later (to_send), when nobody waits for the answer. kept_by: its slot."""
    key = kept_by or to.digest
    contact = (
        PortalContact.objects.select_related("account__principal")
        .filter(digest=to.digest, ended_at=None, account__is_active=True)
        .first()
    )
    code = f"{secrets.randbelow(10**8):08d}"
    lately = FamilyCode.objects.filter(contact=key, made_at__gt=now - timedelta(hours=1)).count()
    if lately >= MOST_AN_HOUR:
        return Asked(0, code)  # the last one sent still works
    FamilyCode.objects.filter(contact=key, used_at=None).update(used_at=now)  # the newest alone works
    made = FamilyCode.objects.create(
        account=contact.account if contact else None,
        kind="sent",
        contact=key,
        code_hash=_hash(code),
        made_at=now,
        until=now + SENT_FOR,
    )
    return Asked(made.pk, code)


def to_send(row: int, to: Where) -> PortalContact | None:
    """Where this code goes, as it stands now; None for an unknown contact, one that has ended, or an account that was
    closed."""
    code = FamilyCode.objects.filter(pk=row, used_at=None).exclude(account=None).first()
    if code is None:
        return None
    return (
        PortalContact.objects.select_related("account__principal")
        .filter(digest=to.digest, ended_at=None, account=code.account_id, account__is_active=True)
        .first()
    )


def take_sent(contact: str, typed: str, now: datetime) -> PortalAccount | None:
    """contact: the slot it was asked for. Whose code this is, once; None for every other reason, which counts as
    a failure. Raises TooManyTries."""
    newest = FamilyCode.objects.filter(kind="sent", contact=contact).order_by("-made_at", "-pk").first()
    return _take(newest, _digits(typed), _key(contact, ""), now)


def paper_of(typed: str) -> FamilyCode | None:
    """The paper with this code, whatever became of it: its birth date has to be looked up before it is taken."""
    return (
        FamilyCode.objects.select_related("account__principal")
        .filter(kind="paper", code_hash=_hash(_letters(typed)))
        .first()
    )


def take_paper(
    paper: FamilyCode | None, typed: str, is_birth_date: bool, now: datetime
) -> PortalAccount | None:
    """The code and the birth date together, once. A wrong birth date is a failure like a wrong code, and the paper
    dies after a few. is_birth_date: whether the second answer was right. Raises TooManyTries."""
    return _take(paper, _letters(typed), _key(None, typed), now, is_second_right=is_birth_date)


def issue_paper(account: PortalAccount, by: int, how: str, now: datetime) -> str:
    """A code to hand over on paper, shown this once: `ABCD-EFGH-JKMN-PQRS`. Earlier papers of hers no longer work."""
    code = "".join(secrets.choice(LETTERS) for _ in range(PAPER_LENGTH))
    FamilyCode.objects.filter(account=account, kind="paper", used_at=None).update(used_at=now)
    FamilyCode.objects.create(
        account=account,
        kind="paper",
        code_hash=_hash(code),
        made_by=by,
        handed_how=how[:200],
        made_at=now,
        until=now + PAPER_FOR,
    )
    return "-".join(code[i : i + 4] for i in range(0, PAPER_LENGTH, 4))


def end_codes(account: PortalAccount, now: datetime) -> None:
    """None of hers works any more."""
    FamilyCode.objects.filter(account=account, used_at=None).update(used_at=now)


def _take(
    row: FamilyCode | None, code: str, key: str, now: datetime, *, is_second_right: bool = True
) -> PortalAccount | None:
    """A try is counted before anything is compared, in one statement each: 32 that try at once are 32 tries, and one
    that gets in."""
    count(key, now)
    rows = FamilyCode.objects.filter(pk=row.pk if row else 0, used_at=None, until__gt=now)
    counted = rows.filter(tries__lt=MOST_TRIES).update(tries=F("tries") + 1)
    is_right = secrets.compare_digest(row.code_hash if row else _hash("nobody"), _hash(code))
    if counted and is_right and is_second_right and row and row.account_id and rows.update(used_at=now):
        account = PortalAccount.objects.select_related("principal").get(pk=row.account_id)
        if account.is_active:
            attempts.forget(key)
            return account
    return None


def count(who: str, now: datetime, limit: attempts.Limit = attempts.ACCOUNT) -> None:
    """Takes a try before anything is compared. Raises TooManyTries, which carries `seconds`."""
    if wait := attempts.take(who, now, limit):
        raise TooManyTries(seconds=wait)


def _key(contact: str | None, code: str) -> str:
    """By which tries are counted: the contact, or the paper."""
    return f"family-code:{contact or _hash(_letters(code))}"


def _hash(code: str) -> str:
    return salted_hmac("careloop.portal.code", code, algorithm="sha256").hexdigest()


def _digits(typed: str) -> str:
    return "".join(each for each in typed if each.isdecimal() and each.isascii())


def _letters(typed: str) -> str:
    """As somebody types it from paper: small letters, blanks and dashes are all the same. What looks alike is not among
    the letters."""
    return "".join(each for each in typed.upper() if each in LETTERS)
