"""How much is asked of a person, where work is added: weeks in numbers, and what could be put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_POST

from careloop.actions.combine_work import combine_work
from careloop.care.care_load import Combine, Item, Load, Week
from careloop.care.work import WorkClass, work_of
from careloop.kernel.errors import CareError
from careloop.library import load
from careloop.projections import care_load
from careloop.projections.card import card
from careloop.projections.people import names
from careloop.store import Unit
from careloop.web import formats
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import done, failed
from careloop.web.staff.reader import now_of, open_record, zone_of_reader
from careloop.web.work_words import work_title


@dataclass(frozen=True, repr=False)
class WeekShown:
    when: str
    said: str
    is_full: bool


@dataclass(frozen=True, repr=False)
class Together:
    """keep, others: Task ids; keep is empty where nothing can be put together with one click."""

    sentence: str
    keep: str
    others: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class LoadShown:
    whose: str
    weeks: tuple[WeekShown, ...]
    together: tuple[Together, ...]
    undated: int
    rule: str


def shown_loads(request: HttpRequest, unit: Unit, person: str) -> list[LoadShown]:
    """person: Patient id. Hers first. Raises NotFound."""
    patient = unit.read("Patient", person)
    found = care_load.loads(unit, patient, load(), zone_of_reader(request))
    called = names(unit, {each.of for each in found})
    return [_shown(request, unit, each, called.get(each.of, "")) for each in found]


def _shown(request: HttpRequest, unit: Unit, found: Load, whose: str) -> LoadShown:
    today = now_of(request).astimezone(zone_of_reader(request)).date()
    weeks = tuple(WeekShown(_week_name(each, today), _counts(each), bool(each.full)) for each in found.weeks)
    together = tuple(_together(unit, each) for each in found.combine)
    return LoadShown(whose, weeks, together, found.undated, found.rule)


def _week_name(week: Week, today: Any) -> str:
    days = (week.starts - today).days
    if days <= 0:
        return gettext("This week")
    if days <= 7:
        return gettext("Next week")
    return gettext("Week of %(day)s") % {"day": formats.month_day(week.starts)}


def _counts(week: Week) -> str:
    counts = (
        (week.calls, ngettext("%(n)d call", "%(n)d calls", week.calls)),
        (week.visits, ngettext("%(n)d visit", "%(n)d visits", week.visits)),
        (week.forms, ngettext("%(n)d form", "%(n)d forms", week.forms)),
        (week.own, ngettext("%(n)d own step", "%(n)d own steps", week.own)),
    )
    said = ", ".join(words % {"n": n} for n, words in counts if n)
    if week.people > 1:
        who = ngettext("with %(n)d person", "with %(n)d different people", week.people) % {"n": week.people}
        return f"{said}, {who}"
    return said


def _together(unit: Unit, found: Combine) -> Together:
    titles = " · ".join(work_title(item.title) for item in found.items)
    sentences = {
        ("call", True): gettext("%(n)d calls in one week by %(who)s: one call could serve all."),
        ("call", False): gettext("%(n)d calls in one week: one call could serve all."),
        ("visit", True): gettext("%(n)d visits in one week, with %(who)s: ask whether they fit on one day."),
        ("visit", False): gettext("%(n)d visits in one week: ask whether they fit on one day."),
        ("form", True): gettext("%(n)d forms in one week, from %(who)s: ask them in one sitting."),
        ("form", False): gettext("%(n)d forms in one week: ask them in one sitting."),
    }
    who = gettext(" and ").join(found.names)
    said = sentences[found.kind, found.is_of_several] % {"n": len(found.items), "who": who}
    keep, others = _pressing(unit, found.items) if found.kind == "call" else ("", ())
    return Together(f"{said} ({titles})", keep, others)


def _pressing(unit: Unit, items: tuple[Item, ...]) -> tuple[str, tuple[str, ...]]:
    """The one that stays, and those that can go into it: never what a rule’s clock asks for, or what was promised."""
    stored = unit.get([item.reference for item in items])
    work = {one.id: work_of(one.resource) for one in stored.values()}
    order = sorted(work, key=lambda id: (work[id].klass, str(work[id].target or ""), id))
    if not order:
        return "", ()
    others = tuple(id for id in order[1:] if work[id].klass > WorkClass.PROMISE and not work[id].is_protected)
    return (order[0], others) if others else ("", ())


@staff_page
@require_GET
def care_load_page(request: HttpRequest, person: str) -> HttpResponse:
    """The whole page, or the part that other pages ask for once they stand."""
    is_part = bool(getattr(request, "htmx", False))
    with open_record(request) as unit:
        told: dict[str, Any] = {"loads": shown_loads(request, unit, person), "person": person}
        if not is_part:
            told["card"] = card(unit, person)
    return render(request, "staff/care_load_part.html" if is_part else "staff/care_load.html", told)


@staff_page
@require_POST
def together(request: HttpRequest, person: str) -> HttpResponse:
    scope: Any = request.scope  # type: ignore[attr-defined]  # set by server.middleware
    keep, others = request.POST.get("keep", ""), request.POST.getlist("other")
    try:
        result = combine_work(scope, keep, others, now_of(request))
    except CareError as refused:
        if refused.status in (403, 404):
            raise
        return failed(request, refused)
    return done(request, gettext("Put together: one to-do says what else belongs to it."), result)


urlpatterns = [
    path("people/<str:person>/care-load", care_load_page, name="care-load"),
    path("people/<str:person>/care-load/together", together, name="care-load-together"),
]
