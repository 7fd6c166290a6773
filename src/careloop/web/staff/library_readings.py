"""A kind of reading in the library: codes, units, and each number with its source and how sure we are of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET

from careloop import library
from careloop.care.reading_limits import default_limits
from careloop.care.reading_work import plain
from careloop.kernel.errors import NotFound
from careloop.library import Kind
from careloop.library.readings import Range
from careloop.library.rules import VERIFIED
from careloop.web.staff.errors import staff_page
from careloop.web.staff.library_words import TONES, Sure
from careloop.web.staff.reading_words import ends_words, language, limit_words, said


@dataclass(frozen=True)
class Fact:
    """One number or range. what: what it is for."""

    what: str
    value: str
    source: str
    sure: Sure


@staff_page
@require_GET
def reading(request: HttpRequest, measure: str) -> HttpResponse:
    kind = library.load().readings.get(measure)
    if kind is None:
        raise NotFound(measure)
    context = {
        "kind": kind,
        "title": said(kind.name),
        "codes": [*kind.panels, *kind.codes, *(kind.second.codes if kind.second else ())],
        "units": [(each.called.get(language()), each.code, _conversion(kind, each)) for each in kind.units],
        "facts": facts_of(kind),
    }
    return render(request, "staff/library_reading.html", context)


def _conversion(kind: Kind, measure: object) -> str:
    """`1 lb = 0.45359237 kg`; empty for the unit that all are kept in."""
    found = next(each for each in kind.units if each is measure)
    if found is kind.units[0]:
        return ""
    first = kind.units[0].called.get(language())
    return f"1 {found.called.get(language())} = {found.canonical(Decimal(1))} {first}"


def facts_of(kind: Kind) -> list[Fact]:
    found = [_fact(gettext("Possible; outside of it somebody is asked"), kind.possible)]
    if kind.second:
        found.append(_fact(gettext("Possible, lower number"), kind.second.possible))
    if kind.target:
        found.append(_fact(gettext("Range to be in"), kind.target))
    if kind.second and kind.second.target:
        found.append(_fact(gettext("Range to be in, lower number"), kind.second.target))
    limits = default_limits(kind)
    if limits and kind.limit:
        inside = kind.limit.inside
        found.append(Fact(gettext("Limits"), limit_words(kind, limits), inside.source, _sure(inside.sure)))
    if kind.leap:
        value = gettext("more than %(by)s within %(days)d days") % {
            "by": f"{plain(kind.leap.by)} {kind.units[0].called.get(language())}",
            "days": kind.leap.within_days,
        }
        found.append(
            Fact(gettext("A leap; somebody is asked"), value, kind.leap.source, _sure(kind.leap.sure))
        )
    return found


def _fact(what: str, found: Range) -> Fact:
    return Fact(what, ends_words(found.low, found.high), found.source, _sure(found.sure))


def _sure(letter: str) -> Sure:
    return Sure(VERIFIED[letter].get(get_language() or "en"), TONES[letter])


urlpatterns = [path("library/readings/<str:measure>", reading, name="library-reading")]
