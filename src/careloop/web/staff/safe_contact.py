"""How to reach this person safely: what she asked, and writing it down."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.record_safe_contact import mark, record_safe_contact, standing_flags
from careloop.care import safe_contact as safety
from careloop.care.safe_contact import CHANNELS, DAYS, BadSafeContact, Hours, Rules
from careloop.kernel.errors import StaleVersion, UnknownZone
from careloop.projections.card import card
from careloop.store import Unit
from careloop.web import safe_words
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of
from careloop.web.staff.reader import now_of, open_record, scope_of

ROWS = 3  # of hours; who needs more says it in words
LONGEST = 80


@staff_page
@require_http_methods(["GET", "POST"])
def safe_contact(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _page(request, person, Sheet({}))
    posted = request.POST
    with open_record(request) as unit:
        zone = card(unit, person).zone
    try:
        rules = _told(posted, zone)
        seen = frozenset(posted.get("seen", "").split())
        record_safe_contact(scope_of(request), person, rules, now_of(request), seen=seen)
    except UnknownZone:
        said = gettext("The time zone is unknown: add the address first, so that safe hours can be placed.")
        return _page(request, person, Sheet(posted, {"hours": said}))
    except BadSafeContact as bad:
        field = "hours" if _numbers_fit(posted) else "numbers"
        return _page(request, person, Sheet(posted, {field: sentence_of(bad)}))
    except StaleVersion:
        notice = gettext("Someone changed this while you had it open. What you typed is still here.")
        return _page(request, person, Sheet(posted, notice=notice))
    toasts.say(
        request,
        gettext("Nothing is asked any more.")
        if rules.is_empty
        else gettext("Written down. Every contact heeds it."),
    )
    return HttpResponseRedirect(f"/people/{person}/story")


def _told(posted: QueryDict, zone: str | None) -> Rules:
    """Raises BadSafeContact."""
    hours = tuple(found for number in range(ROWS) if (found := _hours(posted, number)))
    return Rules(
        refused=frozenset(channel for channel in CHANNELS if channel in posted.getlist("refused")),
        numbers=tuple(safety.digits(line) for line in _lines(posted, "numbers")),
        hours=hours,
        zone=zone if hours else None,
        code_word=posted.get("code_word", "").strip()[:LONGEST],
        say_from=posted.get("say_from", "").strip()[:LONGEST],
    )


def _lines(posted: QueryDict, name: str) -> list[str]:
    return [line for line in posted.get(name, "").splitlines() if line.strip()]


def _numbers_fit(posted: QueryDict) -> bool:
    return all(len(safety.digits(line)) == 10 for line in _lines(posted, "numbers"))


def _hours(posted: QueryDict, number: int) -> Hours | None:
    """None for a row that was left empty. Raises BadSafeContact for half of one."""
    days = frozenset(day for day in DAYS if day in posted.getlist(f"days-{number}"))
    since, until = posted.get(f"since-{number}", ""), posted.get(f"until-{number}", "")
    if not days and not since and not until:
        return None
    try:
        return Hours(days, time.fromisoformat(since), time.fromisoformat(until))
    except ValueError:
        raise BadSafeContact from None


def _page(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
        flags = standing_flags(unit, beside.person.rid)
        typed = _typed(sheet) if sheet.typed else _standing(unit, flags)
    words, days = safe_words.channel_words(), safe_words.day_names()
    context = {
        "card": beside,
        "person": person,
        "sheet": sheet,
        "lines": safe_words.lines(beside.safe),
        "channels": [(code, words[code], code in typed["refused"]) for code in CHANNELS],
        "hours": [
            (number, [(code, name, code in row[0]) for code, name in days.items()], row[1], row[2])
            for number, row in enumerate(typed["hours"])
        ],
        "typed": typed,
        "seen": " ".join(sorted(mark(flags))),
        "has_zone": bool(beside.zone),
    }
    return render(request, "staff/safe_contact.html", context, status=sheet.status)


def _standing(unit: Unit, flags: Any) -> dict[str, Any]:
    """What is in force, to be changed; of two flags, as after a merge, all of it together."""
    rules = [safety.read(flag.resource) for flag in flags]
    hours = [(each.days, f"{each.since:%H:%M}", f"{each.until:%H:%M}") for r in rules for each in r.hours]
    empty: Any = (frozenset(), "", "")
    return {
        "refused": safety.strictest(rules),
        "numbers": "\n".join(dict.fromkeys(number for r in rules for number in r.numbers)),
        "hours": (hours + [empty] * ROWS)[:ROWS],
        "code_word": next((r.code_word for r in rules if r.code_word), ""),
        "say_from": next((r.say_from for r in rules if r.say_from), ""),
    }


def _typed(sheet: Sheet) -> dict[str, Any]:
    posted: Any = sheet.typed
    return {
        "refused": posted.getlist("refused"),
        "numbers": posted.get("numbers", ""),
        "hours": [
            (posted.getlist(f"days-{n}"), posted.get(f"since-{n}", ""), posted.get(f"until-{n}", ""))
            for n in range(ROWS)
        ],
        "code_word": posted.get("code_word", ""),
        "say_from": posted.get("say_from", ""),
    }


urlpatterns = [path("people/<str:person>/safe-contact", safe_contact, name="safe-contact")]
