"""What the pages about second factors share: where the browser is, the QR code, the secret that is still on trial."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import qrcode  # type: ignore[import-untyped]  # it ships no types
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from careloop.accounts import devices, factors, sealing, totp
from careloop.accounts.factors import Tried
from careloop.accounts.models import User
from careloop.accounts.passkeys import Asked, Place
from careloop.web.staff.reader import now_of

ON_TRIAL: Final = "new-app"


def place_of(request: HttpRequest) -> Place:
    return Place(f"{request.scheme}://{request.get_host()}")


def asked(found: Asked) -> HttpResponse:
    """For the page's script."""
    return JsonResponse({"options": json.loads(found.options), "token": found.token})


def answer_of(request: HttpRequest) -> tuple[str, str]:
    return request.POST.get("token", ""), request.POST.get("answer", "")


def wants_options(request: HttpRequest) -> bool:
    return request.method == "GET" and request.headers.get("Accept", "") == "application/json"


def secret_on_trial(request: HttpRequest, *, fresh: bool) -> str:
    """Of the app that is being set up; sealed in the session until its first code was right."""
    kept = request.session.get(ON_TRIAL)
    if fresh or not kept:
        kept = sealing.seal(totp.new_secret())
        request.session[ON_TRIAL] = kept
    return sealing.unseal(kept)


@dataclass(frozen=True, repr=False)
class Shown:
    """groups: the secret to type by hand, four letters each."""

    square: SafeString
    groups: str


def shown(secret: str, user: User) -> Shown:
    groups = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    return Shown(_square(totp.address(secret, user.email, settings.SITE_NAME)), groups)


def _square(text: str) -> SafeString:
    """An SVG of one path; dark on light in both themes, or no phone reads it."""
    code = qrcode.QRCode(border=4)
    code.add_data(text)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    size = len(rows)
    svg = (
        f'<svg class="qr" viewBox="0 0 {size} {size}" role="img" aria-label="{gettext("QR code")}" '
        f'shape-rendering="crispEdges"><rect width="{size}" height="{size}" fill="#fff"/>'
        f'<path d="{path}" fill="#000"/></svg>'
    )
    return mark_safe(svg)  # noqa: S308  # numbers of ours and one translated word


def please_wait(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return ngettext(
        "Too many tries. Please wait %(n)d minute, then try again.",
        "Too many tries. Please wait %(n)d minutes, then try again.",
        minutes,
    ) % {"n": minutes}


def problem_of(tried: Tried) -> str:
    if tried.wait:
        return please_wait(tried.wait)
    return gettext("That code did not work. Each code works once; wait for the next one and type it.")


def name_of_device(request: HttpRequest) -> str:
    typed = request.POST.get("name", "").strip()[:60]
    return typed or devices.words_of(request.headers.get("User-Agent", ""))


def name_of_phone(request: HttpRequest) -> str:
    """The app is rarely on the device whose browser shows the page."""
    return request.POST.get("name", "").strip()[:60] or gettext("Phone")


def show_codes(request: HttpRequest, principal: int, onward: str) -> HttpResponse:
    """Recovery codes, shown this once."""
    codes = factors.new_codes(principal, now_of(request))
    return render(request, "staff/factor_codes.html", {"codes": codes, "onward": onward})
