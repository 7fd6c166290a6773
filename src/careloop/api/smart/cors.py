"""Which pages of others may call from a browser: those of approved apps, at the doors for programs, without cookies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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


class AppOrigins:
    """Asked anew each time, so that a suspended app's pages are strangers with their next call. Never with credentials:
    no cookie of ours goes along, and none would be looked at."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = request.headers.get("Origin", "")
        if not _is_door(request.path_info):
            return self.get_response(request)
        if not origin or origin not in smart_apps.origins():
            response = self.get_response(request)
            response.headers.setdefault("Vary", "Origin")
            return response
        asks_first = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = HttpResponse(status=204) if asks_first else self.get_response(request)
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
