"""The plan section: her own words first, then need, goal, steps and what stands in the way; every line says why."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop import library
from careloop.actions.record_barrier import record_barrier, resolve_barrier
from careloop.actions.record_words import record_words
from careloop.actions.working import ReasonMissing
from careloop.kernel.errors import NotFound
from careloop.projections.card import card
from careloop.projections.chart_lines import Goal
from careloop.projections.chart_plan import plan_of
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, sentence_of, show
from careloop.web.staff.person_frame import context, open_frame
from careloop.web.staff.reader import now_of, open_record


@lru_cache(maxsize=1)
def template_parents() -> dict[str, str]:
    """Code of a goal or step -> code of what the library's templates put it under."""
    found: dict[str, str] = {}
    for template in library.load().plans.values():
        for need in template.needs:
            for goal in need.goals:
                found[f"goal:{goal.id}"] = f"need:{need.code}"
                found |= {f"action:{action.id}": f"goal:{goal.id}" for action in goal.actions}
    return found


def achievement_words() -> dict[str, tuple[str, str]]:
    """FHIR's code -> (tone of the flag, words)."""
    return {
        "in-progress": ("", gettext("under way")),
        "improving": ("done", gettext("getting better")),
        "worsening": ("late", gettext("getting worse")),
        "no-change": ("", gettext("no change")),
        "achieved": ("done", gettext("reached")),
        "sustaining": ("done", gettext("reached and holding")),
        "not-achieved": ("late", gettext("not reached")),
        "no-progress": ("late", gettext("no progress yet")),
        "not-attainable": ("late", gettext("can’t be reached")),
    }


@staff_page
@require_GET
def plan(request: HttpRequest, person: str) -> HttpResponse:
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "plan")
        found = plan_of(unit, frame.patient, template_parents())
    return render(
        request,
        "staff/person_plan.html",
        context(frame, plan=found, achievements=achievement_words(), changes=len(frame.new)),
    )


def _scope(request: HttpRequest) -> Any:
    return request.scope  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen


# --- her own words


@staff_page
@require_http_methods(["GET", "POST"])
def words(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _words_sheet(request, person, Sheet({}))
    typed = request.POST
    try:
        result = record_words(
            _scope(request),
            person,
            typed.get("words", ""),
            now_of(request),
            heard_from=typed.get("heard_from", ""),
        )
    except ReasonMissing:
        problems = {"words": gettext("Write what was said, as it was said.")}
        return _words_sheet(request, person, Sheet(typed.dict(), problems))
    return done(request, gettext("Kept in the person’s own words."), result)


def _words_sheet(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
    return show(request, "staff/person_words.html", sheet, {"card": beside})


# --- what stands in the way


@staff_page
@require_http_methods(["GET", "POST"])
def barrier(request: HttpRequest, person: str) -> HttpResponse:
    asked = request.GET.get("goal", "") if request.method == "GET" else request.POST.get("goal", "")
    if request.method == "GET":
        return _barrier_sheet(request, person, Sheet({"goal": asked}))
    typed = request.POST
    try:
        record_barrier(_scope(request), person, asked, typed.get("what", ""), now_of(request))
    except ReasonMissing as missing:
        return _barrier_sheet(request, person, Sheet(typed.dict(), {"what": sentence_of(missing)}))
    except NotFound:
        problems = {"goal": gettext("Choose the goal that it stands in the way of.")}
        return _barrier_sheet(request, person, Sheet(typed.dict(), problems))
    return done(request, gettext("Written down: what stands in the way."))


def _barrier_sheet(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
        found = plan_of(unit, unit.read("Patient", person), template_parents())
    goals = [(_id(goal), goal.text) for goal in found.all_goals if not goal.is_reached]
    return show(request, "staff/person_barrier.html", sheet, {"card": beside, "goals": goals})


def _id(goal: Goal) -> str:
    return goal.reference.partition("/")[2]


@staff_page
@require_POST
def resolve(request: HttpRequest, person: str, id: str) -> HttpResponse:
    resolve_barrier(_scope(request), person, id, now_of(request))
    return done(request, gettext("Out of the way. It stays in the history."))


urlpatterns = [
    path("people/<str:person>/plan", plan, name="person-plan"),
    path("people/<str:person>/words", words, name="person-words"),
    path("people/<str:person>/barrier", barrier, name="person-barrier"),
    path("people/<str:person>/barrier/<str:id>/resolve", resolve, name="resolve-barrier"),
]
