"""A fresh second factor before what can't be taken back lightly: changing factors, break-glass, exports, apps.

Put `@fresh` on the view, under `@staff_page`. Who showed a second factor within ten minutes passes; others are sent to
show one and come back. A form that was filled in meanwhile is answered the same way: guard the page that shows the form
as well, so that this is rare.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, Final, ParamSpec
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from careloop.accounts.sign_in_models import SignedIn

FRESH_FOR: Final = timedelta(minutes=10)
PAGE: Final = "/account/prove"
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def is_fresh(request: HttpRequest, now: datetime) -> bool:
    row: SignedIn | None = getattr(request, "signed_in", None)
    return row is not None and row.proved_at is not None and now - row.proved_at <= FRESH_FOR


def just_came(request: HttpRequest, now: datetime) -> bool:
    """At the family's door, where nobody has a second factor: who signed in within ten minutes, however she did."""
    row: SignedIn | None = getattr(request, "signed_in", None)
    return row is not None and (now - row.began <= FRESH_FOR or is_fresh(request, now))


def proved(request: HttpRequest, now: datetime) -> None:
    """She just showed a second factor (made-up people of the demo: the password). The caller changes the browser's
    key once this is committed."""
    row: SignedIn = request.signed_in  # type: ignore[attr-defined]  # set by server.middleware
    SignedIn.objects.filter(pk=row.pk).update(proved_at=now)
    row.proved_at = now


def fresh(view: View[P]) -> View[P]:
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if is_fresh(request, request.now):  # type: ignore[attr-defined]  # set by server.middleware.RequestId
            return view(request, *args, **kwargs)
        return to_prove(request)

    return guarded


def to_prove(request: HttpRequest) -> HttpResponse:
    address = f"{PAGE}?{urlencode({'next': _way_back(request)})}"
    if getattr(request, "htmx", False):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return HttpResponseRedirect(address)


def _way_back(request: HttpRequest) -> str:
    """The page itself; for a form, the page it stood on."""
    if request.method == "GET":
        return request.path
    came_from = urlsplit(request.headers.get("Referer", ""))
    return came_from.path if came_from.netloc == request.get_host() else "/account"
