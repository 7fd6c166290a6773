"""Single sign-on by OpenID Connect: authorization code with PKCE, state and nonce; who she is comes from the provider,
what she may do stays ours.

An account is found by the provider's own number for her (`sub`). The first time it is linked by a verified e-mail
address of one of the provider's domains, and only to an account that is there already or was invited: nobody gets one
by having an address. Calls go out by the one way out, which server hands in.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from careloop.accounts import sealing, tickets
from careloop.accounts.addresses import plain
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Linked, Provider
from careloop.kernel.errors import CareError

LASTS: Final = timedelta(minutes=10)
# Clocks of two houses may differ by so much.
LEEWAY_SECONDS: Final = 60
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "EdDSA")

# (method, address, headers, body, now) -> (status, body). Raises a CareError when nothing came back.
Fetch = Callable[[str, str, Mapping[str, str], bytes, datetime], tuple[int, bytes]]


class NotSignedOn(CareError):
    """Single sign-on did not work. Try again, or sign in with your password."""

    code, status, issue_type = "not-signed-on", 422, "login"


@dataclass(frozen=True)
class Place:
    """What the provider says about itself."""

    authorization: str
    token: str
    keys: str


@dataclass(frozen=True, repr=False)
class Begun:
    """address: where her browser goes. kept: stays in her session until she comes back."""

    address: str
    kept: dict[str, Any]


@dataclass(frozen=True, repr=False)
class Known:
    """subject: the provider's own number. email: in lower case, empty unless it was verified and plain."""

    subject: str
    email: str


def discover(provider: Provider, fetch: Fetch, now: datetime) -> Place:
    """Raises NotSignedOn, and what fetch raises."""
    said = _json(fetch, "GET", provider.issuer.rstrip("/") + "/.well-known/openid-configuration", now)
    if said.get("issuer") != provider.issuer:
        raise NotSignedOn
    found = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    scheme = provider.issuer.partition("://")[0]
    if not all(isinstance(each, str) and each.startswith((f"{scheme}://", "https://")) for each in found):
        raise NotSignedOn
    return Place(*map(str, found))


def begin(provider: Provider, back: str, onward: str, fetch: Fetch, now: datetime) -> Begun:
    """back: our own address that the provider sends her to, registered there exactly so."""
    place = discover(provider, fetch, now)
    verifier = secrets.token_urlsafe(48)
    kept = {
        "provider": provider.name,
        "state": secrets.token_urlsafe(32),
        "nonce": secrets.token_urlsafe(32),
        "verifier": verifier,
        "back": back,
        "onward": onward,
        "until": (now + LASTS).timestamp(),
    }
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": "openid email profile",
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in place.authorization else "?"
    return Begun(f"{place.authorization}{joint}{urlencode(asked)}", kept)


def finish(
    provider: Provider, kept: Mapping[str, Any], said: Mapping[str, str], fetch: Fetch, now: datetime
) -> Known:
    """said: what stands behind the address she came back to. Raises NotSignedOn, the same for every reason."""
    is_late = now > datetime.fromtimestamp(float(kept["until"]), UTC)
    if is_late or kept["provider"] != provider.name or "error" in said:
        raise NotSignedOn
    if not constant_time_compare(said.get("state", ""), kept["state"]) or not said.get("code"):
        raise NotSignedOn
    if said.get("iss", provider.issuer) != provider.issuer:  # RFC 9207: another provider's answer
        raise NotSignedOn
    if not tickets.spend(kept["state"], now + LASTS):
        raise NotSignedOn
    place = discover(provider, fetch, now)
    answer = _exchange(provider, place, said["code"], kept, fetch, now)
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise NotSignedOn
    claims = _checked(provider, token, _json(fetch, "GET", place.keys, now), now)
    if not constant_time_compare(str(claims.get("nonce", "")), kept["nonce"]):
        raise NotSignedOn
    is_verified = claims.get("email_verified") in (True, "true")
    email = plain(str(claims.get("email", ""))) if is_verified else None
    return Known(str(claims["sub"]), email or "")


def _exchange(
    provider: Provider, place: Place, code: str, kept: Mapping[str, Any], fetch: Fetch, now: datetime
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": kept["back"],
        "client_id": provider.client_id,
        "code_verifier": kept["verifier"],
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if provider.sealed_secret:
        secret = sealing.unseal(provider.sealed_secret)
        pair = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}".encode()
        headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
    return _json(fetch, "POST", place.token, now, headers, urlencode(form).encode())


def _checked(provider: Provider, token: str, keys: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The claims of a token that this provider signed for us, now."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]  # JSON
        registry.validate(read.claims)
    except (JoseError, ValueError, TypeError, KeyError) as wrong:
        raise NotSignedOn from wrong
    audience = read.claims["aud"]
    others = isinstance(audience, list) and len(audience) > 1
    if (others or "azp" in read.claims) and read.claims.get("azp") != provider.client_id:
        raise NotSignedOn
    return dict(read.claims)


def _json(
    fetch: Fetch,
    method: str,
    address: str,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> dict[str, Any]:
    status, said = fetch(method, address, headers or {"Accept": "application/json"}, body, now)
    if status != 200:
        raise NotSignedOn
    try:
        found = json.loads(said)
    except ValueError as odd:
        raise NotSignedOn from odd
    if not isinstance(found, dict):
        raise NotSignedOn
    return found


def account_of(provider: Provider, known: Known, now: datetime) -> User | None:
    """Whose account it is; None for nobody we know, or a disabled one. The first time it is linked; an open invitation
    is taken up by it."""
    linked = Linked.objects.filter(provider=provider, subject=known.subject).first()
    if linked is not None:
        return User.objects.filter(principal=linked.principal_id, is_active=True).first()
    domain = known.email.rpartition("@")[2]
    if not domain or domain not in provider.domains:
        return None
    user = User.objects.called(known.email)
    if user is None or not (user.is_active or _takes_invitation(user, now)):
        return None
    if Linked.objects.filter(provider=provider, principal=user.principal_id).exists():
        return None  # somebody else at the provider now has her old address
    try:
        with transaction.atomic():
            Linked.objects.create(
                provider=provider, subject=known.subject, principal_id=user.principal_id, linked_at=now
            )
    except IntegrityError:
        return None
    return user


def _takes_invitation(user: User, now: datetime) -> bool:
    if not tickets.open_for(tickets.INVITE, [user.principal_id], now):
        return False
    tickets.void(tickets.INVITE, user.principal_id, now)
    return bool(User.objects.filter(pk=user.pk, is_active=False).update(is_active=True))
