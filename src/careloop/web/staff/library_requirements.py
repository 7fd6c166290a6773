"""What a plan must hold, and what counts as a contradiction, for clinicians to read."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext, pgettext
from django.views.decorators.http import require_GET

from careloop.kernel.errors import NotFound
from careloop.library import Library, load
from careloop.library.completeness import EVIDENCE, DueBy, Want, Wanted
from careloop.library.rules import VERIFIED
from careloop.web.staff.errors import staff_page
from careloop.web.staff.library_words import TONES, Sure


def _sure(verified: str, language: str) -> Sure:
    return Sure(VERIFIED[verified].get(language), TONES[verified])


@staff_page
@require_GET
def standard(request: HttpRequest, id: str) -> HttpResponse:
    library, language = load(), (get_language() or "en")[:2]
    found = library.standards.get(id)
    if found is None:
        raise NotFound
    context = {
        "standard": found,
        "title": found.title.get(language),
        "about": found.about.get(language),
        "sure": _sure(found.verified, language),
        "elements": [
            {
                "text": each.text.get(language),
                "met_by": _want(each.met_by, library, language),
                "dues": [_due(due, library, language) for due in each.dues],
            }
            for each in found.elements
        ],
        "programs": [(code, library.programs[code].title.get(language)) for code in found.programs],
    }
    return render(request, "staff/library_standard.html", context)


def _want(want: Want, library: Library, language: str) -> str:
    if not isinstance(want, Wanted):
        word = pgettext("between conditions", "and") if want.kind == "all" else pgettext("between", "or")
        return f" {word} ".join(_want(part, library, language) for part in want.parts)
    said = _evidence(want, library, language)
    if want.within_days is None:
        return said
    return gettext("%(what)s, within %(n)s days") % {"what": said, "n": want.within_days}


def _evidence(want: Wanted, library: Library, language: str) -> str:
    if want.kind == "evidence":
        return EVIDENCE[want.name].get(language)
    if want.kind == "instrument":
        return library.instruments[want.name].short.get(language)
    asked_in = [
        each.short.get(language)
        for each in library.instruments.values()
        if any(want.name in question.covers for question in each.questions)
    ]
    if not asked_in:
        return gettext("an answer that says so")
    return gettext("an answer in: %(names)s") % {"names": ", ".join(asked_in)}


def _due(due: DueBy, library: Library, language: str) -> tuple[str, str, str]:
    """(the sentence, rule id, its title)."""
    rule = library.rules[due.rule][-1]
    words = {
        "hours": gettext("%(n)s hours"),
        "initial_hours": gettext("%(n)s hours"),
        "by_day_of_stay": gettext("day %(n)s of the stay"),
    }.get(due.value, gettext("%(n)s days"))
    after = {
        "joined": gettext("from joining"),
        "assessed": gettext("from the assessment"),
        "last": gettext("from the last time"),
    }[due.after]
    return f"{words % {'n': rule.integer(due.value)}}, {after}", due.rule, rule.title.get(language)


@staff_page
@require_GET
def conflict(request: HttpRequest, id: str) -> HttpResponse:
    library, language = load(), (get_language() or "en")[:2]
    found = library.clashes.rule(id)
    if found is None:
        raise NotFound
    context = {
        "rule": found,
        "title": found.title.get(language),
        "ask": found.ask.get(language).format(a="A", b="B"),
        "sure": _sure(found.verified, language),
        "values": [(v.text.get(language), ", ".join(v.phrases)) for v in found.values],
        "classes": [(c.text.get(language), _ingredients(c.ingredients.items())) for c in found.classes],
    }
    return render(request, "staff/library_conflict.html", context)


def _ingredients(found: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} ({code})" for code, name in found)


urlpatterns = [
    path("library/standards/<str:id>", standard, name="library-standard"),
    path("library/conflicts/<str:id>", conflict, name="library-conflict"),
]
