"""Apps that a member of staff uses: which she allowed, ending each; opening one from a person's page (EHR launch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from careloop.accounts import smart_apps, smart_tokens
from careloop.accounts.smart_apps import origin_of
from careloop.accounts.smart_authorize import with_query
from careloop.accounts.smart_grants import Grant, end_grant, grants_of
from careloop.accounts.smart_models import App
from careloop.actions.note_event import note
from careloop.kernel.errors import NotFound
from careloop.projections.card import card
from careloop.projections.people import PersonBrief, briefs
from careloop.web.apps.asking import ToApp
from careloop.web.apps.scope_words import sentences
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import now_of, open_record


@dataclass(frozen=True, repr=False)
class Held:
    """What one app may do, in words. person: in whose context; None for an app of the user's own."""

    grant: Grant
    says: list[str]
    person: PersonBrief | None


@staff_page
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    asked: Any = request
    grants = grants_of(asked.scope.actor.principal)
    with open_record(request) as unit:
        known = briefs(unit, {grant.person for grant in grants if grant.person})
    held = [Held(grant, sentences(grant.words), known.get(grant.person)) for grant in grants]
    is_keeper = "administrator" in asked.scope.actor.roles
    return render(request, "apps/mine.html", {"held": held, "is_keeper": is_keeper})


@staff_page
@require_POST
def end(request: HttpRequest, id: str) -> HttpResponse:
    """Somebody else's looks like one that is not there."""
    asked: Any = request
    found = next((g for g in grants_of(asked.scope.actor.principal) if g.id == id), None)
    if found is None:
        raise NotFound
    note(asked.scope, "app ended by its user", [found.person] if found.person else [], now_of(request))
    end_grant(id, now_of(request))
    toasts.say(request, gettext("%(app)s can no longer get in.") % {"app": found.app})
    return HttpResponseRedirect("/apps/mine")


@staff_page
@require_GET
def of_person(request: HttpRequest, id: str) -> HttpResponse:
    """Apps that can be opened for this person."""
    with open_record(request) as unit:
        unit.read("Patient", id)
        beside = card(unit, id)
    apps = [app for app in _offered() if app.launch_url]
    response = render(request, "apps/of_person.html", {"apps": apps, "card": beside, "person": id})
    targets = sorted({origin for app in apps if (origin := origin_of(app.launch_url))})
    # The form goes on to the app; a browser asks the policy for its address as well.
    response._csp_update = {"form-action": targets}  # type: ignore[attr-defined]  # django-csp reads it
    return response


@staff_page
@require_POST
def open_app(request: HttpRequest, id: str, app: int) -> HttpResponse:
    """Hands the app a launch that stands for this person and works once; then the app asks at /oauth/authorize."""
    asked: Any = request
    found = next((each for each in _offered() if each.pk == app and each.launch_url), None)
    if found is None:
        raise NotFound
    with open_record(request) as unit:
        person = unit.read("Patient", id)
        unit.saw([person.person], f"app opened from her page: app {found.pk}")
    launch = smart_tokens.begin_launch(found, asked.scope.actor.principal, id, now_of(request))
    ours = f"{request.scheme}://{request.get_host()}/fhir"
    return ToApp(with_query(found.launch_url, {"iss": ours, "launch": launch}))


def _offered() -> list[App]:
    return list(App.objects.filter(state=smart_apps.APPROVED, is_for_staff=True).order_by("name"))


urlpatterns = [
    path("apps/mine", mine, name="my-apps"),
    path("apps/mine/<str:id>/end", end, name="end-app"),
    path("people/<str:id>/apps", of_person, name="apps-of-person"),
    path("people/<str:id>/apps/<int:app>/open", open_app, name="open-app"),
]
