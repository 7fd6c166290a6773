"""What of the record belongs to a person, read whole and under lock so that a merge can move it, and the memory of what
each merge moved. The tables: merges.sql. Decisions are `care.merge`'s; `actions/merge_people.py` joins both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from careloop.access import labels
from careloop.fhir.elements import Resource
from careloop.fhir.index import VERSION, extract
from careloop.store import bodies
from careloop.store.homes import belonging
from careloop.store.stored import COLUMNS, Stored

if TYPE_CHECKING:
    from careloop.store.unit import Unit

# Emergencies end by themselves and were opened for one record: they are not carried over.
_BY_NAME: Final = 1

LOCK: Final = "select rid from ids where rid = any(%s::bigint[]) order by rid for no key update"
AT_HOME: Final = "select rid from heads where person = %s and state = 1"
# From elsewhere: what names her in an indexed place, or lies in her compartment beside its own.
MENTIONING: Final = """
select rid from index_reference where target = %(person)s and person <> %(person)s and param = any(%(params)s)
union select rid from members where person = %(person)s and home <> %(person)s
"""
CURRENT: Final = f"""
select {COLUMNS}, h.iv from heads h join ids i on i.rid = h.rid and i.person = h.person
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.rid = any(%s::bigint[]) and h.state = 1 order by h.rid
"""
VERSION_OF: Final = f"""
select {COLUMNS} from unnest(%s::bigint[], %s::integer[]) as wanted(rid, version)
join ids i on i.rid = wanted.rid
join versions v on v.rid = wanted.rid and v.version = wanted.version
  and v.person in (select i.person union all select m.person from moves m where m.rid = i.rid)
"""
SURVIVORS: Final = """
with recursive chain(person, next, steps) as (
  select person, merged_into, 1 from people where person = any(%s::bigint[]) and merged_into is not null
  union all select c.person, p.merged_into, c.steps + 1 from chain c join people p on p.person = c.next
  where p.merged_into is not null and c.steps < 50)
select distinct on (person) person, next from chain order by person, steps desc
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A resource under lock. is_indexed: its index rows are of the present version of the index."""

    stored: Stored
    is_indexed: bool


@dataclass(frozen=True, slots=True)
class Merge:
    """survivor, loser: rids. rows: what moved beside the resources."""

    id: int
    survivor: int
    loser: int
    at: datetime
    principal: int
    provenance: int
    rows: dict[str, list[Any]]
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Moved:
    """One resource that a merge wrote. home: whose it was before."""

    rid: int
    before: int
    after: int
    home: int


# --- what is hers


def at_home(unit: Unit, person: int) -> list[Held]:
    """All live resources at this person's home, under lock until the commit."""
    return _locked(unit, [row[0] for row in unit.cursor().execute(AT_HOME, [person]).fetchall()])


def mentioning(unit: Unit, person: int, params: Collection[int]) -> list[Held]:
    """Live resources of others that name her or lie in her compartment, under lock. params: search parameters."""
    asked = {"person": person, "params": sorted(params)}
    return _locked(unit, [row[0] for row in unit.cursor().execute(MENTIONING, asked).fetchall()])


def current(unit: Unit, rids: Collection[int]) -> dict[int, Held]:
    """Those that are live, under lock."""
    return {held.stored.rid: held for held in _locked(unit, rids)}


def _locked(unit: Unit, rids: Collection[int]) -> list[Held]:
    """First the lock, then what stands there: whoever was writing has committed by then."""
    cursor = unit.cursor()
    cursor.execute(LOCK, [sorted(set(rids))])
    rows = cursor.execute(CURRENT, [sorted(set(rids))]).fetchall()
    return [Held(Stored.of_row(row), row[9] == VERSION) for row in rows]


def versions(unit: Unit, wanted: Iterable[tuple[int, int]]) -> dict[int, Stored]:
    """By rid; wanted: (rid, version), wherever that version lies."""
    pairs = list(wanted)
    rows = unit.cursor().execute(VERSION_OF, [[rid for rid, _ in pairs], [at for _, at in pairs]]).fetchall()
    return {stored.rid: stored for stored in map(Stored.of_row, rows)}


def survivors(unit: Unit, people: Collection[int]) -> dict[int, int]:
    """Of those whose record was joined to another: whose it is now, at the end of the chain."""
    if not people:
        return {}
    rows = unit.cursor().execute(SURVIVORS, [sorted(people)]).fetchall()
    return {person: last for person, last in rows if person != last}


# --- the memory


def remember(
    unit: Unit, survivor: int, loser: int, provenance: int, moved: Sequence[Moved], rows: dict[str, list[Any]]
) -> int:
    """Raises Conflict (of the database) when the loser is part of another record already."""
    row = unit.cursor().execute(
        "insert into merges(survivor, loser, at, principal, provenance, rows) values (%s, %s, %s, %s, %s, %s)"
        " returning id",
        [survivor, loser, unit.now, unit.scope.actor.principal, provenance, bodies.encode(rows)],
    )
    found = row.fetchone()
    assert found is not None
    add(unit, found[0], moved)
    return int(found[0])


def add(unit: Unit, merge: int, moved: Sequence[Moved]) -> None:
    """Also of what came late. What a merge moved twice keeps its first place."""
    columns = [[getattr(each, name) for each in moved] for name in ("rid", "before", "after", "home")]
    unit.cursor().execute(
        "insert into merged(merge, rid, before, after, home) select %s, * from"
        " unnest(%s::bigint[], %s::integer[], %s::integer[], %s::bigint[])"
        " on conflict (merge, rid) do update set after = excluded.after",
        [merge, *columns],
    )


def moved_by(unit: Unit, merge: int) -> list[Moved]:
    rows = unit.cursor().execute(
        "select rid, before, after, home from merged where merge = %s order by rid", [merge]
    )
    return [Moved(*row) for row in rows.fetchall()]


_FIELDS: Final = "id, survivor, loser, at, principal, provenance, rows, undone_at"


def get(unit: Unit, merge: int, *, to_change: bool = False) -> Merge | None:
    lock = " for update" if to_change else ""
    return _one(unit, f"select {_FIELDS} from merges where id = %s{lock}", [merge])


def of_provenance(unit: Unit, rid: int) -> Merge | None:
    return _one(unit, f"select {_FIELDS} from merges where provenance = %s", [rid])


def standing(unit: Unit, loser: int) -> Merge | None:
    """The merge by which this record became part of another, unless it was undone."""
    return _one(unit, f"select {_FIELDS} from merges where loser = %s and undone_at is null", [loser])


def was_undone(unit: Unit, one: int, other: int) -> bool:
    """Whether somebody has taken these two apart before: then no machine joins them again."""
    asked = unit.cursor().execute(
        "select 1 from merges where (survivor, loser) in ((%s, %s), (%s, %s)) and undone_at is not null limit 1",
        [one, other, other, one],
    )
    return asked.fetchone() is not None


def end(unit: Unit, merge: int) -> None:
    unit.cursor().execute(
        "update merges set undone_at = %s, undone_by = %s where id = %s",
        [unit.now, unit.scope.actor.principal, merge],
    )


def _one(unit: Unit, query: str, given: list[Any]) -> Merge | None:
    row = unit.cursor().execute(query, given).fetchone()
    if row is None:
        return None
    id, survivor, loser, at, principal, provenance, rows, undone_at = row
    return Merge(id, survivor, loser, at, principal, provenance, bodies.decode(bytes(rows)), undone_at)


# --- what moves beside the resources

# kind: statement that moves what is the loser's to the survivor and returns what it moved.
_MOVE: Final = {
    "timers": """
with gone as (delete from timers where person = %(loser)s and key <> %(name)s returning *)
insert into timers(person, kind, key, due, done, tries, error)
select %(survivor)s, kind, key, due, done, tries, error from gone
on conflict (person, kind, key) do update set due = least(timers.due, excluded.due) returning kind, key""",
    "drafts": """
update drafts d set person = %(survivor)s where person = %(loser)s and not exists
(select from drafts o where o.person = %(survivor)s and o.actor = d.actor and o.form = d.form) returning id""",
    "grants": f"""
insert into grants(principal, kind, value, since, until, why, given_by, told)
select principal, kind, %(survivor)s, since, until, why, given_by, told from grants
where kind = {_BY_NAME} and value = %(loser)s
on conflict do nothing returning principal, since::text""",
    "denies": """
insert into denies(principal, person, given_by, why, since)
select principal, %(survivor)s, given_by, why, since from denies where person = %(loser)s
on conflict do nothing returning principal""",
    "inbox": "update inbox set person = %(survivor)s where person = %(loser)s returning id",
    "outbox": """
update outbox set person = %(survivor)s where person = %(loser)s and state in ('waiting', 'dead') returning id""",
}
_BACK: Final = {
    "timers": """
with gone as (delete from timers t using jsonb_array_elements(%(moved)s::jsonb) as m
  where t.person = %(survivor)s and t.kind = m ->> 0 and t.key = m ->> 1 returning t.*)
insert into timers(person, kind, key, due, done, tries, error)
select %(loser)s, kind, key, due, done, tries, error from gone
on conflict (person, kind, key) do nothing""",
    "drafts": """
update drafts d set person = %(loser)s from jsonb_array_elements(%(moved)s::jsonb) as m
where d.id = (m ->> 0)::bigint and d.person = %(survivor)s and not exists
(select from drafts o where o.person = %(loser)s and o.actor = d.actor and o.form = d.form)""",
    # What was ended while they were one stays ended.
    "grants": f"""
with gone as (delete from grants g using jsonb_array_elements(%(moved)s::jsonb) as m where g.kind = {_BY_NAME}
  and g.value = %(survivor)s and g.principal = (m ->> 0)::integer and g.since = (m ->> 1)::timestamptz returning g.*)
update grants k set until = gone.until from gone where k.kind = {_BY_NAME} and k.value = %(loser)s
and k.principal = gone.principal and k.since = gone.since and gone.until < coalesce(k.until, 'infinity')""",
    "denies": """
delete from denies d using jsonb_array_elements(%(moved)s::jsonb) as m
where d.person = %(survivor)s and d.principal = (m ->> 0)::integer""",
    "inbox": """
update inbox i set person = %(loser)s from jsonb_array_elements(%(moved)s::jsonb) as m
where i.id = (m ->> 0)::bigint and i.person = %(survivor)s""",
    "outbox": """
update outbox o set person = %(loser)s from jsonb_array_elements(%(moved)s::jsonb) as m
where o.id = (m ->> 0)::bigint and o.person = %(survivor)s and o.state in ('waiting', 'dead')""",
}


def move_rows(unit: Unit, survivor: int, loser: int) -> dict[str, list[Any]]:
    """Timers, unfinished sheets, grants by name, denials, messages and letters that wait. The stricter stays: whom she
    must not be seen by is joined, and an emergency that was opened for one record opens no other."""
    cursor = unit.cursor()
    name = unit.reference_of(loser)
    cursor.execute(
        "delete from timers where person = %s and key = %s", [loser, name]
    )  # of herself: made anew
    given = {"survivor": survivor, "loser": loser, "name": name}
    return {
        kind: [list(row) for row in cursor.execute(text.encode(), given).fetchall()]
        for kind, text in _MOVE.items()
    }


def move_rows_back(unit: Unit, merge: Merge) -> None:
    for kind, text in _BACK.items():
        moved = bodies.encode(merge.rows.get(kind, [])).decode()
        given = {"survivor": merge.survivor, "loser": merge.loser, "moved": moved}
        unit.cursor().execute(text.encode(), given)


def leads_to(unit: Unit, resource: Resource) -> int:
    """Whose the resource would be, were it written now: of what follows others, after they have moved."""
    place = belonging(resource, extract(resource))
    known = unit.mention_many([*filter(None, [place.home]), *place.targets])
    return unit._home(known, place.home, place.targets)


def keep_rows(unit: Unit, merge: Merge) -> None:
    """With what came late."""
    unit.cursor().execute("update merges set rows = %s where id = %s", [bodies.encode(merge.rows), merge.id])


# --- what is asked before and after


def may_change(unit: Unit, person: int) -> bool:
    """Whether the reader may write into this person's own record."""
    said, given = unit.people_sql(unit.condition("Patient", "update"), "one.person")
    asked = f"select 1 from (values (%s::bigint)) as one(person) where {said}"
    return unit.cursor().execute(asked.encode(), [person, *given]).fetchone() is not None


def has_sensitive(unit: Unit, person: int) -> bool:
    """Whether anything of hers carries a label that the policy looks at."""
    asked = "select 1 from heads where person = %s and state = 1 and labels & %s <> 0 limit 1"
    return unit.cursor().execute(asked, [person, labels.SENSITIVE]).fetchone() is not None


# First written after the merge, and hers who stayed; not what the merge had moved itself. began: its first version.
_SINCE: Final = """
select h.rid, first.at from heads h
cross join lateral (select v.at from versions v where v.rid = h.rid and v.version = 1 and v.person in (
  select h.person union all select m.person from moves m where m.rid = h.rid)) as first
where h.person = %s and h.state = 1 and h.at > %s and first.at > %s and first.at <= %s
  and not exists (select from merged m where m.merge = %s and m.rid = h.rid) order by h.rid
"""


def since(unit: Unit, merge: Merge) -> list[int]:
    """rids of what came into being while these two were one, and was not moved by the merge."""
    until = merge.undone_at or unit.now
    given = [merge.survivor, merge.at, merge.at, until, merge.id]
    return [row[0] for row in unit.cursor().execute(_SINCE, given).fetchall()]


def last_between(unit: Unit, one: int, other: int) -> Merge | None:
    """The newest merge of these two, whichever stayed."""
    query = f"select {_FIELDS} from merges where (survivor, loser) in ((%s, %s), (%s, %s)) order by id desc limit 1"
    return _one(unit, query, [one, other, other, one])
