"""Finding a person: the page, and the answers that come while she types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from careloop import store
from careloop.projections.finder import Because, Found, find

WORDS: dict[Because, Any] = {
    Because.MRN: gettext_lazy("record number matches"),
    Because.BIRTH_DATE: gettext_lazy("birth date matches"),
    Because.PHONE: gettext_lazy("phone matches"),
    Because.NAME: gettext_lazy("name matches"),
    Because.ALIKE: gettext_lazy("name is spelled alike"),
}
WHILE_TYPING, ON_THE_PAGE = 8, 40


@dataclass(frozen=True)
class Line:
    """One answer. has_namesake: another answer has this very name."""

    found: Found
    because: tuple[Any, ...]
    has_namesake: bool

    def __repr__(self) -> str:
        return f"Line({self.found.person})"


def _lines(request: Any, limit: int) -> list[Line]:
    with store.open(request.scope, now=request.now) as unit:
        found = find(unit, request.GET.get("q", ""), limit)
    names = [one.name for one in found]
    return [Line(one, tuple(WORDS[why] for why in one.because), names.count(one.name) > 1) for one in found]


def _answer(request: HttpRequest, template: str, limit: int) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    told = {"find_query": query, "lines": _lines(request, limit) if query else []}
    response = render(request, template, told)
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """The page that the find box leads to without JavaScript, or with Enter."""
    return _answer(request, "staff/people.html", ON_THE_PAGE)


@login_required
@require_GET
def find_people(request: HttpRequest) -> HttpResponse:
    """The answers under the find box."""
    return _answer(request, "staff/people_found.html", WHILE_TYPING)


urlpatterns = [
    path("people", people, name="people"),
    path("people/find", find_people, name="find-people"),
]
