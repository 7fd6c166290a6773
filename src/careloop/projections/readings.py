"""Readings over time: each value in the unit of its kind, whether it is believed, and who or what it came from.

Derived from Observations by care/readings.py. A change is put among its neighbors: whether a value is believed depends
on the one before, whether it is one that was sent twice on those of the same instant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from careloop import library
from careloop.care.readings import Placed, Reading, State, Why, readings_in, settle
from careloop.library import Kind
from careloop.projections import sources
from careloop.store import Change, Stored, Unit

COLUMNS: Final = (
    "person, kind, at, observation, value, second, unit, comparator, has_hour, source, device, own, state,"
    " why"
)
INSERT: Final = f"insert into readings({COLUMNS}) values ({', '.join(['%s'] * 14)})"
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

# What is to be settled: of each person and kind, from an instant to another; with the last believed one before.
BESIDE: Final = """
with span as (
  select * from unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[]) as s(person, kind, since, until))
select r.*, false from span s
join readings r on r.person = s.person and r.kind = s.kind and r.at >= s.since and r.at <= s.until
union all
select b.*, true from span s cross join lateral (
  select * from readings r where r.person = s.person and r.kind = s.kind and r.at < s.since and r.state = 'ok'
  order by r.at desc, r.observation desc limit 1) b
where s.until > s.since
order by 1, 2, 3, 4
"""
STATE: Final = (
    "update readings set state = %s, why = %s"
    " where person = %s and kind = %s and at = %s and observation = %s"
)


@dataclass(frozen=True, repr=False)
class Read:
    """One row. observation: rid. value, second: in the kind's unit, unless state is doubtful because of the unit."""

    person: int
    kind: str
    at: datetime
    observation: int
    value: Decimal
    second: Decimal | None
    unit: str
    comparator: str | None
    has_hour: bool
    source: str
    device: str | None
    own: str | None
    state: str
    why: str | None

    def __repr__(self) -> str:
        return f"Read({self.kind} {self.observation})"


# --- reading them


def visible(unit: Unit, alias: str = "r") -> tuple[str, list[Any]]:
    """A boolean SQL expression over a row of readings: whether the reader may see the Observation it tells of."""
    if not unit.may_search("Observation"):
        return "false", []
    said, given = unit.heads_sql(unit.condition("Observation", "search"), "Observation")
    if said == "true":
        return "true", []
    seen = f"exists (select from heads h where h.person = {alias}.person and h.rid = {alias}.observation"
    return f"{seen} and h.state = 1 and {said})", given


def readings_of(
    unit: Unit,
    person: int,
    kinds: Collection[str] | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    states: Collection[str] = ("ok",),
    limit: int | None = None,
) -> list[Read]:
    """Newest first. kinds: None for all. since inclusive, until exclusive."""
    unit.flush()
    may, told = visible(unit)
    where, given = ["r.person = %s", "r.state = any(%s::text[])"], [person, list(states)]
    if kinds is not None:
        where.append("r.kind = any(%s::text[])")
        given.append(list(kinds))
    for bound, sign in ((since, ">="), (until, "<")):
        if bound is not None:
            where.append(f"r.at {sign} %s")
            given.append(bound)
    text = f"select {COLUMNS} from readings r where {' and '.join(where)} and {may} order by at desc, observation desc"
    if limit is not None:
        text += f" limit {int(limit)}"
    rows = unit.cursor().execute(text, [*given, *told]).fetchall()
    unit.saw([person], "readings")
    return [Read(*row) for row in rows]


def latest(unit: Unit, people: Collection[int], kind: str) -> dict[int, Read]:
    """The last believed one of each person, in one statement."""
    unit.flush()
    may, told = visible(unit)
    text = (
        "select r.* from unnest(%s::bigint[]) as p(person) cross join lateral ("
        f" select {COLUMNS} from readings r where r.person = p.person and r.kind = %s and r.state = 'ok' and {may}"
        " order by r.at desc, r.observation desc limit 1) r"
    )
    rows = unit.cursor().execute(text, [sorted(people), kind, *told]).fetchall()
    unit.saw([row[0] for row in rows], "readings")
    return {row[0]: Read(*row) for row in rows}


def doubtful_of(unit: Unit, person: int) -> list[Read]:
    """What is not believed and waits for somebody's word, newest first."""
    return readings_of(unit, person, states=("doubtful",))


def believed_before(unit: Unit, read: Read) -> Read | None:
    """The last believed one of the same kind before this one: “yesterday 82”."""
    found = readings_of(unit, read.person, [read.kind], until=read.at, limit=1)
    return found[0] if found else None


def days_with(
    unit: Unit,
    person: int,
    zone: ZoneInfo,
    until: datetime,
    days: int = 30,
    sources_told: Collection[str] = ("device",),
) -> int:
    """On how many different calendar days, where she lives, of the last so many a reading came from such a source.
    until: exclusive. Refuted ones and repeats do not count; a doubtful one was transmitted all the same."""
    unit.flush()
    may, told = visible(unit)
    text = (
        "select count(distinct (r.at at time zone case when r.has_hour then %s else 'UTC' end)::date)"
        " from readings r where r.person = %s and r.source = any(%s::text[]) and r.state in ('ok', 'doubtful')"
        f" and r.at >= %s and r.at < %s and {may}"
    )
    given = [str(zone), person, list(sources_told), until - timedelta(days=days), until]
    ((count,),) = unit.cursor().execute(text, [*given, *told]).fetchall()
    return int(count)


# --- keeping them


class Readings:
    """The projector."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        told = [change for change in changes if change.stored.type == "Observation"]
        if not told:
            return
        kinds = library.load().readings
        rows: dict[int, list[tuple[int, Reading]]] = {}
        touched: list[tuple[int, Reading]] = []
        known: list[int] = []
        for change in told:
            if change.before is not None:
                known.append(change.before.rid)
                touched += rows_in(change.before, kinds)
            rows[change.stored.rid] = rows_in(change.after, kinds) if change.after else []
        fresh = [(rid, person, reading) for rid, found in rows.items() for person, reading in found]
        if known:
            unit.cursor().execute("delete from readings where observation = any(%s::bigint[])", [known])
        if fresh:
            _insert(unit.cursor(), fresh)
        settle_all(unit.cursor(), [*touched, *((person, reading) for _, person, reading in fresh)], kinds)

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from readings")
        fill(unit.cursor(), sources.every(unit, ("Observation",)))


def fill(cursor: Any, batches: Iterable[Sequence[Stored]]) -> None:
    """Into an empty table. batches: in the order of people; the last person of one may be the first of the next."""
    kinds = library.load().readings
    open_: list[tuple[int, Reading]] = []
    for batch in batches:
        fresh = [(s.rid, person, reading) for s in batch for person, reading in rows_in(s, kinds)]
        _insert(cursor, fresh)
        last = batch[-1].person
        settle_all(cursor, [each for each in open_ if each[0] != last], kinds)
        open_ = [each for each in open_ if each[0] == last]
        settle_all(cursor, [(p, r) for _, p, r in fresh if p != last], kinds)
        open_ += [(p, r) for _, p, r in fresh if p == last]
    settle_all(cursor, open_, kinds)


def rows_in(stored: Stored, kinds: Mapping[str, Kind]) -> list[tuple[int, Reading]]:
    """(person, reading); what is at nobody's home tells of nobody."""
    if not stored.person or stored.is_deleted:
        return []
    return [(stored.person, reading) for reading in readings_in(stored.resource, stored.at, kinds)]


def _insert(cursor: Any, fresh: Iterable[tuple[int, int, Reading]]) -> None:
    rows = [
        (
            *(person, r.kind, r.at, rid, r.value, r.second, r.unit, r.comparator, r.has_hour),
            *(r.source, r.device, r.own, *first_state(r)),
        )
        for rid, person, r in fresh
    ]
    if rows:
        cursor.executemany(INSERT, rows)


def first_state(reading: Reading) -> tuple[State, Why | None]:
    """Before it is put beside its neighbors."""
    if reading.own == "refuted":
        return "refuted", "refuted"
    return ("ok" if reading.own in (None, "confirmed") else "doubtful"), reading.own


def settle_all(cursor: Any, touched: Iterable[tuple[int, Reading]], kinds: Mapping[str, Kind]) -> None:
    """touched: what came, went or changed. Of a kind with a leap everything from there on may be another; of others
    only what has the same instant."""
    spans: dict[tuple[int, str, datetime], datetime] = {}
    firsts: dict[tuple[int, str], datetime] = {}
    for person, reading in touched:
        kind = kinds.get(reading.kind)
        if kind is not None and kind.leap is None:
            spans[person, reading.kind, reading.at] = reading.at
        elif kind is not None:
            first = firsts.get((person, reading.kind))
            firsts[person, reading.kind] = min(first, reading.at) if first else reading.at
    for (person, name), at in firsts.items():
        spans[person, name, at] = FOREVER
    if not spans:
        return
    columns = [
        [key[0] for key in spans],
        [key[1] for key in spans],
        [key[2] for key in spans],
        list(spans.values()),
    ]
    cursor.execute(BESIDE, columns)
    changed: list[tuple[Any, ...]] = []
    for (person, name), group in groupby(cursor.fetchall(), key=lambda row: (row[0], row[1])):
        changed += _settled(person, kinds[name], list(group))
    if changed:
        cursor.executemany(STATE, changed)


def _settled(person: int, kind: Kind, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """rows: of one person and kind, by instant; the one before, if any, is marked. Only what is other than before."""
    before = next((_placed(row) for row in rows if row[14]), None)
    here = [row for row in rows if not row[14]]
    settled = settle(kind, [_placed(row) for row in here], before)
    return [
        (made.state, made.why, person, kind.id, made.reading.at, made.key)
        for made, row in zip(settled, here, strict=True)
        if (made.state, made.why) != (row[12], row[13])
    ]


def _placed(row: Sequence[Any]) -> Placed:
    read = Read(*row[:14])
    reading = Reading(
        read.kind,
        read.at,
        read.has_hour,
        read.value,
        read.second,
        read.unit,
        read.comparator,
        cast("Any", read.source),
        read.device,
        cast("Why | None", read.own),
    )
    return Placed(read.observation, reading)
