"""The set-up page of an empty installation: once, with the code from the terminal; after that there is no such page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters

from careloop.access import Scope, system_actor
from careloop.accounts import halfway
from careloop.actions import set_up as first_run
from careloop.actions.keep_accounts import BadAccount
from careloop.actions.set_up import First, WrongCode
from careloop.kernel.errors import NotFound, UnknownZone
from careloop.web.staff.accounts import ZONES
from careloop.web.staff.errors import public_page, sentence_of
from careloop.web.staff.factor_forms import please_wait
from careloop.web.staff.reader import now_of

FIELDS = ("site", "state", "zip", "zone", "name", "email", "password", "supervisor", "supervisor_email")


@public_page("the first set-up, guarded by a code from the terminal; there is no record yet")
@sensitive_post_parameters("code", "password")
def set_up(request: HttpRequest) -> HttpResponse:
    if not first_run.is_open():
        raise NotFound
    if request.method != "POST":
        return _form(request, "")
    typed = First(**{name: request.POST.get(name, "")[:2_000] for name in FIELDS})
    number = request.request_id  # type: ignore[attr-defined]  # set by server.middleware.RequestId
    scope = Scope(system_actor("accounts"), "page", "operations", number)
    try:
        ready = first_run.set_up(scope, request.POST.get("code", "")[:200], typed, now_of(request))
    except WrongCode as wrong:
        wait = wrong.fields.get("seconds", 0)
        return _form(request, please_wait(wait) if wait else sentence_of(wrong))
    except BadAccount as wrong:
        return _form(request, gettext(wrong.detail))
    except UnknownZone as wrong:
        return _form(request, sentence_of(wrong))
    halfway.begin(request, ready.administrator, ("password",), "/accounts", now_of(request))
    address = f"{request.scheme}://{request.get_host()}/join/{ready.link.token}"
    context = {"account": ready.supervisor, "address": address, "link": ready.link}
    return render(request, "staff/set_up_done.html", context)


def _form(request: HttpRequest, problem: str) -> HttpResponse:
    context = {"problem": problem, "typed": request.POST, "zones": ZONES}
    return render(request, "staff/set_up.html", context, status=422 if problem else 200)


urlpatterns = [path("set-up", set_up, name="set-up")]
