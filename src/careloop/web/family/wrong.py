"""“Something is wrong or unclear”: in her own words, about one line or about anything. Somebody answers by a day."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext

from careloop.actions.ask_person import AlreadyAnswered, WriteAnAnswer, answer_asked
from careloop.actions.flag_wrong import flag_wrong
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.errors import CareError
from careloop.store import Unit
from careloop.web import formats
from careloop.web.family import reading
from careloop.web.family.asked import asked
from careloop.web.family.door import ANYBODY, HOME, SELF_ONLY, Frame, Page, family_page, frame, show
from careloop.web.family.helpers import helpers_of
from careloop.web.staff.errors import sentence_of


@family_page(ANYBODY, "GET", "POST")
def wrong(page: Page) -> HttpResponse:
    line = page.request.POST.get("line") or page.request.GET.get("line", "")
    if page.request.method == "GET":
        return _form(page, line[:80])
    with page.open() as unit:
        found = frame(unit, page)
        about = _words_of(unit, found, line)
    text = page.request.POST.get("text", "")[:4_000]
    try:
        flag_wrong(
            page.scope,
            page.person.id,
            page.person.me,
            text,
            page.now,
            about=about,
            line=line if about else "",
        )
    except CareError as error:
        return _form(page, line[:80], text, sentence_of(error), error.status)
    messages.success(
        page.request, gettext("Thank you. Your care team has it. You find the answer on this page.")
    )
    return HttpResponseRedirect(found.base)


def _form(page: Page, line: str, text: str = "", problem: str = "", status: int = 200) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        if not text and page.request.GET.get("say") == "cannot-go":
            text = gettext("I can’t go.")
        told = {
            "about": _words_of(unit, found, line),
            "helpers": [h for h in helpers_of(unit, found) if h.number][:2],
            "asked": asked(unit, found),
        }
    return show(
        page,
        "wrong",
        found,
        status,
        line=line,
        text=text,
        problem=problem,
        by=_by(found),
        **told,
    )


def _by(found: Frame) -> str:
    """The day by which somebody answers: the next one on which the team works."""
    calendar = BusinessCalendar(found.tz)
    today = calendar.local_day(found.now)
    on = calendar.add_business_days(today, 1)
    return formats.day_words(on, today) if on - today < timedelta(days=7) else formats.full_date(on)


def _words_of(unit: Unit, found: Frame, line: str) -> str:
    """Of a line that this reader sees on her own pages; empty for anything else."""
    if not line or not found.whose.shows("plan"):
        return _visit_words(unit, found, line)
    plan = reading.plan(unit, found)
    for aim in plan.aims:
        if aim.reference and aim.reference == line:
            return aim.title
        for step in aim.steps:
            if step.line.reference == line:
                return step.line.title
    return _visit_words(unit, found, line)


def _visit_words(unit: Unit, found: Frame, line: str) -> str:
    if not line:
        return ""
    coming = reading.coming(unit, found)
    return next((f"{each.what}, {each.when}" for each in coming if each.reference == line), "")


@family_page(SELF_ONLY, "POST")
def answer(page: Page, task: str) -> HttpResponse:
    """Her answer to a question of the care team."""
    try:
        answer_asked(page.scope, task, page.person.me, page.request.POST.get("text", "")[:4_000], page.now)
    except (WriteAnAnswer, AlreadyAnswered) as error:
        messages.error(page.request, sentence_of(error))
    else:
        messages.success(page.request, gettext("Thank you. Whoever asked reads your answer."))
    return HttpResponseRedirect(f"{HOME}/{page.person.id}")


urlpatterns = [
    path("my/<str:person>/wrong", wrong, name="family-wrong"),
    path("my/<str:person>/asked/<str:task>", answer, name="family-answer"),
]
