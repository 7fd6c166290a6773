"""The readings section: what is not believed and has to be asked about, each kind over time, scores, devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext, pgettext
from django.views.decorators.http import require_GET, require_POST

from careloop import library
from careloop.access import decide
from careloop.actions.review_reading import UnknownUnit, review_reading
from careloop.care.reading_limits import Limits
from careloop.care.reading_work import value_said
from careloop.kernel.errors import StaleVersion
from careloop.library import Kind, Library, NoSuchRule, Rule
from careloop.library.targets import load_targets
from careloop.projections import story as stories
from careloop.projections.chart_health import Point, Series
from careloop.projections.chart_readings import Machine, Measured, Overview, Row, Target, overview
from careloop.projections.scores import Scored, scores_of
from careloop.store import Unit
from careloop.web import formats
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import done, version_of
from careloop.web.staff.person_charts import Chart, Event, Mark, draw
from careloop.web.staff.person_frame import Frame, context, day_words, open_frame
from careloop.web.staff.reader import now_of, open_record
from careloop.web.staff.reading_words import language, limit_words, said, state_words, sure, target_words

SPANS: Final = {"30": 30, "90": 90, "365": 365, "all": 0}
USUAL: Final = "90"
# Of these titles of the story the charts show a tick each.
TICKS: Final = frozenset({"Went into the hospital", "Left the hospital", "Plan agreed", "Plan changed"})
MOST_TICKS: Final = 6


@dataclass(frozen=True, repr=False)
class Line:
    """One value of the table."""

    row: Row
    words: str
    state: str
    is_new: bool


@dataclass(frozen=True, repr=False)
class Figure:
    """One kind. target, limits: in words, with who says so; outside: the last value passes a limit."""

    kind: Kind
    name: str
    chart: Chart | None
    last: str
    last_row: Row | None
    lines: tuple[Line, ...]
    hidden: int
    target: str
    target_source: str
    limits: str
    limits_source: str
    has_own_limits: bool
    is_outside: bool
    is_new: bool


@dataclass(frozen=True, repr=False)
class Doubt:
    """One value that nobody believes yet. ask: the sentence to ask with."""

    row: Row
    name: str
    words: str
    why: str
    ask: str
    can_be_right: bool


@dataclass(frozen=True, repr=False)
class ScoreFigure:
    name: str
    href: str
    chart: Chart | None
    last: str
    at: datetime
    rows: tuple[tuple[datetime, str, str], ...]
    legend: str


@staff_page
@require_GET
def readings(request: HttpRequest, person: str) -> HttpResponse:
    content = library.load()
    span = request.GET.get("span", "")
    span = span if span in SPANS else USUAL
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "readings")
        since = frame.now - timedelta(days=SPANS[span]) if SPANS[span] else None
        found = overview(unit, frame.patient.rid, content, frame.tz, since)
        events = _events(unit, frame)
        scored = _scores(unit, frame, content, since)
        rule = _rule(content, frame.now)
        may = _may(request)
    told = {
        "figures": [_figure(frame, each, events) for each in found.measured],
        "doubts": [_doubt(frame, each, row, before) for each, row, before in found.doubtful],
        "scores": scored,
        "machines": [(each, _measures(each)) for each in found.machines],
        "days": _days(found, rule) if found.has_sent else "",
        "days_source": f"{said(rule.title)}, {rule.year}. {rule.source}" if rule else "",
        "days_sure": sure(rule.verified) if rule else "",
        "spans": [(key, words, key == span) for key, words in span_words().items()],
        "may": may,
    }
    return render(request, "staff/person_readings.html", context(frame, **told))


def span_words() -> dict[str, str]:
    return {
        "30": gettext("30 days"),
        "90": gettext("90 days"),
        "365": gettext("A year"),
        "all": pgettext("all values of a chart", "All"),
    }


def _may(request: HttpRequest) -> dict[str, bool]:
    actor: Any = request.actor  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen
    needed = {
        "add": ("create", "Observation"),
        "review": ("update", "Observation"),
        "limit": ("create", "ServiceRequest"),
        "device": ("create", "Device"),
    }
    asked: Any = needed
    return {name: decide(actor, what, kind).allowed for name, (what, kind) in asked.items()}


# --- charts


def _events(unit: Unit, frame: Frame) -> list[Event]:
    """What explains a turn of the line: the hospital, and changes of the plan."""
    found = [
        entry
        for kind in ("event", "decision")
        for entry in stories.story(unit, frame.patient.rid, kind, 40)
        if entry.title in TICKS
    ]
    newest = sorted(found, key=lambda entry: entry.at, reverse=True)[:MOST_TICKS]
    return [Event(entry.at, gettext(entry.title)) for entry in reversed(newest)]


def _figure(frame: Frame, found: Measured, events: Sequence[Event]) -> Figure:
    kind = found.kind
    marks = _marks(found.limits) if found.limits else []
    chart = None
    if found.series is not None:
        words = tuple(
            replace(p, words=value_said(kind, p.value, p.other, kind.unit, language()))
            for p in found.series.points
        )
        target = found.target
        name = target.words if target and target.words else gettext("usual range")
        series = replace(found.series, title=said(kind.name), points=words, range_words=name)
        floor, ceiling = (kind.chart.low, kind.chart.high) if kind.chart else (None, None)
        chart = draw(series, frame.now, frame.tz, events, floor=floor, ceiling=ceiling, marks=marks)
    latest = found.latest
    return Figure(
        kind=kind,
        name=said(kind.name),
        chart=chart,
        last=_words(kind, latest) if latest else "",
        last_row=latest,
        lines=tuple(
            Line(row, _words(kind, row), state_words(row), row.reference in frame.new) for row in found.rows
        ),
        hidden=found.hidden,
        target=target_words(kind, found.target) if found.target else "",
        target_source=_source_of_target(found.target) if found.target else "",
        limits=limit_words(kind, found.limits) if found.limits else "",
        limits_source=_source_of_limits(frame, found) if found.limits else "",
        has_own_limits=bool(found.limits and found.limits.is_own),
        is_outside=bool(found.outside),
        is_new=bool(latest and latest.reference in frame.new),
    )


def _words(kind: Kind, row: Row) -> str:
    words = value_said(kind, row.read.value, row.read.second, row.read.unit, language())
    return f"{row.read.comparator} {words}" if row.read.comparator else words


def _marks(limits: Limits) -> list[Mark]:
    """Where somebody looks. Both values of a pair have theirs."""
    first = [Mark(each, gettext("look")) for each in (limits.low, limits.high) if each is not None]
    seconds = (limits.second_low, limits.second_high)
    return first + [Mark(each, gettext("look, lower number")) for each in seconds if each is not None]


def _source_of_target(target: Target) -> str:
    if target.is_own:
        return gettext("agreed in the plan: %(goal)s") % {"goal": target.words}
    if not target.sure:
        return target.source or gettext("sent with the value")
    return f"{target.source} ({sure(target.sure)})"


def _source_of_limits(frame: Frame, found: Measured) -> str:
    limits = found.limits
    if limits is None:
        return ""
    if not limits.is_own:
        return f"{limits.source} ({sure(limits.sure)})"
    parts = []
    if found.limits_by and limits.since:
        parts.append(
            gettext("set by %(who)s, %(day)s")
            % {"who": found.limits_by, "day": day_words(frame, limits.since)}
        )
    if limits.until:
        last = limits.until - timedelta(seconds=1)
        parts.append(gettext("until %(day)s") % {"day": formats.full_date(last.astimezone(frame.tz).date())})
    if limits.why:
        parts.append(limits.why)
    return " · ".join(parts)


def _measures(machine: Machine) -> str:
    return ", ".join(said(kind.name) for kind in machine.measures)


# --- what is not believed


def _doubt(frame: Frame, found: Measured, row: Row, before: Row | None) -> Doubt:
    kind = found.kind
    words = _words(kind, row)
    told = {
        "value": words,
        "before": _words(kind, before) if before else "",
        "day": day_words(frame, before.read.at) if before else "",
    }
    ask = gettext("%(value)s. Ask whether that is right.") % told
    if before is not None:
        ask = gettext("%(value)s, and %(before)s %(day)s. Ask.") % told
    return Doubt(row, said(kind.name), words, state_words(row), ask, row.read.why != "unit")


@staff_page
@require_POST
def review(request: HttpRequest, person: str, observation: str) -> HttpResponse:
    """One button: it is right, or it is wrong."""
    scope: Any = request.scope  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen
    decision: Any = "confirmed" if request.POST.get("decision") == "confirmed" else "refuted"
    try:
        result = review_reading(
            scope,
            observation,
            decision,
            request.POST.get("why", ""),
            library.load(),
            now_of(request),
            version=version_of(request),
        )
    except (UnknownUnit, StaleVersion) as error:
        toasts.fail(request, sentence_of(error))
        return HttpResponseRedirect(f"/people/{person}/readings")
    right, wrong = (
        gettext("Kept as right. It counts from now on."),
        gettext("Kept as wrong. It doesn’t count."),
    )
    done(request, right if decision == "confirmed" else wrong, result)
    return HttpResponseRedirect(f"/people/{person}/readings")


# --- days of readings


def _rule(content: Library, now: datetime) -> Rule | None:
    try:
        return content.rule("device-days", now.date())
    except NoSuchRule:
        return None


def _days(found: Overview, rule: Rule | None) -> str:
    """`Readings from a device on 17 of the last 30 days: 16 to 30 days, 99454`."""
    told = ngettext(
        "Readings from a device on %(n)d of the last 30 days",
        "Readings from a device on %(n)d of the last 30 days",
        found.days,
    ) % {"n": found.days}
    if rule is None:
        return told
    for span in rule.values["spans"]:
        if int(span["from"]) <= found.days <= int(span["to"]):
            return gettext("%(told)s: %(first)d to %(last)d days, %(code)s") % {
                "told": told,
                "first": span["from"],
                "last": span["to"],
                "code": span["code"],
            }
    return told


# --- scores


def _scores(unit: Unit, frame: Frame, content: Library, since: datetime | None) -> list[ScoreFigure]:
    if not unit.may_search("QuestionnaireResponse"):
        return []
    by_name: dict[str, list[Scored]] = {}
    for each in scores_of(unit, frame.patient.rid):
        instrument = content.instruments.get(each.instrument)
        if each.value is not None and instrument is not None and not instrument.is_private:
            by_name.setdefault(each.instrument, []).append(each)
    return [_score_figure(frame, content, name, found, since) for name, found in by_name.items()]


def _score_figure(
    frame: Frame, content: Library, name: str, found: Sequence[Scored], since: datetime | None
) -> ScoreFigure:
    instrument = content.instruments[name]
    bands = {band.code: said(band.text) for band in instrument.scoring.bands}
    shown = [each for each in found if since is None or each.at >= since]
    points = tuple(
        Point(each.at, each.value, None, str(each.value), "", "") for each in shown if each.value is not None
    )
    marks, legend = _aims(content, name, found)
    chart = None
    if points:
        series = Series(name, said(instrument.short), "", points)
        chart = draw(
            series,
            frame.now,
            frame.tz,
            floor=Decimal(0),
            ceiling=instrument.scoring.maximum,
            marks=marks,
        )
    last = found[-1]
    return ScoreFigure(
        name=said(instrument.short),
        href=f"/people/{frame.id}/assessments#{name}",
        chart=chart,
        last=f"{last.value}, {bands[last.band]}" if last.band in bands else str(last.value),
        at=last.at,
        rows=tuple((each.at, str(each.value), bands.get(each.band or "", "")) for each in reversed(found)),
        legend=legend,
    )


def _aims(content: Library, name: str, found: Sequence[Scored]) -> tuple[list[Mark], str]:
    """Where treatment aims at, by content/targets: in target, and half of where it began."""
    targets = load_targets(content.path).values()
    target = next((each for each in targets if each.measure == f"score:{name}"), None)
    if target is None:
        return [], ""
    marks = [Mark(target.below, gettext("target"))]
    began = found[0].value
    if target.percent and began:
        marks.append(Mark(began * (100 - target.percent) / 100, gettext("response")))
    return marks, f"{said(target.words)} · {target.source} ({sure(target.verified)})"


urlpatterns = [
    path("people/<str:person>/readings", readings, name="person-readings"),
    path("people/<str:person>/readings/<str:observation>/review", review, name="person-reading-review"),
]
