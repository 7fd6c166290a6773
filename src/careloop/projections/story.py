"""The story: one timeline of contacts, events, results and decisions, each with who and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from careloop.access import labels
from careloop.projections import sources
from careloop.projections.by_type import seen_lines
from careloop.projections.moments import TELLERS, moments
from careloop.projections.people import names
from careloop.store import Change, Stored, Unit

KINDS = ("contact", "event", "result", "decision", "note")
# What a filter shows: attempts stand with contacts.
SHOWN = {"contact": ["contact", "attempt"]}


@dataclass(frozen=True, repr=False)
class Entry:
    """has_hour: whether the record says more than the day, which then is `at` in UTC. title: an English msgid.
    who: a name. is_private: about violence; it is not printed and stands on no card. cursor: opaque, goes into `before`
    of the next page."""

    at: datetime
    has_hour: bool
    kind: str
    title: str
    detail: str | None
    who: str | None
    why: str | None
    reference: str
    cursor: str
    is_private: bool = False

    def __repr__(self) -> str:
        return f"Entry({self.kind} {self.reference})"


COLUMNS = "s.at, s.has_hour, s.kind, s.title, s.detail, s.who, s.why, s.reference, s.rid, s.key, s.labels"


def story(
    unit: Unit, person: int, kind: str | None = None, limit: int = 50, before: str | None = None
) -> list[Entry]:
    """Newest first; empty when she may not be seen. kind: one of KINDS."""
    if not unit.may_see(person):
        return []
    where, parameters = _seen(unit, person)
    if kind:
        where += " and s.kind = any(%s::text[])"
        parameters.append(SHOWN.get(kind, [kind]))
    if before and (mark := _mark(before)):
        where += " and (s.at, s.rid, s.key) < (%s::timestamptz, %s::bigint, %s::text)"
        parameters += mark
    rows = unit.cursor().execute(
        f"select {COLUMNS} from story s where {where} order by s.at desc, s.rid desc, s.key desc limit %s",
        [*parameters, limit],
    )
    found = [_entry(row) for row in rows.fetchall()]
    unit.saw([person], "story")
    return _with_names(unit, found)


def since(unit: Unit, person: int, at: datetime, limit: int = 20) -> list[Entry]:
    """What came into the story after that instant: “since you last looked”."""
    return [entry for entry in story(unit, person, limit=limit) if entry.at > at]


def last_contact(unit: Unit, person: int) -> datetime | None:
    where, told = _seen(unit, person)
    text = f"select max(s.at) from story s where {where} and s.kind = 'contact'"
    row = unit.cursor().execute(text, told).fetchone()
    return row[0] if row else None


def _seen(unit: Unit, person: int) -> tuple[str, list[Any]]:
    """Her lines, but for those that tell of something which this actor may not see."""
    may, allowed = seen_lines(unit, TELLERS)
    return f"s.person = %s and {may}", [person, *allowed]


def _entry(row: Sequence[Any]) -> Entry:
    at, has_hour, kind, title, detail, who, why, reference, rid, key, carried = row
    cursor = f"{at.isoformat()}~{rid}~{key}"
    is_private = bool(carried & labels.VIOLENCE)
    return Entry(at, has_hour, kind, title, detail, who, why, reference, cursor, is_private)


def _mark(cursor: str) -> list[Any] | None:
    """Whatever a stranger writes into the address is no cursor of ours."""
    try:
        at, rid, key = cursor.split("~")
        return [datetime.fromisoformat(at), int(rid), key]
    except ValueError:
        return None


def _with_names(unit: Unit, entries: list[Entry]) -> list[Entry]:
    called = names(unit, {e.who for e in entries if e.who and "/" in e.who})
    return [
        replace(e, who=called.get(e.who, None if "/" in e.who else e.who)) if e.who else e for e in entries
    ]


class Story:
    """The projector: the moments of each resource, written anew with each version of it."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        told = sources.latest(changes, TELLERS)
        if told:
            unit.cursor().execute("delete from story where rid = any(%s::bigint[])", [list(told)])
            keep(unit, [change.after for change in told.values() if change.after])

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from story")
        for batch in sources.every(unit, tuple(TELLERS)):
            keep(unit, batch)


def keep(unit: Unit, found: Collection[Stored]) -> None:
    rows = [
        (s.person, s.rid, m.key, m.at, m.has_hour, m.kind, m.title, m.detail, m.who, m.why, s.reference)
        for s in found
        if s.person
        for m in moments(s.resource, s.at)
    ]
    if rows:
        unit.cursor().executemany(
            "insert into story(person, rid, key, at, has_hour, kind, title, detail, who, why, reference, labels)"
            " select n.*, coalesce(h.labels, 0) from (values (%s::bigint, %s::bigint, %s::text, %s::timestamptz,"
            " %s::boolean, %s::text, %s::text, %s::text, %s::text, %s::text, %s::text)) as n(person, rid)"
            " left join heads h on h.person = n.person and h.rid = n.rid",
            rows,
        )
