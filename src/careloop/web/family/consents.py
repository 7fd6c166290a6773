"""What I agreed to: each consent in plain words, and how to take it back. For the person alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext

from careloop.actions.revoke_consent import revoke_consent
from careloop.care.consent import is_privacy
from careloop.care.representation import is_portal
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, day, text_of
from careloop.kernel.errors import NotFound
from careloop.projections.people import names
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.family.door import SELF_ONLY, Page, family_page, frame, show


@dataclass(frozen=True, repr=False)
class Choice:
    """title: what it is. whom: names. is_denial: she said no. can_end: by a click here; a program ends by talking."""

    id: str
    title: str
    detail: str
    whom: str
    on: str
    until: str
    is_denial: bool
    can_end: bool


def choices_of(unit: Unit, person: int) -> list[Choice]:
    """Those that hold, the newest first. Shares of her own pages stand under “who helps me”."""
    held = [
        s
        for s in unit.of_person(person, ["Consent"])
        if s.resource.get("status") == "active" and not is_portal(s.resource)
    ]
    called = names(unit, {r for s in held for r in _named(s.resource)})
    return [_choice(s, called) for s in held]


def _named(consent: Resource) -> list[str]:
    """Every actor of it, of provisions within provisions too."""
    found: list[str] = []
    rest = [consent.get("provision") or {}]
    while rest and len(found) < 50:
        provision = rest.pop()
        found += [str((a.get("reference") or {}).get("reference", "")) for a in provision.get("actor", ())]
        rest += provision.get("provision", ())
    return [reference for reference in dict.fromkeys(found) if reference]


def _choice(stored: Stored, called: Mapping[str, str]) -> Choice:
    consent = stored.resource
    provision = consent.get("provision") or {}
    program = next((text_of(c) for c in consent.get("category", ()) if code_in(c, uris.PROGRAM)), "")
    whom = ", ".join(called[r] for r in _named(consent) if r in called)
    given, until = day(consent.get("dateTime")), day((provision.get("period") or {}).get("end"))
    is_denial = provision.get("type") == "deny"
    title = program or (
        gettext("Not to be shown") if is_denial else gettext("Shared with others for your care")
    )
    return Choice(
        id=stored.id,
        title=title,
        detail=str((consent.get("policyRule") or {}).get("text", "")),
        whom=whom,
        on=formats.full_date(given) if given else "",
        until=formats.full_date(until) if until else "",
        is_denial=is_denial,
        can_end=is_privacy(consent),
    )


@family_page(SELF_ONLY)
def choices(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        held = choices_of(unit, found.whose.rid)
    return show(page, "choices", found, choices=held)


@family_page(SELF_ONLY, "GET", "POST")
def revoke(page: Page, consent: str) -> HttpResponse:
    """One question first; then it holds no longer, and what is on its way is stopped."""
    with page.open() as unit:
        found = frame(unit, page)
        choice = next((each for each in choices_of(unit, found.whose.rid) if each.id == consent), None)
    if choice is None or not choice.can_end:
        raise NotFound
    if page.request.method != "POST":
        return show(page, "choice_end", found, choice=choice)
    revoke_consent(page.scope, consent, "", page.now)
    messages.success(page.request, gettext("Done. It holds no longer. Your care team knows."))
    return HttpResponseRedirect(f"{found.base}/choices")


urlpatterns = [
    path("my/<str:person>/choices", choices, name="family-choices"),
    path("my/<str:person>/choices/<str:consent>/end", revoke, name="family-choice-end"),
]
