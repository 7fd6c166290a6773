"""What she measures at home: the last values, and a form of one question for a new one. It says who looks at it, and
when nobody does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import get_language, gettext

from careloop import library
from careloop.actions.record_reading import (
    AskFirst,
    BadReading,
    TooManyReadings,
    Typed,
    record_reading,
)
from careloop.care.reading_limits import Limits
from careloop.care.reading_work import value_said
from careloop.kernel.calendar import BusinessCalendar, at_local
from careloop.kernel.errors import Forbidden, NotFound
from careloop.kernel.ids import new_id
from careloop.library import Kind, Measure, Words
from careloop.projections.reading_limits import limits_for
from careloop.projections.readings import readings_of
from careloop.store import Unit
from careloop.web import formats
from careloop.web.family.door import Frame, Page, family_page, frame, show
from careloop.web.family.helpers import helpers_of
from careloop.web.staff.errors import sentence_of

SHARE = "results"
# Every unit of a person's own is offered; who writes stands first the next time as well.
LATEST_SHOWN = 5


@dataclass(frozen=True, repr=False)
class Thing:
    """Something she may write down. last, when: of the newest value; empty without one."""

    id: str
    name: str
    last: str
    when: str


@dataclass(frozen=True)
class Offered:
    """A unit that she may write in."""

    code: str
    name: str
    is_chosen: bool


@family_page(SHARE)
def readings(page: Page) -> HttpResponse:
    kinds = library.load().readings
    with page.open() as unit:
        found = frame(unit, page)
        things = [_thing(unit, found, kind) for kind in kinds.values() if kind.stale_after_days or kind.limit]
        helpers = [h for h in helpers_of(unit, found) if h.number][:2]
        has_limits = any(_has_own(unit, found, kind) for kind in kinds.values())
    measured = [each for each in things if each.last]
    others = [each for each in things if not each.last]
    return show(
        page,
        "readings",
        found,
        measured=measured,
        others=others,
        looks=_who_looks(found, has_limits=has_limits),
        helpers=helpers,
        may_write=_may_write(page),
    )


def _may_write(page: Page) -> bool:
    with page.open() as unit:
        try:
            unit.condition("Observation", "create")
        except Forbidden:
            return False
    return True


def said(words: Words) -> str:
    return words.get((get_language() or "en")[:2])


def language() -> str:
    return (get_language() or "en")[:2]


def _thing(unit: Unit, found: Frame, kind: Kind) -> Thing:
    reads = readings_of(unit, found.whose.rid, [kind.id], states=("ok", "doubtful"), limit=1)
    if not reads:
        return Thing(kind.id, said(kind.name), "", "")
    newest = reads[0]
    words = value_said(kind, newest.value, newest.second, newest.unit, language())
    return Thing(kind.id, said(kind.name), words, _when(found, newest.at, has_hour=newest.has_hour))


def _when(found: Frame, at: datetime, *, has_hour: bool) -> str:
    local = at.astimezone(found.tz)
    day = formats.day_words(local.date(), found.now.astimezone(found.tz).date())
    return f"{day}, {formats.clock_time(local)}" if has_hour else day


def _who_looks(found: Frame, *, has_limits: bool = False) -> str:
    """By when somebody of the team looks at a number past her limits; without limits nobody is told of it."""
    if not has_limits:
        return gettext(
            "Your care team sees these numbers on working days. Nobody watches each one: if you feel unwell, call."
        )
    calendar = BusinessCalendar(found.tz)
    today = calendar.local_day(found.now)
    is_today = calendar.is_business_day(today) and found.now < calendar.working_target(today)
    by = today if is_today else calendar.add_business_days(today, 1)
    return gettext(
        "Past your limits, your care team is told and looks by %(day)s, 5 pm."
        " At night, on weekends and on holidays nobody looks."
    ) % {"day": formats.day_words(by, today)}


def _has_own(unit: Unit, found: Frame, kind: Kind) -> bool:
    limits = limits_for(unit, [found.whose.rid], kind)[found.whose.rid]
    return limits is not None and limits.is_own


# --- a new one


@family_page(SHARE, "GET", "POST")
def reading(page: Page, measure: str) -> HttpResponse:
    """measure: a kind of reading."""
    found = library.load().readings.get(measure)
    if found is None or not _may_write(page):
        raise NotFound(measure)
    if page.request.method == "GET":
        return _form(page, found, {"key": new_id(), "when": "now"})
    posted = page.request.POST.dict()
    at, problem = _moment(page, posted)
    if problem:
        return _form(page, found, posted, {"at": problem})
    typed = Typed(
        kind=found.id,
        value=posted.get("value", "")[:20],
        second=posted.get("second", "")[:20],
        unit=posted.get("unit", "")[:20],
        at=at,
        note=posted.get("note", ""),
        key=f"{page.person.id}:{posted.get('key', '')[:40]}" if posted.get("key") else "",
        is_sure=posted.get("sure") == "1",
    )
    try:
        result = record_reading(
            page.scope, page.person.id, typed, library.load(), page.now, measured_by=page.person.me
        )
    except BadReading as error:
        return _form(page, found, posted, {"at" if error.field == "at" else "value": gettext(error.detail)})
    except TooManyReadings as many:
        return _form(page, found, posted, {"value": sentence_of(many)})
    except AskFirst as asked:
        return _form(page, found, {**posted, "ask": "1"}, ask=_ask_words(asked))
    _thank(page, found, result.made[0].resource)
    return HttpResponseRedirect(f"/my/{page.person.id}/readings")


def _ask_words(asked: AskFirst) -> str:
    if asked.why == "leap":
        return gettext("The last one was %(before)s. Is this right?") % {"before": asked.before}
    return gettext("That number is not possible. Please look again.")


def _moment(page: Page, posted: dict[str, str]) -> tuple[datetime | None, str]:
    """Now, unless she says another day and hour: of her own clock."""
    if posted.get("when") != "earlier":
        return None, ""
    with page.open() as unit:
        tz = frame(unit, page).tz
    try:
        local = datetime.fromisoformat(posted.get("at", ""))
    except ValueError:
        return None, gettext("Choose the day and the hour.")
    if local.tzinfo is not None:
        return None, gettext("Choose the day and the hour.")
    at = at_local(local.date(), local.time(), tz)
    if at > page.now + timedelta(minutes=5):
        return None, gettext("That day lies in the future.")
    return at, ""


def _thank(page: Page, kind: Kind, observation: dict[str, Any]) -> None:
    """Kept; and what to do when it is outside of what was agreed."""
    with page.open() as unit:
        found = frame(unit, page)
        limits = limits_for(unit, [found.whose.rid], kind)[found.whose.rid]
        helpers = [h for h in helpers_of(unit, found) if h.number][:1]
    if limits is not None and _is_outside(kind, limits, observation):
        number = helpers[0].number if helpers else ""
        told = gettext("Saved. This number is outside of your limits. If you feel unwell, call now.")
        if number:
            told = gettext(
                "Saved. This number is outside of your limits. Please call %(number)s today. "
                "If you feel very unwell, call 911."
            ) % {"number": number}
        messages.error(page.request, told)
        return
    messages.success(page.request, gettext("Thank you. It is saved."))


def _is_outside(kind: Kind, limits: Limits, observation: dict[str, Any]) -> bool:
    quantities = [observation.get("valueQuantity")] if "valueQuantity" in observation else []
    quantities += [part.get("valueQuantity") for part in observation.get("component", ())]
    values = []
    for quantity in filter(None, quantities):
        measure = kind.measure(quantity.get("code"), quantity.get("unit")) or kind.units[0]
        values.append(measure.canonical(Decimal(str(quantity["value"]))))
    return bool(values) and bool(limits.outside(values[0], values[1] if len(values) > 1 else None))


def _form(
    page: Page, kind: Kind, typed: dict[str, str], problems: dict[str, str] | None = None, ask: str = ""
) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        latest = readings_of(unit, found.whose.rid, [kind.id], limit=LATEST_SHOWN)
        before = [
            (value_said(kind, r.value, r.second, r.unit, language()), _when(found, r.at, has_hour=r.has_hour))
            for r in latest
        ]
        has_limits = _has_own(unit, found, kind)
    local = found.now.astimezone(found.tz).replace(tzinfo=None)
    return show(
        page,
        "reading",
        found,
        422 if problems or ask else 200,
        kind=kind.id,
        name=said(kind.name),
        ask_for=said(kind.ask),
        is_pair=kind.is_pair,
        second=said(kind.second.name) if kind.second else "",
        units=[_offered(each, typed.get("unit", ""), kind) for each in kind.typed_in],
        typed=typed,
        problems=problems or {},
        ask=ask,
        before=before,
        latest=datetime.combine(local.date(), time(local.hour, local.minute)).isoformat("T", "minutes"),
        looks=_who_looks(found, has_limits=has_limits),
    )


def _offered(measure: Measure, chosen: str, kind: Kind) -> Offered:
    is_chosen = measure.code == chosen or (not chosen and measure is kind.typed_in[0])
    return Offered(measure.code, measure.called.get(language()), is_chosen)


urlpatterns = [
    path("my/<str:person>/readings", readings, name="family-readings"),
    path("my/<str:person>/readings/<str:measure>", reading, name="family-reading"),
]
