"""Whether the plan holds what its programs require, and where it contradicts plans of others: parts of the plan page,
the page that shows them side by side, and what is done about a conflict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions.record_copy import HOW, NoPlanYet, SayHow, record_copy
from careloop.actions.settle_conflict import (
    ConflictGone,
    WorkedOn,
    look_again,
    look_at_conflict,
    make_conflict_work,
)
from careloop.actions.working import ReasonMissing
from careloop.care.completeness import Completeness, Evidence, Judged, completeness
from careloop.library import Library, load
from careloop.library.rules import VERIFIED
from careloop.projections.card import card
from careloop.projections.chart_plan import plan_of
from careloop.projections.plan_evidence import shown_of
from careloop.projections.plans_beside import Named, beside_of
from careloop.store import Unit
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, failed, sentence_of, show
from careloop.web.staff.library_words import TONES, Sure
from careloop.web.staff.person_frame import Frame, context, open_frame
from careloop.web.staff.reader import now_of, open_record, scope_of


@dataclass(frozen=True, repr=False)
class Said:
    """What meets an element: who, when, and where it can be read."""

    who: str
    at: datetime
    href: str
    text: str


@dataclass(frozen=True, repr=False)
class Door:
    """How a gap is filled. is_dialog: it opens over the page."""

    href: str
    words: str
    is_dialog: bool


@dataclass(frozen=True, repr=False)
class ElementRow:
    text: str
    is_met: bool
    said: tuple[Said, ...]
    lacks: str
    due: datetime | None
    is_late: bool
    rule: str
    rule_href: str
    door: Door


@dataclass(frozen=True, repr=False)
class StandardRow:
    id: str
    title: str
    short: str
    met: int
    all: int
    missing: str
    is_late: bool
    due: datetime | None
    source: str
    sure: Sure
    elements: tuple[ElementRow, ...]

    @property
    def is_whole(self) -> bool:
        return self.met == self.all

    @property
    def tone(self) -> str:
        return "done" if self.is_whole else "late" if self.is_late else ""


@dataclass(frozen=True, repr=False)
class ConflictRow:
    """One conflict as a page shows it. key: for the address of what is done about it."""

    key: str
    title: str
    because: str
    ask: str
    source: str
    sides: tuple[tuple[str, str, str], ...]  # who, what, where it can be read
    work: str
    work_who: str
    was_worked_on: bool
    looked_id: str = ""
    looked_reason: str = ""
    looked_who: str = ""
    looked_at: datetime | None = None


def plan_checks(unit: Unit, frame: Frame) -> dict[str, Any]:
    """For `{% include "staff/plan_checks.html" %}` on a page of this person: standards, conflicts, their_plans."""
    library, language = load(), get_language() or "en"
    judged = completeness(shown_of(unit, frame.patient, library), library, frame.now)
    beside = beside_of(unit, frame.patient, library)
    return {
        "standards": [_standard(each, frame, library, language) for each in judged],
        "conflicts": [_conflict(each, frame, language) for each in beside.open],
        "conflicts_looked": [_conflict(each, frame, language) for each in beside.looked_at],
        "their_plans": beside.theirs,
    }


# --- completeness


def _standard(found: Completeness, frame: Frame, library: Library, language: str) -> StandardRow:
    standard = found.standard
    gaps = [each for each in found.gaps if each.deadline]
    dues = [each.deadline.due for each in gaps if each.deadline]
    return StandardRow(
        id=standard.id,
        title=standard.title.get(language),
        short=standard.short.get(language),
        met=found.met,
        all=len(found.elements),
        missing=", ".join(_lower(each.element.text.get(language)) for each in found.gaps),
        is_late=any(each.is_late(frame.now) for each in found.gaps),
        due=min(dues, default=None),
        source=standard.source,
        sure=Sure(VERIFIED[standard.verified].get(language), TONES[standard.verified]),
        elements=tuple(_element(each, frame, library, language) for each in found.elements),
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _element(judged: Judged, frame: Frame, library: Library, language: str) -> ElementRow:
    element, deadline = judged.element, None if judged.is_met else judged.deadline
    shown = judged.met_by or ((judged.old,) if judged.old else ())
    return ElementRow(
        text=element.text.get(language),
        is_met=judged.is_met,
        said=tuple(_said(each, frame) for each in shown),
        lacks=element.lacks.get(language),
        due=deadline.due if deadline else None,
        is_late=judged.is_late(frame.now),
        rule=deadline.rule.title.get(language) if deadline else "",
        rule_href=f"/library/rules/{deadline.rule.id}" if deadline else "",
        door=_door(judged, frame.id, library, language),
    )


def _said(evidence: Evidence, frame: Frame) -> Said:
    return Said(evidence.by, evidence.at, _where(evidence.reference, frame.id), evidence.text)


def _where(reference: str, person: str) -> str:
    kind, _, id = reference.partition("/")
    match kind:
        case "QuestionnaireResponse":
            return f"/assessments/answered/{id}/"
        case "Goal" | "CarePlan":
            return f"/people/{person}/plan"
        case "Task":
            return f"/people/{person}/work"
        case "Patient" | "RelatedPerson" | "CareTeam" | "Consent":
            return f"/people/{person}/about"
        case "Communication" | "Appointment":
            return f"/people/{person}/story"
    return f"/people/{person}/health"


def _door(judged: Judged, person: str, library: Library, language: str) -> Door:
    fill = judged.element.fill
    if fill.instrument:
        name = library.instruments[fill.instrument].short.get(language)
        words = gettext("Ask: %(name)s") % {"name": name}
        return Door(f"/people/{person}/assess/{fill.instrument}", words, False)
    href, words, is_dialog = {
        "plan": ("plan?add=goal", gettext("Add it to the plan"), False),
        "health": ("health", gettext("See the health history"), False),
        "about": ("about", gettext("Write it down"), False),
        "assessments": ("assessments#ask", gettext("Ask"), False),
        "work": ("contact", gettext("Log a contact and set a day"), True),
        "words": ("words", gettext("Ask, and write it down"), True),
        "access": ("consents", gettext("See the consents"), False),
        "copy": ("plan/copy", gettext("A copy was given"), True),
    }[fill.section]
    return Door(f"/people/{person}/{href}", words, is_dialog)


# --- conflicts


def _conflict(named: Named, frame: Frame, language: str) -> ConflictRow:
    found, looked = named.conflict, named.looked
    return ConflictRow(
        key=found.key,
        title=found.rule.title.get(language),
        because=found.because.get(language),
        ask=found.ask.get(language),
        source=found.rule.source,
        sides=tuple(
            (side.who.get(language), side.text.get(language), _where(side.reference, frame.id))
            for side in found.sides
        ),
        work=named.work,
        work_who=named.work_who,
        was_worked_on=named.was_worked_on,
        looked_id=looked.id if looked else "",
        looked_reason=looked.reason if looked else "",
        looked_who=looked.who if looked else "",
        looked_at=looked.at if looked else None,
    )


@staff_page
@require_GET
def side_by_side(request: HttpRequest, person: str) -> HttpResponse:
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "plan")
        ours = plan_of(unit, frame.patient, load().parents)
        checks = plan_checks(unit, frame)
    language = get_language() or "en"
    theirs = [(each.who.get(language), each) for each in checks["their_plans"]]
    return render(request, "staff/plans_beside.html", context(frame, plan=ours, theirs=theirs, **checks))


@staff_page
@require_POST
def work(request: HttpRequest, person: str, key: str) -> HttpResponse:
    try:
        result = make_conflict_work(scope_of(request), person, key, load(), now_of(request))
    except (ConflictGone, WorkedOn) as refused:
        return failed(request, refused)
    return done(request, gettext("It is a to-do now: whom to ask stands in it."), result)


@staff_page
@require_http_methods(["GET", "POST"])
def looked(request: HttpRequest, person: str, key: str) -> HttpResponse:
    if request.method == "GET":
        return _looked_sheet(request, person, key, Sheet({}))
    typed = request.POST
    try:
        look_at_conflict(scope_of(request), person, key, typed.get("reason", ""), load(), now_of(request))
    except ReasonMissing as missing:
        return _looked_sheet(request, person, key, Sheet(typed.dict(), {"reason": sentence_of(missing)}))
    except ConflictGone as gone:
        return failed(request, gone)
    return done(request, gettext("Marked as looked at. It comes back when one of the two changes."))


def _looked_sheet(request: HttpRequest, person: str, key: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
        found = beside_of(unit, unit.read("Patient", person), load())
    named = next((each for each in found.named if each.conflict.key == key), None)
    if named is None:
        return failed(request, ConflictGone())
    language = get_language() or "en"
    words = (named.conflict.because.get(language), named.conflict.ask.get(language))
    return show(
        request,
        "staff/plan_conflict_looked.html",
        sheet,
        {"card": beside, "key": key, "because": words[0], "ask": words[1]},
    )


@staff_page
@require_POST
def again(request: HttpRequest, person: str, issue: str) -> HttpResponse:
    look_again(scope_of(request), person, issue, now_of(request))
    return done(request, gettext("It stands among the conflicts again."))


# --- a copy


@staff_page
@require_http_methods(["GET", "POST"])
def copy(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _copy_sheet(request, person, Sheet({"how": "hand"}))
    typed = request.POST
    try:
        result = record_copy(
            scope_of(request), person, typed.get("to", ""), typed.get("how", ""), now_of(request)
        )
    except SayHow as missing:
        return _copy_sheet(request, person, Sheet(typed.dict(), {"how": sentence_of(missing)}))
    except NoPlanYet as refused:
        return failed(request, refused)
    return done(request, gettext("Written down: a copy was given."), result)


def _copy_sheet(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
    return show(request, "staff/plan_copy.html", sheet, {"card": beside, "ways": list(_ways())})


def _ways() -> Iterable[tuple[str, str]]:
    language = get_language() or "en"
    return ((code, words.get(language)) for code, words in HOW.items())


urlpatterns = [
    path("people/<str:person>/plan/beside", side_by_side, name="plans-beside"),
    path("people/<str:person>/plan/copy", copy, name="plan-copy"),
    path("people/<str:person>/plan/conflicts/<slug:key>/work", work, name="plan-conflict-work"),
    path("people/<str:person>/plan/conflicts/<slug:key>/looked", looked, name="plan-conflict-looked"),
    path("people/<str:person>/plan/conflicts/<str:issue>/again", again, name="plan-conflict-again"),
]
