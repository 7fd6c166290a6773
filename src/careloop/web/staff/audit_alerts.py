"""Alerts about odd access: the privacy officer looks, and decides. Whoever was flagged is not told here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from careloop.actions.decide_alert import decide_alert
from careloop.actions.working import ReasonMissing
from careloop.kernel.numbers import whole_number
from careloop.projections import alerts as kept
from careloop.projections import looks
from careloop.projections.alerts import Alert, AlertDecided, OwnAlert
from careloop.projections.people import PersonBrief, briefs
from careloop.projections.principals import Who, principals
from careloop.store import Unit
from careloop.web.staff import audit_words as words
from careloop.web.staff import toasts
from careloop.web.staff.audit import lines_of
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader

PAGE = 100


@dataclass(frozen=True, repr=False)
class AlertLine:
    alert: Alert
    kind: str
    who: str
    role: str
    person: PersonBrief | None
    because: Sequence[str]
    state: str

    def __repr__(self) -> str:
        return f"AlertLine({self.alert!r})"


@staff_page
@require_GET
def alerts(request: HttpRequest) -> HttpResponse:
    is_waiting = request.GET.get("view") != "all"
    with open_record(request) as unit:
        before = request.GET.get("after", "")
        found = kept.alerts(
            unit, is_waiting=is_waiting, limit=PAGE + 1, before=whole_number(before, digits=18)
        )
        lines = _lines(unit, found[:PAGE])
    view = "" if is_waiting else "all"
    older = f"/audit/alerts?view={view}&after={found[PAGE - 1].id}" if len(found) > PAGE else ""
    context = {"lines": lines, "is_waiting": is_waiting, "here": "alerts", "older": older}
    return render(request, "staff/audit_alerts.html", context)


@staff_page
@require_http_methods(["GET", "POST"])
def alert(request: HttpRequest, id: int) -> HttpResponse:
    if request.method == "GET":
        return _page(request, id, Sheet({}))
    try:
        decide_alert(
            scope_of(request), id, request.POST.get("state", ""), request.POST.get("why", ""), now_of(request)
        )
    except (ReasonMissing, AlertDecided) as refused:
        return _page(request, id, Sheet(request.POST.dict(), {"why": sentence_of(refused)}))
    except OwnAlert as refused:
        return _page(request, id, Sheet({}), refused.status)
    toasts.say(request, gettext("Decided."))
    return HttpResponseRedirect("/audit/alerts")


def _page(request: HttpRequest, id: int, sheet: Sheet, status: int = 0) -> HttpResponse:
    with open_record(request) as unit:
        found = kept.alert(unit, id)
        row = looks.one(unit, *found.row) if found.row else None
        decided = principals([found.decided_by]) if found.decided_by is not None else {}
        context = {
            "line": _lines(unit, [found])[0],
            "behind": lines_of(unit, [row], zone_of_reader(request))[0] if row else None,
            "sheet": sheet,
            "choices": [
                ("fine", gettext("Fine"), gettext("There was a good reason.")),
                ("follow-up", gettext("Follow up"), gettext("It stays on the list until it is decided.")),
                ("reported", gettext("Report"), gettext("It is a breach, or may be one.")),
            ],
            "decided_by": words.name_of(decided[found.decided_by]) if found.decided_by in decided else "",
            "can_decide": found.state in kept.OPEN and found.principal != unit.scope.actor.principal,
            "is_own": found.principal == unit.scope.actor.principal,
        }
    return render(request, "staff/audit_alert.html", context, status=status or sheet.status)


def _lines(unit: Unit, found: Sequence[Alert]) -> list[AlertLine]:
    known = briefs(unit, {each.person for each in found if each.person})
    who = principals({each.principal for each in found})
    return [_line(each, known.get(each.person), who[each.principal]) for each in found]


def _line(alert: Alert, person: PersonBrief | None, who: Who) -> AlertLine:
    return AlertLine(
        alert=alert,
        kind=words.alert_kind(alert.kind),
        who=words.name_of(who),
        role=words.role_of(who),
        person=person,
        because=[words.odd_words(code, values) for code, values in alert.told],
        state=words.alert_state(alert.state),
    )


urlpatterns = [
    path("audit/alerts", alerts, name="audit-alerts"),
    path("audit/alerts/<int:id>", alert, name="audit-alert"),
]
