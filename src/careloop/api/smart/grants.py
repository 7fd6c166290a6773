"""The three ways to a token: a code, a refresh token, or a backend service's own assertion."""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, grants
from authlib.oauth2.rfc7636 import CodeChallenge

from careloop.access.smart_scope import BadScope, read_allowed, read_scopes, within
from careloop.accounts import smart_tokens
from careloop.accounts.smart_authorize import plain
from careloop.accounts.smart_models import App, Authorization, AuthorizationCode, RefreshToken
from careloop.api.smart import identity
from careloop.api.smart.asked import Asked
from careloop.api.smart.assertions import Assertion
from careloop.api.smart.server import Client

BY_KEYS: Final = [Assertion.CLIENT_AUTH_METHOD]
WITH_PROOF: Final = ["client_secret_basic", "client_secret_post", *BY_KEYS]
ANY_WAY: Final = [*WITH_PROOF, "none"]
S256: Final = ["S256"]
_Response = tuple[int, dict[str, Any], list[tuple[str, str]]]


class _Code:
    """The code's row as Authlib asks about it."""

    code_challenge_method = "S256"

    def __init__(self, row: AuthorizationCode) -> None:
        self.row = row
        self.code_challenge = row.challenge

    def get_redirect_uri(self) -> str:
        return self.row.redirect

    def get_scope(self) -> str:
        return self.row.authorization.scopes


class ByCode(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_WAY
    request: Asked

    def query_authorization_code(self, code: str, client: Client) -> _Code | None:
        row = smart_tokens.redeem(code, client.app, self.request.now)
        return _Code(row) if row is not None else None

    def create_token_response(self) -> _Response:
        row = self.request.authorization_code.row
        authorization = row.authorization
        self.request.happened.note("token issued for a code", authorization)
        said = _answer(self.request, authorization, authorization.scopes)
        if "openid" in read_scopes(authorization.scopes).special:
            said["id_token"] = identity.token(self.request, authorization, row.nonce)
        return 200, said, self.TOKEN_RESPONSE_HEADER


class StrictChallenge(CodeChallenge):
    """S256 alone; each code was bound to one, so that a verifier is always due."""

    SUPPORTED_CODE_CHALLENGE_METHOD = S256


class _Refresh:
    """The refresh token's row as Authlib asks about it."""

    def __init__(self, row: RefreshToken) -> None:
        self.row = row

    def check_client(self, client: Client) -> bool:
        return bool(self.row.authorization.grant.app_id == client.app.pk)

    def get_scope(self) -> str:
        return self.row.authorization.scopes


class ByRefresh(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_WAY
    request: Asked

    def authenticate_refresh_token(self, refresh_token: str) -> _Refresh | None:
        row = smart_tokens.find_refresh(refresh_token, self.request.now)
        return _Refresh(row) if row is not None else None

    def _validate_token_scope(self, token: _Refresh) -> None:
        """Less than was allowed may be asked for, in any spelling."""
        if asked := self.request.form.get("scope"):
            _check_within(asked, token.get_scope())

    def create_token_response(self) -> _Response:
        row: RefreshToken = self.request.refresh_token.row
        if not smart_tokens.spend_refresh(row, self.request.now):
            raise InvalidGrantError("This refresh token was used before.")
        self.request.happened.note("token refreshed", row.authorization)
        scopes = self.request.form.get("scope") or row.authorization.scopes
        return 200, _answer(self.request, row.authorization, scopes), self.TOKEN_RESPONSE_HEADER


class ByItself(grants.ClientCredentialsGrant):
    """A backend service: only by keys (SMART Backend Services)."""

    TOKEN_ENDPOINT_AUTH_METHODS = BY_KEYS
    request: Asked

    def validate_requested_scope(self) -> None:
        app: App = self.request.client.app
        _check_within(self.request.form.get("scope", ""), app.scopes)

    def create_token_response(self) -> _Response:
        scopes = self.request.form["scope"]
        access = smart_tokens.issue_to_itself(self.request.client.app, scopes, self.request.now)
        self.request.happened.note("token issued to a backend service", None)
        return 200, {**_bearer(access), "scope": scopes}, self.TOKEN_RESPONSE_HEADER


def _check_within(asked: str, allowed: str) -> None:
    try:
        is_within = within(read_scopes(asked), read_allowed(allowed))
    except BadScope as bad:
        raise InvalidScopeError(plain(bad.sentence)) from None
    if not is_within:
        raise InvalidScopeError("It asks for more than was allowed.")


def _bearer(access: str) -> dict[str, Any]:
    return {"access_token": access, "token_type": "Bearer", "expires_in": smart_tokens.ACCESS_SECONDS}


def _answer(asked: Asked, authorization: Authorization, scopes: str) -> dict[str, Any]:
    """The token response of SMART: with the context in which the app was opened."""
    stays = read_scopes(authorization.scopes).wants_refresh
    access, refresh = smart_tokens.issue(authorization, scopes, asked.now, is_refreshed=stays)
    said: dict[str, Any] = {**_bearer(access), "scope": scopes}
    if refresh:
        said["refresh_token"] = refresh
    if patient := authorization.grant.patient:
        said |= {"patient": patient, "need_patient_banner": True}
    if authorization.encounter:
        said["encounter"] = authorization.encounter
    return {**said, "smart_style_url": f"{asked.issuer}/oauth/style.json"}
