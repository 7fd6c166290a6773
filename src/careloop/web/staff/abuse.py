"""Suspected abuse: what to do first, whom to call in this state, and writing down the report that was made. One step at
a time, and a button that leaves the page at once."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.report_abuse import report_abuse
from careloop.care import abuse as reporting
from careloop.care.abuse import KINDS, Report, ReportIncomplete, Steps
from careloop.library import load
from careloop.projections.card import card
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, local_moment, sentence_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader


@staff_page
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, person: str) -> HttpResponse:
    """POST twice: first the words come back to be read, then “Keep this report” keeps them."""
    if request.method == "GET":
        kind = request.GET.get("kind", "")
        return _page(request, person, Sheet({"kind": kind if kind in KINDS else ""}))
    posted = request.POST
    told = Report(
        kind=posted.get("kind", ""),
        agency=posted.get("agency", ""),
        called_at=local_moment(posted.get("called_at", ""), zone_of_reader(request)),
        who=posted.get("who", ""),
        reference=posted.get("reference", ""),
        has_none="has_none" in posted,
        words=posted.get("words", ""),
    )
    try:
        reporting.check(told, now_of(request))
        if posted.get("step") != "keep":
            return _page(request, person, Sheet(posted.dict()), is_confirming=True)
        report_abuse(scope_of(request), person, told, load(), now_of(request))
    except ReportIncomplete as lacking:
        return _page(request, person, Sheet(posted.dict(), {_field(told, request): sentence_of(lacking)}))
    toasts.say(request, gettext("Kept where only those who care for this person see it."))
    return HttpResponseRedirect(f"/people/{person}/work")


def _field(told: Report, request: HttpRequest) -> str:
    """The first thing that lacks."""
    if not told.agency.strip():
        return "agency"
    if told.called_at is None or told.called_at > now_of(request):
        return "called_at"
    if bool(told.reference.strip()) == told.has_none:
        return "reference"
    return "words" if not told.words.strip() else "kind"


def _page(request: HttpRequest, person: str, sheet: Sheet, *, is_confirming: bool = False) -> HttpResponse:
    now, kind = now_of(request), str(sheet.typed.get("kind", ""))
    with open_record(request) as unit:
        beside = card(unit, person)
        patient = unit.read("Patient", person).resource
        unit.saw([beside.person.rid], "reporting steps")
    rule = load().rule(reporting.RULE, now.date())
    found = reporting.steps(rule, kind, reporting.state_of(patient)) if kind in KINDS else None
    local = now.astimezone(zone_of_reader(request)).replace(tzinfo=None)
    context: dict[str, Any] = {
        "card": beside,
        "person": person,
        "sheet": sheet,
        "kinds": [(code, gettext(words)) for code, words in KINDS.items()],
        "kind": kind,
        "steps": found,
        "who": _words(found),
        "is_confirming": is_confirming,
        "now": local.isoformat("T", "minutes"),
    }
    return render(request, "staff/abuse.html", context, status=sheet.status)


def _words(steps: Steps | None) -> str:
    return steps.who.get((get_language() or "en")[:2]) if steps and steps.who else ""


urlpatterns = [path("people/<str:person>/report", report, name="report-abuse")]
