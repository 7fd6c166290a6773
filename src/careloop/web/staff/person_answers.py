"""The assessments section: what was asked, what came out, how it went over time, what is due again or begun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext, pgettext
from django.views.decorators.http import require_GET

from careloop import library
from careloop.actions.adopted import listed
from careloop.care.assess import bands_for, who_is
from careloop.library import Instrument, Library, Words
from careloop.library.adopting import Adopted
from careloop.library.instruments import TOPICS
from careloop.projections import worklist
from careloop.projections.chart_answers import Taken, instrument_in, over_time, taken_by
from careloop.projections.chart_health import Series
from careloop.store import drafts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.person_charts import Chart, draw
from careloop.web.staff.person_frame import Frame, context, open_frame
from careloop.web.staff.reader import open_record


@dataclass(frozen=True, repr=False)
class Line:
    """One set of answers in words. score: `14 of 27`."""

    taken: Taken
    score: str
    says: str
    heard_from: str
    is_new: bool


@dataclass(frozen=True, repr=False)
class Asked:
    """One instrument with all its answers, newest first. due: when it is to be asked again; None: nobody set a day."""

    id: str
    title: str
    lines: tuple[Line, ...]
    chart: Chart | None
    due: datetime | None
    zone: str | None
    draft: int
    is_known: bool
    is_private: bool

    @property
    def latest(self) -> Line:
        return self.lines[0]


@dataclass(frozen=True)
class Offer:
    """Something that can be asked now. draft: the number of one that was begun, 0 for none. short: what it is
    called, where the title does not say it."""

    id: str
    title: str
    about: str
    minutes: int
    draft: int
    saved_at: datetime | None
    short: str = ""


@staff_page
@require_GET
def assessments(request: HttpRequest, person: str) -> HttpResponse:
    known = library.load()
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "assessments")
        taken = taken_by(unit, frame.patient.rid, known)
        begun = {kept.form: kept for kept in drafts.listed(unit, frame.patient.rid)}
        theirs = {
            instrument_in({"questionnaire": each.canonical})[0]: each
            for each in listed(unit, known, is_brief=True)
        }
        rows = worklist.of_person(unit, frame.patient.rid, frame.now, reader=frame.reader)
    order = dict.fromkeys(one.instrument for one in taken)
    told = {
        "asked": [_asked(frame, known, name, taken, rows, begun, theirs) for name in order],
        "offers": [*_offers(known, begun), *_from_elsewhere(theirs.values(), begun)],
    }
    return render(request, "staff/person_assessments.html", context(frame, **told))


def said(words: Words) -> str:
    return words.get((get_language() or "en")[:2])


@dataclass(frozen=True)
class Topic:
    name: str
    offers: tuple[Offer, ...]


def _offers(known: Library, begun: dict[str, drafts.Draft]) -> list[Topic]:
    """What can be asked, under its headings; the short ones first."""
    found = []
    for topic, words in TOPICS.items():
        listed = sorted(
            (each for each in known.instruments.values() if each.topic == topic),
            key=lambda each: (each.minutes, said(each.title)),
        )
        if listed:
            found.append(Topic(said(words), tuple(_offer(each, begun) for each in listed)))
    return found


def _from_elsewhere(theirs: Iterable[Adopted], begun: dict[str, drafts.Draft]) -> list[Topic]:
    offers = tuple(_offer(each, begun) for each in theirs)
    return [Topic(gettext("From elsewhere"), offers)] if offers else []


def _offer(instrument: Instrument, begun: dict[str, drafts.Draft]) -> Offer:
    kept = begun.get(instrument.id)
    return Offer(
        instrument.id,
        said(instrument.title),
        said(instrument.about),
        instrument.minutes,
        kept.id if kept else 0,
        kept.at if kept else None,
        "" if said(instrument.short) in said(instrument.title) else said(instrument.short),
    )


def _asked(
    frame: Frame,
    known: Library,
    name: str,
    taken: Sequence[Taken],
    rows: Sequence[worklist.Row],
    begun: dict[str, drafts.Draft],
    theirs: Mapping[str, Adopted],
) -> Asked:
    """theirs: forms from elsewhere, by the last word of their address."""
    instrument = known.instruments.get(name) or theirs.get(name)
    lines = tuple(_line(frame, one) for one in taken if one.instrument == name)
    again = next((r for r in rows if r.kind in (f"ask-{name}", f"repeat-{name}") and r.target), None)
    kept = begun.get(instrument.id if instrument else name)
    return Asked(
        id=instrument.id if instrument else name,
        title=said(instrument.short) if instrument else name.upper(),
        lines=lines,
        chart=_chart(frame, instrument, taken) if instrument else None,
        due=again.target if again else None,
        zone=again.zone if again else None,
        draft=kept.id if kept else 0,
        is_known=instrument is not None,
        is_private=bool(instrument and instrument.is_private),
    )


def _line(frame: Frame, one: Taken) -> Line:
    score = ""
    if one.value is not None:
        score = str(one.value)
        if one.maximum is not None:
            score = gettext("%(value)s of %(most)s") % {"value": one.value, "most": one.maximum}
    says = [said(one.band)] if one.band else [said(found) for found in one.findings]
    return Line(
        taken=one,
        score=score,
        says=", ".join(says),
        heard_from=heard_from(one.heard_from),
        is_new=f"QuestionnaireResponse/{one.id}" in frame.new,
    )


def heard_from(code: str) -> str:
    """Who answered, in words; whatever else was written is shown as it is."""
    known = {
        "person": pgettext("who answered the questions", "the person"),
        "family": pgettext("who answered the questions", "family"),
        "interpreter": pgettext("who answered the questions", "through an interpreter"),
        "staff": pgettext("who answered the questions", "staff"),
    }
    return known.get(code, code)


def _chart(frame: Frame, instrument: Instrument, taken: Sequence[Taken]) -> Chart | None:
    """With the best band as the range to be in."""
    series = over_time(taken, instrument)
    if series is None:
        return None
    total, maximum = instrument.scoring.total, instrument.scoring.maximum
    bands = bands_for(total, who_is(frame.patient.resource, frame.now.date())) if total else ()
    first = (bands[-1] if total and total.is_higher_better else bands[0]) if bands else None
    series = Series(
        series.code,
        said(instrument.short),
        "",
        series.points,
        low=first.first if first else None,
        high=first.last if first else None,
        range_words=said(first.text) if first else "",
    )
    return draw(series, frame.now, frame.tz, floor=total.minimum if total else Decimal(0), ceiling=maximum)


urlpatterns = [path("people/<str:person>/assessments", assessments, name="person-assessments")]
