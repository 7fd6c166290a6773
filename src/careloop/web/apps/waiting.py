"""An app's question waits while somebody signs in at the family's door: in a signed cookie of ten minutes, for the
session of before ends there. The staff's door carries it in the address."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_NAME: Final = "app-asked"
_SALT: Final = "smart-waiting"
_SECONDS: Final = 600
_MOST: Final = 3_000  # a browser keeps 4 KB


def keep(response: HttpResponse, address: str) -> HttpResponse:
    if len(address) <= _MOST:
        response.set_signed_cookie(
            *(_NAME, address, _SALT),
            max_age=_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


def onward(request: HttpRequest) -> str:
    """The address that waits; empty for none."""
    found = request.get_signed_cookie(_NAME, default="", salt=_SALT, max_age=_SECONDS)
    return found if found and found.startswith("/oauth/authorize?") else ""


def done(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(_NAME, samesite="Lax")
    return response
