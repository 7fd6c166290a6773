"""Sheets of the readings section: a value typed in one line, what a doubtful one really was, limits, devices."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_http_methods, require_POST

from careloop import library
from careloop.actions.keep_device import BadDevice, give_device, retire_device
from careloop.actions.record_reading import AskFirst, BadReading, Typed, number_in, record_reading
from careloop.actions.review_reading import correct_reading
from careloop.actions.set_limits import BadLimits, end_limits, set_limits
from careloop.actions.working import ReasonMissing, Result
from careloop.care.reading_limits import Limits
from careloop.care.reading_line import Said, Unclear, understand
from careloop.care.reading_work import plain
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.kernel.ids import new_id
from careloop.library import Kind
from careloop.projections.card import card
from careloop.projections.reading_limits import limits_for
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, local_moment, sentence_of, show, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.reading_words import language, said
from careloop.web.staff.work import Choice

NEW: Final = "staff/reading_new.html"
LIMITS: Final = "staff/reading_limits.html"
DEVICE: Final = "staff/reading_device.html"
ENDS: Final = ("low", "high", "second_low", "second_high")


def kind_choices() -> list[Choice]:
    return [Choice(kind.id, said(kind.name)) for kind in library.load().readings.values()]


# --- a value


@staff_page
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _new(request, person, Sheet({"key": new_id()}))
    typed, problems = _typed(request)
    if typed is None:
        return _new(request, person, Sheet(request.POST.dict(), problems))
    measured_by = f"Patient/{person}" if request.POST.get("by") == "person" else None
    try:
        result = record_reading(
            scope_of(request), person, typed, library.load(), now_of(request), measured_by=measured_by
        )
    except BadReading as error:
        return _new(request, person, Sheet(request.POST.dict(), {_field(error.field): gettext(error.detail)}))
    except AskFirst as asked:
        sheet = Sheet({**request.POST.dict(), "ask": "1"}, notice=ask_words(asked))
        return _new(request, person, sheet)
    return _kept(request, person, gettext("Kept among the readings."), result)


def _kept(request: HttpRequest, person: str, words: str, result: Result | None = None) -> HttpResponse:
    answer = done(request, words, result)
    if getattr(request, "htmx", False):
        return answer
    return HttpResponseRedirect(f"/people/{person}/readings")


def _field(name: str) -> str:
    return "at" if name == "at" else "line"


def ask_words(asked: AskFirst) -> str:
    if asked.why == "leap":
        return gettext("The last one was %(before)s. Is this right?") % {"before": asked.before}
    return gettext("Nobody can have such a value. Is the number right, and its unit?")


def _typed(request: HttpRequest) -> tuple[Typed | None, dict[str, str]]:
    posted = request.POST
    kinds = library.load().readings
    found = understand(posted.get("line", ""), kinds, posted.get("kind", ""))
    at, problem = _moment(request)
    if problem:
        return None, {"at": problem}
    if isinstance(found, Unclear):
        return None, {"line": unclear_words(found, kinds)}
    return (
        Typed(
            kind=found.kind,
            value=found.first,
            second=found.second,
            unit=found.unit,
            at=at,
            note=posted.get("note", ""),
            key=posted.get("key", "")[:64],
            is_sure=posted.get("sure") == "1",
        ),
        {},
    )


def _moment(request: HttpRequest) -> tuple[datetime | None, str]:
    text = request.POST.get("at", "").strip()
    if not text:
        return None, ""
    at = local_moment(text, zone_of_reader(request))
    if at is None:
        return None, gettext("Choose the day and the hour.")
    # The field says minutes: what is measured now is not in the future.
    now = now_of(request)
    return (now if now < at < now + timedelta(minutes=1) else at), ""


def unclear_words(found: Unclear, kinds: Any) -> str:
    named: list[Kind] = [kinds[each] for each in found.kinds if each in kinds]
    if found.why == "nothing":
        return gettext("Write a number, like 82.4 kg or 142/88.")
    if found.why == "pair" and named:
        if named[0].is_pair:
            return gettext("Write both numbers, like 142/88.")
        return gettext("Write one number.")
    if found.why == "unit" and named:
        units = ", ".join(each.called.get(language()) for each in named[0].typed_in)
        return gettext("Write the unit: %(units)s.") % {"units": units}
    if named:
        return gettext("Say which: %(kinds)s.") % {"kinds": ", ".join(said(kind.short) for kind in named)}
    return gettext("Say what it is, like “sugar 130” or “pulse 72”, or choose it below.")


def _new(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        shown = card(unit, person)
    local = now_of(request).astimezone(zone_of_reader(request)).replace(tzinfo=None)
    context = {
        "card": shown,
        "person": person,
        "kinds": kind_choices(),
        "latest": local.isoformat("T", "minutes"),
        "action": f"/people/{person}/readings/new",
        "is_new": True,
    }
    return show(request, NEW, sheet, context)


# --- what a doubtful one really was


@staff_page
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, person: str, observation: str) -> HttpResponse:
    kinds = library.load().readings
    kind = kinds.get(request.POST.get("kind") or request.GET.get("kind", ""))
    if kind is None:
        raise NotFound(observation)
    if request.method == "GET":
        with open_record(request) as unit:
            version = unit.read("Observation", observation).version
        return _correct(request, person, observation, kind, Sheet({"version": version, "kind": kind.id}))
    found = understand(request.POST.get("line", ""), kinds, kind.id)
    if not isinstance(found, Said):
        problems = {"line": unclear_words(found, kinds)}
        return _correct(request, person, observation, kind, Sheet(request.POST.dict(), problems))
    typed = Typed(kind.id, found.first, found.unit, found.second)
    try:
        result = correct_reading(
            scope_of(request),
            observation,
            typed,
            request.POST.get("note", ""),
            library.load(),
            now_of(request),
            version=version_of(request),
        )
    except BadReading as error:
        problems = {"line": gettext(error.detail)}
        return _correct(request, person, observation, kind, Sheet(request.POST.dict(), problems))
    except StaleVersion as error:
        problems = {"line": sentence_of(error)}
        return _correct(request, person, observation, kind, Sheet(request.POST.dict(), problems))
    return _kept(
        request, person, gettext("Kept as it really was. What was sent stays in its history."), result
    )


def _correct(request: HttpRequest, person: str, observation: str, kind: Kind, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        shown = card(unit, person)
    context = {
        "card": shown,
        "person": person,
        "kind": said(kind.name),
        "action": f"/people/{person}/readings/{observation}/correct",
        "is_new": False,
    }
    return show(request, NEW, sheet, context)


# --- limits


@staff_page
@require_http_methods(["GET", "POST"])
def limits(request: HttpRequest, person: str, measure: str) -> HttpResponse:
    """measure: a kind of reading."""
    content = library.load()
    found = content.readings.get(measure)
    if found is None:
        raise NotFound(measure)
    if request.method == "GET":
        return _limits(request, person, found, None)
    if request.POST.get("end") == "1":
        result = end_limits(scope_of(request), person, measure, content, now_of(request))
        return _kept(request, person, gettext("Those of everybody hold again."), result)
    made, problems = _limits_typed(request, found)
    if made is None or problems:
        return _limits(request, person, found, Sheet(request.POST.dict(), problems))
    try:
        result = set_limits(
            scope_of(request), person, made, request.POST.get("why", ""), content, now_of(request)
        )
    except BadLimits as error:
        return _limits(
            request, person, found, Sheet(request.POST.dict(), {error.field: gettext(error.detail)})
        )
    except ReasonMissing as error:
        return _limits(request, person, found, Sheet(request.POST.dict(), {"why": sentence_of(error)}))
    return _kept(request, person, gettext("Limits set."), result)


def _limits_typed(request: HttpRequest, kind: Kind) -> tuple[Limits | None, dict[str, str]]:
    problems: dict[str, str] = {}
    ends: dict[str, Decimal | None] = {}
    measure = kind.measure(request.POST.get("unit", "")) or kind.units[0]
    for name in ENDS:
        text = request.POST.get(name, "").strip()
        try:
            ends[name] = measure.canonical(number_in(text)) if text else None
        except (BadReading, OverflowError):
            problems[name] = gettext("Write a number, like 82.4.")
    until, problem = _last_day(request)
    if problem:
        problems["until"] = problem
    if problems:
        return None, problems
    return (
        Limits(kind.id, ends["low"], ends["high"], ends["second_low"], ends["second_high"], until=until),
        {},
    )


def _last_day(request: HttpRequest) -> tuple[datetime | None, str]:
    text = request.POST.get("until", "").strip()
    if not text:
        return None, ""
    try:
        last = date.fromisoformat(text)
    except ValueError:
        return None, gettext("Choose a day.")
    return at_local(last + timedelta(days=1), time(0), zone_of_reader(request)), ""


def _limits(request: HttpRequest, person: str, kind: Kind, sheet: Sheet | None) -> HttpResponse:
    with open_record(request) as unit:
        rid = unit.read("Patient", person).rid
        shown, now_held = card(unit, person), limits_for(unit, [rid], kind, words=True)[rid]
    own = now_held if now_held and now_held.is_own else None
    if sheet is None:
        typed: dict[str, Any] = {}
        if now_held:
            typed = {name: plain(value) for name in ENDS if (value := getattr(now_held, name)) is not None}
        if own and own.until:
            last = own.until - timedelta(seconds=1)
            typed["until"] = last.astimezone(zone_of_reader(request)).date().isoformat()
        if own:
            typed["why"] = own.why
        sheet = Sheet(typed)
    context = {
        "card": shown,
        "person": person,
        "kind": kind,
        "name": said(kind.name),
        "second": said(kind.second.name) if kind.second else "",
        "units": [Choice(each.code, each.called.get(language())) for each in (kind.units[0], *_others(kind))],
        "own": own,
        "today": now_of(request).astimezone(zone_of_reader(request)).date().isoformat(),
        "default_said": _default_said(kind),
    }
    return show(request, LIMITS, sheet, context)


def _others(kind: Kind) -> list[Any]:
    return [each for each in kind.typed_in if each is not kind.units[0]]


def _default_said(kind: Kind) -> str:
    if kind.limit is None:
        return ""
    words = kind.limit.inside.words
    return said(words) if words else ""


# --- devices


@staff_page
@require_http_methods(["GET", "POST"])
def give(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _device(request, person, Sheet({}))
    posted = request.POST
    try:
        give_device(
            scope_of(request),
            person,
            posted.get("name", ""),
            posted.getlist("measures"),
            posted.get("serial", ""),
            library.load(),
            now_of(request),
        )
    except BadDevice as error:
        return _device(
            request,
            person,
            Sheet({**posted.dict(), "measures": posted.getlist("measures")}, {"name": sentence_of(error)}),
        )
    return _kept(request, person, gettext("Kept. Somebody is asked when it falls silent."))


def _device(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        shown = card(unit, person)
    kinds = [
        Choice(kind.id, said(kind.name), _days(kind))
        for kind in library.load().readings.values()
        if kind.stale_after_days
    ]
    return show(request, DEVICE, sheet, {"card": shown, "person": person, "kinds": kinds})


def _days(kind: Kind) -> str:
    return pgettext("after so many days of silence a device is asked about", "%(n)d days") % {
        "n": kind.stale_after_days
    }


@staff_page
@require_POST
def retire(request: HttpRequest, person: str, device: str) -> HttpResponse:
    retire_device(scope_of(request), person, device, now_of(request))
    done(request, gettext("No longer used. What it sent stays."))
    return HttpResponseRedirect(f"/people/{person}/readings#devices")


urlpatterns = [
    path("people/<str:person>/readings/new", new, name="person-reading-new"),
    path("people/<str:person>/readings/limits/<str:measure>", limits, name="person-reading-limits"),
    path("people/<str:person>/readings/devices/new", give, name="person-device-new"),
    path("people/<str:person>/readings/devices/<str:device>/retire", retire, name="person-device-retire"),
    path("people/<str:person>/readings/<str:observation>/correct", correct, name="person-reading-correct"),
]
