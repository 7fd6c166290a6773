"""What only a person can decide: whom a message is about, what a discharge was, what was merged, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions.complete_work import complete_work
from careloop.actions.hospital_reviews import MATCH, MERGE
from careloop.actions.identify_person import messages_of
from careloop.actions.look_at_message import sources_for
from careloop.actions.resolve_match import NoChoice, leave_out_messages, resolve_match
from careloop.actions.settle_discharge import CHOICES, ZoneUnknown, settle_discharge
from careloop.actions.working import ReasonMissing, WorkEnded
from careloop.care.transition_facts import REVIEW
from careloop.care.work import Work, work_of
from careloop.fhir.elements import Resource, day, text_of
from careloop.kernel.errors import CareError, NotFound, StaleVersion
from careloop.library import load
from careloop.projections import rooms
from careloop.projections.card import PersonCard, card
from careloop.projections.people import PersonBrief, briefs, names
from careloop.projections.rooms import Item
from careloop.store import Stored, Unit, inbox
from careloop.store.inbox import Message
from careloop.web import formats
from careloop.web.staff import review_lists, review_messages, review_notes, toasts
from careloop.web.staff.changes import changes_since
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of
from careloop.web.staff.review_match import Comparison, compared, in_parts, incoming_of

BESIDE = "review-beside"
LONGEST = 200


@dataclass(frozen=True, repr=False)
class Line:
    """One thing to decide. person: None for nobody."""

    href: str
    title: str
    because: str
    age: str
    person: PersonBrief | None
    tone: str
    tone_word: str
    button: str

    def __repr__(self) -> str:
        return f"Line({self.href})"


@dataclass(frozen=True, repr=False)
class Opened:
    task: Stored
    work: Work
    person: str
    card: PersonCard | None

    def __repr__(self) -> str:
        return f"Opened({self.task!r})"


# --- the list


@staff_page
@require_GET
def review(request: HttpRequest) -> HttpResponse:
    now, page = now_of(request), review_lists.asked(request)
    with open_record(request) as unit:
        items = review_lists.decisions(unit, page)
        known = briefs(unit, {item.person for item in items.rows if item.person})
        mine = sources_for(unit.scope, unit.rid_of, inbox.sources(unit))
        messages, twice = review_lists.messages(unit, page, mine)
        unsigned = review_notes.lines(unit)
    rows = [_line(item, known, now) for item in items.rows if not item.person or item.person in known]
    decisions = review_lists.Shown(rows, items.total, items.more)
    lines = [_message_line(each, now) for each in messages.rows]
    faults = review_lists.Shown(lines, messages.total, messages.more)
    context = {
        "decisions": decisions,
        "faults": faults,
        "twice": twice,
        "page": page,
        "unsigned": unsigned,
        "is_after": "done" in request.GET,
        "lede": _lede(items.total, messages.total),
    }
    return render(request, "staff/review.html", context)


def _lede(decisions: int, faults: int) -> str:
    if not decisions and not faults:
        return ""
    parts = (
        [ngettext("%(n)d to decide", "%(n)d to decide", decisions) % {"n": decisions}] if decisions else []
    )
    if faults:
        said = ngettext(
            "%(n)d message that could not be read", "%(n)d messages that could not be read", faults
        )
        parts.append(said % {"n": faults})
    return f"{', '.join(parts)}."


def _line(item: Item, known: dict[int, PersonBrief], now: datetime) -> Line:
    is_late = item.due is not None and item.due < now
    return Line(
        href=f"/review/{item.task}",
        title=in_parts(item.title),
        because=in_parts(item.because),
        age=formats.how_long(now - item.since),
        person=known.get(item.person),
        tone="late" if is_late else "",
        tone_word=gettext("late") if is_late else gettext("to do"),
        button=gettext("Decide"),
    )


def _message_line(message: Message, now: datetime) -> Line:
    return Line(
        href=f"/review/messages/{message.id}",
        title=review_lists.message_title(message),
        because=review_messages.reason(message),
        age=formats.how_long(now - message.at),
        person=None,
        tone="late" if message.state == "review" else "",
        tone_word=review_messages.state_word(message),
        button=gettext("Look"),
    )


# --- one of them


def _opened(unit: Unit, id: str) -> Opened:
    """Raises NotFound for what is not of the reader's rooms, and for what is no review."""
    task = unit.read("Task", id)
    work = work_of(task.resource)
    if not (work.kind == MATCH or work.kind.startswith("review-")) or not rooms.may_decide(unit, id):
        raise NotFound
    reference = str((task.resource.get("for") or {}).get("reference", ""))
    person = reference.removeprefix("Patient/") if reference.startswith("Patient/") else ""
    return Opened(task, work, person, card(unit, person) if person else None)


@staff_page
@require_http_methods(["GET", "POST"])
def item(request: HttpRequest, id: str) -> HttpResponse:
    if request.method == "GET":
        return _item(request, id, Sheet({}))
    with open_record(request) as unit:
        kind = _opened(unit, id).work.kind
    act = {MATCH: _resolve, REVIEW: _settle}.get(kind, _close)
    try:
        act(request, id)
    except (StaleVersion, WorkEnded):
        notice = gettext("Someone changed this while you had it open. What you typed is still here.")
        return _item(request, id, Sheet(request.POST.dict(), notice=notice))
    except ZoneUnknown as unknown:
        return _item(request, id, Sheet(request.POST.dict(), {"address": sentence_of(unknown)}))
    except ReasonMissing as missing:
        return _item(request, id, Sheet(request.POST.dict(), {"reason": sentence_of(missing)}))
    except CareError as refused:
        if refused.status not in (409, 422):
            raise
        return _item(request, id, Sheet(request.POST.dict(), {"choice": sentence_of(refused)}))
    request.session.pop(BESIDE, None)
    toasts.say(request, gettext("Decided."))
    return HttpResponseRedirect("/review?done=1")


@staff_page
@require_POST
def beside(request: HttpRequest, id: str) -> HttpResponse:
    """Somebody else whom she wants to compare. The words wait in the session: a name never stands in an address."""
    request.session[BESIDE] = {"id": id, "who": request.POST.get("who", "").strip()[:LONGEST]}
    return HttpResponseRedirect(f"/review/{id}")


def _looked_for(request: HttpRequest, id: str) -> str:
    kept = request.session.get(BESIDE) or {}
    return str(kept.get("who", "")) if kept.get("id") == id else ""


def _resolve(request: HttpRequest, id: str) -> None:
    choice = request.POST.get("choice", "")
    if not choice:
        raise NoChoice
    if choice == "none":
        reason, version = request.POST.get("reason", ""), version_of(request)
        leave_out_messages(scope_of(request), id, now_of(request), reason=reason, version=version)
        return
    resolve_match(
        scope_of(request),
        id,
        now_of(request),
        person=None if choice == "new" else choice,
        is_new=choice == "new",
        reason=request.POST.get("reason", ""),
        version=version_of(request),
    )


def _settle(request: HttpRequest, id: str) -> None:
    settle_discharge(
        scope_of(request),
        id,
        request.POST.get("choice", ""),
        now_of(request),
        load(),
        words=request.POST.get("reason", ""),
        version=version_of(request),
    )


def _close(request: HttpRequest, id: str) -> None:
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise ReasonMissing
    complete_work(scope_of(request), id, "done", now_of(request), words=reason, version=version_of(request))


def _item(request: HttpRequest, id: str, sheet: Sheet) -> HttpResponse:
    search = _looked_for(request, id)
    with open_record(request) as unit:
        found = _opened(unit, id)
        context = _context(unit, request, found, search)
        if sheet.notice:
            sheet.changes = changes_since(unit, found.task, version_of(request))
    context |= {
        "sheet": sheet,
        "task": found.task,
        "work": found.work,
        "title": in_parts(found.work.title),
        "because": in_parts(found.work.because),
        "id": id,
        "card": found.card,
        "person": found.person,
        "who": search,
        "is_ended": found.task.resource.get("status")
        in ("completed", "cancelled", "failed", "entered-in-error"),
        "notes": [each.get("text", "") for each in found.task.resource.get("note", ())],
        "came": messages_of(found.task.resource),
    }
    return render(request, "staff/review_item.html", context, status=sheet.status)


def _context(unit: Unit, request: HttpRequest, found: Opened, search: str) -> dict[str, Any]:
    if found.work.kind == MATCH:
        told = incoming_of(found.task.resource) or {}
        return {"kind": "match", "comparison": compared(unit, told, found.work.reasons, search)}
    if found.work.kind == REVIEW:
        choices = [(code, gettext(words)) for code, words in CHOICES.items()]
        return {"kind": "discharge", "choices": choices, "stay": _stay(unit, found.work)}
    if found.work.kind == MERGE:
        compared_two = _merge(unit, found.work.reasons)
        return {"kind": "merge", "comparison": compared_two, "joinable": _joinable(found, compared_two)}
    return {"kind": "other"}


def _merge(unit: Unit, references: Sequence[str]) -> Comparison | None:
    """The two records that the hospital made one: the first beside the others."""
    people = [each for each in references if each.startswith("Patient/")]
    seen = unit.get(people)
    first = next((seen[each] for each in people if each in seen), None)
    if first is None:
        return None
    return compared(unit, first.resource, [each for each in people if each != first.reference])


def _joinable(found: Opened, two: Comparison | None) -> list[tuple[str, str, str]]:
    """(the first, another, her name) for the page that compares and joins them."""
    people = [each.removeprefix("Patient/") for each in found.work.reasons if each.startswith("Patient/")]
    if two is None or not people:
        return []
    return [
        (people[0], one.person.id, one.person.name) for one in two.candidates if one.person.id != people[0]
    ]


def _stay(unit: Unit, work: Work) -> dict[str, Any]:
    """What the hospital said about it, as it said it."""
    reference = next(iter(work.reasons), "")
    stored = unit.get([reference]).get(reference)
    if stored is None:
        return {}
    encounter: Resource = stored.resource
    provider = encounter.get("serviceProvider") or {}
    disposition = (encounter.get("hospitalization") or {}).get("dischargeDisposition")
    codes = [str(each.get("code", "")) for each in (disposition or {}).get("coding", ())]
    period = encounter.get("period") or {}
    return {
        "hospital": names(unit, [str(provider.get("reference", ""))]).get(str(provider.get("reference", "")))
        or provider.get("display", ""),
        "began": day(period.get("start")),
        "ended": day(period.get("end")),
        "why": next((text_of(each) for each in encounter.get("reasonCode", ())), ""),
        "disposition": ", ".join(filter(None, (text_of(disposition), *codes))),
        "klass": (encounter.get("class") or {}).get("display")
        or (encounter.get("class") or {}).get("code", ""),
    }


urlpatterns = [
    path("review", review, name="review"),
    *review_messages.urlpatterns,
    *review_notes.urlpatterns,
    path("review/<str:id>", item, name="review-item"),
    path("review/<str:id>/beside", beside, name="review-beside"),
]
