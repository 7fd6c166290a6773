"""The list of people, and finding one: the page, and the answers that come while she types. What somebody looks for is
a name or a number of a person: it is posted and kept in the session, and never stands in an address."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.care.workload import SILENCE
from careloop.projections import caseload
from careloop.projections.caseload import FILTERS, MOST_COUNTED, SORTS, Asked, Caseload, Listed
from careloop.projections.finder import Because, Found, find
from careloop.store import Unit
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import now_of, open_record, program_name

WORDS: dict[Because, Any] = {
    Because.MRN: gettext_lazy("record number matches"),
    Because.BIRTH_DATE: gettext_lazy("birth date matches"),
    Because.PHONE: gettext_lazy("phone matches"),
    Because.NAME: gettext_lazy("name matches"),
    Because.ALIKE: gettext_lazy("name is spelled alike"),
}
WHILE_TYPING, ON_THE_PAGE = 8, 40
PAGE = 50
COLUMNS = ("language", "program", "next", "heard", "flags", "lead")
AT_FIRST = ("language", "program", "next", "heard", "flags")
CHOSEN = "people-columns"
LOOKED_FOR = "people-looked-for"
LONGEST = 200


# --- finding


@dataclass(frozen=True)
class Line:
    """One answer. has_namesake: another answer has this very name."""

    found: Found
    because: tuple[Any, ...]
    has_namesake: bool

    def __repr__(self) -> str:
        return f"Line({self.found.person})"


def _lines(unit: Unit, query: str, limit: int) -> list[Line]:
    found = find(unit, query, limit)
    names = [one.name for one in found]
    return [Line(one, tuple(WORDS[why] for why in one.because), names.count(one.name) > 1) for one in found]


@staff_page
@require_POST
def find_people(request: HttpRequest) -> HttpResponse:
    """The answers under the find box."""
    query = request.POST.get("q", "").strip()[:LONGEST]
    with open_record(request) as unit:
        lines = _lines(unit, query, WHILE_TYPING) if query else []
    return render(request, "staff/people_found.html", {"find_query": query, "lines": lines})


@staff_page
@require_http_methods(["GET", "POST"])
def found(request: HttpRequest) -> HttpResponse:
    """Whom it may mean (Enter in the find box). The words wait in the session, so that going back and reloading ask
    nothing again."""
    if request.method == "POST":
        request.session[LOOKED_FOR] = request.POST.get("q", "").strip()[:LONGEST]
        return HttpResponseRedirect("/people/found" if request.session[LOOKED_FOR] else "/people")
    query = str(request.session.get(LOOKED_FOR, ""))
    if not query:
        return HttpResponseRedirect("/people")
    with open_record(request) as unit:
        lines = _lines(unit, query, ON_THE_PAGE)
    return render(request, "staff/people.html", {"find_query": query, "lines": lines})


# --- the list


@dataclass(frozen=True)
class Choice:
    value: str
    name: str
    is_chosen: bool


@dataclass(frozen=True)
class Head:
    """A column's head. href: sorts by it, empty where it can't be. sorted: what aria-sort says, or empty."""

    key: str
    name: str
    href: str
    sorted: str


@dataclass(frozen=True, repr=False)
class Row:
    """one of the list, with what is shown in words. is_silent: not reached for long, although enrolled.
    has_namesake: another one of this page has this very name, so that the birth date is shown too."""

    listed: Listed
    programs: str
    is_silent: bool
    is_late: bool
    has_namesake: bool


@staff_page
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    asked = _asked(request)
    with open_record(request) as unit:
        found = caseload.caseload(unit, asked, PAGE)
        programs = caseload.programs_of(unit, asked.view)
    columns = tuple(key for key in _columns(request) if _is_known(key, found))
    told = {
        "asked": asked,
        "rows": _rows(found, request),
        "lede": _lede(asked, found),
        "is_partial": found.is_partial,
        "views": [
            Choice("mine", gettext("My people"), asked.view == "mine"),
            Choice("all", gettext("All I may see"), asked.view == "all"),
        ],
        "programs": [Choice(code, program_name(code), code == asked.program) for code in programs],
        "filters": [
            Choice(key, name, key == asked.only)
            for key, name in filter_words().items()
            if _is_known(key, found)
        ],
        "heads": _heads(asked, columns),
        "columns": columns,
        "all_columns": [
            Choice(key, column_words()[key], key in columns) for key in COLUMNS if _is_known(key, found)
        ],
        "next": _address(replace(asked, page=asked.page + 1)) if found.has_more else "",
        "previous": _address(replace(asked, page=asked.page - 1)) if asked.page > 1 else "",
        "first": (asked.page - 1) * PAGE + 1,
        "last": (asked.page - 1) * PAGE + len(found.rows),
        "is_filtered": bool(asked.only or asked.program),
    }
    return render(request, "staff/people.html", told)


# What a column or a filter tells of: who may not look for it is not told that there is nothing.
TELLS_OF = {
    "program": "EpisodeOfCare",
    "next": "Task",
    "heard": "Encounter",
    "flags": "Flag",
    "lead": "CareTeam",
}
TELLS_OF |= {"late": "Task", "silent": "Encounter"}


def _is_known(key: str, found: Caseload) -> bool:
    return key not in TELLS_OF or TELLS_OF[key] in found.knows


def _asked(request: HttpRequest) -> Asked:
    """What the address says; whatever is not known there is left out."""
    given = request.GET
    page = given.get("page", "1")
    return Asked(
        view="all" if given.get("view") == "all" else "mine",
        program=given.get("program", "")[:64],
        only=given.get("only", "") if given.get("only") in FILTERS else "",
        sort=given.get("sort", "") if given.get("sort") in SORTS else "name",
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )


def _address(asked: Asked) -> str:
    usual = Asked()
    said = {
        name: getattr(asked, name)
        for name in ("view", "program", "only", "sort", "page")
        if getattr(asked, name) != getattr(usual, name)
    }
    return f"/people?{urlencode(said)}" if said else "/people"


def filter_words() -> dict[str, str]:
    return {
        "late": gettext("something is late"),
        "silent": gettext("not heard for 30 days"),
        "interpreter": gettext("needs an interpreter"),
    }


def column_words() -> dict[str, str]:
    return {
        "language": gettext("Language"),
        "program": gettext("Programs"),
        "next": gettext("Next"),
        "heard": gettext("Last reached"),
        "flags": gettext("Mind"),
        "lead": gettext("Lead"),
    }


def _heads(asked: Asked, columns: tuple[str, ...]) -> list[Head]:
    """Only one's own people are sorted otherwise than by name."""
    words = {"name": gettext("Name"), **column_words()}
    made = []
    for key in ("name", *columns):
        can_sort = key in SORTS and (asked.view == "mine" or key == "name")
        href = _address(replace(asked, sort=key, page=1)) if can_sort else ""
        made.append(Head(key, words[key], href, "ascending" if can_sort and asked.sort == key else ""))
    return made


def _lede(asked: Asked, found: Caseload) -> str:
    count = f"{MOST_COUNTED:,}+" if found.total > MOST_COUNTED else f"{found.total:,}"
    if asked.view == "mine":
        text = ngettext("%(n)s person whom you lead", "%(n)s people whom you lead", found.total)
    else:
        text = ngettext("%(n)s person whom you may see", "%(n)s people whom you may see", found.total)
    return text % {"n": count}


def _rows(found: Caseload, request: HttpRequest) -> list[Row]:
    names = Counter(one.person.name for one in found.rows)
    return [_row(one, request, has_namesake=names[one.person.name] > 1) for one in found.rows]


def _row(one: Listed, request: HttpRequest, *, has_namesake: bool) -> Row:
    now = now_of(request)
    is_silent = (
        bool(one.programs) and not one.person.is_deceased and (one.heard is None or now - one.heard > SILENCE)
    )
    return Row(
        listed=one,
        programs=", ".join(program_name(code) for code in one.programs),
        is_silent=is_silent,
        is_late=one.late > 0,
        has_namesake=has_namesake,
    )


# --- which columns are shown, kept for the session


def _columns(request: HttpRequest) -> tuple[str, ...]:
    kept = request.session.get(CHOSEN)
    return tuple(key for key in COLUMNS if key in (AT_FIRST if kept is None else kept))


@staff_page
@require_POST
def choose_columns(request: HttpRequest) -> HttpResponse:
    request.session[CHOSEN] = [key for key in COLUMNS if key in request.POST.getlist("column")]
    return HttpResponseRedirect("/people")


urlpatterns = [
    path("people", people, name="people"),
    path("people/find", find_people, name="find-people"),
    path("people/found", found, name="found-people"),
    path("people/columns", choose_columns, name="people-columns"),
]
