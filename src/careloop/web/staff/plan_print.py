"""The person's own copy of her plan: as a page to print, and as a PDF. What leaves with it is written into the audit
trail as a disclosure."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods

from careloop import library
from careloop.access import labels
from careloop.actions.translate_lines import translate_lines
from careloop.kernel.calendar import zone
from careloop.kernel.errors import StaleVersion, UnknownZone
from careloop.projections.card import PersonCard, card
from careloop.projections.chart_plan import plan_of
from careloop.projections.facts import language_of
from careloop.store import Unit
from careloop.web.plan_pdf import Copy, copy_of, pdf_of
from careloop.web.plan_pdf.copying import Language
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import sentence_of
from careloop.web.staff.reader import now_of, open_record, zone_of_reader


def _copy(unit: Unit, request: HttpRequest, person: str, what: str) -> tuple[Copy, PersonCard]:
    patient = unit.read("Patient", person)
    asked = request.GET.get("language") or language_of(patient.resource) or "en"
    language: Language = "es" if asked.lower().startswith(("es", "span")) else "en"
    unit.saw([patient.rid], f"{what} {language}")  # first: a row of the trail keeps only so many details
    is_partial = unit.withholds(patient.rid)
    # Paper lies about where others live too. What it leaves out for that, it does not speak of.
    unit.keep_out(labels.VIOLENCE)
    beside = card(unit, person)
    known = library.load()
    found = plan_of(unit, patient, known.parents)
    tz = _zone(request, beside)
    return copy_of(unit, patient, found, beside, known, language, tz, is_partial=is_partial), beside


def _zone(request: HttpRequest, beside: PersonCard) -> ZoneInfo:
    try:
        return zone(beside.zone) if beside.zone else zone_of_reader(request)
    except UnknownZone:
        return zone_of_reader(request)


def _nothing(request: HttpRequest, person: str) -> HttpResponse:
    toasts.fail(request, gettext("There is nothing to print yet: no line of a plan is active."))
    return HttpResponseRedirect(f"/people/{person}/plan")


@staff_page
@require_GET
def plan_pdf(request: HttpRequest, person: str) -> HttpResponse:
    """The name of the file tells nothing about the person."""
    with open_record(request) as unit:
        copy, _ = _copy(unit, request, person, "plan.pdf")
    if copy.is_empty:
        return _nothing(request, person)
    now = now_of(request)
    response = HttpResponse(pdf_of(copy, now), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="plan-{now:%Y-%m-%d}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@staff_page
@require_http_methods(["GET", "POST"])
def plan_print(request: HttpRequest, person: str) -> HttpResponse:
    """The same as a page; the shell around it stays in the reader's language. What is posted are lines in Spanish."""
    if request.method == "POST":
        return _say(request, person)
    with open_record(request) as unit:
        copy, beside = _copy(unit, request, person, "plan printed")
    if copy.is_empty:
        return _nothing(request, person)
    context: dict[str, Any] = {"copy": copy, "card": beside, "person": person}
    context["says"] = _language_names()
    return render(request, "staff/plan_print.html", context)


def _say(request: HttpRequest, person: str) -> HttpResponse:
    said = {name: str(text) for name, text in request.POST.items() if "/" in name}
    scope: Any = request
    try:
        written = translate_lines(scope.scope, person, said, "es", now_of(request))
    except StaleVersion as stale:
        toasts.fail(request, sentence_of(stale))
    else:
        sentence = ngettext("%(n)d line is in Spanish now.", "%(n)d lines are in Spanish now.", written)
        toasts.say(request, sentence % {"n": written})
    return HttpResponseRedirect(f"/people/{person}/plan/print?language=es")


def _language_names() -> dict[str, str]:
    return {code: translation.get_language_info(code)["name_local"].capitalize() for code in ("en", "es")}


urlpatterns = [
    path("people/<str:person>/plan.pdf", plan_pdf, name="plan-pdf"),
    path("people/<str:person>/plan/print", plan_print, name="plan-print"),
]
