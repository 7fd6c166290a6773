"""Answer what a person or her family asked on their page; the answer stands there for whoever asked."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.flag_wrong import KIND, AnswerMissing, answer_question, question_of
from careloop.actions.working import WorkEnded
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, sentence_of, show, version_of
from careloop.web.staff.reader import now_of, open_record
from careloop.web.staff.work import Opened, open_work, stale

TEMPLATE = "staff/work_answer.html"


@staff_page
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, id: str) -> HttpResponse:
    with open_record(request) as unit:
        found = open_work(unit, request, id)
    if found.work.kind != KIND:
        raise NotFound
    if request.method == "GET":
        return _shown(request, found, Sheet({}))
    scope = request.scope  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen
    try:
        result = answer_question(
            scope, id, request.POST.get("text", ""), now_of(request), version=version_of(request)
        )
    except AnswerMissing as missing:
        return _shown(request, found, Sheet(request.POST.dict(), {"text": sentence_of(missing)}))
    except (StaleVersion, WorkEnded):
        return _shown(request, found, stale(request))
    return done(request, gettext("Answered. Whoever asked reads it on the page."), result)


def _shown(request: HttpRequest, found: Opened, sheet: Sheet) -> HttpResponse:
    return show(request, TEMPLATE, sheet, {**found.context, "question": question_of(found.task)})


urlpatterns = [path("work/<str:id>/answer", answer, name="work-answer")]
