"""Asking a named clinician about a hard problem, and her answer, which comes back to whoever asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions import case_review
from careloop.actions.case_review import ANSWER, CONSULTATION
from careloop.actions.hand_off_work import Colleague, UnknownColleague, takers
from careloop.actions.working import ReasonMissing, WorkEnded
from careloop.care.case_review import talk_of
from careloop.care.work import work_of
from careloop.fhir.elements import instant, ref
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.projections import case_reviews
from careloop.projections.card import card
from careloop.projections.people import names
from careloop.projections.worklist_rows import OPEN
from careloop.web.staff.case_review import OPTIONS, filled, known_context, minutes_of, review_of, saved
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet, done, show, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.registry_many import evening


@staff_page
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        day = (now_of(request).astimezone(zone_of_reader(request)) + timedelta(days=3)).date().isoformat()
        return _ask(request, person, Sheet({"due": day}))
    posted, sheet = request.POST, Sheet(request.POST.dict())
    due = evening(posted.get("due", ""), zone_of_reader(request))
    if due is not None and due <= now_of(request):
        sheet.problems["due"] = gettext("Choose a day that is still to come.")
        return _ask(request, person, sheet)
    try:
        result = case_review.ask(
            scope_of(request),
            person,
            posted.get("to", ""),
            posted.get("question", ""),
            now_of(request),
            known=posted.get("known", ""),
            due=due,
        )
    except ReasonMissing:
        sheet.problems["question"] = gettext("Write what you want to know.")
    except UnknownColleague as unknown:
        sheet.problems["to"] = sentence_of(unknown)
    else:
        return done(request, gettext("Asked. The answer comes back to you as a to-do."), result)
    return _ask(request, person, sheet)


def _ask(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        whom: list[Colleague] = takers(unit, {"for": ref(patient.reference)})
        beside = card(unit, person)
    told = {"card": beside, "person": person, "colleagues": whom, "typed": sheet.typed}
    return show(request, "staff/consult_ask.html", sheet, told)


@staff_page
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, task: str) -> HttpResponse:
    if request.method == "GET":
        return _answer(request, task, Sheet({}))
    sheet = Sheet(request.POST.dict())
    try:
        result = case_review.answer(
            scope_of(request),
            task,
            review_of(request),
            now_of(request),
            minutes=minutes_of(request),
            version=version_of(request),
        )
    except case_review.Undecided:
        sheet.problems["decision"] = gettext("Write what you advise, also when it is to go on as before.")
    except (StaleVersion, WorkEnded):
        sheet.notice = gettext("Someone changed this while you had it open. What you typed is still here.")
    else:
        return done(request, gettext("Answered. Whoever asked has a to-do to read it."), result)
    return _answer(request, task, sheet)


def _answer(request: HttpRequest, task: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        stored = unit.read("Task", task)
        work = work_of(stored.resource)
        if work.kind != CONSULTATION:
            raise NotFound
        person = str((stored.resource.get("for") or {}).get("reference", "")).removeprefix("Patient/")
        asker = stored.resource.get("requester") or {}
        facts = case_reviews.facts(unit, stored.person)
        typed: dict[str, Any] = dict(sheet.typed) or case_review.kept_words(unit, stored)
        told = {
            **known_context(request, facts),
            "card": card(unit, person),
            "task": stored,
            "work": work,
            "who": names(unit, [asker.get("reference", "")]).get(
                asker.get("reference", ""), asker.get("display", "")
            ),
        }
    owner = (stored.resource.get("owner") or {}).get("reference")
    sheet.typed = typed
    context = {
        **told,
        "options": filled(typed, OPTIONS, ("option", "pros", "cons")),
        "is_mine": owner == scope_of(request).actor.practitioner,
        "is_open": stored.resource.get("status") in OPEN,
        "keeps": f"/consult/{task}/keep",
        "now": now_of(request),
    }
    return render(request, "staff/consult_answer.html", {"sheet": sheet, **context}, status=sheet.status)


@staff_page
@require_GET
def read(request: HttpRequest, task: str) -> HttpResponse:
    """The answer, for whoever asked."""
    with open_record(request) as unit:
        stored = unit.read("Task", task)
        work = work_of(stored.resource)
        if work.kind != ANSWER or not work.reasons:
            raise NotFound
        found = unit.get(work.reasons)
        talked = next((each for each in found.values() if talk_of(each.resource)), None)
        if talked is None:
            raise NotFound
        sender = str((talked.resource.get("sender") or {}).get("reference", ""))
        person = str((stored.resource.get("for") or {}).get("reference", "")).removeprefix("Patient/")
        told = {
            "card": card(unit, person),
            "task": stored,
            "talk": talk_of(talked.resource),
            "who": names(unit, [sender]).get(sender, ""),
            "at": instant(talked.resource.get("sent")),
            "is_open": stored.resource.get("status") in OPEN,
        }
    return render(request, "staff/consult_read.html", told)


@staff_page
@require_POST
def keep(request: HttpRequest, task: str) -> HttpResponse:
    typed = {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    case_review.keep(scope_of(request), task, typed, now_of(request))
    return saved(request)


urlpatterns = [
    path("people/<str:person>/consult", ask, name="consult-ask"),
    path("consult/read/<str:task>", read, name="consult-read"),
    path("consult/<str:task>", answer, name="consult-answer"),
    path("consult/<str:task>/keep", keep, name="consult-keep"),
]
