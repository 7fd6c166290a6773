"""Who helps me: whom the person lets see her pages, one more, one less, and the code that she hands to a helper."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.dates import MONTHS
from django.utils.translation import gettext

from careloop.actions.end_share import end_share
from careloop.actions.invite_portal import Letter, NoBirthDate, letter
from careloop.actions.share_portal import (
    BadEnd,
    NameMissing,
    NothingShared,
    Relative,
    names_of_related,
    share,
)
from careloop.care.representation import PARTS
from careloop.fhir.elements import name_of
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import CareError, NotFound
from careloop.web import formats
from careloop.web.family.door import SELF_ONLY, Frame, Page, family_page, frame, show
from careloop.web.family.helpers import helpers_of, part_words, relation_of, relation_words, shared_with
from careloop.web.share_words import AT_THE_DOOR
from careloop.web.staff.errors import sentence_of

NEW = "new"
FIELDS = ("who", "name", "relation", "day", "month", "year", "until")


@family_page(SELF_ONLY)
def helpers(page: Page) -> HttpResponse:
    """The team, and whom she lets in."""
    with page.open() as unit:
        found = frame(unit, page)
        team, shared = helpers_of(unit, found), shared_with(unit, found)
    return show(page, "helpers", found, team=team, shared=shared)


@family_page(SELF_ONLY, "GET", "POST")
def add(page: Page) -> HttpResponse:
    """Somebody who is known here, or somebody new. Afterwards she gets a code to hand over."""
    return _form(page, {}, "", "") if page.request.method == "GET" else _share(page)


def _share(page: Page) -> HttpResponse:
    posted = page.request.POST
    typed: dict[str, Any] = {name: posted.get(name, "")[:200] for name in FIELDS}
    typed["shares"] = posted.getlist("shares")
    with page.open() as unit:
        found = frame(unit, page)
    try:
        who: str | Relative = typed["who"]
        if who in ("", NEW):
            who = Relative(typed["name"], typed["relation"], _born(typed, page))
        share(
            page.scope,
            page.person.id,
            who,
            [part for part in PARTS if part in typed["shares"]],
            page.now,
            said=AT_THE_DOOR,
            until=_until(typed["until"], found),
        )
    except NothingShared as error:
        return _form(page, typed, "shares", sentence_of(error))
    except BadEnd as error:
        return _form(page, typed, "until", sentence_of(error))
    except (NameMissing, NoBirthDate) as error:
        return _form(page, typed, "name" if isinstance(error, NameMissing) else "born", sentence_of(error))
    except NotFound as error:
        return _form(page, typed, "who", sentence_of(error))
    messages.success(
        page.request, gettext("Saved. You can hand over a code now, so that your helper can sign in.")
    )
    return HttpResponseRedirect(f"{found.base}/helpers")


def _born(typed: dict[str, Any], page: Page) -> date:
    """Raises NoBirthDate: without it no code could be handed over."""
    try:
        born = date(*(int(str(typed[name]).strip()) for name in ("year", "month", "day")))
    except ValueError as error:
        raise NoBirthDate from error
    if not date(1900, 1, 1) <= born <= page.now.date():
        raise NoBirthDate
    return born


def _until(text: str, found: Frame) -> datetime | None:
    """The end of that day where the person lives. Raises BadEnd."""
    if not text.strip():
        return None
    try:
        on = date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadEnd from error
    return at_local(on + timedelta(days=1), time(), found.tz)


def _form(page: Page, typed: dict[str, Any], field: str, problem: str) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        known = [
            (stored.id, name_of(stored.resource), relation_of(stored.resource))
            for stored in names_of_related(unit, found.whose.rid).values()
        ]
    return show(
        page,
        "share",
        found,
        status=422 if problem else 200,
        typed=typed,
        field=field,
        problem=problem,
        known=known,
        parts=part_words().items(),
        relations=relation_words().items(),
        months=[(str(number), str(name)) for number, name in MONTHS.items()],
        chosen=typed.get("shares", ["plan", "visits"]),
        tomorrow=(page.now.astimezone(found.tz).date() + timedelta(days=1)).isoformat(),
    )


@family_page(SELF_ONLY, "GET", "POST")
def end(page: Page, consent: str) -> HttpResponse:
    """One question first; then it is over at once."""
    with page.open() as unit:
        found = frame(unit, page)
        line = next((each for each in shared_with(unit, found) if each.consent == consent), None)
    if line is None:
        raise NotFound
    if page.request.method == "GET":
        return show(page, "share_end", found, line=line)
    end_share(page.scope, consent, "", page.now)
    messages.success(page.request, gettext("Done. This person can no longer see your pages."))
    return HttpResponseRedirect(f"{found.base}/helpers")


@family_page(SELF_ONLY, "POST")
def code(page: Page, related: str) -> HttpResponse:
    """A code for a helper, shown this once, for the person to hand over herself."""
    with page.open() as unit:
        found = frame(unit, page)
        if f"RelatedPerson/{related}" not in names_of_related(unit, found.whose.rid):
            raise NotFound
    try:
        made: Letter = letter(page.scope, f"RelatedPerson/{related}", "handed over by the person", page.now)
    except CareError as error:
        messages.error(page.request, sentence_of(error))
        return HttpResponseRedirect(f"{found.base}/helpers")
    until = formats.full_date(made.until.astimezone(found.tz).date())
    return show(page, "share_code", found, letter=made, until=until)


urlpatterns = [
    path("my/<str:person>/helpers", helpers, name="family-helpers"),
    path("my/<str:person>/helpers/add", add, name="family-share"),
    path("my/<str:person>/helpers/<str:consent>/end", end, name="family-share-end"),
    path("my/<str:person>/helpers/<str:related>/code", code, name="family-share-code"),
]
