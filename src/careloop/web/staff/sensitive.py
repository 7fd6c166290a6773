"""What in a person's record is labeled sensitive, shown to those who see it; a label added or taken away, with why."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from careloop.actions.label_record import KEPT, label_record
from careloop.kernel.errors import CareError, NotFound
from careloop.kernel.numbers import whole_number
from careloop.projections.card import card
from careloop.projections.labeled import labeled_of
from careloop.web.staff import toasts
from careloop.web.staff.access_words import LABELS
from careloop.web.staff.consents import CHOOSABLE
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import sentence_of
from careloop.web.staff.reader import now_of, open_record


@staff_page
@require_GET
def labels(request: HttpRequest, person: str) -> HttpResponse:
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        labeled, others = labeled_of(unit, patient.rid)
        context: dict[str, Any] = {
            **{"card": card(unit, person), "person": person, "is_partial": unit.withholds(patient.rid)},
            **{"labeled": labeled, "others": others, "label_words": LABELS, "kept": KEPT},
            "choosable": [(name, LABELS[name]) for name in CHOOSABLE if name not in KEPT],
        }
    return render(request, "staff/sensitive.html", context)


@staff_page
@require_POST
def label(request: HttpRequest, person: str) -> HttpResponse:
    scope: Any = request
    typed = request.POST
    is_lifting = typed.get("act") == "lift"
    version = typed.get("version", "")
    try:
        _check_hers(request, person, typed.get("what", ""))
        label_record(
            scope.scope,
            typed.get("what", ""),
            typed.get("label", ""),
            typed.get("why", ""),
            now_of(request),
            lift=is_lifting,
            version=whole_number(version),
        )
    except CareError as refused:
        if refused.status in (403, 404):
            raise
        toasts.fail(request, sentence_of(refused))
    else:
        toasts.say(
            request,
            gettext("The label is gone.")
            if is_lifting
            else gettext("It is labeled. Who may not see it, does not."),
        )
    return HttpResponseRedirect(f"/people/{person}/labels")


def _check_hers(request: HttpRequest, person: str, reference: str) -> None:
    kind, _, id = reference.partition("/")
    with open_record(request) as unit:
        if unit.read(kind, id).person != unit.read("Patient", person).rid:
            raise NotFound(reference[:80])


urlpatterns = [
    path("people/<str:person>/labels", labels, name="labels"),
    path("people/<str:person>/labels/change", label, name="label-change"),
]
