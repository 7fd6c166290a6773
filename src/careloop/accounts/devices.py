"""Which device a session is on, in words of the list of devices, and by which cookie a browser is known again."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from careloop.accounts import tokens

YEAR_SECONDS = 365 * 86400
_SOUND = re.compile(r"[A-Za-z0-9_-]{43}\Z")

# In this order: Edge and Opera also say Chrome, Chrome also says Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def words_of(agent: str) -> str:
    """`Chrome on Windows`; `another device` for what does not say."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part) or "another device"


def cookie_name() -> str:
    return "__Host-careloop-device" if settings.SESSION_COOKIE_SECURE else "careloop-device"


def hash_of(request: HttpRequest) -> str:
    """Of the browser's own cookie, or of a new one, which `keep` puts into the answer."""
    token = request.COOKIES.get(cookie_name(), "")
    if not _SOUND.match(token):
        token = getattr(request, "new_device", "") or tokens.fresh()[0]
        request.new_device = token  # type: ignore[attr-defined]  # read by keep
    return tokens.digest(token)


def known_hash(request: HttpRequest) -> str:
    """Of the cookie it came with; empty for a browser that was never here."""
    token = request.COOKIES.get(cookie_name(), "")
    return tokens.digest(token) if _SOUND.match(token) else ""


def address_of(request: HttpRequest) -> str:
    """Where it comes from, to count failures by; empty when only our own proxy is seen. CARELOOP_PROXIES says how many
    proxies stand before us: what they add to X-Forwarded-For is believed, what a visitor wrote there is not."""
    if hops := settings.PROXIES:
        told = [
            part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()
        ]
        return told[-hops] if len(told) >= hops else ""
    address = str(request.META.get("REMOTE_ADDR", ""))
    is_a_proxy = address.startswith("127.") and "X-Forwarded-For" in request.headers
    return "" if is_a_proxy else address


def keep(request: HttpRequest, response: HttpResponse) -> None:
    if token := getattr(request, "new_device", ""):
        response.set_cookie(
            cookie_name(),
            token,
            max_age=YEAR_SECONDS,
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
            samesite="Lax",
            path="/",
        )
