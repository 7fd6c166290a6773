"""Acts on single lines of a plan that stands, from its page: add, change, end, reopen. A form that can't be kept comes
back in its place with what was typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from careloop.actions.plan_ends import end_line, out_of_the_way, reopen_line
from careloop.actions.plan_lines import add_line, change_line
from careloop.actions.plan_writing import BadLine
from careloop.actions.working import Result, WorkEnded
from careloop.fhir.elements import Resource
from careloop.kernel.errors import CareError, StaleVersion
from careloop.web.staff import person_plan
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, failed, sentence_of, version_of
from careloop.web.staff.person_plan_forms import problem_of, wanted_of
from careloop.web.staff.reader import now_of, open_record, scope_of


@staff_page
@require_POST
def line(request: HttpRequest, person: str) -> HttpResponse:
    """One address for the forms: which line, and what is done with it, stands in them."""
    typed = request.POST
    try:
        if typed.get("end"):
            result = _ended(request, person)
            return done(request, gettext("Ended. It stays in the history, with why."), result)
        problems: dict[str, str] = {}
        with open_record(request) as unit:
            patient = unit.read("Patient", person)
            seen: Resource = {}
            if reference := typed.get("edit", ""):
                kind, _, id = reference.partition("/")
                seen = unit.read(kind, id).resource
            wanted = wanted_of(unit, request, patient, seen, problems)
        if problems:
            return _again(request, person, Sheet(typed.dict(), problems))
        because = typed.get("because", "")
        if reference:
            version = version_of(request)
            result = change_line(
                scope_of(request), person, reference, version, wanted, because, now_of(request)
            )
            said = gettext("Changed.") if result.made else gettext("Nothing was another than before.")
            return done(request, said, result)
        part: Any = typed.get("add", "")
        result = add_line(
            scope_of(request), person, part, typed.get("under", ""), wanted, because, now_of(request)
        )
        return done(request, gettext("It stands in the plan now."), result)
    except BadLine as bad:
        return _again(request, person, Sheet(typed.dict(), problem_of(bad)))
    except (StaleVersion, WorkEnded) as stale:
        sheet = Sheet(typed.dict(), notice=sentence_of(stale))
        return _again(request, person, sheet)


def _ended(request: HttpRequest, person: str) -> Result:
    typed = request.POST
    return end_line(
        scope_of(request),
        person,
        typed.get("end", ""),
        version_of(request),
        typed.get("reason", ""),
        typed.get("words", ""),
        now_of(request),
        with_all_under=typed.get("under") == "too",
    )


def _again(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    return person_plan.page(request, person, sheet)


@staff_page
@require_POST
def reopen(request: HttpRequest, person: str) -> HttpResponse:
    return _at_once(reopen_line, request, person, gettext("It stands in the plan again."))


@staff_page
@require_POST
def resolve(request: HttpRequest, person: str) -> HttpResponse:
    """Out of the way, or met."""
    return _at_once(out_of_the_way, request, person, gettext("Out of the way. It stays in the history."))


def _at_once(act: Callable[..., Result], request: HttpRequest, person: str, words: str) -> HttpResponse:
    """What needs no more words than which line."""
    line, version = request.POST.get("line", ""), version_of(request)
    try:
        result = act(scope_of(request), person, line, now_of(request), version=version)
    except CareError as lost:
        if lost.status in (403, 404):
            raise
        return failed(request, lost)
    return done(request, words, result)


urlpatterns = [
    path("people/<str:person>/plan/line", line, name="plan-line"),
    path("people/<str:person>/plan/reopen", reopen, name="plan-reopen"),
    path("people/<str:person>/plan/resolve", resolve, name="plan-resolve"),
]
