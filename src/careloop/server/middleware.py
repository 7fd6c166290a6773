"""Who asks, when, and under which number: set on every request before any view runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from careloop.access import Scope
from careloop.accounts.actors import actor_of_user
from careloop.kernel.clock import Clock, system_clock
from careloop.kernel.ids import new_request_id

GetResponse = Callable[[HttpRequest], HttpResponse]
POLLING = "X-Careloop-Poll"

# The one clock of this process. Tests move it; nothing below the edges reads it.
clock: Clock = system_clock

log = logging.getLogger("careloop.request")


class RequestId:
    """A number to quote on error pages and in the audit trail; answered as X-Request-Id."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = new_request_id()  # type: ignore[attr-defined]  # set for everything behind us
        request.now = clock()  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


class FhirDoor:
    """What is for /fhir goes straight there: no session, no cookie, no language, no form token is ever looked at.
    What stands before it in the list (TLS, the request's number) holds for it as well."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path != "/fhir" and not path.startswith("/fhir/"):
            return self.get_response(request)
        found = resolve(path)
        response: HttpResponse = found.func(request, *found.args, **found.kwargs)
        # Nothing here is a page; should a browser take it for one, it may do nothing and be framed by nobody.
        response["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        response["X-Frame-Options"] = "DENY"
        if response.status_code != 304:
            response["Content-Length"] = str(len(response.content))
        return response


class SessionLimits:
    """Idle 15 minutes and absolute 12 hours on every request. Polling never extends a session (TRUST 12)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A request that carries no session cookie (the API) never touches the session at all.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._limit(request)
        return self.get_response(request)

    def _limit(self, request: HttpRequest) -> None:
        at = time.time()
        began = request.session.setdefault("began", at)
        seen = request.session.setdefault("seen", at)
        if at - seen > settings.SESSION_IDLE_SECONDS or at - began > settings.SESSION_ABSOLUTE_SECONDS:
            logout(request)
            request.session_ended = True  # type: ignore[attr-defined]  # the sign-in page says why
        elif POLLING not in request.headers and at - seen > 30:
            request.session["seen"] = at


class WhoAndWhen:
    """Sets request.actor and request.scope for signed-in staff."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = request.scope = None  # type: ignore[attr-defined]
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            actor = actor_of_user(request.user, rid_of)
            request.actor = actor  # type: ignore[attr-defined]
            request.scope = Scope(actor, "page", "coordination", request.request_id)  # type: ignore[attr-defined]
        return self.get_response(request)


def rid_of(reference: str) -> int | None:
    """The record's key of a staff member, site or team; no patient's key is looked up here."""
    from careloop.store.keys import rid_of as look_up

    with connection.cursor() as cursor:
        return look_up(cursor, reference)
