"""A clinician says how complex the medical decisions after a stay are; the visit after it moves at once."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop import library
from careloop.actions.record_complexity import BadComplexity, CliniciansOnly, record_complexity
from careloop.care.transition_facts import VISIT
from careloop.kernel.errors import NotFound
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, sentence_of, show
from careloop.web.staff.reader import now_of, open_record
from careloop.web.staff.work import Opened, open_work

TEMPLATE = "staff/work_complexity.html"


@staff_page
@require_http_methods(["GET", "POST"])
def complexity(request: HttpRequest, id: str) -> HttpResponse:
    with open_record(request) as unit:
        found = open_work(unit, request, id)
    stay = _stay(found)
    if request.method == "GET":
        return _shown(request, found, Sheet({}))
    said: Any = request.POST.get("complexity", "")
    scope = request.scope  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen
    try:
        record_complexity(scope, stay, said, now_of(request), library.load())
    except (BadComplexity, CliniciansOnly) as refused:
        return _shown(request, found, Sheet(request.POST.dict(), {"complexity": sentence_of(refused)}))
    return done(request, gettext("Recorded. The visit is due accordingly."))


def _stay(found: Opened) -> str:
    """Raises NotFound for work that is not the visit after a stay."""
    about = next(iter(found.work.reasons), "")
    if found.work.kind != VISIT or not about.startswith("Encounter/"):
        raise NotFound
    return about.removeprefix("Encounter/")


def _shown(request: HttpRequest, found: Opened, sheet: Sheet) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen
    may = "clinician" in actor.roles
    return show(
        request, TEMPLATE, sheet, {**found.context, "may": may, "refusal": sentence_of(CliniciansOnly())}
    )


urlpatterns = [path("work/<str:id>/complexity", complexity, name="work-complexity")]
