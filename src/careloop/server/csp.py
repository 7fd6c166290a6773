"""What a browser is told about every answer of ours, whichever door it left by.

`Headers` stands before everything else, so that redirects, refusals, files and faults carry them too. A page that needs
more (the consent page of an app goes on to the app's own address) says so with django-csp's decorators; nothing may
allow inline scripts, inline styles or eval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]

# Scripts may turn text into HTML only through the one policy of static/careloop/trust.js, which refuses to turn text
# into script or into a script's address.
PAGES: Final[dict[str, list[str] | bool]] = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "manifest-src": ["'self'"],
    "worker-src": ["'self'"],
    "form-action": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "require-trusted-types-for": ["'script'"],
    "trusted-types": ["default"],
}
# For what is no page: should a browser take it for one, it may do nothing and be framed by nobody.
NOTHING: Final = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

_CLOSED: Final = (
    *(
        "accelerometer",
        "autoplay",
        "bluetooth",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
    ),
    *(
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    ),
)
PERMISSIONS: Final = ", ".join(
    [
        *(f"{name}=()" for name in _CLOSED),
        "publickey-credentials-get=(self)",
        "publickey-credentials-create=(self)",
    ]
)
ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}


class Headers:
    """Adds what is missing and changes nothing that a view decided, but for what may never be cached by others."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", NOTHING)
        response.headers.setdefault("Cache-Control", "no-store")  # files have their own by then
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            age = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains"
            response.headers.setdefault("Strict-Transport-Security", age)
        if request.method == "POST" and request.path_info.endswith("/sign-out"):
            # The page that was open may still lie in the browser's memory of pages.
            response.headers.setdefault("Clear-Site-Data", '"cache", "storage"')
        return response
