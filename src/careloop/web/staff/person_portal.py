"""Who may see a person's pages: her own sign-in, her family, representatives with their papers. Staff confirm a private
contact, hand a letter with a code over in person, add and end; clinicians document incapacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from careloop import library
from careloop.accounts import family_accounts
from careloop.accounts.family_accounts import Known
from careloop.accounts.stepup import PAGE, fresh, is_fresh
from careloop.actions import invite_portal
from careloop.actions.ask_person import ask_person, asked_of
from careloop.actions.document_capacity import CLINICIANS, document_capacity, document_incapacity
from careloop.actions.end_share import end_share
from careloop.actions.invite_portal import CareTeamOnly
from careloop.actions.share_portal import (
    RELATIONS,
    Paper,
    Relative,
    names_of_related,
    share,
    standings,
)
from careloop.care.representation import KINDS, PARTS, Standing, shares_now, windows
from careloop.fhir.elements import day, name_of
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import CareError
from careloop.projections.portal_shares import RULE, ages_of
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.family.helpers import relation_of, relation_words, shared_words
from careloop.web.share_words import share_words
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet
from careloop.web.staff.person_frame import Frame, context, open_frame
from careloop.web.staff.reader import now_of, open_record

FIELDS: Final = (
    "who",
    "name",
    "relation",
    "born",
    "kind",
    "title",
    "signed",
    "kept",
    "until",
    "said",
    "on_incapacity",
)


@dataclass(frozen=True, repr=False)
class Beside:
    """One reason for which somebody may see the pages. sees: words of the parts that are open now. id: of the Consent.
    is_incapable: it is open because a clinician documented it."""

    id: str
    related: str
    name: str
    relation: str
    kind: str
    kind_word: str
    sees: str
    shares: str
    said: str
    since: date
    until: date | None
    on_incapacity: bool
    is_incapable: bool
    is_ended: bool


@dataclass(frozen=True, repr=False)
class Door:
    """Somebody who can have a sign-in. contacts: (id, value, how it was confirmed, when)."""

    reference: str
    name: str
    about: str
    has_account: bool
    contacts: tuple[tuple[int, str, str, date], ...]
    can_have_letter: bool


def kind_words() -> dict[str, str]:
    return {
        "chosen": gettext("Chosen by the person"),
        "agent": gettext("Health care agent, by a paper"),
        "guardian": gettext("Guardian, by a paper"),
        "parent": gettext("Parent of a minor"),
    }


@staff_page
def portal(request: HttpRequest, person: str) -> HttpResponse:
    return _page(request, person)


def _page(request: HttpRequest, person: str, problem: str = "") -> HttpResponse:
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "about")
        related = names_of_related(unit, frame.patient.rid)
        beside = _beside(unit, frame, related)
        waiting = asked_of(unit, frame.patient.rid, frame.patient.reference)
    accounts = family_accounts.known([frame.patient.reference, *related])
    herself = _door(frame.patient, gettext("the person herself or himself"), accounts, True)
    seeing = {each.related for each in beside if each.sees}
    others = [
        _door(stored, relation_of(stored.resource), accounts, stored.reference in seeing)
        for stored in related.values()
        if stored.reference in {each.related for each in beside if not each.is_ended}
    ]
    actor: Any = request
    told = {
        "herself": herself,
        "others": others,
        "beside": [each for each in beside if not each.is_ended],
        "ended": [each for each in beside if each.is_ended],
        "is_clinician": bool(actor.scope.actor.roles & CLINICIANS),
        "may_invite": invite_portal.may_invite(actor.scope.actor),
        "to_prove": "" if is_fresh(request, now_of(request)) else f"{PAGE}?next=/people/{person}/portal",
        "waiting": waiting,
        "problem": problem,
    }
    return render(request, "staff/person_portal.html", context(frame, **told), status=422 if problem else 200)


def _beside(unit: Unit, frame: Frame, related: Mapping[str, Stored]) -> list[Beside]:
    ages = ages_of(library.load().rule(RULE, unit.now.date()))
    born = day(frame.patient.resource.get("birthDate"))
    lines = []
    for stored, standing in standings(unit, frame.patient.rid):
        who = related.get(standing.related)
        now = shares_now(standing, windows(standing, born, ages, frame.tz), unit.now)
        lines.append(_line(stored, standing, who, now, frame))
    return sorted(lines, key=lambda line: (line.is_ended, line.name))


def _line(
    stored: Stored, standing: Standing, who: Stored | None, now: tuple[str, ...], frame: Frame
) -> Beside:
    words = shared_words()
    return Beside(
        id=stored.id,
        related=standing.related,
        name=name_of(who.resource) if who else gettext("somebody who is no longer on record"),
        relation=relation_of(who.resource) if who else "",
        kind=standing.kind,
        kind_word=kind_words()[standing.kind],
        sees=", ".join(words[part] for part in now),
        shares=", ".join(words[part] for part in standing.shares),
        said=share_words(standing.said),
        since=standing.since.astimezone(frame.tz).date(),
        until=standing.until.astimezone(frame.tz).date() if standing.until else None,
        on_incapacity=standing.on_incapacity,
        is_incapable=any(each.until is None for each in standing.incapacity),
        is_ended=standing.is_ended,
    )


def _door(stored: Stored, about: str, accounts: Mapping[str, Known], can_have_letter: bool) -> Door:
    known = accounts.get(stored.reference)
    contacts = tuple(
        (each.pk, formats.phone_words(each.value), each.confirmed_how, each.confirmed_at.date())
        for each in (known.contacts if known else ())
    )
    return Door(
        stored.reference, name_of(stored.resource), about, known is not None, contacts, can_have_letter
    )


# --- sign-in


@staff_page
@fresh
@require_POST
def contact(request: HttpRequest, person: str) -> HttpResponse:
    """A phone or e-mail that the person said is private."""
    return _did(
        request,
        person,
        gettext("Confirmed. A code can go there when it is asked for."),
        lambda scope, now: invite_portal.confirm_contact(
            scope, _whom(request, person), request.POST.get("contact", ""), request.POST.get("how", ""), now
        ),
    )


@staff_page
@fresh
@require_POST
def end_contact(request: HttpRequest, person: str, contact: int) -> HttpResponse:
    return _did(
        request,
        person,
        gettext("Ended. No code goes there any more; all devices were signed out and all passkeys removed."),
        lambda scope, now: invite_portal.end_contact(scope, _whom(request, person), contact, now),
    )


@staff_page
@fresh
@require_POST
def letter(request: HttpRequest, person: str) -> HttpResponse:
    """Shown once, to be printed and handed over now."""
    asked: Any = request
    try:
        made = invite_portal.letter(
            asked.scope, _whom(request, person), request.POST.get("how", ""), now_of(request)
        )
    except CareTeamOnly:
        raise
    except CareError as error:
        return _page(request, person, sentence_of(error))
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "about")
    until = formats.full_date(made.until.astimezone(frame.tz).date())
    return render(request, "staff/portal_letter.html", context(frame, letter=made, until_words=until))


def _whom(request: HttpRequest, person: str) -> str:
    """The person, or the relative that the form names."""
    named = request.POST.get("reference", "")
    return named if named.startswith("RelatedPerson/") else f"Patient/{person}"


def _did(request: HttpRequest, person: str, said: str, act: Any) -> HttpResponse:
    asked: Any = request
    try:
        act(asked.scope, now_of(request))
    except CareTeamOnly:
        raise
    except CareError as error:
        return _page(request, person, sentence_of(error))
    toasts.say(request, said)
    return HttpResponseRedirect(f"/people/{person}/portal")


@staff_page
@require_POST
def ask(request: HttpRequest, person: str) -> HttpResponse:
    """A question that stands on her own page until she answers."""
    return _did(
        request,
        person,
        gettext("Asked. The answer becomes something to read on Today."),
        lambda scope, now: ask_person(scope, person, request.POST.get("question", ""), now),
    )


# --- who may see


@staff_page
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _form(request, person, Sheet({"kind": "chosen", "who": "", "shares": ["plan", "visits"]}))
    typed: dict[str, Any] = {name: request.POST.get(name, "").strip()[:500] for name in FIELDS}
    typed["shares"] = request.POST.getlist("shares")
    asked: Any = request
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "about")
    try:
        share(
            asked.scope,
            person,
            typed["who"] or Relative(typed["name"], typed["relation"], _day(typed["born"])),
            list(PARTS) if typed["kind"] != "chosen" else typed["shares"],
            now_of(request),
            kind=typed["kind"] if typed["kind"] in KINDS else "chosen",
            said=typed["said"],
            paper=Paper(typed["title"], _day(typed["signed"]), typed["kept"]) if typed["title"] else None,
            on_incapacity=bool(typed["on_incapacity"]) and typed["kind"] == "agent",
            until=_end_of(typed["until"], frame),
        )
    except CareError as error:
        return _form(request, person, Sheet(typed, {_field(error): sentence_of(error)}))
    toasts.say(request, gettext("Kept. Hand over a letter with a code, so that this person can sign in."))
    return HttpResponseRedirect(f"/people/{person}/portal")


def _field(error: CareError) -> str:
    fields = {
        "nothing-shared": "shares",
        "paper-missing": "title",
        "name-missing": "name",
        "bad-end": "until",
        "not-a-minor": "kind",
    }
    return fields.get(error.code, "who")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _end_of(text: str, frame: Frame) -> datetime | None:
    """The end of that day where the person lives."""
    on = _day(text)
    return at_local(on + timedelta(days=1), time(), frame.tz) if on else None


def _form(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "about")
        known = [
            (s.id, name_of(s.resource), relation_of(s.resource))
            for s in names_of_related(unit, frame.patient.rid).values()
        ]
    told = {
        "sheet": sheet,
        "known": known,
        "parts": shared_words().items(),
        "kinds": kind_words().items(),
        "relations": [(code, words) for code, words in relation_words().items() if code in RELATIONS],
    }
    return render(request, "staff/portal_share.html", context(frame, **told), status=sheet.status)


@staff_page
@require_POST
def end(request: HttpRequest, person: str, consent: str) -> HttpResponse:
    return _did(
        request,
        person,
        gettext("Ended. This person is signed out and sees nothing any more."),
        lambda scope, now: end_share(scope, consent, request.POST.get("why", ""), now),
    )


@staff_page
@require_POST
def capacity(request: HttpRequest, person: str, consent: str) -> HttpResponse:
    """A clinician's word that she can't decide now (with its paper), or can again."""
    posted = request.POST
    if posted.get("can") == "again":
        return _did(
            request,
            person,
            gettext("Written down. The agent’s access has ended."),
            lambda scope, now: document_capacity(scope, consent, now),
        )
    paper = Paper(posted.get("title", ""), _day(posted.get("signed", "")), posted.get("kept", ""))
    return _did(
        request,
        person,
        gettext("Written down. The agent’s access has begun."),
        lambda scope, now: document_incapacity(scope, consent, paper, now),
    )


urlpatterns = [
    path("people/<str:person>/portal", portal, name="person-portal"),
    path("people/<str:person>/portal/contact", contact, name="portal-contact"),
    path("people/<str:person>/portal/contact/<int:contact>/end", end_contact, name="portal-contact-end"),
    path("people/<str:person>/portal/letter", letter, name="portal-letter"),
    path("people/<str:person>/portal/ask", ask, name="portal-ask"),
    path("people/<str:person>/portal/add", add, name="portal-share"),
    path("people/<str:person>/portal/<str:consent>/end", end, name="portal-share-end"),
    path("people/<str:person>/portal/<str:consent>/capacity", capacity, name="portal-capacity"),
]
