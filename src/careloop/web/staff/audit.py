"""The audit viewer, for auditors and privacy officers: who looked at whom, when, by which door and why. That it was
opened stands in the trail like anything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext, pgettext
from django.views.decorators.http import require_GET, require_POST

from careloop.care.odd_access import Relation
from careloop.kernel.errors import NotFound
from careloop.projections import finder, looks
from careloop.projections.alerts import how_many_wait
from careloop.projections.looks import Asked, Position, Row
from careloop.projections.people import PersonBrief, briefs
from careloop.projections.principals import Who, principals, staff
from careloop.projections.relations import Pair, relations
from careloop.store import Unit
from careloop.store.audit import DENIED, FAILED
from careloop.web import formats
from careloop.web.staff import audit_words as words
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import open_record, zone_of_reader

PAGE = 50
SHOWN = 3
OUTCOMES = {"refused": DENIED, "failed": FAILED}


@dataclass(frozen=True, repr=False)
class Line:
    """One row in words. more: people who are not named here."""

    row: Row
    at: str
    who: str
    role: str
    app: str
    what: str
    people: Sequence[PersonBrief]
    more: int
    because: str
    door: str
    outcome: str

    def __repr__(self) -> str:
        return f"Line({self.row!r})"


@dataclass(frozen=True)
class Choice:
    value: str
    name: str
    is_chosen: bool


@staff_page
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    with open_record(request) as unit:
        asked, person = asked_of(request, unit)
        found = looks.page(unit, asked, PAGE)
        lines = lines_of(unit, found.rows, zone_of_reader(request))
        context: dict[str, Any] = {
            "lines": lines,
            "person": person,
            "waiting": how_many_wait(unit),
            "here": "trail",
            **_filters(request),
        }
    asked_for = {name: value for name, value in request.GET.items() if value and name != "after"}
    context["older"] = _address({n: str(v) for n, v in asked_for.items()}, found.next) if found.next else ""
    context["newest"] = f"/audit?{urlencode(asked_for)}" if "after" in request.GET else ""
    context["export"] = urlencode(asked_for)
    context["lede"] = _lede(lines, bool(found.next))
    context["is_filtered"] = bool(asked_for)
    return render(request, "staff/audit.html", context)


def _lede(lines: Sequence[Line], is_more: bool) -> str:
    if is_more:
        return gettext("The newest %(n)d lines that fit.") % {"n": len(lines)}
    return ngettext("%(n)d line fits.", "%(n)d lines fit.", len(lines)) % {"n": len(lines)}


@staff_page
@require_POST
def audit_person(request: HttpRequest) -> HttpResponse:
    """Whose record she asks about. The words are posted: a name never stands in an address."""
    text = request.POST.get("who", "").strip()[:200]
    with open_record(request) as unit:
        unit.condition("AuditEvent", "search")
        found = finder.find(unit, text) if text else []
    if len(found) == 1:
        return HttpResponseRedirect(f"/audit?{urlencode({'person': found[0].id})}")
    return render(request, "staff/audit_person.html", {"found": found, "who": text})


@staff_page
@require_GET
def audit_row(request: HttpRequest, lane: int, seq: int) -> HttpResponse:
    tz = zone_of_reader(request)
    with open_record(request) as unit:
        row = looks.one(unit, lane, seq)
        if row is None:
            raise NotFound
        (line,) = lines_of(unit, [row], tz, shown=200)
        since, until = row.at - timedelta(minutes=10), row.at + timedelta(minutes=10)
        beside = looks.page(unit, Asked(actor=row.actor, since=since, until=until), 20)
        context = {
            "line": line,
            "row": row,
            "details": list(_details(row)),
            "beside": [one for one in lines_of(unit, beside.rows, tz) if one.row.id != row.id],
        }
    return render(request, "staff/audit_row.html", context)


def _details(row: Row) -> Iterable[str]:
    """References as they stand in the row; what was typed into a search is left out."""
    for said in row.said:
        if said[0] == "E" and len(said) > 2 and said[1] == "search":
            yield f"{said[0]} {said[2]}"
        else:
            yield " ".join(str(each) for each in said)


# --- what is asked for


def asked_of(request: HttpRequest, unit: Unit) -> tuple[Asked, PersonBrief | None]:
    """What the address says; what can't be understood is left out. Raises NotFound for a person who is not there."""
    given, tz = request.GET, zone_of_reader(request)
    since, until = _day(given.get("from", "")), _day(given.get("to", ""))
    person = _person(unit, given["person"]) if given.get("person") else None
    asked = Asked(
        actor=_number(given.get("staff", "")),
        person=person.rid if person else None,
        since=datetime.combine(since, time(), tz) if since else None,
        until=datetime.combine(until + timedelta(days=1), time(), tz) if until else None,
        door=given.get("door", "") if given.get("door") in words.DOORS else "",
        outcome=OUTCOMES.get(given.get("outcome", "")),
        before=position_of(given.get("after", "")),
    )
    return asked, person


def _person(unit: Unit, id: str) -> PersonBrief:
    rid = unit.rid_of(f"Patient/{id}")
    found = briefs(unit, [rid]) if rid else {}
    if not rid or rid not in found:
        raise NotFound
    return found[rid]


def _number(text: str) -> int | None:
    bare = text.removeprefix("-")
    return int(text) if bare.isascii() and bare.isdigit() and len(bare) < 10 else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def position_of(text: str) -> Position | None:
    """`2026-11-23T15:00:00.000001+00:00,3,71` as an address carries it."""
    parts = text.replace(" ", "+").split(",")
    if len(parts) != 3 or not all(
        part.isascii() and part.isdecimal() and len(part) < 18 for part in parts[1:]
    ):
        return None
    try:
        at = datetime.fromisoformat(parts[0])
    except ValueError:
        return None
    return (at, int(parts[1]), int(parts[2])) if at.tzinfo else None


def _address(asked: dict[str, str], after: Position) -> str:
    at, lane, seq = after
    return f"/audit?{urlencode({**asked, 'after': f'{at.isoformat()},{lane},{seq}'})}"


def _filters(request: HttpRequest) -> dict[str, Any]:
    given = request.GET
    people = [Choice(str(one.principal), words.name_of(one), False) for one in staff()]
    return {
        "staff": [Choice(c.value, c.name, c.value == given.get("staff")) for c in people],
        "doors": [Choice(code, str(name), code == given.get("door")) for code, name in words.DOORS.items()],
        "outcomes": [
            Choice("refused", pgettext("of an act", "refused"), given.get("outcome") == "refused"),
            Choice("failed", pgettext("of an act", "failed"), given.get("outcome") == "failed"),
        ],
        "since": _day(given.get("from", "")),
        "until": _day(given.get("to", "")),
    }


# --- rows in words


def lines_of(unit: Unit, rows: Sequence[Row], tz: ZoneInfo, shown: int = SHOWN) -> list[Line]:
    """People whom the reader may not see are counted, not named. tz: the reader's."""
    named = {row.id: sorted(row.opened) or list(row.people[:shown]) for row in rows}
    known = briefs(unit, {person for people in named.values() for person in people})
    who = principals({number for row in rows for number in (row.actor, row.app)})
    joined = relations(unit, {(row.actor, p) for row in rows for p in row.opened}, unit.now)
    return [_line(row, named[row.id], known, who, joined, tz, unit.now) for row in rows]


def _line(
    row: Row,
    named: Sequence[int],
    known: dict[int, PersonBrief],
    who: dict[int, Who],
    joined: dict[Pair, Relation],
    tz: ZoneInfo,
    now: datetime,
) -> Line:
    local = row.at.astimezone(tz)
    people = [known[person] for person in named if person in known]
    because = [joined[row.actor, p] for p in sorted(row.opened) if (row.actor, p) in joined]
    return Line(
        row=row,
        at=f"{_on(local, now)}, {formats.clock_time(local)}",
        who=words.name_of(who[row.actor]),
        role=words.role_of(who[row.actor]),
        app=words.name_of(who[row.app]) if row.app is not None else "",
        what=words.what_of(row),
        people=people,
        more=len(row.people) + row.others - len(people),
        because=str(words.RELATIONS[max(because)]) if because else "",
        door=str(words.DOORS.get(row.door, row.door)),
        outcome=words.outcome_of(row),
    )


def _on(local: datetime, now: datetime) -> str:
    """`Nov 3`; with its year when that is another one."""
    words = formats.month_day(local.date())
    return words if local.year == now.astimezone(local.tzinfo).year else f"{words}, {local.year}"


urlpatterns = [
    path("audit", audit, name="audit"),
    path("audit/person", audit_person, name="audit-person"),
    path("audit/rows/<int:lane>-<int:seq>", audit_row, name="audit-row"),
]
