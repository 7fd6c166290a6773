"""AuditEvent at the FHIR door: read and search, made of the audit trail. Nobody writes one."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.http import HttpResponse

from careloop import store
from careloop.api.exchange import BadRequest, Exchange
from careloop.fhir.elements import Resource, instant
from careloop.kernel.errors import NotFound
from careloop.projections import looks
from careloop.projections.audit_events import PRINCIPAL, events
from careloop.projections.looks import Asked, Position, Row
from careloop.store import Unit
from careloop.store.paging import opened, sealed

TYPE: Final = "AuditEvent"
_PAGE: Final = "audit events"
_MOST: Final = 200
_ID = re.compile(r"(\d{1,4})-(\d{1,15})\Z")
_DATE = re.compile(r"(eq|ge|gt|le|lt)?(\d{4}-\d{2}-\d{2})(T.+)?\Z")


def read(exchange: Exchange) -> HttpResponse:
    with store.open(exchange.scope, now=exchange.now) as unit:
        unit.condition(TYPE, "read")
        row = _one(unit, exchange.args["id"])
        if row is None:
            raise NotFound(f"AuditEvent/{exchange.args['id'][:64]}")
        (found,) = events(unit, [row])
    return exchange.answer(found)


def search(exchange: Exchange) -> HttpResponse:
    pairs = exchange.pairs()
    with store.open(exchange.scope, now=exchange.now) as unit:
        unit.condition(TYPE, "search")
        asked, count = _asked(unit, pairs)
        ids = [value for name, value in pairs if name == "_id"]
        if ids:
            rows = [row for id in ids[0].split(",")[:_MOST] if (row := _one(unit, id)) is not None]
            page = looks.Page(tuple(rows), None)
        elif asked is None:
            page = looks.Page((), None)
        else:
            page = looks.page(unit, asked, count)
        found = events(unit, page.rows)
    return exchange.answer(_bundle(exchange, pairs, found, page.next))


def _one(unit: Unit, id: str) -> Row | None:
    match = _ID.match(id)
    return looks.one(unit, int(match[1]), int(match[2])) if match else None


def _bundle(
    exchange: Exchange, pairs: list[tuple[str, str]], found: list[Resource], after: Position | None
) -> Resource:
    links = [{"relation": "self", "url": exchange.link(TYPE, pairs)}]
    if after:
        token = sealed(_PAGE, [after[0].isoformat(), after[1], after[2]])
        more = [*(pair for pair in pairs if pair[0] != "_cursor"), ("_cursor", token)]
        links.append({"relation": "next", "url": exchange.link(TYPE, more)})
    entries = [
        {"fullUrl": f"{exchange.base}{TYPE}/{each['id']}", "resource": each, "search": {"mode": "match"}}
        for each in found
    ]
    head: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return {**head, "entry": entries} if entries else head


def _asked(unit: Unit, pairs: list[tuple[str, str]]) -> tuple[Asked | None, int]:
    """None: it asks for something that is not there. An unknown parameter is refused: never a wider answer."""
    asked, count, is_empty = Asked(), 50, False
    for name, value in pairs:
        if name == "_count":
            count = _whole(value, name)
        elif name in ("patient", "patient:Patient", "entity"):
            rid = _rid(unit, value, "" if name == "entity" else "Patient")
            is_empty = is_empty or rid is None
            is_person = name != "entity" or value.startswith("Patient/")
            asked = replace(asked, person=rid) if is_person else replace(asked, thing=rid)
        elif name == "agent:identifier" or name == "agent":
            asked = replace(asked, actor=_principal(value))
        elif name == "date":
            asked = _dated(asked, value)
        elif name == "action" and value in ("C", "R", "U", "D", "E"):
            asked = replace(asked, action=value)
        elif name == "outcome" and value in ("0", "4", "8", "12"):
            asked = replace(asked, outcome=int(value))
        elif name == "_cursor":
            asked = replace(asked, before=_position(value))
        elif name != "_id":
            raise BadRequest(
                f"AuditEvent does not know “{name[:40]}={value[:40]}”. It knows _id, patient, agent, date, entity, "
                "action, outcome and _count."
            )
    return None if is_empty else asked, max(1, min(count, _MOST))


def _rid(unit: Unit, value: str, kind: str) -> int | None:
    reference = value if "/" in value else f"{kind}/{value}"
    if kind and not reference.startswith(f"{kind}/"):
        raise BadRequest("patient has to name a Patient.")
    return unit.rid_of(reference)


def _principal(value: str) -> int:
    system, bar, number = value.rpartition("|")
    bare = number.removeprefix("-")
    if (bar and system != PRINCIPAL) or not (bare.isascii() and bare.isdecimal()) or len(number) > 9:
        raise BadRequest(f"agent has to be an identifier, like {PRINCIPAL}|7.")
    return int(number)


def _dated(asked: Asked, value: str) -> Asked:
    match = _DATE.match(value)
    begin, end = _span(match[2], match[3] or "") if match else (None, None)
    if match is None or begin is None or end is None:
        raise BadRequest("date has to be a day or an instant, with eq, ge, gt, le or lt before it.")
    prefix = match[1] or "eq"
    since = {"eq": begin, "ge": begin, "gt": end}.get(prefix)
    until = {"eq": end, "le": end, "lt": begin}.get(prefix)
    return replace(asked, since=since or asked.since, until=until or asked.until)


def _span(day: str, hour: str) -> tuple[datetime | None, datetime | None]:
    """From its first to behind its last moment; a bare day is one of UTC."""
    try:
        if not hour:
            begin = datetime.combine(date.fromisoformat(day), time(), UTC)
            return begin, begin + timedelta(days=1)
        at = instant(day + hour)
    except (ValueError, OverflowError):
        return None, None
    return (at, at + timedelta(microseconds=1)) if at else (None, None)


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise BadRequest(f"{name} has to be a whole number.")
    return int(text)


def _position(token: str) -> Position:
    found = opened(_PAGE, token)
    if found is None or len(found) != 3:
        raise BadRequest("This _cursor is none of ours; begin with the first page.")
    return datetime.fromisoformat(found[0]), int(found[1]), int(found[2])
