"""The clinician on call takes urgent work: what was said, where the person is, whom to call, and “I have it”."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.acknowledge_urgent import (
    FINISHED,
    HadByAnother,
    NotUrgent,
    acknowledge_urgent,
)
from careloop.actions.working import NoPractitioner, WorkEnded
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import extension, instant
from careloop.kernel.errors import StaleVersion
from careloop.library import load
from careloop.projections.card import card
from careloop.projections.people import names
from careloop.store import Stored, Unit
from careloop.web.staff import toasts
from careloop.web.staff.assess_sheet import raised_by, who_has
from careloop.web.staff.assess_words import reader_language
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import done, failed, onward, sentence_of
from careloop.web.staff.reader import now_of, open_record, scope_of


@staff_page
@require_http_methods(["GET", "POST"])
def acknowledge(request: HttpRequest, id: str) -> HttpResponse:
    """The page of urgent work, and its one button."""
    if request.method == "GET":
        return _page(request, id)
    try:
        acknowledge_urgent(scope_of(request), id, now_of(request), over=bool(request.POST.get("over")))
    except HadByAnother as had:
        return _page(request, id, notice=sentence_of(had)) if _from_page(request) else failed(request, had)
    except (StaleVersion, WorkEnded, NotUrgent, NoPractitioner) as refused:
        if _from_page(request):
            toasts.fail(request, sentence_of(refused))
            return HttpResponseRedirect(f"/work/{id}")
        return failed(request, refused)
    said = gettext("You have it. It will not go on to the next on call.")
    if _from_page(request):
        toasts.say(request, said)
        return HttpResponseRedirect(f"/work/{id}/acknowledge")
    return done(request, said)


def _from_page(request: HttpRequest) -> bool:
    """Whether the button of this page was pressed, not the one of a row."""
    return onward(request).endswith("/acknowledge")


def _page(request: HttpRequest, id: str, notice: str = "") -> HttpResponse:
    with open_record(request) as unit:
        task = unit.read("Task", id)
        work = work_of(task.resource)
        if not work.is_protected:
            return HttpResponseRedirect(f"/work/{id}")
        context = _context(unit, task)
    return render(
        request, "staff/assess_acknowledge.html", {**context, "notice": notice}, status=_status(notice)
    )


def _status(notice: str) -> int:
    return 409 if notice else 200


def _context(unit: Unit, task: Stored) -> dict[str, Any]:
    resource, work = task.resource, work_of(task.resource)
    person = (resource.get("for") or {}).get("reference", "").removeprefix("Patient/")
    owner = resource.get("owner") or {}
    language = reader_language()
    critical, alarm = raised_by(unit, task, load())
    called = names(
        unit, [n["authorReference"]["reference"] for n in resource.get("note", ()) if "authorReference" in n]
    )
    return {
        "card": card(unit, person) if person else None,
        "task": task,
        "work": work,
        "title": critical.work.get(language) if critical else work.title,
        "because": alarm.because.get(language) if alarm else work.because,
        "do": [each.get(language) for each in critical.do] if critical else [],
        "numbers": critical.numbers if critical else ("988", "911"),
        "notes": [
            {
                "text": note.get("text", ""),
                "at": instant(note.get("time")),
                "who": called.get((note.get("authorReference") or {}).get("reference", ""), ""),
            }
            for note in resource.get("note", ())
        ],
        "to": owner.get("display", ""),
        "is_mine": owner.get("reference") == unit.scope.actor.practitioner,
        "acknowledged": instant(extension(resource, uris.ACKNOWLEDGED)),
        "is_over": resource["status"] in FINISHED,
        "since": instant(resource.get("authoredOn")) or task.at,
        "response": next((r for r in work.reasons if r.startswith("QuestionnaireResponse/")), ""),
        "now_with": who_has(unit, task),
    }


urlpatterns = [path("work/<str:id>/acknowledge", acknowledge, name="work-acknowledge")]
