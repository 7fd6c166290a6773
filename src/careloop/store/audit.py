"""Who did what, who looked: one row a unit of work, chained by hash to the row before it in its lane.

The row commits with the unit. After the commit the lane's new head goes to a file outside the database, so that a
chain whose end was cut off is found as well.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from careloop.access import Scope
from careloop.store import bodies, people_sets
from careloop.store.connection import Keeper

DONE: Final = 0
DENIED: Final = 4  # FHIR AuditEvent.outcome
FAILED: Final = 8

COLUMNS: Final = (
    "lane, seq, at, actor, behalf, action, outcome, why, door, request, type, rid, people, detail, written"
)
INSERT: Final = f"insert into audit({COLUMNS}, hash) values ({', '.join(['%s'] * 16)})"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRITES = frozenset("CUD")
_MOST_DETAILS = 40  # of one unit; the set of people is always whole


@dataclass
class Trail:
    """What a unit of work saw and did so far. main: type number and rid of what it is about."""

    people: set[int] = field(default_factory=set)
    details: list[list[Any]] = field(default_factory=list)
    main: tuple[int, int | None] | None = None
    actions: set[str] = field(default_factory=set)
    written: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    has_begun: bool = False

    def note(
        self,
        action: str,
        what: Sequence[Any],
        people: Iterable[int] = (),
        main: tuple[int, int | None] | None = None,
    ) -> None:
        """action: C R U D, or E for a search. main: (type number, rid); the first write's, else the first's."""
        self.has_begun = True
        is_first_write = action in _WRITES and not self.actions & _WRITES
        if main is not None and (self.main is None or is_first_write):
            self.main = main
        self.actions.add(action)
        self.people.update(person for person in people if person)
        # What left the house is said however much was read for it.
        if len(self.details) < _MOST_DETAILS or str(what[0]).startswith("disclosed"):
            self.details.append([action, *what])

    def wrote(self, rid: int, version: int, op: int, body: bytes) -> None:
        self.written.append((rid, version, op, body))

    def action(self) -> str:
        """FHIR's AuditEvent.action: the one kind of write, E for a mixture or a search, R for reading."""
        writes = self.actions & _WRITES
        if len(writes) == 1:
            return next(iter(writes))
        return "R" if self.actions == {"R"} else "E"

    def outcome(self) -> int:
        """Of a unit that ended well: DENIED when nothing but refusals stands in it."""
        is_refusal = bool(self.details) and all(str(said[1]).startswith("denied") for said in self.details)
        return DENIED if is_refusal and not self.written else DONE

    def digest(self) -> bytes | None:
        return digest_of_written(self.written) if self.written else None


def digest_of_written(written: Iterable[tuple[int, int, int, bytes]]) -> bytes:
    """Over (rid, version, op, stored body) of a commit's versions: they can't be changed behind the chain either."""
    digest = hashlib.sha256()
    for rid, version, op, body in sorted(written):
        digest.update(f"{rid}|{version}|{op}|{len(body)}|".encode())
        digest.update(body)
    return digest.digest()


def row_of(keeper: Keeper, scope: Scope, at: datetime, trail: Trail, outcome: int) -> tuple[Any, ...]:
    """The row that follows the lane's last one, its hash included."""
    kind, rid = trail.main or (None, None)
    row = (
        *(keeper.lane, keeper.seq + 1, at, scope.actor.principal, scope.actor.app, trail.action(), outcome),
        *(scope.purpose, scope.door, scope.request, kind, rid),
        people_sets.pack(trail.people) or None,
        zlib.compress(bodies.encode(trail.details), 1) if trail.details else None,
        trail.digest() if outcome == DONE else None,
    )
    return (*row, hash_of(keeper.digest, row))


def hash_of(before: bytes, row: Sequence[Any]) -> bytes:
    """before: hash of the row before it in its lane, empty for the first. row: the columns of COLUMNS."""
    # On the way of every read, so in one piece, and the kind of a value asked once.
    said = [before]
    for value in row:
        if value is None:
            said.append(b"-;")
            continue
        kind = type(value)
        if kind is bytes:
            text = value
        elif kind is memoryview:
            text = bytes(value)
        elif isinstance(value, datetime):
            text = b"%d" % ((value - _EPOCH) // _MICROSECOND)
        else:
            text = str(value).encode()
        said.append(b"%d:%b" % (len(text), text))
    return hashlib.sha256(b"".join(said)).digest()


# --- Who looked at this person: derived, kept up by `careloop work`.

# Every lane that has a row, by jumping from one to the next in the primary key: all rows are never read for it.
LANES: Final = (
    "with recursive l(lane) as (select min(lane) from audit union all"
    " select (select min(a.lane) from audit a where a.lane > l.lane) from l where l.lane is not null)"
)
_NEW: Final = f"""
{LANES} select a.lane, a.seq, a.at, a.actor, a.behalf, a.action, a.people
from l left join audit_digested d on d.lane = l.lane cross join lateral (
  select * from audit r where r.lane = l.lane and r.seq > coalesce(d.seq, 0) order by r.seq limit %s) a
where l.lane is not null order by a.lane, a.seq limit %s
"""
_DIGEST = """
insert into audit_person(person, day, actor, action, lane, first, last, times)
select * from unnest(%s::bigint[], %s::date[], %s::integer[], %s::text[], %s::smallint[], %s::bigint[], %s::bigint[],
                     %s::integer[])
on conflict (person, day, actor, action, lane)
do update set last = excluded.last, times = audit_person.times + excluded.times
"""


def digest_people(cursor: Any, limit: int = 5_000) -> int:
    """Adds the audit rows that came since the last time to audit_person. Returns how many; call inside a
    transaction, by one process at a time."""
    cursor.execute(_NEW, [limit, limit])
    rows = cursor.fetchall()
    seen: dict[tuple[Any, ...], tuple[int, int, int]] = {}
    ends: dict[int, int] = {}
    for lane, seq, at, actor, app, action, people in rows:
        ends[lane] = seq
        for person in people_sets.unpack(bytes(people or b"")):
            # An app that acts for somebody looked as well.
            for who in {actor, app} - {None}:
                key = (person, at.astimezone(UTC).date(), who, action, lane)
                first, _, times = seen.get(key, (seq, seq, 0))
                seen[key] = (first, seq, times + 1)
    if seen:
        columns = zip(*((*key, *value) for key, value in seen.items()), strict=True)
        cursor.execute(_DIGEST, [list(column) for column in columns])
    if ends:
        cursor.execute(
            "insert into audit_digested(lane, seq) select * from unnest(%s::smallint[], %s::bigint[]) "
            "on conflict (lane) do update set seq = excluded.seq",
            [list(ends), list(ends.values())],
        )
    return len(rows)
