"""For supervisors: notes that a colleague wrote and did not sign, to be signed in her place or handed back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.unsigned_notes import (
    AuthorGone,
    can_go_back,
    hand_back,
    sign_for_author,
    waiting,
    waiting_note,
    writers,
)
from careloop.actions.working import ReasonMissing
from careloop.projections.card import card
from careloop.projections.people import PersonBrief, briefs
from careloop.store import Unit
from careloop.web import formats
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet, show
from careloop.web.staff.reader import now_of, open_record, scope_of


@dataclass(frozen=True, repr=False)
class UnsignedLine:
    draft: int
    person: PersonBrief | None
    who: str
    at: datetime
    age: str

    def __repr__(self) -> str:
        return f"UnsignedLine({self.draft})"


def lines(unit: Unit) -> list[UnsignedLine]:
    """Without their words: those stand on the page of each."""
    found = waiting(unit)
    if not found:
        return []
    known, named = briefs(unit, {draft.person for draft in found}), writers(found)
    return [
        UnsignedLine(
            draft=draft.id,
            person=known.get(draft.person),
            who=named.get(draft.actor) or gettext("A colleague"),
            at=draft.started_at,
            age=formats.how_long(unit.now - draft.started_at),
        )
        for draft in found
    ]


@staff_page
@require_http_methods(["GET", "POST"])
def note(request: HttpRequest, draft: int) -> HttpResponse:
    if request.method == "GET":
        return _page(request, draft, Sheet({}))
    scope, now, because = scope_of(request), now_of(request), request.POST.get("because", "")
    try:
        if request.POST.get("act") == "back":
            hand_back(scope, draft, because, now)
            toasts.say(request, gettext("Handed back. It stands on Today of who wrote it."))
            return HttpResponseRedirect("/review?done=1")
        signed = sign_for_author(scope, draft, because, now)
    except (ReasonMissing, AuthorGone) as refused:
        return _page(request, draft, Sheet(request.POST.dict(), {"because": sentence_of(refused)}))
    return HttpResponseRedirect(f"/notes/{signed.id}")


def _page(request: HttpRequest, draft: int, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        found = waiting_note(unit, draft)
        unit.saw([found.person], f"unsigned note {draft}")
        beside = card(unit, unit.reference_of(found.person).removeprefix("Patient/"))
        context = {
            "card": beside,
            "draft": draft,
            "text": str(found.answers.get("text", "")).strip(),
            "who": writers([found]).get(found.actor) or gettext("A colleague"),
            "at": found.at,
            "can_go_back": can_go_back(unit, found),
        }
    return show(request, "staff/review_note.html", sheet, context)


urlpatterns = [path("review/notes/<int:draft>", note, name="review-note")]
