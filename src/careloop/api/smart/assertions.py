"""`private_key_jwt` (RFC 7523, SMART 2.2): an app proves who it is by an assertion it signed, RS384 or ES384.

At most five minutes long, for our token address alone, used once. The key is one of those it registered, by value or at
an address that is fetched through the one way out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from careloop.access import Scope, system_actor
from careloop.accounts import smart_tokens
from careloop.accounts.smart_apps import BadApp, public_keys
from careloop.accounts.smart_models import App
from careloop.api.smart.asked import Asked
from careloop.kernel.errors import CareError

ALGORITHMS: Final = {"RS384": RSAKey, "ES384": ECKey}
LONGEST: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=60)  # between two clocks
KEYS_LAST: Final = timedelta(minutes=5)
ASKED_AGAIN_AFTER: Final = timedelta(seconds=10)  # for a key that is not among those known
_MOST_CHARACTERS: Final = 16_000
_MOST_JTI: Final = 256

Fetch = Callable[[Scope, str, datetime], bytes]


def _no_fetch(scope: Scope, url: str, now: datetime) -> bytes:
    raise BadApp("Nothing here may call out; server/wiring.py names what does.")


@dataclass
class Keys:
    """Of apps whose JWKS is at an address. fetch: set by the server when it starts."""

    fetch: Fetch = _no_fetch

    def __post_init__(self) -> None:
        self._known: dict[str, tuple[KeySet, datetime]] = {}

    def forget(self) -> None:
        self._known.clear()

    def key(self, app: App, kid: str, now: datetime) -> RSAKey | ECKey | None:
        """Raises BadApp, or what the way out raises."""
        if not app.keys_url:
            return _with(public_keys(app.keys), kid)
        kept, at = self._known.get(app.keys_url, (None, now))
        if kept is not None and now - at < KEYS_LAST:
            found = _with(kept, kid)
            if found is not None or now - at < ASKED_AGAIN_AFTER:
                return found
        scope = Scope(system_actor("accounts"), "fhir", "operations")
        try:
            said = json.loads(self.fetch(scope, app.keys_url, now))
        except (ValueError, RecursionError):
            raise BadApp("What is at the address of its keys is no JSON.") from None
        kept = public_keys(said)
        self._known[app.keys_url] = (kept, now)
        return _with(kept, kid)


keys = Keys()


def _with(found: KeySet, kid: str) -> RSAKey | ECKey | None:
    for key in found.keys:
        if key.kid == kid and isinstance(key, RSAKey | ECKey):
            return key
    return None


@dataclass(frozen=True)
class Said:
    """An assertion, not yet believed."""

    header: dict[str, Any]
    claims: dict[str, Any]


class Assertion(JWTBearerClientAssertion):
    """Authlib asks here first; None: this request brings no assertion."""

    def __call__(self, query_client: Callable[[str], ClientMixin | None], request: Asked) -> Any:
        form = request.form
        kind, text = form.get("client_assertion_type"), form.get("client_assertion")
        if not kind and not text:
            return None
        if kind != self.CLIENT_ASSERTION_TYPE or not text or len(text) > _MOST_CHARACTERS:
            raise InvalidClientError(description="The client assertion is of no known type.")
        header, claims = self.extract_assertion(text)
        said = Said(header, claims)
        client = _client(said, query_client, form.get("client_id"))
        key = _key(client.app, said, request.now)
        try:
            jwt.decode(text, key, algorithms=[str(said.header["alg"])])
        except (JoseError, ValueError):
            raise InvalidClientError(description="The signature of the assertion is wrong.") from None
        _check_claims(client.app, said.claims, request.audience, request.now)
        request.client = client
        return self.authenticate_client(client)


def _client(said: Said, query_client: Callable[[str], Any], named: str | None) -> Any:
    id = said.claims.get("sub")
    if not isinstance(id, str) or said.claims.get("iss") != id or (named and named != id):
        raise InvalidClientError(description="iss and sub both have to be the client_id.")
    client = query_client(id)
    if client is None or client.app.way != App.Way.KEYS:
        raise InvalidClientError(description="There is no such client that proves itself by keys.")
    return client


def _key(app: App, said: Said, now: datetime) -> RSAKey | ECKey:
    algorithm, kid, jku = said.header.get("alg"), said.header.get("kid"), said.header.get("jku")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or said.header.get("crit"):
        raise InvalidClientError(description="The assertion has to be signed by RS384 or ES384.")
    if str(said.header.get("typ", "")).upper() != "JWT" or not isinstance(kid, str):
        raise InvalidClientError(description="The assertion's header needs typ JWT and a kid.")
    if jku is not None and jku != app.keys_url:
        raise InvalidClientError(description="The jku is not the address registered for this client.")
    try:
        key = keys.key(app, kid, now)
    except CareError:
        raise InvalidClientError(description="The keys of this client can't be read just now.") from None
    if not isinstance(key, ALGORITHMS[algorithm]):
        raise InvalidClientError(description="No key of this client fits.")
    return key


def _check_claims(app: App, claims: dict[str, Any], audience: str, now: datetime) -> None:
    """Once the signature is good. Raises InvalidClientError."""
    audiences = claims.get("aud")
    if (audiences if isinstance(audiences, list) else [audiences]) != [audience]:
        raise InvalidClientError(description="aud has to be the address of the token endpoint.")
    expires = _moment(claims.get("exp"))
    if expires is None or expires <= now - LEEWAY:
        raise InvalidClientError(description="The assertion has expired.")
    if expires > now + LONGEST + LEEWAY:
        raise InvalidClientError(description="The assertion lasts longer than five minutes.")
    for name in ("iat", "nbf"):
        if name in claims and (began := _moment(claims[name])) is not None and began > now + LEEWAY:
            raise InvalidClientError(description="The assertion is from the future.")
        if name in claims and _moment(claims[name]) is None:
            raise InvalidClientError(description=f"{name} has to be a number.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= _MOST_JTI:
        raise InvalidClientError(description="The assertion needs a jti.")
    if not smart_tokens.is_new_assertion(app, jti, expires + LEEWAY):
        raise InvalidClientError(description="The jti was used before.")


def _moment(said: Any) -> datetime | None:
    if not isinstance(said, int | float) or isinstance(said, bool) or not 0 < said < 1e11:
        return None
    return datetime.fromtimestamp(said, UTC)
