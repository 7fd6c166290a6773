"""A risk score in the library: its parts with their points, what a number means, source, golden cases passing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET

from careloop.care.risk_cases import failing
from careloop.kernel.errors import NotFound
from careloop.library import load
from careloop.library.risks import CodeLine, Range, Risk, RiskElement
from careloop.web.staff.errors import staff_page
from careloop.web.staff.library_words import source_lines

YES_OR_NO: Final[list[tuple[Decimal | None, Decimal | None]]] = [
    (Decimal(0), Decimal(1)),
    (Decimal(1), None),
]


@staff_page
@require_GET
def risk(request: HttpRequest, id: str) -> HttpResponse:
    library, language = load(), (get_language() or "en")[:2]
    found = library.risks.get(id)
    if found is None:
        raise NotFound
    broken = failing(found)
    context = {
        "risk": found,
        "title": found.title.get(language),
        "about": found.about.get(language),
        "outcome": found.outcome.get(language),
        "elements": [
            (each.text.get(language), _points(each), _asked(each, language)) for each in found.elements
        ],
        "lines": [_line(each, found, language) for each in found.lines],
        "bands": [(_span(b.first, b.last), b.text.get(language)) for b in found.bands],
        "passing": len(found.cases) - len(broken),
        "cases": len(found.cases),
        "broken": broken,
        "source": source_lines(found.source_text),
    }
    return render(request, "staff/library_risk.html", context)


def _points(element: RiskElement) -> str:
    """`0–3: 4; 4 and more: 5`, of a yes and a no both."""
    if [(r.first, r.below) for r in element.ranges] == YES_OR_NO:
        no, yes = element.ranges
        return gettext("no: %(no)s; yes: %(yes)s") % {"no": no.points, "yes": yes.points}
    return "; ".join(_range(each) for each in element.ranges)


def _range(each: Range) -> str:
    if each.first is None:
        return gettext("below %(n)s: %(points)s") % {"n": each.below, "points": each.points}
    if each.below is None:
        return gettext("%(n)s and more: %(points)s") % {"n": each.first, "points": each.points}
    return f"{_span(each.first, each.below - 1)}: {each.points}"


def _span(first: Decimal, last: Decimal) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _asked(element: RiskElement, language: str) -> tuple[str, str]:
    """(id, name) of the questions that ask for what the record can't know."""
    name = element.asked.partition("/")[0]
    known = load().instruments.get(name)
    return (name, known.short.get(language)) if known else ("", "")


def _line(line: CodeLine, found: Risk, language: str) -> tuple[str, Decimal, str, str]:
    """(group, points, codes, what it stands instead of)"""
    texts = {each.id: each.text.get(language) for each in found.lines}
    instead = ", ".join(texts[name] for name in line.instead_of)
    return line.text.get(language), line.points, _dotted(line.codes), instead


def _dotted(codes: Iterable[str]) -> str:
    return ", ".join(f"{code[:3]}.{code[3:]}" if len(code) > 3 else code for code in codes)


urlpatterns = [path("library/risks/<str:id>", risk, name="library-risk")]
