"""Emergency access: somebody gives care to a person who is not in her care here. Found only by the whole birth
date with a name or record number; opened with a reason, for some hours; the privacy officer is told at once."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from careloop.access.acts import PART2_EMERGENCY, may
from careloop.accounts.stepup import fresh
from careloop.actions.break_glass import (
    HOURS,
    MedicalPersonnelOnly,
    NotForEmergencies,
    SayWho,
    SayWhy,
    break_glass,
    end_emergency,
    key_of,
    may_break_glass,
    open_part2,
)
from careloop.fhir.elements import day
from careloop.kernel.errors import NotFound
from careloop.projections.card import PersonCard, card
from careloop.projections.emergency import Named, named
from careloop.store import Unit
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of, show
from careloop.web.staff.reader import now_of, open_record, scope_of

REASONS = {
    "life-or-health": _("Life or health is at risk now"),
    "team-away": _("The person’s care team can’t be reached, and it can’t wait"),
    "other": _("Something else that can’t wait"),
}


@staff_page
@fresh
@require_http_methods(["GET", "POST"])
def emergency(request: HttpRequest) -> HttpResponse:
    """GET asks whom; POST with `find` looks, POST with `person` opens."""
    if not may_break_glass(scope_of(request).actor):
        raise NotForEmergencies
    if request.method == "GET":
        return _page(request, Sheet({}), None)
    if "person" in request.POST:
        return _open(request)
    found, problem = _find(request)
    problems = {"family": problem} if problem else {}
    return _page(request, Sheet(request.POST.dict(), problems), None if problem else found)


def _find(request: HttpRequest) -> tuple[list[Named], str]:
    said = {name: request.POST.get(name, "").strip()[:100] for name in ("family", "born", "mrn")}
    born = day(said["born"])
    if born is None or not (said["mrn"] or said["family"]):
        return [], gettext("Give the whole birth date, and the name or the record number.")
    with open_record(request) as unit:
        return named(unit, family=said["family"], born=born, mrn=said["mrn"]), ""


def _open(request: HttpRequest) -> HttpResponse:
    person, reason, words = (request.POST.get(name, "")[:2_000] for name in ("person", "reason", "words"))
    try:
        break_glass(scope_of(request), person, reason, words, now_of(request))
    except SayWhy as refused:
        found, _problem = _find(request)
        return _page(request, Sheet(request.POST.dict(), {"words": sentence_of(refused)}), found)
    toasts.say(request, gettext("Opened for %(n)s hours. The privacy officer has been told.") % {"n": HOURS})
    return HttpResponseRedirect(f"/people/{person}/story")


def _page(request: HttpRequest, sheet: Sheet, found: list[Named] | None) -> HttpResponse:
    context: dict[str, Any] = {"sheet": sheet, "found": found, "reasons": REASONS, "hours": HOURS}
    return render(request, "staff/emergency.html", context, status=sheet.status)


@staff_page
@fresh
@require_http_methods(["GET", "POST"])
def part2(request: HttpRequest, person: str) -> HttpResponse:
    """Records of a substance use program, in a medical emergency (42 CFR 2.51)."""
    actor = scope_of(request).actor
    if not may(actor, PART2_EMERGENCY):
        raise MedicalPersonnelOnly
    with open_record(request) as unit:
        shown = _card(unit, person)
    context: dict[str, Any] = {"card": shown, "person": person, "hours": HOURS}
    if request.method == "GET":
        return show(request, "staff/emergency_part2.html", Sheet({}), context)
    words, by, at = (request.POST.get(n, "").strip()[:2_000] for n in ("words", "treated_by", "treated_at"))
    try:
        open_part2(scope_of(request), person, words, by, at, now_of(request))
    except (SayWhy, SayWho) as refused:
        field = "words" if isinstance(refused, SayWhy) else "treated_by"
        sheet = Sheet(request.POST.dict(), {field: sentence_of(refused)})
        return show(request, "staff/emergency_part2.html", sheet, context)
    toasts.say(request, gettext("Opened for %(n)s hours. The privacy officer has been told.") % {"n": HOURS})
    return HttpResponseRedirect(f"/people/{person}/story")


def _card(unit: Unit, person: str) -> PersonCard | None:
    """None of somebody whom nobody sees until it is opened: she too may be in an emergency. Raises NotFound, also for
    whom the reader may never see."""
    key_of(unit, person)
    try:
        return card(unit, person)
    except NotFound:
        return None


@staff_page
@require_POST
def end(request: HttpRequest, person: str) -> HttpResponse:
    if not may_break_glass(scope_of(request).actor):
        raise NotFound
    end_emergency(scope_of(request), person, now_of(request))
    toasts.say(request, gettext("Emergency access has ended."))
    return HttpResponseRedirect("/today")


urlpatterns = [
    path("emergency", emergency, name="emergency"),
    path("people/<str:person>/emergency/part2", part2, name="emergency-part2"),
    path("people/<str:person>/emergency/end", end, name="emergency-end"),
]
