"""The family's pages: whose page, the first page, and one page for each thing that can be shared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext

from careloop import library
from careloop.accounts.sign_in_models import Passkey
from careloop.actions.ask_person import asked_of
from careloop.care.representation import PARTS, birthday
from careloop.projections.people import briefs
from careloop.projections.portal_shares import RULE
from careloop.store import Unit
from careloop.web import formats
from careloop.web.family import reading, record_lines
from careloop.web.family.asked import asked
from careloop.web.family.door import ANYBODY, HOME, Frame, Page, family_page, frame, show
from careloop.web.family.helpers import helpers_of, shared_with, shared_words
from careloop.web.family.plan_page import is_asked
from careloop.web.family.reading import Line

QUESTIONS_SHOWN = OURS_SHOWN = 3


@dataclass(frozen=True, repr=False)
class Door:
    """A link to another page of the person. about: what is behind it, in small words."""

    name: str
    about: str
    href: str


@dataclass(frozen=True, repr=False)
class Choice:
    """A person whose pages she may open."""

    name: str
    about: str
    href: str


@dataclass(frozen=True, repr=False)
class Group:
    """Lines under a heading; empty: the sentence that stands there when there are none."""

    name: str
    lines: tuple[Line, ...]
    empty: str


@family_page(ANYBODY)
def whose_page(page: Page) -> HttpResponse:
    """One person: there at once. Several: she picks."""
    whose = page.family.whose
    if len(whose) == 1:
        return HttpResponseRedirect(f"{HOME}/{whose[0].id}")
    with page.open() as unit:
        known = briefs(unit, [each.rid for each in whose])
    people = [
        Choice(
            name=known[each.rid].name,
            about=gettext("my own page") if each.is_self else _shared_words(each.shares),
            href=f"{HOME}/{each.id}",
        )
        for each in whose
        if each.rid in known
    ]
    return render(page.request, "family/whose.html", {"people": people})


def _shared_words(shares: frozenset[str]) -> str:
    known = shared_words()
    said = ", ".join(known[part] for part in PARTS if part in shares)
    return gettext("shared with you: %(what)s") % {"what": said}


@family_page(ANYBODY)
def home(page: Page) -> HttpResponse:
    """What comes next, what she can do, who helps, and a way to say that something is wrong."""
    with page.open() as unit:
        found = frame(unit, page)
        plan = reading.plan(unit, found) if found.whose.shows("plan") else None
        coming = reading.coming(unit, found)
        told: dict[str, Any] = {
            "next": coming[0] if coming else None,
            "ride": _ride(coming),
            "today": reading.today(plan),
            "ours": _ours(coming),
            "for_me": asked_of(unit, found.whose.rid, found.whose.me)[:3] if found.whose.is_self else [],
            "questions": asked(unit, found)[:QUESTIONS_SHOWN],
            "helpers": helpers_of(unit, found)[:3],
            "shared": shared_with(unit, found) if found.whose.is_self else [],
            "comes_of_age": _comes_of_age(unit, found),
            "plan_asks": found.whose.shows("plan") and is_asked(unit, found),
        }
    told |= {"doors": _doors(found), "offers_passkey": _offers_passkey(page)}
    return show(page, "home", found, **told)


def _ours(coming: list[reading.Next]) -> list[reading.Next]:
    """What we promised, but for what already stands at the top."""
    ride = _ride(coming)
    return [each for each in coming[1:] if not each.is_visit and each is not ride][:OURS_SHOWN]


def _ride(coming: list[reading.Next]) -> reading.Next | None:
    """What we promised for the day of the next visit, before it."""
    visit = coming[0] if coming and coming[0].is_visit else None
    if visit is None:
        return None
    before = [c for c in coming[1:] if not c.is_visit and visit.at - timedelta(hours=12) < c.at <= visit.at]
    return before[0] if before else None


def _offers_passkey(page: Page) -> bool:
    return not Passkey.objects.filter(principal=page.family.actor.principal).exists()


def _comes_of_age(unit: Unit, found: Frame) -> str:
    """For parents, in the weeks before: the day from which on only the young adult decides."""
    if "parent" not in found.whose.kinds or found.brief.birth_date is None:
        return ""
    rule = library.load().rule(RULE, unit.now.date())
    on = birthday(found.brief.birth_date, rule.integer("adult"), found.tz)
    if unit.now < on - timedelta(days=rule.integer("notice_days")) or unit.now >= on:
        return ""
    return formats.full_date(on.astimezone(found.tz).date())


def _doors(found: Frame) -> list[Door]:
    known = (
        ("plan", gettext("Plan"), gettext("what we try for, and who does what"), "plan"),
        ("medications", gettext("Medicines"), gettext("what to take and how"), "medicines"),
        ("visits", gettext("Visits"), gettext("what is coming and what was"), "visits"),
        ("results", gettext("Test results"), gettext("the newest of each"), "results"),
        ("results", gettext("What I measure"), gettext("weight, blood pressure and more"), "readings"),
        ("messages", gettext("Letters and questions"), gettext("what was written and answered"), "letters"),
        ("coverage", gettext("Insurance"), gettext("who pays"), "insurance"),
    )
    doors = [
        Door(n, about, f"{found.base}/{to}") for share, n, about, to in known if found.whose.shows(share)
    ]
    if found.whose.is_self:
        doors += [
            Door(gettext("Who helps me"), gettext("who may see my pages"), f"{found.base}/helpers"),
            Door(gettext("Who looked at my record"), gettext("day by day"), f"{found.base}/looked"),
            Door(gettext("What I agreed to"), gettext("and how to take it back"), f"{found.base}/choices"),
            Door(gettext("Apps"), gettext("which may see my record"), f"{found.base}/apps"),
        ]
    return doors


@family_page("medications")
def medicines(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        taken, allergic = record_lines.medicines(unit, found), record_lines.allergies(unit, found)
    groups = [
        _group(
            gettext("Take now"),
            [m for m in taken if not m.is_past],
            gettext("No medicine is written down here."),
        ),
        _group(gettext("Allergies"), allergic, gettext("No allergy is written down here.")),
        _group(gettext("No longer taken"), [m for m in taken if m.is_past], ""),
    ]
    return _lines(page, found, gettext("Medicines"), groups)


@family_page("visits")
def visits(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        coming = [
            Line(c.what, " ".join(c.notes), c.when, c.reference)
            for c in reading.coming(unit, found)
            if c.is_visit
        ]
        past = record_lines.visits(unit, found)
    groups = [
        _group(gettext("Coming"), coming, gettext("No visit is set. We tell you when there is one.")),
        _group(gettext("Before"), past, gettext("Nothing yet.")),
    ]
    return _lines(page, found, gettext("Visits"), groups)


@family_page("results")
def results(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        lines = record_lines.results(unit, found)
    group = _group("", lines, gettext("No test result is here yet."))
    return _lines(page, found, gettext("Test results"), [group])


@family_page("coverage")
def insurance(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        lines = record_lines.coverage(unit, found)
    groups = [
        _group(
            "", [line for line in lines if not line.is_past], gettext("No insurance is written down here.")
        ),
        _group(gettext("Before"), [line for line in lines if line.is_past], ""),
    ]
    return _lines(page, found, gettext("Insurance"), groups)


@family_page("messages")
def letters(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        written = record_lines.letters(unit, found)
        told = asked(unit, found)
    return show(page, "letters", found, letters=written, questions=told)


def _group(name: str, lines: list[Line], empty: str) -> Group:
    return Group(name, tuple(lines), empty)


def _lines(page: Page, found: Frame, title: str, groups: list[Group]) -> HttpResponse:
    shown = [group for group in groups if group.lines or group.empty]
    return show(page, "lines", found, title=title, groups=shown)


urlpatterns = [
    path("my", whose_page, name="family"),
    path("my/<str:person>", home, name="family-home"),
    path("my/<str:person>/medicines", medicines, name="family-medicines"),
    path("my/<str:person>/visits", visits, name="family-visits"),
    path("my/<str:person>/results", results, name="family-results"),
    path("my/<str:person>/insurance", insurance, name="family-insurance"),
    path("my/<str:person>/letters", letters, name="family-letters"),
]
