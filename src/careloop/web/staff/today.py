"""Today: the whole job in one list. Asked again by conditional GET; a 304 costs one question and shows nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET

from careloop.access.roles import ROLES
from careloop.projections import worklist
from careloop.projections.card import PersonCard, card
from careloop.projections.worklist import CAP, GROUPS, Row, Today
from careloop.store import Unit, drafts
from careloop.web.staff import just_done
from careloop.web.staff.errors import staff_page
from careloop.web.staff.landing import first_page
from careloop.web.staff.reader import greeting, now_of, open_record, program_name, zone_of_reader
from careloop.web.staff.rows import Shown, shown_rows

POLL = "X-Careloop-Poll"
EVERY_MS = 700
VIEWS = ("mine", "team", "unclaimed")
# Groups that follow the clock change without a write: the list is made anew at least this often.
BEAT_SECONDS = 60


@dataclass(frozen=True)
class Tab:
    view: str
    name: str
    is_here: bool
    count: str = ""


@dataclass(frozen=True, repr=False)
class Section:
    key: str
    name: str
    count: str
    rows: tuple[Shown, ...]
    hidden: int


@staff_page
@require_GET
def today(request: HttpRequest) -> HttpResponse:
    roles = getattr(request.user, "roles", ())
    if roles and not any("Patient" in ROLES[role].reads for role in roles if role in ROLES):
        return HttpResponseRedirect(first_page(roles))  # an administrator's: no room of care is hers
    view = _view(request)
    now, tz = now_of(request), zone_of_reader(request)
    with open_record(request) as unit:
        found = worklist.today(unit, now, view, reader=tz)
        etag = _etag(request, view, found, now)
        if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
            return _answer(HttpResponse(status=304), etag)
        worklist.saw(unit, found)
        to_sign = drafts.listed(unit, begins="note:")
        beside = None if POLL in request.headers else _card(unit, request, found)
    context = _context(request, view, found, etag) | {"card": beside, "to_sign": to_sign}
    name = "staff/today_board.html" if POLL in request.headers else "staff/today.html"
    return _answer(render(request, name, context), etag)


def _answer(response: HttpResponse, etag: str) -> HttpResponse:
    response["ETag"] = etag
    response["Vary"] = "Cookie, HX-Request"
    return response


def _view(request: HttpRequest) -> str:
    asked = request.GET.get("view", "mine")
    programs = {f"program:{code}" for code in _programs(request)}
    return asked if asked in VIEWS or asked in programs else "mine"


def _programs(request: HttpRequest) -> list[str]:
    return list(getattr(request.user, "programs", None) or [])


def _etag(request: HttpRequest, view: str, found: Today, now: datetime) -> str:
    """Of what would be seen: rows with their positions and groups, counts, language, and the minute."""
    seen: list[Any] = [view, request.LANGUAGE_CODE, int(now.timestamp()) // BEAT_SECONDS, request.user.pk]
    seen += [
        found.is_partial,
        found.counts,
        found.late,
        found.silent,
        found.views,
        len(just_done.recent(request, now)),
    ]
    seen += [(row.task_id, row.position, row.group, row.is_late) for row in found.rows]
    return f'"{sha256(repr(seen).encode()).hexdigest()[:24]}"'


def _card(unit: Unit, request: HttpRequest, found: Today) -> PersonCard | None:
    chosen = _chosen(request, found)
    return card(unit, chosen.person.id) if chosen and chosen.person else None


def _chosen(request: HttpRequest, found: Today) -> Row | None:
    """The row that the address names, else the first."""
    asked = request.GET.get("at")
    return next((row for row in found.rows if row.task_id == asked), found.rows[0] if found.rows else None)


def _context(request: HttpRequest, view: str, found: Today, etag: str) -> dict[str, Any]:
    now, tz = now_of(request), zone_of_reader(request)
    chosen = _chosen(request, found)
    request.rail_counts = {"today": _capped(found.for_today)} if view == "mine" else {}  # type: ignore[attr-defined]
    return {
        "view": view,
        "etag": etag,
        "every": EVERY_MS,
        "title": title(request, found, view),
        "lede": lede(found),
        "urgent": urgent(found),
        "tabs": _tabs(request, view, found),
        "sections": _sections(found, now, tz),
        "chosen": chosen.task_id if chosen else "",
        "is_empty": not found.rows,
        "is_partial": found.is_partial,
        "has_work": found.has_work,
        "just_done": just_done.recent(request, now),
    }


def _tabs(request: HttpRequest, view: str, found: Today) -> list[Tab]:
    unclaimed = found.views.get("unclaimed", 0)
    named = [
        ("mine", gettext("Mine"), ""),
        ("team", gettext("Team"), ""),
        ("unclaimed", gettext("Unclaimed"), _capped(unclaimed, 99) if unclaimed else ""),
        *((f"program:{code}", program_name(code), "") for code in _programs(request)),
    ]
    return [Tab(key, name, key == view, count) for key, name, count in named]


def _sections(found: Today, now: datetime, tz: Any) -> list[Section]:
    names = {
        "now": gettext("Now"),
        "today": gettext("Today"),
        "waiting": gettext("Waiting on others"),
        "week": gettext("This week"),
        "later": gettext("Later and snoozed"),
    }
    made = []
    for key in GROUPS:
        rows = tuple(shown_rows(found.of(key), now, tz))
        count = found.counts.get(key, 0)
        if rows:
            made.append(Section(key, names[key], _capped(count), rows, max(count - len(rows), 0)))
    return made


def _capped(count: int, cap: int = CAP) -> str:
    return f"{cap:,}+" if count > cap else f"{count:,}"


def title(request: HttpRequest, found: Today, view: str) -> str:
    """`Good morning, Ana. 11 for today.`; of another view: `Team: 14 for today.`"""
    count = found.for_today
    if view == "mine":
        said = gettext("%(n)s for today.") if count else gettext("Nothing for today.")
        return f"{greeting(request)} {said % {'n': _capped(count)} if count else said}"
    name = {"team": gettext("Team"), "unclaimed": gettext("Unclaimed")}.get(view) or program_name(
        view.removeprefix("program:")
    )
    if not count:
        return gettext("%(view)s: nothing for today.") % {"view": name}
    return gettext("%(view)s: %(n)s for today.") % {"view": name, "n": _capped(count)}


def urgent(found: Today) -> str:
    count = found.counts.get("now", 0)
    return ngettext("%(n)s urgent", "%(n)s urgent", count) % {"n": _capped(count)} if count else ""


def lede(found: Today) -> str:
    """The day in words, after what is urgent: `2 late. 3 partners owe us an answer. …`"""
    late = ngettext("%(n)s late", "%(n)s late", found.late) % {"n": _capped(found.late)} if found.late else ""
    sentences = [late] if late else []
    if waiting := found.counts.get("waiting", 0):
        sentences.append(
            ngettext("%(n)s answer owed to us", "%(n)s answers owed to us", waiting) % {"n": _capped(waiting)}
        )
    if found.silent:
        sentences.append(
            ngettext(
                "%(n)s person has not heard from us in 30 days",
                "%(n)s people have not heard from us in 30 days",
                found.silent,
            )
            % {"n": _capped(found.silent)}
        )
    return ". ".join(sentences) + "." if sentences else ""


@staff_page
@require_GET
def person_card(request: HttpRequest, person: str) -> HttpResponse:
    """The card alone: it follows the selected row."""
    with open_record(request) as unit:
        beside = card(unit, person)
    return render(request, "staff/card.html", {"card": beside})


urlpatterns = [
    path("today", today, name="today"),
    path("people/<str:person>/card", person_card, name="person-card"),
]
