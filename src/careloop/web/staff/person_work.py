"""The work section: what is open for her, with the same acts as on Today; what was done, by whom, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from careloop.care.work import work_of
from careloop.fhir.elements import instant, text_of
from careloop.projections import worklist
from careloop.projections.looked import is_proposed
from careloop.projections.people import names
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit
from careloop.web.staff.errors import staff_page
from careloop.web.staff.person_frame import Frame, context, open_frame
from careloop.web.staff.reader import open_record
from careloop.web.staff.rows import Shown, shown_rows

FIRST_DONE = 12
MOST_DONE = 200


@dataclass(frozen=True, repr=False)
class Group:
    key: str
    name: str
    rows: tuple[Shown, ...]


@dataclass(frozen=True, repr=False)
class Ended:
    """how: done, withdrawn, not possible. why: what was said when it ended."""

    id: str
    title: str
    how: str
    tone: str
    why: str
    who: str
    at: datetime
    is_new: bool


@staff_page
@require_GET
def work(request: HttpRequest, person: str) -> HttpResponse:
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "work")
        rows = worklist.of_person(unit, frame.patient.rid, frame.now, reader=frame.reader)
        ended = _ended(unit, frame)
    told = {
        "groups": _groups(frame, rows),
        "count": len(rows),
        "recent": ended[:FIRST_DONE],
        "earlier": ended[FIRST_DONE:],
        "ended": len(ended),
    }
    return render(request, "staff/person_work.html", context(frame, **told))


def _groups(frame: Frame, rows: list[worklist.Row]) -> list[Group]:
    names_of = {
        "now": gettext("Now"),
        "today": gettext("Today"),
        "waiting": gettext("Waiting on others"),
        "week": gettext("This week"),
        "later": gettext("Later and snoozed"),
    }
    made = []
    for key, name in names_of.items():
        of_group = [row for row in rows if row.group == key]
        if of_group:
            shown = tuple(shown_rows(of_group, frame.now, frame.reader))
            made.append(Group(key, name, shown))
    return made


def _ended(unit: Unit, frame: Frame) -> list[Ended]:
    """Newest first. Lines that were proposed and turned away are no work."""
    found = [
        task
        for task in unit.of_person(frame.patient.rid, ("Task",))
        if not is_proposed(task.resource)
        and task.resource.get("status") not in {*OPEN, "entered-in-error", "rejected"}
    ]
    called = names(unit, {r for task in found if (r := (task.resource.get("owner") or {}).get("reference"))})
    made = [_one_ended(task, called, frame) for task in found]
    return sorted(made, key=lambda e: (e.at, e.id), reverse=True)[:MOST_DONE]


def _one_ended(task: Stored, called: dict[str, str], frame: Frame) -> Ended:
    resource = task.resource
    how = {
        "completed": (gettext("done"), "done"),
        "cancelled": (gettext("withdrawn"), ""),
        "failed": (gettext("not possible"), "late"),
    }
    said, tone = how.get(str(resource.get("status")), (gettext("ended"), ""))
    owner = resource.get("owner") or {}
    ended = instant((resource.get("executionPeriod") or {}).get("end"))
    return Ended(
        id=task.id,
        title=work_of(resource).title,
        how=said,
        tone=tone,
        why=text_of(resource.get("statusReason")),
        who=str(called.get(owner.get("reference", "")) or owner.get("display", "")),
        at=ended or instant(resource.get("lastModified")) or task.at,
        is_new=task.reference in frame.new,
    )


urlpatterns = [path("people/<str:person>/work", work, name="person-work")]
