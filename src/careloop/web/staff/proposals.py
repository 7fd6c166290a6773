"""A proposal, line by line: accept, edit, decline with a reason; then “Make this the plan”, and what happens next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_POST

from careloop import library
from careloop.actions.activate_plan import (
    LinesUndecided,
    StalePlan,
    activate_plan,
    take_back_plan,
)
from careloop.actions.decide_line import (
    AlreadyDecided,
    BadEdit,
    Edit,
    ReasonNeeded,
    accept_rest,
    decide_line,
)
from careloop.actions.hand_off_work import colleagues
from careloop.actions.propose_from_known import NothingToProposeFrom, propose_from_known
from careloop.actions.undo import TooLate
from careloop.care.plan import DECLINE_REASONS
from careloop.fhir import uris
from careloop.fhir.elements import name_of
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.projections.card import card
from careloop.projections.chart_plan import plan_of
from careloop.projections.people import lead_of
from careloop.store import Stored, Unit
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of, version_of
from careloop.web.staff.proposal_changes import line_changes, plan_moved
from careloop.web.staff.proposal_lines import Line, sentence_in, tree_of
from careloop.web.staff.proposal_next import as_decided, next_context, reads_spanish
from careloop.web.staff.reader import now_of, open_record, scope_of

UNCLAIMED = "unclaimed"


@dataclass(frozen=True)
class Owner:
    reference: str
    name: str


@dataclass
class Shown:
    """How the page stands: which line is open for editing or declining, which is chosen, and what was typed."""

    editing: str = ""
    declining: str = ""
    chosen: str = ""
    sheet: Sheet = field(default_factory=lambda: Sheet({}))
    notice: str = ""
    status: int = 200
    takes_focus: bool = False


@staff_page
@require_POST
def propose(request: HttpRequest, person: str) -> HttpResponse:
    try:
        made = propose_from_known(scope_of(request), person, library.load(), now_of(request))
    except NothingToProposeFrom as nothing:
        toasts.fail(request, sentence_of(nothing))
        return HttpResponseRedirect(f"/people/{person}/assessments")
    if made is None:
        toasts.say(request, gettext("Nothing new: all that the answers call for is in the plan already."))
        return HttpResponseRedirect(f"/people/{person}/plan")
    return HttpResponseRedirect(f"/proposals/{made.id}/")


@staff_page
@require_GET
def proposal(request: HttpRequest, id: str) -> HttpResponse:
    shown = Shown(
        editing=request.GET.get("edit", ""),
        declining=request.GET.get("decline", ""),
        chosen=request.GET.get("at", ""),
    )
    shown.takes_focus = bool(getattr(request, "htmx", False))
    return _page(request, id, shown)


def _page(request: HttpRequest, id: str, shown: Shown) -> HttpResponse:
    with open_record(request) as unit:
        plan = unit.read("CarePlan", id)
        if plan.resource.get("intent") == "proposal" and plan.resource["status"] == "draft":
            context = _open_context(unit, request, plan, shown)
            whole, part = "staff/proposal.html", "staff/proposal_board.html"
        elif (was := as_decided(unit, plan)) is not None:
            context = next_context(unit, plan, was)
            whole = part = "staff/proposal_next.html"
        else:  # a plan that never was a proposal
            person = plan.resource["subject"]["reference"].partition("/")[2]
            return HttpResponseRedirect(f"/people/{person}/plan")
    is_part = getattr(request, "htmx", False) and whole != part
    return render(request, part if is_part else whole, context, status=shown.status)


def _open_context(unit: Unit, request: HttpRequest, plan: Stored, shown: Shown) -> dict[str, Any]:
    person = plan.resource["subject"]["reference"].partition("/")[2]
    known = library.load()
    roots = tree_of(unit, plan.resource, known)
    lines = [line for root in roots for line in root.walk()]
    proposed = [line for line in lines if not line.is_there]
    opened = shown.editing or shown.declining
    if opened and shown.sheet.notice:
        shown.sheet.changes = line_changes(unit, opened, version_of(request))
    patient = unit.read("Patient", person)
    return {
        "plan": plan,
        "person": person,
        "card": card(unit, person),
        "because": sentence_in(plan.resource, uris.BECAUSE, get_language() or "en"),
        "roots": roots,
        "present": plan_of(unit, patient, known.parents),
        "moved": plan_moved(unit, plan),
        "open": [line for line in proposed if line.is_open],
        "decided": sum(not line.is_open for line in proposed),
        "total": len(proposed),
        "kept": [line for line in proposed if line.is_kept],
        "chosen": shown.editing or shown.declining or _chosen(proposed, shown.chosen),
        "shown": shown,
        "sheet": shown.sheet,
        "reasons": [(code, text.get(get_language() or "en")) for code, text in DECLINE_REASONS.items()],
        "owners": _owners(unit, request, patient) if shown.editing else [],
        "unclaimed": UNCLAIMED,
        "reads_spanish": reads_spanish(patient),
    }


def _chosen(lines: list[Line], asked: str) -> str:
    """The line under the hand: the one asked for, else the first that waits."""
    if any(line.reference == asked for line in lines):
        return asked
    return next((line.reference for line in lines if line.is_open), "")


def _owners(unit: Unit, request: HttpRequest, patient: Stored) -> list[Owner]:
    """Who may take a step: colleagues at her site, me, she herself, her people."""
    actor = scope_of(request).actor
    site = str((patient.resource.get("managingOrganization") or {}).get("reference", "")).rpartition("/")[2]
    found = [Owner(actor.practitioner, actor.name)] if actor.practitioner else []
    lead = lead_of(unit, patient.rid)
    found += [Owner(each.reference, each.name) for each in colleagues(scope_of(request), site, lead=lead)]
    found.append(Owner(patient.reference, name_of(patient.resource)))
    for stored in unit.of_person(patient.rid, ["RelatedPerson"]):
        if stored.resource.get("active", True) and (name := name_of(stored.resource)):
            found.append(Owner(stored.reference, name))
    return found


# --- one line


@staff_page
@require_POST
def decide(request: HttpRequest, id: str) -> HttpResponse:
    line, act = request.POST.get("line", ""), request.POST.get("act", "")
    try:
        match act:
            case "accept":
                decide_line(
                    scope_of(request), id, line, "accepted", now_of(request), version=version_of(request)
                )
            case "edit":
                return _edit(request, id, line)
            case "decline":
                return _decline(request, id, line)
            case "undecide":
                decide_line(
                    scope_of(request), id, line, "undecided", now_of(request), version=version_of(request)
                )
                return _after(request, id, line)
            case _:
                raise NotFound
    except StaleVersion:
        notice = gettext("Someone changed this line while you had it open. Look at it, then decide again.")
        return _page(request, id, Shown(chosen=line, notice=notice, status=412, takes_focus=True))
    except AlreadyDecided:
        return _page(request, id, Shown(status=409))
    return _after(request, id, _next_after(request, id, line))


def _edit(request: HttpRequest, id: str, line: str) -> HttpResponse:
    sheet = Sheet(request.POST.dict())
    edit = _read_edit(request, sheet, line)
    if not sheet.problems:
        try:
            decide_line(
                scope_of(request),
                id,
                line,
                "accepted",
                now_of(request),
                edit=edit,
                version=version_of(request),
            )
        except BadEdit as bad:
            sheet.problems[bad.field] = gettext(bad.detail)
        except StaleVersion:
            sheet.notice = gettext(
                "Someone changed this line while you had it open. What you typed is still here."
            )
        else:
            return _after(request, id, _next_after(request, id, line))
    return _page(request, id, Shown(editing=line, sheet=sheet, status=sheet.status))


def _read_edit(request: HttpRequest, sheet: Sheet, line: str) -> Edit:
    typed = request.POST
    due, below = typed.get("due", "").strip(), typed.get("below", "").strip()
    try:
        on = date.fromisoformat(due) if due else None
    except ValueError:
        on, sheet.problems["due"] = None, gettext("Write the day as month, day and year.")
    is_number = below.isascii() and below.isdecimal() and len(below) < 10
    if below and not is_number:
        sheet.problems["below"] = gettext("Write a whole number.")
    owner, name = None, None
    if asked := typed.get("owner", ""):
        owner, name = _owner_named(request, asked, line, sheet)
    return Edit(
        text=typed.get("text", ""),
        due=on,
        owner=owner,
        owner_name=name,
        spanish=typed.get("spanish"),
        below=int(below) if is_number else None,
    )


def _owner_named(request: HttpRequest, asked: str, line: str, sheet: Sheet) -> tuple[str | None, str | None]:
    if asked == UNCLAIMED:
        return "", None
    with open_record(request) as unit:
        kind, _, id = line.partition("/")
        person = unit.read(kind, id).resource.get("for", {}).get("reference", "").partition("/")[2]
        offered = _owners(unit, request, unit.read("Patient", person)) if person else []
    chosen = next((each for each in offered if each.reference == asked), None)
    if chosen is None:
        sheet.problems["owner"] = gettext("Choose somebody from the list.")
        return None, None
    return chosen.reference, chosen.name


def _decline(request: HttpRequest, id: str, line: str) -> HttpResponse:
    sheet = Sheet(request.POST.dict())
    reason, words = request.POST.get("reason", ""), request.POST.get("words", "").strip()
    if reason == "other" and not words:
        sheet.problems["words"] = gettext("Say the reason in a few words.")
    else:
        try:
            decide_line(
                scope_of(request),
                id,
                line,
                "declined",
                now_of(request),
                reason=reason,
                words=words[:300],
                version=version_of(request),
                with_all_under=bool(request.POST.get("under")),
            )
            return _after(request, id, _next_after(request, id, line))
        except ReasonNeeded as needed:
            sheet.problems["reason"] = sentence_of(needed)
        except StaleVersion:
            sheet.notice = gettext(
                "Someone changed this line while you had it open. What you typed is still here."
            )
    return _page(request, id, Shown(declining=line, sheet=sheet, status=sheet.status))


def _next_after(request: HttpRequest, id: str, line: str) -> str:
    """The next line that waits, after this one and then from the top; this one when none does."""
    with open_record(request) as unit:
        roots = tree_of(unit, unit.read("CarePlan", id).resource, library.load())
    lines = [each for root in roots for each in root.walk() if not each.is_there]
    at = next((n for n, each in enumerate(lines) if each.reference == line), 0)
    waiting = [each.reference for each in (*lines[at + 1 :], *lines[:at]) if each.is_open]
    return waiting[0] if waiting else line


def _after(request: HttpRequest, id: str, chosen: str) -> HttpResponse:
    if getattr(request, "htmx", False):
        return _page(request, id, Shown(chosen=chosen, takes_focus=True))
    return HttpResponseRedirect(f"/proposals/{id}/?at={chosen}#line-{chosen.replace('/', '-')}")


# --- the whole


@staff_page
@require_POST
def rest(request: HttpRequest, id: str) -> HttpResponse:
    seen = {}
    for each in request.POST.getlist("seen"):
        reference, _, version = each.partition("@")
        if version.isascii() and version.isdecimal() and len(version) < 10:
            seen[reference] = int(version)
    try:
        accept_rest(scope_of(request), id, seen, now_of(request))
    except StaleVersion:
        notice = gettext(
            "Someone changed a line while you had this open. Nothing was accepted; please look again."
        )
        return _page(request, id, Shown(notice=notice, status=412, takes_focus=True))
    except AlreadyDecided:
        return _page(request, id, Shown(status=409))
    if getattr(request, "htmx", False):
        return _page(request, id, Shown(takes_focus=True))
    return HttpResponseRedirect(f"/proposals/{id}/#make")


@staff_page
@require_POST
def activate(request: HttpRequest, id: str) -> HttpResponse:
    over = request.POST.get("over", "")
    stale = int(over) if over.isascii() and over.isdecimal() and len(over) < 10 else None
    try:
        activate_plan(scope_of(request), id, now_of(request), over=stale)
    except (LinesUndecided, StalePlan) as refused:
        shown = Shown(notice=sentence_of(refused), status=refused.status, takes_focus=True)
        if isinstance(refused, LinesUndecided):
            shown.chosen = refused.lines[0]
        return _page(request, id, shown)
    except AlreadyDecided:
        pass
    return HttpResponseRedirect(f"/proposals/{id}/")


@staff_page
@require_POST
def take_back(request: HttpRequest, id: str) -> HttpResponse:
    try:
        take_back_plan(scope_of(request), id, now_of(request))
    except (TooLate, StaleVersion) as late:
        toasts.fail(request, sentence_of(late))
    else:
        toasts.say(request, gettext("Taken back: it is a proposal again, with every decision kept."))
    return HttpResponseRedirect(f"/proposals/{id}/")


urlpatterns = [
    path("people/<str:person>/propose", propose, name="propose"),
    path("proposals/<str:id>/", proposal, name="proposal"),
    path("proposals/<str:id>/line", decide, name="proposal-line"),
    path("proposals/<str:id>/rest", rest, name="proposal-rest"),
    path("proposals/<str:id>/activate", activate, name="proposal-activate"),
    path("proposals/<str:id>/take-back", take_back, name="proposal-take-back"),
]
