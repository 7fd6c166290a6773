"""Error pages: what happened, what is safe, what to do, and a number to quote. Never patient data."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from careloop.kernel.errors import CareError, Unauthenticated

log = logging.getLogger("careloop.web")
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# The database is away: before any view ran, too (the session lies in it).
AWAY = (OperationalError, InterfaceError)
# What may follow an address to the sign-in page and back; careloop.js has the same list.
SAY_NOTHING = frozenset(
    {"view", "section", "program", "only", "sort", "page", "after", "kind", "language", "part", "answers"}
)

# What is typed again after a fault, never sent back in a page: what proves who she is, wherever it is asked for.
NEVER_BACK = frozenset(
    {"csrfmiddlewaretoken", "password", "new", "code", "spoken", "answer", "secret", "client_secret", "token"}
)
SECRET_DOORS = (
    *("/sign-in", "/account", "/join", "/new-password", "/link", "/set-up", "/oauth", "/auth"),
    *("/my/sign-in", "/my/account"),
)


def sentence_of(error: CareError) -> str:
    """The class's sentence in the reader's language, then its detail."""
    first = (type(error).__doc__ or CareError.__doc__ or "").strip().splitlines()[0]
    return f"{gettext(first)} {gettext(error.detail) if error.detail else ''}".strip()


def _page(request: HttpRequest, status: int, what: str, safe: str, todo: str) -> HttpResponse:
    context = {
        "status": status,
        "what": what,
        "safe": safe,
        "todo": todo,
        "number": getattr(request, "request_id", ""),
        "can_retry": status >= 500,
        "typed": _typed(request) if status == 503 else [],
    }
    htmx = getattr(request, "htmx", False)
    name = "staff/error_fragment.html" if htmx else "staff/error.html"
    if request.path == "/my" or request.path.startswith("/my/"):
        name = "family/fault.html"  # a fault before any view of the family ran: her door, and no way to Today
    return render(request, name, context, status=status)


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """What she sent, for the button that sends it again: the browser may have forgotten it by then. Her own words go
    back to her own page, nowhere else; what proves who she is, a password, a code, is typed again."""
    if request.method != "POST" or not _is_ours(request) or request.FILES or _is_secret(request):
        return []
    kept = [(name, value) for name, values in request.POST.lists() for value in values]
    return [(name, value) for name, value in kept if name not in NEVER_BACK]


def _is_secret(request: HttpRequest) -> bool:
    """Whether all that goes to this address is a secret or proves who she is."""
    marked = getattr(request, "sensitive_post_parameters", None)
    return bool(marked) or any(
        request.path == door or request.path.startswith(f"{door}/") for door in SECRET_DOORS
    )


def _is_ours(request: HttpRequest) -> bool:
    """Whether one of our own pages sent it: nobody else's words get a button that sends them in her name."""
    origin = request.headers.get("Origin", "")
    return origin == f"{request.scheme}://{request.get_host()}"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request,
        400,
        gettext("We could not read that request."),
        gettext("Nothing was changed."),
        gettext("Go back, reload the page and try once more."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    return _page(
        request,
        403,
        gettext("You may not do this here."),
        gettext("Nothing was changed, and the try was written down."),
        gettext(
            "If you need it for your work, ask your supervisor. If the page was open for long, reload it and try again."
        ),
    )


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF check failed: mostly a page from before she signed in again. Our own scripts get the new token and
    send once more; nobody else can read it."""
    response = _page(
        request,
        403,
        gettext("This page is from before you signed in again."),
        gettext("Nothing was changed."),
        gettext("Go back, reload the page and do it again."),
    )
    if getattr(request, "htmx", False) and _is_ours(request):
        response["X-Careloop-Token"] = get_token(request)
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request,
        404,
        gettext("There is nothing here, or you may not see it."),
        gettext("Nothing was changed."),
        gettext("Check the address, or find the person by name from Today."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Also for what broke before any view: a lost database, an error of ours in somebody's middleware."""
    fault = sys.exc_info()[1]
    if isinstance(fault, AWAY):
        return unavailable(request)
    if isinstance(fault, CareError):
        return of_care_error(request, fault)
    return _page(
        request,
        500,
        gettext("Something broke on our side."),
        gettext("What was saved before is safe. The last step was not done."),
        gettext("Try again. If it happens twice, call support and read them the number below."),
    )


def unavailable(request: HttpRequest) -> HttpResponse:
    response = _page(
        request,
        503,
        gettext("The record can’t be reached just now."),
        gettext("Nothing was lost. The last step was not done."),
        gettext(
            "Wait a few seconds and try again. Urgent? Work from the phone list and write it down; enter it later."
        ),
    )
    response["Retry-After"] = "5"
    return response


def of_care_error(request: HttpRequest, error: CareError) -> HttpResponse:
    """A page for an error of ours; its sentence says what happened."""
    if error.status == 404 or error.status == 410:
        return not_found(request, error)
    if error.status == 403:
        return forbidden(request, error)
    if error.status == 503:
        return unavailable(request)
    if error.status in (409, 412):
        todo = gettext("Reload to see the newest version, then do it again.")
    else:
        todo = gettext("Go back, change it and try again.")
    return _page(request, error.status, sentence_of(error), gettext("Nothing was changed."), todo)


def staff_page(view: View[P]) -> View[P]:
    """Signed-in staff only; our errors become pages; nothing is cached on shared machines."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if getattr(request, "scope", None) is None:
            return to_sign_in(request)
        try:
            return view(request, *args, **kwargs)
        except Unauthenticated:
            return to_sign_in(request)
        except CareError as error:
            return of_care_error(request, error)
        except AWAY:
            log.exception("database unavailable, request %s", getattr(request, "request_id", ""))
            return unavailable(request)

    guarded.rule = "staff"  # type: ignore[attr-defined]  # every door names its rule; a test walks them all
    return guarded


def public_page(why: str) -> Callable[[View[P]], View[P]]:
    """For whoever comes, signed in or not; why: the reason that this shows nothing of the record."""

    def opened(view: View[P]) -> View[P]:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except CareError as error:
                return of_care_error(request, error)
            except AWAY:
                log.exception("database unavailable, request %s", getattr(request, "request_id", ""))
                return unavailable(request)

        guarded.rule = f"public: {why}"  # type: ignore[attr-defined]
        return guarded

    return opened


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """A page goes to the sign-in form; a fragment is answered 401, so that nothing typed is thrown away."""
    ended = {"ended": "1"} if getattr(request, "session_ended", False) else {}
    if getattr(request, "htmx", False):
        return HttpResponse(
            gettext("Please sign in first."), status=401, content_type="text/plain; charset=utf-8"
        )
    back = _way_back(request) if request.method == "GET" else settings.LOGIN_REDIRECT_URL
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': back, **ended})}")


def _way_back(request: HttpRequest) -> str:
    """Where she was. What stood behind it comes along only when each part is known to say nothing of a person."""
    asked = request.GET
    return f"{request.path}?{asked.urlencode()}" if asked and not set(asked) - SAY_NOTHING else request.path
