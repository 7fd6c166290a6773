"""The answer to whoever referred: what became of it, told by phone or as a letter that waits 30 seconds."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from careloop.actions.answer_referrer import LETTER, BadAnswer, NoReferral, answer_referrer
from careloop.actions.referral_loop import is_referral
from careloop.actions.working import WorkEnded
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.kernel.errors import StaleVersion
from careloop.projections.card import card
from careloop.projections.people import names
from careloop.web.staff.changes import changes_since
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet, done, show, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of
from careloop.web.staff.work import stale


@staff_page
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, task: str) -> HttpResponse:
    if request.method == "GET":
        return _sheet(request, task, Sheet({}))
    how = request.POST.get("how", "")
    try:
        result = answer_referrer(
            scope_of(request),
            task,
            how,
            request.POST.get("words", ""),
            now_of(request),
            to=request.POST.get("to", ""),
            version=version_of(request),
        )
    except BadAnswer as bad:
        field = "how" if request.POST.get("words", "").strip() else "words"
        return _sheet(request, task, Sheet(request.POST.dict(), {field: sentence_of(bad)}))
    except (StaleVersion, WorkEnded):
        return _sheet(request, task, stale(request))
    if how == LETTER:
        return done(
            request, gettext("Answered. In 30 seconds the letter is a to-do: print it and mail it."), result
        )
    return done(request, gettext("Told by phone. The loop is closed."), result)


def _sheet(request: HttpRequest, id: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        task = unit.read("Task", id)
        if not is_referral(task.resource):
            raise NoReferral
        person = str(task.resource["for"]["reference"]).removeprefix("Patient/")
        beside = card(unit, person)
        focus = str((task.resource.get("focus") or {}).get("reference", ""))
        request_made = unit.get([focus]).get(focus)
        if sheet.notice:
            sheet.changes = changes_since(unit, task, version_of(request))
    number = extension(request_made.resource, uris.REFERRER_PHONE) if request_made else None
    who = str((task.resource.get("requester") or {}).get("display", ""))
    outcome = str((task.resource.get("businessStatus") or {}).get("text", ""))
    if not sheet.typed:
        sheet.typed = {
            "how": "phone",
            "words": _words(beside.person.name, outcome),
            "to": ", ".join(filter(None, (who, str(number or "")))),
        }
    context = {
        "task": task,
        "work": work_of(task.resource),
        "card": beside,
        "id": id,
        "who": who,
        "number": number,
        "back": f"/people/{person}/story",
    }
    return show(request, "staff/front_door_answer.html", sheet, context)


def _words(name: str, outcome: str) -> str:
    """A beginning; she says it in her own words."""
    if not outcome:
        return ""
    return gettext("About your referral of %(name)s: %(outcome)s.") % {"name": name, "outcome": outcome}


@staff_page
@require_GET
def letter(request: HttpRequest, id: str) -> HttpResponse:
    """On paper: from whom, to whom, when, and the words."""
    with open_record(request) as unit:
        written = unit.read("Communication", id).resource
        person = str((written.get("subject") or {}).get("reference", "")).removeprefix("Patient/")
        patient = unit.read("Patient", person)
        site = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
        house = unit.get([site]).get(site)
        sender = str((written.get("sender") or {}).get("reference", ""))
        called = names(unit, [sender])
        beside = card(unit, person)
    context = {
        "card": beside,
        "to": ", ".join(str(each.get("display", "")) for each in written.get("recipient", ())),
        "words": "\n\n".join(str(each.get("contentString", "")) for each in written.get("payload", ())),
        "sender": called.get(sender, ""),
        "house": house.resource if house else {},
        "lines": _address(house.resource) if house else [],
        "today": now_of(request),
    }
    return render(request, "staff/front_door_letter.html", context)


def _address(organization: dict[str, Any]) -> list[str]:
    found: dict[str, Any] = next(iter(organization.get("address", ())), {})
    city = f"{found.get('city', '')}, {found.get('state', '')} {found.get('postalCode', '')}".strip(" ,")
    phone = next((str(each.get("value", "")) for each in organization.get("telecom", ())), "")
    return [line for line in (*found.get("line", ()), city, phone) if line]


urlpatterns = [
    path("front-door/referrals/<str:task>/answer", answer, name="answer-referrer"),
    path("front-door/letters/<str:id>", letter, name="letter"),
]
