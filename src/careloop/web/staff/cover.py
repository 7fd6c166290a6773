"""Cover for a colleague: who is away, who covers, from when to when. Access begins and ends with it."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from careloop.actions.cover import BadCover, Cover, colleagues_of, cover, covers, end_cover
from careloop.fhir.elements import day
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import Forbidden
from careloop.kernel.numbers import whole_number
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader

END_OF_DAY = time(23, 59)


@staff_page
@require_http_methods(["GET", "POST"])
def covering(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request, Sheet({}))
    problems = _problems(request)
    if not problems:
        try:
            cover(
                scope_of(request), _asked(request), request.POST.get("why", "").strip()[:200], now_of(request)
            )
        except (BadCover, Forbidden) as refused:
            problems = {"by": sentence_of(refused)}
    if problems:
        return _page(request, Sheet(request.POST.dict(), problems))
    toasts.say(request, gettext("Arranged. Access begins and ends with it."))
    return HttpResponseRedirect("/cover")


def _problems(request: HttpRequest) -> dict[str, str]:
    found = {}
    if None in (whole_number(request.POST.get(name, "")) for name in ("colleague", "by")):
        found["colleague"] = gettext("Choose who is away and who covers.")
    first, last = (day(request.POST.get(name)) for name in ("first", "last"))
    if first is None or last is None or last < first:
        found["first"] = gettext("Give the first and the last day, the last not before the first.")
    return found


def _asked(request: HttpRequest) -> Cover:
    first, last = (day(request.POST.get(name)) for name in ("first", "last"))
    assert first is not None  # _problems has looked
    assert last is not None
    return Cover(
        colleague=int(request.POST["colleague"]),
        by=int(request.POST["by"]),
        since=_moment(request, datetime.combine(first, time())),
        until=_moment(request, datetime.combine(last, END_OF_DAY)),
    )


def _moment(request: HttpRequest, local: datetime) -> datetime:
    return at_local(local.date(), local.time(), zone_of_reader(request))


def _page(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        arranged = covers(unit)
    context: dict[str, Any] = {
        **{"sheet": sheet, "arranged": arranged, "colleagues": colleagues_of(scope_of(request))},
        **{"today": now_of(request).astimezone(zone_of_reader(request)).date(), "now": now_of(request)},
    }
    return render(request, "staff/cover.html", context, status=sheet.status)


@staff_page
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    colleague, by = (whole_number(request.POST.get(name, "")) for name in ("colleague", "by"))
    if colleague is not None and by is not None:
        end_cover(scope_of(request), colleague, by, now_of(request))
        toasts.say(request, gettext("The cover has ended."))
    return HttpResponseRedirect("/cover")


urlpatterns = [path("cover", covering, name="cover"), path("cover/end", end, name="cover-end")]
