"""Case reviews: agendas, a meeting worked through person by person, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop import library
from careloop.actions import case_review
from careloop.actions.complete_work import complete_work
from careloop.actions.hand_off_work import UnknownColleague, takers
from careloop.actions.working import ReasonMissing, WorkEnded
from careloop.care.case_review import Option, Review, Talk, talk_of
from careloop.care.treat_to_target import Course, Stands, stands
from careloop.kernel.errors import CareError, StaleVersion
from careloop.projections import case_reviews
from careloop.projections.card import card
from careloop.projections.case_reviews import Facts, Meeting
from careloop.projections.registry import targets
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet, done, failed, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.registry import TONES
from careloop.web.staff.registry_ask import risk_words, standing_words
from careloop.web.staff.registry_many import evening

OPTIONS: Final = 3
STEPS: Final = 4


@staff_page
@require_GET
def reviews(request: HttpRequest) -> HttpResponse:
    """Those to come, then those that were."""
    with open_record(request) as unit:
        found = case_reviews.meetings(unit)
    coming = [each for each in found if each.open]
    past = [each for each in reversed(found) if not each.open]
    return render(request, "staff/reviews.html", {"coming": coming, "past": past})


@staff_page
@require_GET
def agenda(request: HttpRequest, meeting: str) -> HttpResponse:
    with open_record(request) as unit:
        found = _meeting(unit, meeting)
    return render(
        request, "staff/review_agenda.html", {"meeting": found, "first": next(iter(found.open), None)}
    )


@staff_page
@require_GET
def of_task(request: HttpRequest, task: str) -> HttpResponse:
    """From a line of work to its agenda."""
    with open_record(request) as unit:
        id = case_review.meeting_of(unit.read("Task", task).resource)
    if not id:
        raise Http404
    return HttpResponseRedirect(f"/reviews/{id}")


def _meeting(unit: Unit, id: str) -> Meeting:
    found = case_reviews.meeting(unit, id)
    if found is None:
        raise Http404
    return found


@staff_page
@require_POST
def move(request: HttpRequest, meeting: str) -> HttpResponse:
    """One line up or down."""
    id, step = request.POST.get("task", ""), {"up": -1, "down": 1}.get(request.POST.get("way", ""), 0)
    with open_record(request) as unit:
        order = [item.task.id for item in _meeting(unit, meeting).open]
    if id in order and step:
        at = order.index(id)
        other = at + step
        if 0 <= other < len(order):
            order[at], order[other] = order[other], order[at]
            case_review.arrange(scope_of(request), order, now_of(request))
    return HttpResponseRedirect(f"/reviews/{meeting}")


@staff_page
@require_POST
def take_off(request: HttpRequest, meeting: str) -> HttpResponse:
    """Not this time: the line is closed, with a reason in the record."""
    try:
        result = complete_work(
            scope_of(request),
            request.POST.get("task", ""),
            "not-needed",
            now_of(request),
            words=gettext("Taken off the agenda"),
        )
    except CareError as refused:
        if refused.status in (403, 404):
            raise
        return failed(request, refused)
    return done(request, gettext("Taken off the agenda."), result)


# --- one case


@dataclass(frozen=True, repr=False)
class CourseShown:
    title: str
    aim: str
    course: Course
    stands: Stands
    standing: str
    tone: str


@dataclass(frozen=True, repr=False)
class RiskShown:
    title: str
    said: str
    at: datetime


def known_context(request: HttpRequest, facts: Facts) -> dict[str, Any]:
    """What the record knows, in words; shared with a consultation."""
    spoken, now, words = get_language() or "en", now_of(request), standing_words()
    courses = []
    for id, course in facts.courses.items():
        target = targets()[id]
        told = stands(course, target, now)
        title, aim = target.title.get(spoken), target.words.get(spoken)
        courses.append(CourseShown(title, aim, course, told, words[told.standing], TONES[told.standing]))
    known = library.load().risks
    risks = [
        RiskShown(known[row.name].short.get(spoken), risk_words(row.name, row), row.at)
        for row in facts.risks
        if row.name in known
    ]
    return {"facts": facts, "courses": courses, "risk_lines": risks}


@staff_page
@require_http_methods(["GET", "POST"])
def case(request: HttpRequest, meeting: str, task: str) -> HttpResponse:
    """What is known, what was tried, what could be done, what is decided, who does what."""
    if request.method == "GET":
        return _case(request, meeting, task, Sheet({}))
    sheet = Sheet(request.POST.dict())
    steps, problems = steps_of(request)
    sheet.problems |= problems
    if not sheet.problems:
        try:
            result = case_review.decide(
                scope_of(request),
                task,
                review_of(request),
                steps,
                now_of(request),
                minutes=minutes_of(request),
                version=version_of(request),
            )
        except case_review.Undecided as missing:
            sheet.problems["decision"] = sentence_of(missing)
        except (UnknownColleague, ReasonMissing) as wrong:
            sheet.problems["step-1"] = sentence_of(wrong)
        except (StaleVersion, WorkEnded):
            sheet.notice = gettext(
                "Someone changed this while you had it open. What you typed is still here."
            )
        else:
            said = gettext("Decided; %(n)d to-dos made.") % {"n": len(steps)}
            done(request, said, result)  # says it, and what takes it back
            return HttpResponseRedirect(_next(request, meeting))
    return _case(request, meeting, task, sheet)


def _next(request: HttpRequest, meeting: str) -> str:
    """The next case of the agenda; the agenda once all are through."""
    with open_record(request) as unit:
        found = case_reviews.meeting(unit, meeting)
    following = next(iter(found.open), None) if found else None
    return f"/reviews/{meeting}/{following.task.id}" if following else f"/reviews/{meeting}"


def _case(request: HttpRequest, meeting: str, task: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        found = _meeting(unit, meeting)
        item = next((each for each in found.items if each.task.id == task), None)
        if item is None:
            raise Http404
        facts = case_reviews.facts(unit, item.person.rid)
        told = {
            **known_context(request, facts),
            "card": card(unit, item.person.id),
            "meeting": found,
            "item": item,
            "talk": _talk(unit, item.task),
            "colleagues": takers(unit, item.task.resource),
        }
        typed = dict(sheet.typed) or case_review.kept_words(unit, item.task)
    sheet.typed = typed
    order = [each.task.id for each in found.items if each.state != "withdrawn"]
    context = {
        **told,
        "sheet": sheet,
        "number": order.index(task) + 1 if task in order else 0,
        "of": len(order),
        "options": filled(typed, OPTIONS, ("option", "pros", "cons")),
        "steps": filled(typed, STEPS, ("what", "who", "by"), sheet.problems),
        "keeps": f"/reviews/{meeting}/{task}/keep",
        "now": now_of(request),
    }
    return render(request, "staff/review_case.html", context, status=sheet.status)


def _talk(unit: Unit, task: Stored) -> Talk | None:
    """What was decided, once it was."""
    references = [
        reference
        for output in task.resource.get("output", ())
        if (reference := (output.get("valueReference") or {}).get("reference", "")).startswith(
            "Communication/"
        )
    ]
    found = unit.get(references)
    return next((talk for stored in found.values() if (talk := talk_of(stored.resource))), None)


def filled(
    typed: dict[str, Any], count: int, names: tuple[str, ...], problems: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Rows of a form: number, the values by name, and what is wrong."""
    return [
        {
            "n": n,
            "problem": (problems or {}).get(f"step-{n}", ""),
            **{name: typed.get(f"{name}-{n}", "") for name in names},
        }
        for n in range(1, count + 1)
    ]


def review_of(request: HttpRequest) -> Review:
    posted = request.POST
    options = tuple(
        Option(text, posted.get(f"pros-{n}", "").strip(), posted.get(f"cons-{n}", "").strip())
        for n in range(1, OPTIONS + 1)
        if (text := posted.get(f"option-{n}", "").strip())
    )
    return Review(posted.get("known", ""), posted.get("tried", ""), options, posted.get("decision", ""))


def steps_of(request: HttpRequest) -> tuple[list[case_review.Step], dict[str, str]]:
    posted, tz, now = request.POST, zone_of_reader(request), now_of(request)
    steps, problems = [], {}
    for n in range(1, STEPS + 1):
        what, who = posted.get(f"what-{n}", "").strip(), posted.get(f"who-{n}", "")
        due = evening(posted.get(f"by-{n}", ""), tz)
        if what and due is not None and due <= now:
            problems[f"step-{n}"] = gettext("Choose a day that is still to come.")
        elif what:
            steps.append(case_review.Step(what, who, due))
    return steps, problems


def minutes_of(request: HttpRequest) -> int:
    text = request.POST.get("minutes", "")
    return min(int(text), 600) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


def saved(request: HttpRequest) -> HttpResponse:
    at = formats.clock_time(now_of(request).astimezone(zone_of_reader(request)))
    return HttpResponse(gettext("Saved %(time)s") % {"time": at}, content_type="text/plain; charset=utf-8")


@staff_page
@require_POST
def keep(request: HttpRequest, meeting: str, task: str) -> HttpResponse:
    """What is typed, at each pause."""
    typed = {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    case_review.keep(scope_of(request), task, typed, now_of(request))
    return saved(request)


urlpatterns = [
    path("reviews", reviews, name="reviews"),
    path("reviews/of/<str:task>", of_task, name="review-of"),
    path("reviews/<str:meeting>", agenda, name="review-agenda"),
    path("reviews/<str:meeting>/move", move, name="review-move"),
    path("reviews/<str:meeting>/off", take_off, name="review-off"),
    path("reviews/<str:meeting>/<str:task>", case, name="review-case"),
    path("reviews/<str:meeting>/<str:task>/keep", keep, name="review-keep"),
]
