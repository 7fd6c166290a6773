"""Which pages of others may call from a browser: those of approved apps, at the doors for programs, without cookies."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse

from careloop.accounts import smart_apps

GetResponse = Callable[[HttpRequest], HttpResponse]
_DOORS: Final = (
    "/fhir/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/jwks",
    "/oauth/style.json",
    "/.well-known/openid-configuration",
)
_METHODS: Final = "GET, HEAD, POST, PUT"
_MAY_SEND: Final = "Authorization, Content-Type, Accept, If-Match, If-None-Match, If-None-Exist, Prefer"
_MAY_READ: Final = (
    "ETag, Last-Modified, Location, Content-Location, Retry-After, X-Request-Id, WWW-Authenticate"
)
_REFUSALS: Final = frozenset({429, 503})


class AppOrigins:
    """Asked anew for each answer, so that a suspended app's pages are strangers with their next call. Never with
    credentials: no cookie of ours goes along, and none would be looked at.

    Stands before what sends away (server.room), for a program has to read how long to wait. Such a refusal holds
    nothing about anybody, so what was known last is enough for it, and a flood or a lost database asks nothing."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._known: frozenset[str] = frozenset()
        self._asked = float("-inf")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_door(request.path_info):
            return self.get_response(request)
        origin = request.headers.get("Origin", "")
        asks_first = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if origin and asks_first and origin in self._origins():
            return _opened(HttpResponse(status=204), origin, asks_first=True)
        response = self.get_response(request)
        is_refused = response.status_code in _REFUSALS
        if origin and origin in self._origins(seconds=60.0 if is_refused else 0.0):
            return _opened(response, origin)
        response.headers.setdefault("Vary", "Origin")
        return response

    def _origins(self, seconds: float = 0.0) -> frozenset[str]:
        """Not older than so many seconds; what was known last where the database does not answer."""
        now = time.monotonic()
        if now - self._asked > seconds:
            try:
                self._known, self._asked = smart_apps.origins(), now
            except DatabaseError:
                return self._known
        return self._known


def _opened(response: HttpResponse, origin: str, *, asks_first: bool = False) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = origin
    response["Vary"] = "Origin"
    if asks_first:
        response["Access-Control-Allow-Methods"] = _METHODS
        response["Access-Control-Allow-Headers"] = _MAY_SEND
        response["Access-Control-Max-Age"] = "300"
    else:
        response["Access-Control-Expose-Headers"] = _MAY_READ
    return response


def _is_door(path: str) -> bool:
    return path == "/fhir" or path.startswith(_DOORS)
