"""The person's own copy of her plan: as a page to print, and as a PDF. What leaves with it is written into the audit
trail as a disclosure."""

from __future__ import annotations

from datetime import datetime
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
from careloop.care.plan_changes import Audience, Change
from careloop.fhir.elements import name_of
from careloop.kernel.calendar import zone
from careloop.kernel.errors import StaleVersion, UnknownZone
from careloop.projections.card import PersonCard, card
from careloop.projections.chart_plan import plan_of
from careloop.projections.facts import language_of
from careloop.projections.plan_history import active_plan_of, since_when, what_changed
from careloop.projections.plan_seen import SeenBy, seen_by
from careloop.store import Stored, Unit
from careloop.web.plan_pdf import Copy, clinical_of, clinical_pdf, copy_of, pdf_of
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
    seen = _seen(unit, patient)
    since, changes = _changes(unit, patient, request, seen, "person")
    copy = copy_of(
        unit,
        patient,
        found,
        beside,
        known,
        language,
        tz,
        is_partial=is_partial,
        changes=changes,
        since=since,
        signatures=seen.signatures if seen else (),
        is_large=request.GET.get("size") == "large",
    )
    return copy, beside


def _seen(unit: Unit, patient: Stored) -> SeenBy | None:
    plan = active_plan_of(unit, patient.rid)
    return seen_by(unit, patient, plan, library.load()) if plan else None


def _changes(
    unit: Unit, patient: Stored, request: HttpRequest, seen: SeenBy | None, audience: Audience
) -> tuple[datetime | None, tuple[Change, ...]]:
    """Since the version that was asked for; else since she (or whoever stands for her) saw one last; else nothing is
    said of it: to whom all is new, the plan itself is the news."""
    plan = active_plan_of(unit, patient.rid)
    if plan is None or seen is None:
        return None, ()
    if asked := request.GET.get("since", ""):
        since: datetime | None = since_when(unit, plan, asked)
    else:
        roles = ("person", "representative") if audience == "person" else ("doctor",)
        looks = [each.seen.at for each in seen.standings if each.seen and each.must.role in roles]
        since = max(looks, default=None)
    return since, what_changed(unit, patient, plan, since, audience) if since else ()


def _clinical(unit: Unit, request: HttpRequest, person: str) -> dict[str, Any] | None:
    patient = unit.read("Patient", person)
    unit.saw([patient.rid], "plan.pdf clinical")
    is_partial = unit.withholds(patient.rid)
    unit.keep_out(labels.VIOLENCE)
    beside = card(unit, person)
    found = plan_of(unit, patient, library.load().parents)
    if found.is_empty:
        return None
    seen = _seen(unit, patient)
    since, changes = _changes(unit, patient, request, seen, "clinician")
    house = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
    site = unit.get([house]).get(house) if house else None
    return clinical_of(
        found,
        beside,
        seen,
        changes,
        since,
        unit.now,
        _zone(request, beside),
        made_by=name_of(site.resource) if site else "",
        is_partial=is_partial,
    )


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
    """The person's own copy, or with `for=clinician` the clinical one. The name of the file tells nothing about her."""
    now = now_of(request)
    if request.GET.get("for") == "clinician":
        with open_record(request) as unit:
            told = _clinical(unit, request, person)
        body = clinical_pdf(told, now) if told else b""
    else:
        with open_record(request) as unit:
            copy, _ = _copy(unit, request, person, "plan.pdf")
        body = b"" if copy.is_empty else pdf_of(copy, now)
    if not body:
        return _nothing(request, person)
    response = HttpResponse(body, content_type="application/pdf")
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
