"""Who looked at whom: the rows of the audit trail, for those who check them.

An auditor sees the people of her own scope. A row about others alone is not shown to her; of a row about several, the
others are only counted. A row about nobody (a sign-in, a refusal at the door) is shown to every auditor.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from careloop.store import Unit, audit, bodies, people_sets
from careloop.store.connection import keeper
from careloop.store.keys import number_of

_COLUMNS: Final = (
    "a.lane, a.seq, a.at, a.actor, a.behalf, a.action, a.outcome, a.why, a.door, a.request, a.type, a.rid,"
    " a.people, a.detail"
)
_NEWEST: Final = "order by a.at desc, a.lane desc, a.seq desc"
_CHUNK: Final = 500
_MOST_CHUNKS: Final = 40
# Newest first: (at, lane, seq) of the last row of the page before.
Position = tuple[datetime, int, int]


@dataclass(frozen=True, repr=False)
class Row:
    """One unit of work. people: of those whom the reader may see; others: how many more. said: [[action, what, …], …].
    outcome: FHIR's 0 done, 4 denied, 8 failed."""

    lane: int
    seq: int
    at: datetime
    actor: int
    app: int | None
    action: str
    outcome: int
    purpose: str
    door: str
    request: str
    type: int | None
    rid: int | None
    people: tuple[int, ...]
    said: tuple[tuple[Any, ...], ...]
    others: int = 0

    @property
    def id(self) -> str:
        return f"{self.lane}-{self.seq}"

    @property
    def position(self) -> Position:
        return self.at, self.lane, self.seq

    @property
    def opened(self) -> frozenset[int]:
        """Whose record was opened, in contrast to standing in a list."""
        if self.type == number_of("Patient") and self.rid in self.people:
            return frozenset({self.rid}) if self.rid else frozenset()
        return frozenset(self.people) if len(self.people) == 1 else frozenset()

    def __repr__(self) -> str:
        return f"Row({self.id})"


@dataclass(frozen=True)
class Asked:
    """What to look for; None and empty ask for nothing. actor: a principal, or the app that acted for one. person: rid.
    thing: (type number, rid) of what it was mainly about. outcome: 4 denied, 8 failed."""

    actor: int | None = None
    person: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    door: str = ""
    outcome: int | None = None
    action: str = ""
    thing: int | None = None
    before: Position | None = None


@dataclass(frozen=True)
class Page:
    """next: where the following page begins; None at the end."""

    rows: tuple[Row, ...]
    next: Position | None


def page(unit: Unit, asked: Asked, limit: int = 50) -> Page:
    """Newest first. Raises Forbidden for whoever may not read the trail; that it was read stands in the trail."""
    sight = _Sight(unit)
    found: list[Row] = []
    before, is_more = asked.before, True
    for _ in range(_MOST_CHUNKS):
        chunk = _chunk(unit, asked, before)
        sight.learn({person for row in chunk for person in row.people})
        found += [shown for row in chunk if (shown := sight.shown(row)) and _fits(row, asked)]
        before = chunk[-1].position if chunk else before
        is_more = len(chunk) == _CHUNK
        if len(found) > limit or not is_more:
            break
    rows = tuple(found[:limit])
    last = rows[-1].position if len(found) > limit else before if is_more else None
    unit.saw({person for row in rows for person in row.people}, "audit trail")
    return Page(rows, last)


def one(unit: Unit, lane: int, seq: int) -> Row | None:
    """None for what is not there or not for this reader."""
    sight = _Sight(unit)
    row = (
        unit.cursor()
        .execute(f"select {_COLUMNS} from audit a where a.lane = %s and a.seq = %s", [lane, seq])
        .fetchone()
    )
    if row is None:
        return None
    found = _row(row)
    sight.learn(found.people)
    shown = sight.shown(found)
    unit.saw(shown.people if shown else (), "audit row")
    return shown


class _Sight:
    """Whom this reader may see."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.said, self.given = unit.people_sql(unit.condition("AuditEvent", "search"), "u.person")
        self.allowed: dict[int, bool] = {}

    def learn(self, people: Collection[int]) -> None:
        unknown = [person for person in people if person not in self.allowed]
        if not unknown:
            return
        query = f"select u.person from unnest(%s::bigint[]) as u(person) where {self.said}"
        seen = {row[0] for row in self.unit.cursor().execute(query, [unknown, *self.given]).fetchall()}
        self.allowed.update({person: person in seen for person in unknown})

    def shown(self, row: Row) -> Row | None:
        visible = tuple(person for person in row.people if self.allowed[person])
        if row.people and not visible:
            return None
        hidden = len(row.people) - len(visible)
        said = row.said if not hidden else ()  # what was said may name those who are not shown
        return replace(row, people=visible, others=hidden, said=said)


def _fits(row: Row, asked: Asked) -> bool:
    return asked.person is None or asked.person in row.people


def _chunk(unit: Unit, asked: Asked, before: Position | None) -> list[Row]:
    query, given = chunk_sql(asked, before)
    return [_row(row) for row in unit.cursor().execute(query.encode(), given).fetchall()]


def chunk_sql(asked: Asked, before: Position | None = None) -> tuple[str, list[Any]]:
    """The query of one chunk; of a person, her days in audit_person first, and the rows that are not in it yet."""
    parts: list[tuple[str, list[Any]]] = []
    if asked.since:
        parts.append(("a.at >= %s", [asked.since]))
    if asked.until:
        parts.append(("a.at < %s", [asked.until]))
    if before:
        parts.append(("(a.at, a.lane, a.seq) < (%s, %s, %s)", list(before)))
    if asked.actor is not None:
        parts.append(("a.actor = %s", [asked.actor]))
    for name, value in (("door", asked.door), ("action", asked.action)):
        if value:
            parts.append((f"a.{name} = %s", [value]))
    if asked.outcome is not None:
        parts.append(("a.outcome = %s", [asked.outcome]))
    if asked.thing is not None:
        parts.append(("a.rid = %s", [asked.thing]))
    said = " and ".join(text for text, _ in parts) or "true"
    given = [value for _, values in parts for value in values]
    if asked.person is None:
        return f"select {_COLUMNS} from audit a where {said} {_NEWEST} limit {_CHUNK}", given
    return _of_person(asked, before, said, given)


def _of_person(asked: Asked, before: Position | None, said: str, given: list[Any]) -> tuple[str, list[Any]]:
    """Each range gives its newest rows that fit, so that the newest of all are among them however full a lane is.
    Other people's rows lie in a range as well; page() leaves them out and goes on."""
    # OFFSET 0 keeps each range a look by key; joined flat or sorted by an index, the planner reads all of the trail.
    days, between = _days(asked, before)
    query = (
        f"select {_COLUMNS} from ("
        "(select b.* from (select distinct lane, first, last, actor, action from audit_person"
        f" where person = %s{days}) r cross join lateral (select * from ("
        " select * from audit a where a.lane = r.lane and a.seq between r.first and r.last and a.action = r.action"
        f" and (a.actor = r.actor or a.behalf = r.actor) and {said} offset 0) a {_NEWEST} limit {_CHUNK}) b)"
        f" union ({audit.LANES} select c.* from l left join audit_digested d on d.lane = l.lane"
        " cross join lateral (select * from ("
        f" select * from audit a where a.lane = l.lane and a.seq > coalesce(d.seq, 0) and {said} offset 0) a"
        f" {_NEWEST} limit {_CHUNK}) c where l.lane is not null)) a {_NEWEST} limit {_CHUNK}"
    )
    return query, [asked.person, *between, *given, *given]


def _days(asked: Asked, before: Position | None) -> tuple[str, list[Any]]:
    """The days (UTC) in which a row can be."""
    bounds = ((">=", asked.since), ("<=", asked.until), ("<=", before[0] if before else None))
    told = [(sign, moment.astimezone(UTC).date()) for sign, moment in bounds if moment]
    return "".join(f" and day {sign} %s" for sign, _ in told), [day for _, day in told]


def _row(row: Sequence[Any]) -> Row:
    lane, seq, at, actor, app, action, outcome, why, door, request, type, rid, people, detail = row
    seen = tuple(people_sets.unpack(bytes(people or b"")))
    return Row(
        lane, seq, at, actor, app, action, outcome, why, door, request, type, rid, seen, details_of(detail)
    )


def details_of(detail: bytes | None) -> tuple[tuple[Any, ...], ...]:
    if not detail:
        return ()
    return tuple(tuple(one) for one in bodies.decode(zlib.decompress(bytes(detail))))


# --- for those who judge the trail: nobody reads it through here


def unjudged(limit: int = 2_000) -> list[Row]:
    """Rows of accounts that nobody judged yet, by lane; system actors’ are passed over."""
    rows = (
        keeper()
        .cursor()
        .execute(
            f"{audit.LANES} select {_COLUMNS} from l left join audit_judged j on j.lane = l.lane cross join lateral ("
            "select * from audit r where r.lane = l.lane and r.seq > coalesce(j.seq, 0) and r.actor > 0 "
            "order by r.seq limit %s) a where l.lane is not null order by a.lane, a.seq limit %s",
            [limit, limit],
        )
    )
    return [_row(row) for row in rows.fetchall()]


def ends() -> dict[int, int]:
    """The last row of each lane."""
    rows = (
        keeper()
        .cursor()
        .execute(
            f"{audit.LANES} select l.lane, (select max(a.seq) from audit a where a.lane = l.lane) from l "
            "where l.lane is not null"
        )
    )
    return dict(rows.fetchall())


def judged(until: dict[int, int]) -> None:
    """A mark of ours, about nobody: in a transaction of its own."""
    keeper().cursor().execute(
        "insert into audit_judged(lane, seq) select * from unnest(%s::smallint[], %s::bigint[]) "
        "on conflict (lane) do update set seq = greatest(audit_judged.seq, excluded.seq)",
        [list(until), list(until.values())],
    )


def of_actor(unit: Unit, actor: int, since: datetime, until: datetime) -> Iterator[Row]:
    rows = unit.cursor().execute(
        f"select {_COLUMNS} from audit a where a.actor = %s and a.at >= %s and a.at <= %s order by a.at limit 5000",
        [actor, since, until],
    )
    yield from map(_row, rows.fetchall())


def people_by_day(unit: Unit, actor: int, since: datetime) -> dict[Any, int]:
    """How many people each day (UTC), lists included."""
    rows = unit.cursor().execute(
        "select day, count(distinct person) from audit_person where actor = %s and day >= %s group by day",
        [actor, since.astimezone(UTC).date()],
    )
    return dict(rows.fetchall())
