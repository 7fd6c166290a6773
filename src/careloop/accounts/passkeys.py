"""Passkeys (WebAuthn), for staff, partners, patients and families alike: they belong to a principal.

The challenge is signed by us and carries what it is for, so nothing is kept until it comes back; then it is spent,
in all processes. A passkey must verify its owner (finger, face, PIN): so it is two factors at once.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from django.core import signing
from django.db.models import Q
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from careloop.accounts import tickets
from careloop.accounts.sign_in_models import Passkey
from careloop.kernel.errors import CareError

LASTS: Final = timedelta(minutes=5)
MOST_BYTES: Final = 20_000
_SALT: Final = "careloop.passkey"
_BROKEN: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError)


class NotThisPasskey(CareError):
    """This passkey did not work here. Try again, or use another way."""

    code, status, issue_type = "not-this-passkey", 422, "login"


@dataclass(frozen=True)
class Place:
    """Where the browser is: scheme and host with port, `https://care.example.org`. A passkey made at one place is
    good for nothing at another, so it can't be phished."""

    origin: str

    @property
    def host(self) -> str:
        return self.origin.partition("://")[2].partition(":")[0]

    def server(self) -> Fido2Server:
        rp = PublicKeyCredentialRpEntity(id=self.host, name="Careloop")
        none = AttestationConveyancePreference.NONE
        return Fido2Server(rp, attestation=none, verify_origin=lambda said: said == self.origin)


@dataclass(frozen=True)
class Asked:
    """options: JSON for the browser's script. token: comes back with its answer."""

    options: str
    token: str


def ask_to_make(place: Place, principal: int, account: str, name: str, now: datetime) -> Asked:
    """account: what the device shows in its list of passkeys, mostly the e-mail address."""
    known = list(Passkey.objects.filter(principal=principal))
    handle = known[0].handle if known else websafe_encode(secrets.token_bytes(32))
    token = _token("make", principal, now, handle)
    user = PublicKeyCredentialUserEntity(id=websafe_decode(handle), name=account, display_name=name)
    options, _ = place.server().register_begin(
        user,
        [AttestedCredentialData(bytes(each.public)) for each in known],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=_challenge(token),
    )
    return Asked(json.dumps(dict(options)["publicKey"]), token)


def make(place: Place, principal: int, token: str, answer: str, name: str, now: datetime) -> Passkey:
    """Keeps a new passkey. Raises NotThisPasskey."""
    said = _read_token(token, "make", principal, now)
    try:
        response = RegistrationResponse.from_dict(_read(answer))
        made = place.server().register_complete(_state(token), response)
    except _BROKEN as wrong:
        raise NotThisPasskey from wrong
    if made.credential_data is None or not tickets.spend(token, now + LASTS):
        raise NotThisPasskey
    row, is_new = Passkey.objects.get_or_create(
        credential=websafe_encode(made.credential_data.credential_id),
        defaults={
            "principal_id": principal,
            "name": name[:60],
            "public": bytes(made.credential_data),
            "handle": said["handle"],
            "sign_count": made.counter,
            "added_at": now,
        },
    )
    if not is_new:
        raise NotThisPasskey
    return row


def ask_to_sign_in(place: Place, now: datetime, principal: int | None = None) -> Asked:
    """principal: whose passkeys will do, for a second step; None: any that the device knows for us."""
    token = _token("show", principal or 0, now)
    known = Passkey.objects.filter(principal=principal) if principal else []
    options, _ = place.server().authenticate_begin(
        [AttestedCredentialData(bytes(each.public)) for each in known] or None,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=_challenge(token),
    )
    return Asked(json.dumps(dict(options)["publicKey"]), token)


def check(place: Place, token: str, answer: str, now: datetime, principal: int | None = None) -> int:
    """Whose passkey it is. Raises NotThisPasskey, the same for every reason."""
    _read_token(token, "show", principal or 0, now)
    try:
        response = AuthenticationResponse.from_dict(_read(answer))
        row = Passkey.objects.filter(credential=websafe_encode(response.raw_id)).first()
        if row is None or (principal and row.principal_id != principal):
            raise NotThisPasskey
        handle = response.response.user_handle
        if handle is not None and handle != websafe_decode(row.handle):
            raise NotThisPasskey
        known = [AttestedCredentialData(bytes(row.public))]
        place.server().authenticate_complete(_state(token), known, response)
        count = response.response.authenticator_data.counter
    except _BROKEN as wrong:
        raise NotThisPasskey from wrong
    if not tickets.spend(token, now + LASTS) or not _counts_on(row, count, now):
        raise NotThisPasskey
    return row.principal_id


def _counts_on(row: Passkey, count: int, now: datetime) -> bool:
    """A count that does not grow says that the key was copied; most passkeys do not count, and stay at 0."""
    rows = Passkey.objects.filter(pk=row.pk).filter(Q(sign_count__lt=count) | Q(sign_count=0))
    return bool(rows.update(sign_count=count, used_at=now))


def _token(purpose: str, principal: int, now: datetime, handle: str = "") -> str:
    """Carries what it is for; its hash is the challenge. The nonce makes each one different."""
    said = {
        "for": purpose,
        "who": principal,
        "handle": handle,
        "at": int(now.timestamp()),
        "nonce": secrets.token_urlsafe(24),
    }
    return signing.dumps(said, salt=_SALT)


def _read_token(token: str, purpose: str, principal: int, now: datetime) -> dict[str, Any]:
    try:
        said: dict[str, Any] = signing.loads(token[:2_000], salt=_SALT)
    except signing.BadSignature as wrong:
        raise NotThisPasskey from wrong
    made = datetime.fromtimestamp(said["at"], UTC)
    is_fresh = made - LASTS <= now <= made + LASTS
    if said["for"] != purpose or said["who"] != principal or not is_fresh:
        raise NotThisPasskey
    return said


def _challenge(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _state(token: str) -> dict[str, Any]:
    """As fido2 keeps it between its two steps."""
    return {
        "challenge": websafe_encode(_challenge(token)),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > MOST_BYTES:
        raise ValueError("too long")
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found
