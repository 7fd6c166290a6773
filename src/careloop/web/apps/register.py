"""Apps that may ask at all: anybody here may ask for one, an administrator decides, after a fresh second factor."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.access import Actor
from careloop.access.smart_scope import BadScope
from careloop.accounts import smart_apps
from careloop.accounts.models import Principal
from careloop.accounts.smart_apps import BadApp, Told
from careloop.accounts.smart_models import App
from careloop.accounts.stepup import fresh
from careloop.actions.note_event import note
from careloop.kernel.errors import Forbidden, NotFound
from careloop.web.apps.scope_words import sentences
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet
from careloop.web.staff.reader import now_of

STATES = ("asked", "approved", "suspended", "refused")
VERDICTS = {"approve": "approved", "refuse": "refused", "suspend": "suspended"}
AT_FIRST = "launch openid fhirUser patient/Patient.rs"


class NoSuchVerdict(BadApp):
    """Approve it, refuse it or suspend it; refusing and suspending need a reason."""

    code = "no-verdict"


@staff_page
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Those that wait first."""
    apps = sorted(App.objects.all(), key=lambda app: (STATES.index(app.state), app.name.lower()))
    context = {"apps": apps, "words": _words_of_states(), "is_keeper": _is_keeper(_actor(request))}
    return render(request, "apps/index.html", context)


@staff_page
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _form(request, Sheet({"way": "public", "for_staff": "1", "scopes": AT_FIRST}))
    try:
        app, secret = smart_apps.register(_told(request), _actor(request).principal, now_of(request))
    except (BadApp, BadScope) as bad:
        where = "scopes" if isinstance(bad, BadScope) else "app"
        return _form(request, Sheet(request.POST.dict(), {where: sentence_of(bad)}))
    note(request.scope, f"app asked for: app {app.pk}", (), now_of(request))  # type: ignore[attr-defined]
    return render(request, "apps/made.html", {"app": app, "secret": secret})


def _form(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    return render(request, "apps/new.html", {"sheet": sheet}, status=sheet.status)


def _told(request: HttpRequest) -> Told:
    """Raises BadApp."""
    typed = request.POST
    try:
        keys = json.loads(typed.get("keys", "") or "{}")
    except ValueError:
        raise BadApp("Its keys are no JSON.") from None
    is_backend = typed.get("kind") == "backend"
    return Told(
        name=typed.get("name", "").strip()[:100],
        publisher=typed.get("publisher", "").strip()[:200],
        about=typed.get("about", "").strip()[:500],
        way="keys" if is_backend else typed.get("way", ""),
        scopes=" ".join(typed.get("scopes", "").split()),
        redirects=tuple(typed.get("redirects", "").split()),
        launch_url=typed.get("launch_url", "").strip(),
        keys=keys if isinstance(keys, dict) else {},
        keys_url=typed.get("keys_url", "").strip(),
        is_backend=is_backend,
        is_for_staff="for_staff" in typed,
        is_for_families="for_families" in typed,
    )


@staff_page
@require_GET
def review(request: HttpRequest, app: int) -> HttpResponse:
    """What to look at before saying yes."""
    return _reviewed(request, _app(app))


def _reviewed(request: HttpRequest, app: App, problem: str = "") -> HttpResponse:
    asker = Principal.objects.filter(pk=app.asked_by).first()
    decider = Principal.objects.filter(pk=app.decided_by).first() if app.decided_by else None
    context = {
        "app": app,
        "says": sentences(tuple(app.scopes.split(" "))),
        "scopes": app.scopes.split(" "),
        "state": _words_of_states()[app.state],
        "asker": asker.name if asker else gettext("the command line"),
        "decider": decider.name if decider else gettext("the command line"),
        "is_keeper": _is_keeper(_actor(request)),
        "keys": json.dumps(app.keys, indent=1) if app.keys else "",
        "problem": problem,
    }
    return render(request, "apps/review.html", context, status=422 if problem else 200)


@staff_page
@fresh
@require_POST
def decide(request: HttpRequest, app: int) -> HttpResponse:
    found, actor = _app(app), _actor(request)
    if not _is_keeper(actor):
        note(request.scope, f"denied: decide on app {found.pk}", (), now_of(request))  # type: ignore[attr-defined]
        raise Forbidden("An administrator decides which apps may ask.")
    verdict = VERDICTS.get(request.POST.get("verdict", ""))
    why = request.POST.get("why", "").strip()
    if verdict is None or (verdict != "approved" and not why):
        return _reviewed(request, found, sentence_of(NoSuchVerdict()))
    note(request.scope, f"app {verdict}: app {found.pk}", (), now_of(request))  # type: ignore[attr-defined]
    smart_apps.decide(found, verdict, actor.principal, now_of(request), why)
    toasts.say(
        request, gettext("%(app)s: %(state)s.") % {"app": found.name, "state": _words_of_states()[verdict]}
    )
    return HttpResponseRedirect(f"/apps/{found.pk}")


def _app(number: int) -> App:
    found = App.objects.filter(pk=number).first()
    if found is None:
        raise NotFound
    return found


def _actor(request: HttpRequest) -> Actor:
    asked: Any = request
    actor: Actor = asked.scope.actor
    return actor


def _is_keeper(actor: Actor) -> bool:
    return "administrator" in actor.roles


def _words_of_states() -> dict[str, str]:
    return {
        "asked": gettext("waits for an administrator"),
        "approved": gettext("approved"),
        "suspended": gettext("suspended"),
        "refused": gettext("refused"),
    }


urlpatterns = [
    path("apps", index, name="apps"),
    path("apps/new", new, name="new-app"),
    path("apps/<int:app>", review, name="app"),
    path("apps/<int:app>/decide", decide, name="judge-app"),
]
