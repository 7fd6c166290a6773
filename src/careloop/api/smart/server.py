"""Authlib's authorization server, with our rows behind it and the strict choices of RFC 9700.

Authlib reads the request, authenticates the client and judges PKCE; codes, tokens and their reuse are
`accounts/smart_tokens.py`. Whatever it does not refuse by itself, `asked.read_form` refuses before it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import compare_digest
from typing import Any

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from django.http import HttpResponse, JsonResponse

from careloop.accounts import tokens
from careloop.accounts.smart_models import App
from careloop.api.smart.asked import Asked
from careloop.api.smart.assertions import Assertion


class Client(ClientMixin):
    """An app as Authlib asks about it."""

    def __init__(self, app: App) -> None:
        self.app = app

    def get_client_id(self) -> str:
        return self.app.client_id

    def check_client_secret(self, client_secret: str) -> bool:
        kept = self.app.secret_hash
        return bool(kept) and compare_digest(tokens.digest(client_secret), kept)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        fitting = {
            App.Way.PUBLIC: {"none"},
            App.Way.SECRET: {"client_secret_basic", "client_secret_post"},
            App.Way.KEYS: {Assertion.CLIENT_AUTH_METHOD},
        }
        return method in fitting[App.Way(self.app.way)]

    def check_grant_type(self, grant_type: str) -> bool:
        return (grant_type == "client_credentials") == self.app.is_backend


class Server(AuthorizationServer):
    """One for the process: it keeps nothing of a request."""

    def query_client(self, client_id: str) -> Client | None:
        found = App.objects.filter(client_id=client_id).first()
        return Client(found) if found is not None and found.is_approved else None

    def create_oauth2_request(self, request: Asked) -> Asked:
        return request

    def handle_response(
        self, status: int, body: Mapping[str, Any], headers: list[tuple[str, str]]
    ) -> HttpResponse:
        response = JsonResponse(dict(body) if body else {}, status=status)
        for name, value in headers:
            response[name] = value
        return response

    def send_signal(self, name: str, *args: Any, **named: Any) -> None:
        """Nobody listens."""
