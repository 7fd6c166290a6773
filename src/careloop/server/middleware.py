"""Who asks, when, and under which number: set on every request before any view runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.utils import translation

from careloop.access import Scope, system_actor
from careloop.accounts import devices, second_step, sessions
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import SignedIn
from careloop.actions.note_event import note
from careloop.actions.staff_actor import staff_actor
from careloop.kernel.clock import Clock, system_clock
from careloop.kernel.ids import new_request_id
from careloop.server import logs

GetResponse = Callable[[HttpRequest], HttpResponse]
POLLING = "X-Careloop-Poll"

# The one clock of this process. Tests move it; nothing below the edges reads it.
clock: Clock = system_clock

log = logging.getLogger("careloop.request")


class RequestId:
    """A number to quote on error pages and in the audit trail; answered as X-Request-Id. The thread begins in the
    language of the settings: Django leaves it in that of whoever it answered before."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        translation.deactivate()
        request.request_id = new_request_id()  # type: ignore[attr-defined]  # set for everything behind us
        request.now = clock()  # type: ignore[attr-defined]
        logs.bind(request.request_id)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
        finally:
            translation.deactivate()
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
        if response.status_code != 304:
            response["Content-Length"] = str(len(response.content))
        return response


class SessionLimits:
    """Looks at the row of this browser's session on every request: idle 15 minutes, 12 hours at most, ended elsewhere,
    never extended by polling (TRUST 12). Sets request.signed_in, and request.session_ended to why it no longer is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.signed_in = None  # type: ignore[attr-defined]
        # A request that carries no session cookie (the API) never touches the session at all.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            self._limit(request)
        response = self.get_response(request)
        devices.keep(request, response)
        return response

    def _limit(self, request: HttpRequest) -> None:
        id = request.session.get(sessions.KEY)
        if id is None:
            if request.user.is_authenticated:
                logout(request)  # a session from before sessions had rows
            return
        now = request.now  # type: ignore[attr-defined]  # set by RequestId
        row, why = sessions.look(id, now, is_polling=POLLING in request.headers)
        if row is not None and not _is_whose(row, request):
            sessions.end(row.id, now, sessions.GONE)
            row, why = None, sessions.GONE
        if row is None:
            logout(request)
            ran_out = why in (sessions.IDLE, sessions.ABSOLUTE)
            if ran_out:
                scope = Scope(system_actor("accounts"), "page", "operations", request.request_id)  # type: ignore[attr-defined]
                note(scope, f"session ended, {why}: {sessions.principal_of(id)}", (), now)
            request.session_ended = why if ran_out else ""  # type: ignore[attr-defined]  # the sign-in page says so
        request.signed_in = row  # type: ignore[attr-defined]
        if row is not None:
            request.guest = f"{row.principal_id}"  # type: ignore[attr-defined]  # for server.room


def _is_whose(row: SignedIn, request: HttpRequest) -> bool:
    """Staff and partners are known to Django as well: that account must still be there, active, with the same
    password; and one factor is not enough, but for the made-up people of the demo."""
    if row.principal.kind not in ("staff", "partner"):
        return True
    if not isinstance(request.user, User) or request.user.principal_id != row.principal_id:
        return False
    return row.strength >= 2 or second_step.is_exempt(request.user)


class WhoAndWhen:
    """Sets request.actor and request.scope for signed-in staff."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = request.scope = None  # type: ignore[attr-defined]
        signed_in = request.signed_in  # type: ignore[attr-defined]  # set by SessionLimits
        if signed_in is not None and request.user.is_authenticated:
            actor = staff_actor(request.user, request.now)  # type: ignore[attr-defined]  # set by RequestId
            request.actor = actor  # type: ignore[attr-defined]
            request.scope = Scope(actor, "page", "coordination", request.request_id)  # type: ignore[attr-defined]
        return self.get_response(request)
