"""The list as a file. Nothing that carries a label goes into it, whoever asks: nobody knows who opens a file. It is
written into the audit trail with everybody whose name stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import path
from django.views.decorators.http import require_POST

from careloop.access import labels
from careloop.access.acts import EXPORT, may
from careloop.accounts.stepup import fresh
from careloop.kernel.errors import CareError, Forbidden
from careloop.kernel.escaping import attachment, csv_line
from careloop.projections import registry
from careloop.projections.registry import Asked, Line
from careloop.store import Unit
from careloop.web.staff import registry_ask
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import now_of, open_record, program_name

MOST: Final = 5_000
PART: Final = 500


class TooLongForAFile(CareError):
    """This is more than one file takes. Narrow the list first."""

    code, status, issue_type = "too-long-for-a-file", 422, "too-costly"


@staff_page
@fresh
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """POST, so that nobody takes a list by following a link."""
    asked = registry_ask.asked_of(QueryDict(request.POST.get("question", "")[:2_000]))
    with open_record(request) as unit:
        if not may(unit.scope.actor, EXPORT):
            raise Forbidden(EXPORT.refusal)
        unit.keep_out(labels.SENSITIVE)
        lines = list(_lines(unit, asked))
        unit.saw((), f"registry export {len(lines)}")
    body = csv_line(_heads(asked)) + "".join(csv_line(_cells(line, asked)) for line in lines)
    response = HttpResponse(body.encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = attachment(f"registry-{now_of(request):%Y-%m-%d}.csv")
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _lines(unit: Unit, asked: Asked) -> Iterator[Line]:
    """Page after page of the same question, in one unit."""
    asked, count = replace(asked, after=""), 0
    while True:
        page = registry.registry(unit, asked, PART)
        count += len(page.lines)
        if count > MOST:
            raise TooLongForAFile
        yield from page.lines
        if not page.next:
            return
        asked = replace(asked, after=page.next)


def _heads(asked: Asked) -> list[str]:
    """English, as the fields of a file: programs read them."""
    usual = [
        "name",
        "birth date",
        "mrn",
        "phone",
        "language",
        "interpreter",
        "programs",
        "problems",
        "open needs",
    ]
    beside = ["lead", "last reached", "next", "next by", "open to-dos", "late to-dos"]
    measured = ["measure", "started on", "started at", "newest on", "now", "change", "standing", "review due"]
    return [*usual, *beside, *(measured if asked.measure else ())]


def _cells(line: Line, asked: Asked) -> list[Any]:
    person = line.person
    found: list[Any] = [
        *(person.name, person.birth_date, person.mrn, person.phone, person.language_code),
        *("yes" if person.needs_interpreter else "", ", ".join(map(program_name, line.programs))),
        *("; ".join(line.problems), "; ".join(line.needs), line.lead, _day(line.heard), line.next_title),
        *(_day(line.next_aim), line.open, line.late),
    ]
    if asked.measure:
        course, stands = line.course, line.stands
        if course is None:
            return [*found, asked.measure, *[""] * 7]
        found += [asked.measure, _day(course.began_at), _pair(course.began, course.began_second)]
        found += [_day(course.now_at), _pair(course.now, course.now_second), f"{course.change.normalize():f}"]
        found += [str(stands.standing), _day(stands.due)] if stands else ["", ""]
    return found


def _day(at: Any) -> str:
    return f"{at:%Y-%m-%d}" if at else ""


def _pair(first: Any, second: Any) -> str:
    return f"{first.normalize():f}" + (f"/{second.normalize():f}" if second is not None else "")


urlpatterns = [path("registry/export", export, name="registry-export")]
