"""What the person alone sees: who looked at her record, what she agreed to, which apps may see it, her own sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext

from careloop.accounts import sessions, smart_grants, stepup
from careloop.accounts.sign_in_models import Passkey
from careloop.accounts.smart_grants import Grant
from careloop.actions.note_event import note
from careloop.kernel.errors import NotFound
from careloop.web import formats
from careloop.web.apps.scope_words import sentences
from careloop.web.family.door import ANYBODY, HOME, SELF_ONLY, Page, family_page, frame, show


@dataclass(frozen=True, repr=False)
class AppLine:
    """An app with access. says: what it may, as sentences."""

    id: str
    name: str
    publisher: str
    since: str
    used: str
    says: tuple[str, ...]


@family_page(SELF_ONLY)
def apps(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        unit.saw([found.whose.rid], "apps with access")
    lines = [
        AppLine(
            *(g.id, g.app, g.publisher, _day(g.began, found.tz), _day(g.used, found.tz)),
            says=tuple(sentences(g.words)),
        )
        for g in _grants(page)
    ]
    return show(page, "apps", found, apps=lines)


def _grants(page: Page) -> list[Grant]:
    """What acts in this record, and what acts for her without any one record. What she let in for somebody whom she
    helps stands under “Apps I let in”, not on her own page."""
    found = smart_grants.grants_of(page.family.actor.principal, page.person.rid)
    return [each for each in found if each.person in (0, page.person.rid)]


def _day(at: Any, tz: Any) -> str:
    return formats.full_date(at.astimezone(tz).date())


@family_page(SELF_ONLY, "POST")
def end_app(page: Page, grant: str) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
    if grant not in {each.id for each in _grants(page)}:
        raise NotFound
    smart_grants.end_grant(grant, page.now)
    note(page.scope, "an app's access ended", [found.whose.rid], page.now)
    messages.success(page.request, gettext("Done. This app can no longer see your record."))
    return HttpResponseRedirect(f"{found.base}/apps")


# --- her own sign-in


@family_page(ANYBODY)
def account(page: Page) -> HttpResponse:
    """Where she is signed in, and by which ways she may."""
    principal = page.family.actor.principal
    signed_in: Any = page.request
    context = {
        "devices": sessions.of_principal(principal, page.now),
        "here": signed_in.signed_in.id,
        "can_add": stepup.just_came(page.request, page.now),
        "passkeys": Passkey.objects.filter(principal=principal).order_by("added_at"),
        "contacts": page.family.account.contacts.filter(ended_at=None),
    }
    return render(page.request, "family/account.html", context)


@family_page(ANYBODY, "POST")
def sign_out_elsewhere(page: Page) -> HttpResponse:
    signed_in: Any = page.request
    sessions.end_all(page.family.actor.principal, page.now, "signed out", but=signed_in.signed_in.id)
    note(page.scope, "signed out everywhere else", (), page.now)
    messages.success(page.request, gettext("Done. Only this device is signed in now."))
    return HttpResponseRedirect(f"{HOME}/account/sign-in")


urlpatterns = [
    path("my/account/sign-in", account, name="family-account"),
    path("my/account/elsewhere", sign_out_elsewhere, name="family-elsewhere"),
    path("my/<str:person>/apps", apps, name="family-apps"),
    path("my/<str:person>/apps/<str:grant>/end", end_app, name="family-app-end"),
]
