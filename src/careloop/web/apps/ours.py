"""At the family’s door: the apps that she let in, for herself or for somebody whom she helps, and ending each. What
acts in a person’s own record stands on that person’s page as well (web/family/choices.py)."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext

from careloop.accounts.smart_grants import Grant, end_grant, grants_of
from careloop.actions.note_event import note
from careloop.kernel.errors import NotFound
from careloop.projections.people import briefs
from careloop.web.apps.scope_words import sentences
from careloop.web.family.door import ANYBODY, Page, family_page

HERE = "/my/account/apps"


@dataclass(frozen=True, repr=False)
class Held:
    """person: her name, empty where the record is no longer shared, and for an app without one."""

    grant: Grant
    says: list[str]
    person: str


@family_page(ANYBODY)
def ours(page: Page) -> HttpResponse:
    grants = grants_of(page.family.actor.principal)
    known = {whose.rid for whose in page.family.whose}
    with page.open() as unit:
        names = briefs(unit, {grant.person for grant in grants if grant.person in known})
        unit.saw(names, "apps that she let in")
    held = [
        Held(grant, sentences(grant.words), names[grant.person].name if grant.person in names else "")
        for grant in grants
    ]
    return render(page.request, "apps/ours.html", {"held": held})


@family_page(ANYBODY, "POST")
def end(page: Page, grant: str) -> HttpResponse:
    """Somebody else's looks like one that is not there."""
    found = next((each for each in grants_of(page.family.actor.principal) if each.id == grant), None)
    if found is None:
        raise NotFound
    note(page.scope, "app ended by its user", [found.person] if found.person else [], page.now)
    end_grant(grant, page.now)
    messages.success(page.request, gettext("%(app)s can no longer get in.") % {"app": found.app})
    return HttpResponseRedirect(HERE)


urlpatterns = [
    path("my/account/apps", ours, name="family-own-apps"),
    path("my/account/apps/<str:grant>/end", end, name="family-own-app-end"),
]
