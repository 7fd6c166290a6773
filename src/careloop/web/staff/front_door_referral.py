"""Take a referral by phone or from paper, of somebody known or new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.register_person import LooksLike
from careloop.actions.take_referral import CHANNELS, BadReferral, Referral, take_referral
from careloop.care.enroll import UnknownProgram
from careloop.care.register import NotAPerson
from careloop.library import load
from careloop.projections.card import card
from careloop.web.staff import register_fields, toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.front_door_enroll import language
from careloop.web.staff.reader import now_of, open_record, scope_of
from careloop.web.staff.register import (
    Likeness,
    another_than,
    likenesses,
    site_chosen,
    sites_of,
    told_in,
)

OWN = ("by", "program", "channel", "received", "reason")


def channels() -> list[tuple[str, str]]:
    words = {
        "phone": gettext("By phone"),
        "paper": gettext("On paper"),
        "fax": gettext("By fax"),
        "in-person": gettext("In person"),
        "email": gettext("By email"),
    }
    return [(each, words[each]) for each in CHANNELS]


@staff_page
@require_http_methods(["GET", "POST"])
def referral(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        typed = {
            "channel": "phone",
            "person": request.GET.get("person", ""),
            "program": request.GET.get("program", ""),
        }
        return _form(request, typed)
    person = request.POST.get("person", "")
    try:
        taken = take_referral(
            scope_of(request),
            _referral(request),
            load(),
            now_of(request),
            person=person,
            told=told_in(request),
            site=site_chosen(request, sites_of(request)),
            another_than=another_than(request),
        )
    except (BadReferral, NotAPerson) as wrong:
        return _form(request, request.POST.dict(), problems=wrong.problems)
    except UnknownProgram:
        return _form(request, request.POST.dict(), problems={"program": "Choose the program."})
    except LooksLike as looks:
        return _form(request, request.POST.dict(), alike=likenesses(request, looks.alike))
    toasts.say(request, gettext("Referral taken. It stands on Today until whoever referred has an answer."))
    program = request.POST.get("program", "")
    return HttpResponseRedirect(f"/people/{taken.patient.id}/enroll/{program}")


def _referral(request: HttpRequest) -> Referral:
    posted = request.POST
    return Referral(
        program=posted.get("program", ""),
        by=posted.get("by", ""),
        reason=posted.get("reason", ""),
        channel=posted.get("channel", ""),
        answer_to=posted.get("answer_to", ""),
        is_urgent="is_urgent" in posted,
        received=_day(posted.get("received", "")),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _form(
    request: HttpRequest,
    typed: dict[str, Any],
    *,
    problems: dict[str, str] | None = None,
    alike: Sequence[Likeness] = (),
) -> HttpResponse:
    sites, library = sites_of(request), load()
    beside = None
    if typed.get("person"):
        with open_record(request) as unit:
            beside = card(unit, typed["person"])
    found = problems or {}
    groups = register_fields.groups(typed, found, is_brief=True)
    own = [(f"field-{name}", gettext(found[name])) for name in OWN if name in found]
    of_person = {name: sentence for name, sentence in found.items() if name not in OWN}
    context = {
        "typed": typed,
        "problems": {name: gettext(sentence) for name, sentence in found.items()},
        "errors": [*own, *register_fields.summary(of_person, groups)],
        "groups": groups,
        "sites": sites,
        "card": beside,
        "alike": alike,
        "another": ",".join(each.person.id for each in alike),
        "choose": True,
        "channels": channels(),
        "programs": [(code, each.title.get(language())) for code, each in sorted(library.programs.items())],
    }
    status = 422 if problems else 409 if alike else 200
    return render(request, "staff/front_door_referral.html", context, status=status)


urlpatterns = [path("front-door/referral", referral, name="take-referral")]
