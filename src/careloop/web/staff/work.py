"""The acts on a to-do, each a sheet over the list, and a page without JavaScript. Every form says what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions.claim_work import claim_work
from careloop.actions.complete_work import STATUS, complete_work
from careloop.actions.hand_off_work import TEAM, UnknownColleague, hand_off_work, takers
from careloop.actions.snooze_work import BadSnooze, snooze_work
from careloop.actions.undo import undo
from careloop.actions.working import ReasonMissing, Result, WorkEnded
from careloop.care.work import Work, work_of
from careloop.fhir.elements import instant
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import CareError, StaleVersion
from careloop.projections import worklist
from careloop.projections.card import PersonCard, card
from careloop.projections.people import names
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.staff import just_done
from careloop.web.staff.changes import changes_since
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, failed, local_moment, sentence_of, show, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.rows import Shown, shown


@dataclass(frozen=True, repr=False)
class Opened:
    """A to-do with what its pages need. shown: None once it has ended."""

    task: Stored
    work: Work
    card: PersonCard | None
    shown: Shown | None

    @property
    def context(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "work": self.work,
            "card": self.card,
            "shown": self.shown,
            "id": self.task.id,
        }


def open_work(unit: Unit, request: HttpRequest, id: str) -> Opened:
    """Raises NotFound."""
    task = unit.read("Task", id)
    reference = (task.resource.get("for") or {}).get("reference", "")
    beside = card(unit, reference.removeprefix("Patient/")) if reference.startswith("Patient/") else None
    tz = zone_of_reader(request)
    row = worklist.row_of(unit, id, now_of(request), reader=tz)
    return Opened(task, work_of(task.resource), beside, shown(row, now_of(request), tz) if row else None)


@staff_page
@require_GET
def work(request: HttpRequest, id: str) -> HttpResponse:
    """One to-do: why it is here, what was tried, what can be done."""
    with open_record(request) as unit:
        found = open_work(unit, request, id)
        called = names(unit, _people_in(found.task.resource))
    notes = [
        {
            "text": n.get("text", ""),
            "who": called.get((n.get("authorReference") or {}).get("reference", "")),
            "at": instant(n.get("time")),
        }
        for n in found.task.resource.get("note", ())
    ]
    return render(request, "staff/work.html", {**found.context, "notes": notes, "ended": _ended(found.task)})


def _people_in(task: dict[str, Any]) -> list[str]:
    found = [(note.get("authorReference") or {}).get("reference") for note in task.get("note", ())]
    return [reference for reference in found if reference]


def _ended(task: Stored) -> str:
    words = {
        "completed": gettext("Done"),
        "cancelled": gettext("Withdrawn"),
        "failed": gettext("Could not be done"),
    }
    return words.get(str(task.resource.get("status")), "")


def _again(
    request: HttpRequest, template: str, id: str, sheet: Sheet, extra: dict[str, Any] | None = None
) -> HttpResponse:
    with open_record(request) as unit:
        found = open_work(unit, request, id)
        if sheet.notice:
            sheet.changes = changes_since(unit, found.task, version_of(request))
    return show(request, template, sheet, {**found.context, **(extra or {})})


def stale(request: HttpRequest) -> Sheet:
    """Nothing typed is lost: the form comes back with the newer version under it."""
    return Sheet(
        request.POST.dict(),
        notice=gettext("Someone changed this while you had it open. What you typed is still here."),
    )


# --- done


@staff_page
@require_http_methods(["GET", "POST"])
def finish(request: HttpRequest, id: str) -> HttpResponse:
    if request.method == "GET":
        return _again(request, "staff/work_done.html", id, Sheet({"outcome": "done"}))
    outcome: Any = request.POST.get("outcome", "done")
    try:
        if outcome not in STATUS:
            raise ReasonMissing
        result = complete_work(
            scope_of(request),
            id,
            outcome,
            now_of(request),
            words=request.POST.get("words", ""),
            version=version_of(request),
        )
    except ReasonMissing as missing:
        sheet = Sheet(request.POST.dict(), {"words": sentence_of(missing)})
        return _again(request, "staff/work_done.html", id, sheet)
    except (StaleVersion, WorkEnded):
        return _again(request, "staff/work_done.html", id, stale(request))
    return done(request, _said(result, gettext("Done: %(title)s.")), result)


def _said(result: Result, sentence: str) -> str:
    title = work_of(result.task.resource).title if result.task else ""
    return sentence % {"title": title}


# --- snooze


@dataclass(frozen=True)
class Choice:
    value: str
    name: str
    help: str = ""


def snooze_choices(now: datetime, tz: ZoneInfo) -> list[Choice]:
    """Hours that people mean: in an hour, this afternoon, tomorrow morning, Monday."""
    local = now.astimezone(tz)
    today = local.date()
    hours = [(now + timedelta(hours=1), gettext("In an hour"))]
    if local.hour < 13:
        hours.append((at_local(today, time(14), tz), gettext("This afternoon")))
    hours.append((at_local(today + timedelta(days=1), time(8), tz), gettext("Tomorrow morning")))
    monday = today + timedelta(days=7 - today.weekday())
    if monday > today + timedelta(days=1):
        hours.append((at_local(monday, time(8), tz), gettext("Monday morning")))
    return [
        Choice(
            at.astimezone(tz).replace(tzinfo=None).isoformat("T", "minutes"),
            name,
            formats.near_future(at, now, tz),
        )
        for at, name in hours
    ]


@staff_page
@require_http_methods(["GET", "POST"])
def snooze(request: HttpRequest, id: str) -> HttpResponse:
    now, tz = now_of(request), zone_of_reader(request)
    extra = {"choices": snooze_choices(now, tz)}
    if request.method == "GET":
        return _again(request, "staff/work_snooze.html", id, Sheet({}), extra)
    asked = request.POST.get("until", "")
    until = local_moment(request.POST.get("other", "") if asked == "other" else asked, tz)
    reason = request.POST.get("reason", "")
    problems = {} if until else {"until": gettext("Choose until when.")}
    if not reason.strip():
        problems["reason"] = gettext("Say why in a few words, so that the next person understands.")
    if problems or until is None:
        return _again(request, "staff/work_snooze.html", id, Sheet(request.POST.dict(), problems), extra)
    try:
        result = snooze_work(scope_of(request), id, until, reason, now, version=version_of(request))
    except BadSnooze as bad:
        sheet = Sheet(request.POST.dict(), {"until": sentence_of(bad)})
        return _again(request, "staff/work_snooze.html", id, sheet, extra)
    except (StaleVersion, WorkEnded):
        return _again(request, "staff/work_snooze.html", id, stale(request), extra)
    return done(request, _said(result, gettext("Put away: %(title)s.")), result)


# --- hand off


@staff_page
@require_http_methods(["GET", "POST"])
def hand_off(request: HttpRequest, id: str) -> HttpResponse:
    extra = {"colleagues": _colleagues(request, id), "team": TEAM}
    if request.method == "GET":
        return _again(request, "staff/work_hand_off.html", id, Sheet({}), extra)
    to, note = request.POST.get("to", ""), request.POST.get("note", "")
    problems = {} if to else {"to": gettext("Choose who takes it.")}
    if not note.strip():
        problems["note"] = gettext("Write a line for whoever takes it.")
    if problems:
        return _again(request, "staff/work_hand_off.html", id, Sheet(request.POST.dict(), problems), extra)
    try:
        result = hand_off_work(scope_of(request), id, to, note, now_of(request), version=version_of(request))
    except UnknownColleague as unknown:
        sheet = Sheet(request.POST.dict(), {"to": sentence_of(unknown)})
        return _again(request, "staff/work_hand_off.html", id, sheet, extra)
    except (StaleVersion, WorkEnded):
        return _again(request, "staff/work_hand_off.html", id, stale(request), extra)
    return done(request, _said(result, gettext("Handed off: %(title)s.")), result)


def _colleagues(request: HttpRequest, id: str) -> list[Any]:
    with open_record(request) as unit:
        return takers(unit, unit.read("Task", id).resource)


# --- one button


@staff_page
@require_POST
def claim(request: HttpRequest, id: str) -> HttpResponse:
    try:
        result = claim_work(scope_of(request), id, now_of(request), version=version_of(request))
    except CareError as lost:
        if lost.status in (403, 404):
            raise
        return failed(request, lost)
    return done(request, _said(result, gettext("Yours now: %(title)s.")), result)


@staff_page
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    change = request.POST.get("change", "")
    try:
        undo(scope_of(request), just_done.opened(request, change), now_of(request))
    except CareError as late:
        if late.status in (403, 404):
            raise
        return failed(request, late)
    just_done.forget(request, change)
    return done(request, gettext("Taken back. It is as it was."))


urlpatterns = [
    path("work/undo", take_back, name="undo"),
    path("work/<str:id>", work, name="work"),
    path("work/<str:id>/done", finish, name="work-done"),
    path("work/<str:id>/snooze", snooze, name="work-snooze"),
    path("work/<str:id>/hand-off", hand_off, name="work-hand-off"),
    path("work/<str:id>/claim", claim, name="work-claim"),
]
