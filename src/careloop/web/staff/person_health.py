"""The health history section: problems, medicines, allergies, stays, readings with charts, vaccines, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_GET

from careloop import library
from careloop.library import NoSuchRule
from careloop.projections.chart_health import Fact, Health, Series, Stay, health_of
from careloop.web.staff.errors import staff_page
from careloop.web.staff.person_charts import Chart, Event, draw, range_words
from careloop.web.staff.person_frame import Frame, context, open_frame
from careloop.web.staff.reader import open_record

# Charts beyond these stand as lines of a table.
MOST_CHARTS = 12
# More lines than these are folded.
FIRST_LINES = 12


@dataclass(frozen=True, repr=False)
class Part:
    """One list. nothing: the sentence when it is empty. are_moments: of things that happened on a day."""

    key: str
    name: str
    facts: tuple[Fact, ...]
    past: tuple[Fact, ...]
    nothing: str
    new: frozenset[str]

    @property
    def are_moments(self) -> bool:
        return self.key in ("findings", "procedures", "vaccines")

    @property
    def shown(self) -> tuple[Fact, ...]:
        return self.facts[:FIRST_LINES]

    @property
    def more(self) -> tuple[Fact, ...]:
        return self.facts[FIRST_LINES:]


@staff_page
@require_GET
def health(request: HttpRequest, person: str) -> HttpResponse:
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "health")
        found = health_of(unit, frame.patient.rid)
    here = [series for series in found.readings if series.code not in codes_of_readings()]
    charts = _charts(frame, found, here)
    drawn = {chart.series for chart in charts}
    single = [series for series in here if series not in drawn]
    stays = [(stay, _went(frame, stay)) for stay in found.stays]
    told = {
        "health": found,
        "is_measured": len(here) < len(found.readings),
        "parts": _parts(frame, found),
        "after": _after(frame, found),
        "charts": [
            (chart, range_words(chart.series) if _has_range(chart.series) else "") for chart in charts
        ],
        "single": single[:FIRST_LINES],
        "more_single": single[FIRST_LINES:],
        "stays": stays[:FIRST_LINES],
        "earlier_stays": stays[FIRST_LINES:],
        "kinds": stay_words(),
        "new": frame.new,
    }
    return render(request, "staff/person_health.html", context(frame, **told))


def _has_range(series: Series) -> bool:
    return series.low is not None or series.high is not None


def codes_of_readings() -> frozenset[str]:
    """What has a section of its own."""
    kinds = library.load().readings.values()
    return frozenset(code.code for kind in kinds for code in (*kind.codes, *kind.panels))


def _charts(frame: Frame, found: Health, here: Sequence[Series]) -> list[Chart]:
    events = _events(found.stays)
    drawn = (draw(series, frame.now, frame.tz, events) for series in here)
    return [chart for chart in drawn if chart][:MOST_CHARTS]


def _events(stays: Sequence[Stay]) -> list[Event]:
    """What explains a turn of the line: going into the hospital and coming home."""
    made = []
    for stay in stays:
        if stay.kind == "inpatient" and stay.began:
            made.append(Event(stay.began, gettext("went into the hospital")))
        if stay.kind == "inpatient" and stay.ended:
            made.append(Event(stay.ended, gettext("left the hospital")))
    return made


def _part(frame: Frame, key: str, name: str, facts: Sequence[Fact], nothing: str) -> Part:
    return Part(
        key,
        name,
        tuple(fact for fact in facts if not fact.is_past),
        tuple(fact for fact in facts if fact.is_past),
        nothing,
        frame.new,
    )


def _parts(frame: Frame, found: Health) -> list[Part]:
    return [
        _part(
            frame,
            "problems",
            gettext("Conditions"),
            found.problems,
            gettext("No conditions are known. They come with a hospital’s message, a file, or over FHIR."),
        ),
        _part(
            frame,
            "medicines",
            gettext("Medicines"),
            found.medicines,
            gettext("No medicines are known. Ask for the bottles at the next call."),
        ),
        _part(
            frame,
            "allergies",
            gettext("Allergies"),
            found.allergies,
            gettext("No allergies are recorded. That is not the same as none: ask."),
        ),
    ]


def _after(frame: Frame, found: Health) -> list[Part]:
    """Below the readings; vaccines and procedures only where there are any."""
    coverage = _part(
        frame,
        "coverage",
        gettext("Coverage"),
        found.coverage,
        gettext("No coverage is known. Ask for the card, both sides."),
    )
    rest = [
        _part(frame, "findings", pgettext("results told in words", "Other results"), found.findings, ""),
        _part(frame, "procedures", gettext("Procedures"), found.procedures, ""),
        _part(frame, "vaccines", gettext("Vaccines"), found.vaccines, ""),
    ]
    return [part for part in rest if part.facts or part.past] + [coverage]


def _went(frame: Frame, stay: Stay) -> str:
    """Where she went, in words, with the code as it was sent; empty while she is there or when nothing was sent."""
    if not stay.disposition:
        return ""
    on = (stay.ended or stay.began or frame.now).date()
    try:
        known = library.load().rule("discharge-dispositions", on).values["ub04"]
    except NoSuchRule:
        known = {}
    meaning = str(known.get(stay.disposition_code.zfill(2), ""))
    said = disposition_words().get(meaning) or stay.disposition
    if stay.disposition_code and said != stay.disposition_code:
        return gettext("%(words)s (sent as %(code)s)") % {"words": said, "code": stay.disposition_code}
    return said


def disposition_words() -> dict[str, str]:
    return {
        "home": gettext("went home"),
        "hospital": gettext("went to another hospital"),
        "snf": gettext("went to a nursing facility"),
        "rehab": gettext("went to rehabilitation"),
        "psychiatric": gettext("went to a psychiatric hospital"),
        "hospice": gettext("went to hospice"),
        "ama": gettext("left against advice"),
        "died": gettext("died there"),
    }


def stay_words() -> dict[str, str]:
    return {
        "inpatient": gettext("Hospital stay"),
        "emergency": gettext("Emergency department"),
        "visit": pgettext("an encounter at a clinic", "Visit"),
    }


urlpatterns = [path("people/<str:person>/health", health, name="person-health")]
