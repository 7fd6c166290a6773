"""/oauth/token, /oauth/revoke, /oauth/introspect. Whatever is granted, refused or ended is a row of the audit trail
before the answer leaves."""

from __future__ import annotations

import json
from typing import Any, Final

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from django.http import HttpRequest, HttpResponse

from careloop.access import Actor, Scope
from careloop.access.smart_scope import read_scopes
from careloop.accounts import smart_tokens, tokens
from careloop.accounts.smart_models import AccessToken, App, Authorization, RefreshToken
from careloop.actions.acting import actor_of_app, fhir_user_of
from careloop.actions.note_event import note
from careloop.api.smart.asked import Asked, read_form
from careloop.api.smart.assertions import Assertion
from careloop.api.smart.discovery import styles
from careloop.api.smart.doors import program_door
from careloop.api.smart.grants import ANY_WAY, WITH_PROOF, ByCode, ByItself, ByRefresh, StrictChallenge
from careloop.api.smart.identity import subject
from careloop.api.smart.server import Client, Server
from careloop.api.strangers import strangers
from careloop.kernel.ids import new_request_id

NOBODY: Final = Actor(principal=0, kind="client", name="nobody")
_Response = tuple[int, dict[str, Any], list[tuple[str, str]]]


class Revocation(RevocationEndpoint):
    """RFC 7009. A hint that is wrong or unknown is only a hint."""

    CLIENT_AUTH_METHODS = ANY_WAY

    def check_params(self, request: Asked, client: Client) -> None:
        if not request.form.get("token"):
            raise InvalidRequestError("Say which token.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> str:
        return token_string

    def authenticate_token(self, request: Asked, client: Client) -> None:
        self.check_params(request, client)
        ended = smart_tokens.revoke(request.form["token"], client.app, request.now)
        request.happened.note("token revoked" if ended else "token to revoke unknown", ended)


class Introspection(IntrospectionEndpoint):
    """RFC 7662, for clients that prove who they are, about their own tokens."""

    CLIENT_AUTH_METHODS = WITH_PROOF

    def create_endpoint_response(self, request: OAuth2Request) -> _Response:
        assert isinstance(request, Asked)
        client: Client = self.authenticate_endpoint_client(request)
        if not request.form.get("token"):
            raise InvalidRequestError("Say which token.")
        said = _about(request, request.form["token"], client.app)
        request.happened.what = "token introspected"
        return 200, said or {"active": False}, default_json_headers


def _about(asked: Asked, token: str, app: App) -> dict[str, Any] | None:
    access = smart_tokens.look(token, asked.now)
    if access is not None:
        return _said(asked, access, access.authorization, access.scopes) if access.app_id == app.pk else None
    if not token.startswith(smart_tokens.REFRESH):
        return None
    found = (
        RefreshToken.objects.select_related("authorization__grant__app")
        .filter(hash=tokens.digest(token), used=None, authorization__grant__app=app)
        .first()
    )
    if found is None or not smart_tokens.is_live(found.authorization, asked.now):
        return None
    return _said(asked, found, found.authorization, found.authorization.scopes)


def _said(
    asked: Asked, row: AccessToken | RefreshToken, authorization: Authorization | None, scopes: str
) -> dict[str, Any]:
    said: dict[str, Any] = {
        "active": True,
        "scope": scopes,
        "iat": int(row.made.timestamp()),
        "exp": int(row.until.timestamp()),
        "iss": asked.issuer,
        "aud": asked.base,
    }
    if authorization is None:
        return {**said, "client_id": asked.client.app.client_id, "sub": asked.client.app.client_id}
    grant = authorization.grant
    said |= {"client_id": grant.app.client_id, "sub": subject(grant.principal)}
    if grant.patient:
        said["patient"] = grant.patient
    if authorization.encounter:
        said["encounter"] = authorization.encounter
    if "fhirUser" in read_scopes(authorization.scopes).special and (who := fhir_user_of(grant.principal)):
        said["fhirUser"] = f"{asked.base}/{who}"
    return said


def _server() -> Server:
    made = Server()
    made.register_client_auth_method(Assertion.CLIENT_AUTH_METHOD, Assertion())
    made.register_grant(ByCode, [StrictChallenge(required=True)])
    made.register_grant(ByRefresh)
    made.register_grant(ByItself)
    made.register_endpoint(Revocation)
    made.register_endpoint(Introspection)
    return made


server: Final = _server()


@program_door("takes a code, a refresh token or an assertion of an approved app", ("POST",))
def token(request: HttpRequest) -> HttpResponse:
    return _judged(request, "token")


@program_door("takes a token from the approved app that holds it", ("POST",))
def revoke(request: HttpRequest) -> HttpResponse:
    return _judged(request, "revocation")


@program_door("tells an approved app about its own token", ("POST",))
def introspect(request: HttpRequest) -> HttpResponse:
    return _judged(request, "introspection")


@program_door("tells colors and a font, to everybody")
def style(request: HttpRequest) -> HttpResponse:
    return styles(request)


def _judged(request: HttpRequest, name: str) -> HttpResponse:
    """Raises AuditUnavailable: what can't be written down is not given."""
    asked: Asked | None = None
    try:
        asked = Asked(request, read_form(request))
        if name == "token" and not asked.form.get("grant_type"):
            raise InvalidRequestError("Say the grant_type.")
        response: HttpResponse = (
            server.create_token_response(asked)
            if name == "token"
            else server.create_endpoint_response(name, asked)
        )
    except OAuth2Error as error:
        response = server.handle_error_response(asked, error)
    if response.status_code == 200:
        assert asked is not None
        _note(request, asked, f"{asked.happened.what}, app {_app_of(asked).pk}")
        return response
    return _refused(request, response, asked, name)


def _refused(request: HttpRequest, response: HttpResponse, asked: Asked | None, name: str) -> HttpResponse:
    """Raises TooMany for who tries too often from one address."""
    error = json.loads(response.content).get("error", "invalid_request")
    waiting = strangers.refused(request)
    if waiting is not None:
        raise waiting
    _note(request, asked, f"denied: {name} {error}")
    if error == "invalid_client":
        response.status_code = 401
        response["WWW-Authenticate"] = 'Basic realm="careloop"'
    return response


def _app_of(asked: Asked) -> App:
    app: App = asked.client.app
    return app


def _note(request: HttpRequest, asked: Asked | None, what: str) -> None:
    client = asked.client if asked is not None else None
    actor = actor_of_app(client.app) if client is not None else NOBODY
    number = getattr(request, "request_id", "") or new_request_id()
    people = asked.happened.people if asked is not None else set()
    note(Scope(actor, "fhir", "coordination", number), what, people, request.now)  # type: ignore[attr-defined]
