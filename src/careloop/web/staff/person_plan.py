"""The plan section: her own words first, then need, goal, steps and what stands in the way; every line says why, opens
in its place, and says what changed. Who has seen and signed it stands below."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop import library
from careloop.actions.record_words import no_longer, record_words
from careloop.actions.working import ReasonMissing
from careloop.care.own_words import SAID_OF
from careloop.care.plan_lines import ACHIEVEMENTS
from careloop.projections.card import card
from careloop.projections.chart_lines import PlanPage
from careloop.projections.chart_plan import plan_of
from careloop.projections.plan_history import what_changed
from careloop.projections.plan_seen import SeenBy, seen_by
from careloop.store import Unit
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, show
from careloop.web.staff.person_frame import Frame, context, open_frame
from careloop.web.staff.person_plan_forms import may_change, opened
from careloop.web.staff.person_plan_words import Told, seen_words, told
from careloop.web.staff.plan_checks import plan_checks
from careloop.web.staff.reader import now_of, open_record, scope_of

_TONES = {
    "improving": "done",
    "worsening": "late",
    "achieved": "done",
    "sustaining": "done",
    "not-achieved": "late",
    "no-progress": "late",
    "not-attainable": "late",
}


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
    language = get_language() or "en"
    return {code: (_TONES.get(code, ""), words.get(language)) for code, words in ACHIEVEMENTS.items()}


@staff_page
@require_GET
def plan(request: HttpRequest, person: str) -> HttpResponse:
    return page(request, person)


def page(request: HttpRequest, person: str, refused: Sheet | None = None) -> HttpResponse:
    """refused: a form of a line that could not be kept; it stands in its place with what was typed."""
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "plan")
        found = plan_of(unit, frame.patient, template_parents())
        more: dict[str, Any] = {
            "form": opened(unit, request, frame.patient, found, refused),
            "may_change": may_change(unit),
            "news": _news(unit, frame, found),
            **plan_checks(unit, frame),
            "me": unit.scope.actor.practitioner,
        }
        seen = _seen(unit, frame, found)
    if seen is not None:
        more |= {"seen": seen_words(seen, found.version, frame), "signatures": seen.signatures}
    return render(
        request,
        "staff/person_plan.html",
        context(frame, plan=found, achievements=achievement_words(), changes=len(frame.new), **more),
        status=refused.status if refused else 200,
    )


def _news(unit: Unit, frame: Frame, found: PlanPage) -> tuple[Told, ...]:
    """What changed since the reader last looked, in words."""
    if found.id is None or frame.since is None or not frame.new:
        return ()
    active = unit.find("CarePlan", found.id)
    if active is None:
        return ()
    return tuple(map(told, what_changed(unit, frame.patient, active, frame.since, "coordinator")))


def _seen(unit: Unit, frame: Frame, found: PlanPage) -> SeenBy | None:
    active = unit.find("CarePlan", found.id) if found.id else None
    return seen_by(unit, frame.patient, active, library.load()) if active else None


# --- her own words


@staff_page
@require_http_methods(["GET", "POST"])
def words(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _words_sheet(request, person, Sheet({"about": request.GET.get("about", "")}))
    typed = request.POST
    about = typed.get("about") or "what-matters"
    try:
        result = record_words(
            scope_of(request),
            person,
            typed.get("words", ""),
            now_of(request),
            heard_from=typed.get("heard_from", ""),
            about=about,
        )
    except ReasonMissing:
        problems = {"words": gettext("Write what was said, as it was said.")}
        return _words_sheet(request, person, Sheet(typed.dict(), problems))
    return done(request, gettext("Kept in the person’s own words."), result)


def _words_sheet(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    asked = sheet.typed.get("about")
    about = asked if asked in SAID_OF else "what-matters"
    titles = {
        "what-matters": gettext("What matters most"),
        "strengths": gettext("Strengths"),
        "preferences": gettext("How the person wants it"),
    }
    helps = {
        "what-matters": gettext(
            "As it was said, not as we would write it. It stands first in the plan and at the side of every page."
        ),
        "strengths": gettext("What the person is good at and proud of, and who stands by."),
        "preferences": gettext("How and when things are to be done: “mornings only”, “ask my son first”."),
    }
    with open_record(request) as unit:
        beside = card(unit, person)
    told = {"card": beside, "about": about, "title": titles[about], "help": helps[about]}
    return show(request, "staff/person_words.html", sheet, told)


@staff_page
@require_POST
def words_over(request: HttpRequest, person: str, id: str) -> HttpResponse:
    result = no_longer(scope_of(request), person, id, now_of(request))
    return done(request, gettext("It leaves the plan and stays in the record."), result)


urlpatterns = [
    path("people/<str:person>/plan", plan, name="person-plan"),
    path("people/<str:person>/words", words, name="person-words"),
    path("people/<str:person>/words/<str:id>/over", words_over, name="words-over"),
]
