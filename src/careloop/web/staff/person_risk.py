"""The risk section: each score with what went in, what is missing and who would know, its source and its day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_POST

from careloop import library
from careloop.actions.assess_risk import TYPE, assess_risk, number
from careloop.actions.risk_facts import TYPES, gather
from careloop.care.risk import assess
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, day, text_of
from careloop.library import Library
from careloop.library.risks import Risk
from careloop.projections.chart_health import sender_of
from careloop.projections.moments import at_of, value_words
from careloop.projections.risks import Result, result_in
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.person_frame import Frame, context, open_frame
from careloop.web.staff.reader import now_of, open_record


@dataclass(frozen=True, repr=False)
class Source:
    words: str
    href: str


@dataclass(frozen=True, repr=False)
class Line:
    """One part of a score. points: `3`, or `0 to 4` while it is not known. lacking: why it is not known."""

    text: str
    found: str
    points: str
    lacking: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, repr=False)
class Score:
    """value: `12`, or `at least 8, at most 12`; empty when nothing is scored, then nothing_because says why. ask: the
    id of the questions that fill what is missing. is_over: it spoke of a stay that lies too far back now."""

    risk: Risk
    title: str
    about: str
    outcome: str
    value: str
    band: str
    at: datetime | None
    until: datetime | None
    is_over: bool
    lines: tuple[Line, ...]
    nothing_because: str
    ask: str
    is_new: bool

    @property
    def lacking(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.lacking)

    @property
    def bands(self) -> str:
        """`low 0–4, moderate 5–9`: what the numbers mean."""
        said = (f"{b.text.get(language())} {_span(b.first, b.last)}" for b in self.risk.bands)
        return ", ".join(said)


def _span(first: Decimal, last: Decimal) -> str:
    return str(first) if first == last else f"{first}–{last}"


def language() -> str:
    return (get_language() or "en")[:2]


@staff_page
@require_GET
def risk(request: HttpRequest, person: str) -> HttpResponse:
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "risk")
        scores = scores_of(unit, frame, library.load())
    return render(request, "staff/person_risk.html", context(frame, scores=scores))


@staff_page
@require_POST
def assess_now(request: HttpRequest, person: str) -> HttpResponse:
    assess_risk(request.scope, person, library.load(), now_of(request))  # type: ignore[attr-defined]  # set by middleware
    toasts.say(request, gettext("Worked out again from what is on record now."))
    return HttpResponseRedirect(f"/people/{person}/risk")


def scores_of(unit: Unit, frame: Frame, known: Library) -> list[Score]:
    """One of each score of the library: as it was kept, else why there is none. Of the last stay first."""
    kept = _newest(unit.of_person(frame.patient.rid, (TYPE,)))
    sources = _sources(unit, frame, kept.values(), known)
    without = [each for each in known.risks.values() if each.id not in kept]
    reasons = _reasons(unit, frame, without, known)
    made = [
        _kept(frame, each, kept[each.id], sources) if each.id in kept else _none(each, reasons[each.id])
        for each in known.risks.values()
    ]
    return sorted(made, key=lambda one: (not one.value or one.is_over, one.risk.of != "stay"))


def _newest(found: Iterable[Stored]) -> dict[str, Stored]:
    """By the score's id; the newest worked out."""
    newest: dict[str, Stored] = {}
    for stored in sorted(found, key=lambda s: str(s.resource.get("occurrenceDateTime", ""))):
        name = code_in(stored.resource.get("method"), uris.RISK)
        if name and stored.resource.get("status") == "final":
            newest[name] = stored
    return newest


def _reasons(unit: Unit, frame: Frame, without: list[Risk], known: Library) -> Mapping[str, str]:
    """Why nothing is scored, by what this reader may see."""
    later = gettext("It is worked out a moment after the record changes.")
    if not without or not all(unit.may_search(kind) for kind in TYPES):
        return {each.id: later for each in without}
    found = gather(unit, frame.patient.rid, known)
    said: dict[str, str] = {}
    for each in without:
        why = assess(each, found[1]).not_scored if found else None
        said[each.id] = why.get(language()) if why else later
    return said


def _none(each: Risk, because: str) -> Score:
    said = language()
    return Score(
        each,
        each.title.get(said),
        each.about.get(said),
        each.outcome.get(said),
        value="",
        band="",
        at=None,
        until=None,
        is_over=False,
        lines=(),
        nothing_because=because,
        ask="",
        is_new=False,
    )


def _kept(frame: Frame, each: Risk, stored: Stored, sources: Mapping[str, Source]) -> Score:
    said, resource = language(), stored.resource
    told = result_in(resource)
    parts = [_parts_of(e) for e in resource.get("extension", ()) if e.get("url") == uris.RISK_PART]
    band = next((b.text.get(said) for b in each.bands if b.code == told.band), "")
    asked = next((str(p["asked"]) for p in parts if p.get("asked")), "")
    return Score(
        each,
        each.title.get(said),
        each.about.get(said),
        each.outcome.get(said),
        value=_value(told),
        band=band,
        at=at_of(resource.get("occurrenceDateTime")),
        until=told.until,
        is_over=told.until is not None and told.until <= frame.now,
        lines=tuple(_line(part, sources, said) for part in parts),
        nothing_because="",
        ask=asked.partition("/")[0],
        is_new=stored.reference in frame.new,
    )


def _value(told: Result) -> str:
    if told.value is not None:
        return number(told.value)
    low, high = told.low or Decimal(0), told.high or Decimal(0)
    if low == high:
        return gettext("at least %(low)s") % {"low": number(low)}
    return gettext("at least %(low)s, at most %(high)s") % {"low": number(low), "high": number(high)}


def _parts_of(extension: Mapping[str, Any]) -> dict[str, Any]:
    """url -> value; `sources` all of them."""
    found: dict[str, Any] = {"sources": []}
    for part in extension.get("extension", ()):
        value = next((v for k, v in part.items() if k.startswith("value")), None)
        if part.get("url") == "source":
            found["sources"].append(str((value or {}).get("reference", "")))
        else:
            found[str(part.get("url"))] = value
    return found


def _line(part: Mapping[str, Any], sources: Mapping[str, Source], said: str) -> Line:
    low, high = (Decimal(str(part.get(end, 0))) for end in ("low", "high"))
    lacking = str(part.get("lacking-es" if said == "es" else "lacking") or "")
    points = number(low) if low == high else f"{number(low)}–{number(high)}"
    return Line(
        str(part.get("text-es" if said == "es" else "text") or ""),
        found_words(str(part.get("found") or "")),
        "" if lacking and low == high else points,
        lacking,
        tuple(sources[each] for each in part["sources"] if each in sources),
    )


def found_words(found: str) -> str:
    """What a model reads is kept as a code."""
    return {
        "yes": gettext("yes"),
        "no": gettext("no"),
        "none": gettext("none on record"),
        "age": gettext("for age"),
        "disability": gettext("for a disability"),
        "full": gettext("full"),
        "partial": gettext("pays for Medicare only"),
    }.get(found, found)


# --- what a score rests on


def _sources(unit: Unit, frame: Frame, kept: Iterable[Stored], known: Library) -> dict[str, Source]:
    """By reference; those that this reader may see."""
    wanted = {str(each.get("reference", "")) for stored in kept for each in stored.resource.get("basis", ())}
    found = unit.get(sorted(wanted - {""}))
    return {reference: _source(frame, stored, known) for reference, stored in found.items()}


def _source(frame: Frame, stored: Stored, known: Library) -> Source:
    resource, home = stored.resource, f"/people/{frame.id}/health"
    match stored.type:
        case "Encounter":
            return Source(_stay_words(frame, resource), f"{home}#stays")
        case "Condition":
            return Source(text_of(resource.get("code")), f"{home}#problems")
        case "Observation":
            words = f"{text_of(resource.get('code'))} {value_words(resource)}".strip()
            return Source(_dated(frame, words, resource.get("effectiveDateTime")), f"{home}#readings")
        case "QuestionnaireResponse":
            name = str(resource.get("questionnaire", "")).partition("|")[0].rpartition(":")[2]
            asked = known.instruments.get(name)
            words = asked.short.get(language()) if asked else gettext("Answers")
            return Source(
                _dated(frame, words, resource.get("authored")), f"/assessments/answered/{stored.id}/"
            )
    words = text_of(resource.get("code")) or sender_of(resource)
    return Source(_dated(frame, words, resource.get("performedDateTime")), home)


def _stay_words(frame: Frame, encounter: Resource) -> str:
    kind = str((encounter.get("class") or {}).get("code", ""))
    name = gettext("Emergency department") if kind == "EMER" else gettext("Hospital stay")
    return _dated(frame, name, (encounter.get("period") or {}).get("start"))


def _dated(frame: Frame, words: str, when: Any) -> str:
    at, on = at_of(when), day(when if isinstance(when, str) else None)
    if at is None or on is None:
        return words
    local = at.astimezone(frame.tz).date() if "T" in str(when) else on
    return f"{words}, {formats.day_words(local, frame.now.astimezone(frame.tz).date())}"


urlpatterns = [
    path("people/<str:person>/risk", risk, name="person-risk"),
    path("people/<str:person>/risk/now", assess_now, name="person-risk-now"),
]
