"""Who the user of an app is: the identity token (OpenID Connect, with SMART's fhirUser)."""

from __future__ import annotations

from hashlib import sha256

from authlib.oauth2.rfc6749 import InvalidGrantError
from django.conf import settings

from careloop.access.smart_scope import read_scopes
from careloop.accounts.smart_models import Authorization
from careloop.actions.acting import fhir_user_of
from careloop.api.smart import signing
from careloop.api.smart.asked import Asked

ID_TOKEN_SECONDS = 300


def token(asked: Asked, authorization: Authorization, nonce: str) -> str:
    """Raises InvalidGrantError when the account has gone since."""
    grant = authorization.grant
    said: dict[str, object] = {
        "iss": asked.issuer,
        "sub": subject(grant.principal),
        "aud": grant.app.client_id,
        "auth_time": int(authorization.signed_in_at.timestamp()),
    }
    if nonce:
        said["nonce"] = nonce
    if "fhirUser" in read_scopes(authorization.scopes).special:
        who = fhir_user_of(grant.principal)
        if not who:
            raise InvalidGrantError("This account has no fhirUser.")
        said["fhirUser"] = f"{asked.base}/{who}"
    return signing.sign(said, asked.now, ID_TOKEN_SECONDS)


def subject(principal: int) -> str:
    """The same for ever, and nothing that says how many accounts there are."""
    return sha256(f"{settings.SECRET_KEY}|subject|{principal}".encode()).hexdigest()[:40]
