"""The person page: her story, and how to reach her and who stands by her. Its other sections have modules of their
own; this file joins them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date
from itertools import groupby

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext, pgettext
from django.views.decorators.http import require_GET

from careloop import library
from careloop.projections import story as stories
from careloop.projections.chart_about import Enrollment
from careloop.projections.chart_about import about as about_of
from careloop.projections.story import KINDS, Entry
from careloop.web import formats
from careloop.web.interpreter_words import why_words
from careloop.web.staff import person_answers, person_health, person_plan, person_work
from careloop.web.staff.errors import staff_page
from careloop.web.staff.person_frame import Frame, context, day_words, open_frame
from careloop.web.staff.reader import open_record
from careloop.web.story_words import detail_words

PAGE = 40


@dataclass(frozen=True, repr=False)
class Line:
    """hour: where the person lives, empty for a day without one. href: where it can be opened, empty for nowhere.
    detail: the entry's, in the reader's language where it is a sentence of ours."""

    entry: Entry
    detail: str
    kind_word: str
    hour: str
    href: str
    is_new: bool


@dataclass(frozen=True, repr=False)
class Day:
    name: str
    on: date | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Kind:
    key: str
    name: str
    is_here: bool


@staff_page
@require_GET
def index(request: HttpRequest, person: str) -> HttpResponse:
    """The person's address without a section leads to her story."""
    return HttpResponseRedirect(f"/people/{person}/story")


@staff_page
@require_GET
def story(request: HttpRequest, person: str) -> HttpResponse:
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    before = request.GET.get("before")
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "story")
        found = stories.story(unit, frame.patient.rid, kind or None, PAGE + 1, before)
    shown = found[:PAGE]
    told = {
        "days": _days(frame, shown),
        "kinds": _kinds(kind),
        "kind": kind,
        "older": shown[-1].cursor if len(found) > PAGE else "",
        "is_continued": bool(before),
    }
    return render(request, "staff/person_story.html", context(frame, **told))


def kind_words() -> dict[str, str]:
    return {
        "contact": pgettext("a kind of event in the story", "Contact"),
        "attempt": pgettext("a kind of event in the story", "Attempt"),
        "event": pgettext("a kind of event in the story", "Event"),
        "result": pgettext("a kind of event in the story", "Result"),
        "decision": pgettext("a kind of event in the story", "Decision"),
        "note": pgettext("a kind of event in the story", "Note"),
    }


def _kinds(chosen: str) -> list[Kind]:
    names = {
        "": gettext("Everything"),
        "contact": gettext("Contacts"),
        "event": gettext("Events"),
        "result": gettext("Results"),
        "decision": gettext("Decisions"),
        "note": gettext("Notes"),
    }
    return [Kind(key, name, key == chosen) for key, name in names.items()]


def _days(frame: Frame, entries: Sequence[Entry]) -> list[Day]:
    """What is still to come stands above today."""
    coming = [entry for entry in entries if entry.at > frame.now]
    past = [entry for entry in entries if entry.at <= frame.now]
    days = [Day(gettext("Coming up"), None, tuple(_line(frame, e, with_day=True) for e in reversed(coming)))]
    for on, group in groupby(past, key=lambda entry: _day_of(frame, entry)):
        found = tuple(_line(frame, entry) for entry in group)
        name = formats.day_words(on, frame.now.astimezone(frame.tz).date())
        days.append(Day(name[:1].upper() + name[1:], on, found))
    return [day for day in days if day.lines]


def _day_of(frame: Frame, entry: Entry) -> date:
    return entry.at.astimezone(frame.tz if entry.has_hour else UTC).date()


def _line(frame: Frame, entry: Entry, *, with_day: bool = False) -> Line:
    hour = formats.clock_time(entry.at.astimezone(frame.tz)) if entry.has_hour else ""
    if with_day:
        hour = f"{day_words(frame, entry.at)} {hour}".strip()
    href = href_of(frame.id, entry.reference)
    detail = detail_words(entry)
    entry = replace(entry, why=why_words(entry.why)) if entry.why else entry
    return Line(entry, detail, kind_words().get(entry.kind, ""), hour, href, entry.reference in frame.new)


def href_of(person: str, reference: str) -> str:
    """Where a resource of the story can be opened."""
    kind, _, id = reference.partition("/")
    base = f"/people/{person}"
    match kind:
        case "DocumentReference":
            return f"/notes/{id}"
        case "Task":
            return f"/work/{id}"
        case "QuestionnaireResponse":
            return f"/assessments/answered/{id}/"
        case "CarePlan" | "Goal" | "Condition":
            return f"{base}/plan"
        case "Observation":
            return f"{base}/health"
        case "Provenance":
            return f"/merges/told/{id}"
        case "EpisodeOfCare" | "Consent" | "Flag" | "Patient":
            return f"{base}/about"
    return ""


@staff_page
@require_GET
def about(request: HttpRequest, person: str) -> HttpResponse:
    """Contact details, relations, team, programs, record numbers."""
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "about")
        found = about_of(unit, frame.patient)
    told = {
        "about": found,
        "statuses": episode_words(),
        "uses": use_words(),
        "genders": gender_words(),
        "numbers": number_words(),
        "known": library.load().programs,
        "open_to": _open_to(found.programs),
    }
    return render(request, "staff/person_about.html", context(frame, **told))


def _open_to(enrolled: Sequence[Enrollment]) -> list[tuple[str, str]]:
    """(code, title) of the programs of the library that she is not in."""
    inside = {one.code for one in enrolled if one.status in ("planned", "waitlist", "active", "onhold")}
    language = (get_language() or "en")[:2]
    programs = library.load().programs.values()
    return [(each.code, each.title.get(language)) for each in programs if each.code not in inside]


def episode_words() -> dict[str, str]:
    return {
        "planned": gettext("offered"),
        "waitlist": gettext("waiting for a place"),
        "active": gettext("enrolled"),
        "onhold": gettext("paused"),
        "finished": gettext("finished"),
        "cancelled": gettext("did not join"),
    }


def use_words() -> dict[str, str]:
    return {
        "home": pgettext("use of a phone or address", "home"),
        "work": pgettext("use of a phone or address", "work"),
        "mobile": pgettext("use of a phone or address", "mobile"),
        "temp": pgettext("use of a phone or address", "for now"),
    }


def number_words() -> dict[str, str]:
    """HL7's types of identifiers (table 0203)."""
    return {
        "MR": gettext("record number"),
        "PI": gettext("record number"),
        "MC": gettext("Medicare number"),
        "MA": gettext("Medicaid number"),
        "DL": gettext("driver’s license"),
        "PPN": gettext("passport"),
        "SS": gettext("Social Security number"),
    }


def gender_words() -> dict[str, str]:
    return {
        "female": gettext("female"),
        "male": gettext("male"),
        "other": pgettext("a gender", "other"),
        "unknown": pgettext("a gender", "not known"),
    }


# Joined after all other pages: `people/<person>` must not hide `people/new` and its like.
urlpatterns = [
    *person_plan.urlpatterns,
    *person_work.urlpatterns,
    *person_answers.urlpatterns,
    *person_health.urlpatterns,
    path("people/<str:person>/story", story, name="person-story"),
    path("people/<str:person>/about", about, name="person-about"),
    path("people/<str:person>", index, name="person"),
]
