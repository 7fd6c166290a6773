"""Runs a parsed search on the index: conditions before LIMIT, keyset paging, totals of what may be seen.

Every search starts from one of three sides, chosen by counting a little first and not left to the planner, whose
guesses about correlated columns are off by orders of magnitude:
- from the rows of its narrowest criterion, when there are few;
- from the people whom the caller may see, when they are few;
- else along an index in the order of the answer, until the page is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from psycopg.pq import TransactionStatus

from careloop.access import Condition
from careloop.fhir.definitions import search_params
from careloop.fhir.search import Query, Sort
from careloop.fhir.search_values import Composite, Reference, Token, Value
from careloop.store import keys
from careloop.store.conditions import people_to_start_from
from careloop.store.matching import Matching, Sql
from careloop.store.paging import Place, cursor_of, place_of
from careloop.store.stored import COLUMNS, Page, Stored

if TYPE_CHECKING:
    from careloop.store.sight import Sight

FEW_ROWS: Final = 5_000  # of a criterion
FEW_PEOPLE: Final = 2_000  # whom the caller may see
ESTIMATE_LIMIT: Final = 10_000  # an estimated total stops counting here
_PROBED: Final = 6  # criteria that are counted before a side is chosen

_RANGED: Final = frozenset({"date", "number", "quantity", "composite"})

Side = Literal["criterion", "people", "order"]

# How a sort parameter's rows are ordered, and the type of that column.
_ORDERED_BY: Final = {
    "token": ("code", "text"),
    "string": ("norm", "text"),
    "date": ("low", "bigint"),
    "number": ("low", "float8"),
    "quantity": ("low", "float8"),
    "uri": ("uri", "text"),
}
_WALKED: Final = frozenset({"string", "date", "number", "uri", "token"})


@dataclass(frozen=True)
class Plan:
    """One search, ready to be written. source: SQL that gives rows `h` of heads."""

    query: Query
    side: Side
    source: Sql
    filters: list[Sql]
    place: Place | None = None
    sort: tuple[Sort, ...] = field(default=())


def run(unit: Sight, query: Query) -> Page:
    """unit: gives `.glance()`, `.now`, `.condition(type, interaction)`. Raises BadSearch for a bad cursor."""
    place = place_of(query)
    cursor = unit.glance()
    condition = unit.condition(query.type, "search")
    matching = Matching(query.type, _targets(cursor, query), unit.now)
    plan = choose(cursor, query, condition, matching, place, unit.heads_sql(condition, query.type))
    total = _total(cursor, plan)
    if query.is_count_only:
        return Page(total=total, entries=[], next=None)
    rows = _page(cursor, plan)
    entries = [Stored.of_row(row) for row in rows[: query.count]]
    after = _place(plan, rows[query.count - 1]) if len(rows) > query.count else None
    return Page(total=total, entries=entries, next=cursor_of(query, after) if after else None)


def _ask(cursor: Any, query: Query, text: str, given: Sequence[Any]) -> Any:
    """Where a range is asked for, the plan is made for its very ends each time: one that is made for any range takes
    it for a third of the table, and reads the table."""
    has_range = any(criterion.param.type in _RANGED for criterion in query.criteria)
    if has_range and cursor.connection.info.transaction_status == TransactionStatus.INTRANS:
        cursor.execute("set local plan_cache_mode = auto")  # a commit that wrote keeps plans for any values
    return cursor.execute(text.encode(), given, prepare=False if has_range else None)


# --- choosing a side ---


def choose(
    cursor: Any, query: Query, condition: Condition, matching: Matching, place: Place | None, may: Sql
) -> Plan:
    """may: the condition over a row `h` of heads."""
    filters = [matching.of_head(criterion) for criterion in query.criteria]
    starts = [start for c in query.criteria if (start := matching.resources(c))][:_PROBED]
    people = people_to_start_from(condition, matching.now)
    counts, people_count = _probe(cursor, query, starts, people)
    filters.append(may)
    sort = query.sort or (Sort(search_params(query.type)["_lastUpdated"], False),)
    side: Side
    if counts and min(counts) <= FEW_ROWS:
        side, source = "criterion", _from_rows(query.type, starts[counts.index(min(counts))])
    elif people is not None and people_count <= FEW_PEOPLE:
        side, source = "people", _from_people(query.type, people)
    else:
        side, source = "order", _from_heads(query.type)
    return Plan(query, side, source, filters, place, sort)


def _probe(cursor: Any, query: Query, starts: Sequence[Sql], people: Sql | None) -> tuple[list[int], int]:
    """How many rows each side would start from, counted no further than it matters."""
    asked = [(f"{text} limit {FEW_ROWS + 1}", given) for text, given in starts]
    if people is not None:
        asked.append((f"select from people pe where {people[0]} limit {FEW_PEOPLE + 1}", people[1]))
    if not asked:
        return [], 0
    counted = ", ".join(f"(select count(*) from ({text}) x)" for text, _ in asked)
    row = _ask(cursor, query, f"select {counted}", [v for _, given in asked for v in given]).fetchone()
    found = [int(count) for count in row]
    return found[: len(starts)], found[-1] if people is not None else 0


def _from_rows(resource_type: str, start: Sql) -> Sql:
    # offset 0: a nested loop by primary key, whatever the planner believes about the number of rows.
    text = (
        f"(select distinct person, rid from ({start[0]}) s) c cross join lateral ("
        "select * from heads where person = c.person and rid = c.rid and state = 1 "
        f"and type = {keys.number_of(resource_type)} offset 0) h"
    )
    return text, start[1]


def _from_people(resource_type: str, people: Sql) -> Sql:
    text = (
        f"(select pe.person from people pe where {people[0]} union all select 0) c cross join lateral ("
        f"select * from heads where person = c.person and type = {keys.number_of(resource_type)} "
        "and state = 1 offset 0) h"
    )
    return text, people[1]


def _from_heads(resource_type: str) -> Sql:
    return f"(select * from heads where type = {keys.number_of(resource_type)} and state = 1) h", []


def _targets(cursor: Any, query: Query) -> dict[str, int]:
    """The integer keys of everything the search refers to, in one look-up."""
    wanted = {
        name for c in query.criteria for value in c.values for name in _named(query.type, c.param.code, value)
    }
    parts = {name: found for name in wanted if (found := keys.parts_of(name))}
    known = keys.look_up(cursor, set(parts.values())) if parts else {}
    return {name: known[found] for name, found in parts.items() if found in known}


def _named(resource_type: str, code: str, value: Value) -> list[str]:
    match value:
        case Token(_, str(id)) if code == "_id":
            return [f"{resource_type}/{id}"]
        case Reference(targets):
            return [target for target in targets if isinstance(target, str)]
        case Composite(parts):
            return [name for part in parts for name in _named(resource_type, "", part)]
    return []


# --- a page ---


def _page(cursor: Any, plan: Plan) -> list[tuple[Any, ...]]:
    """One row more than the page takes, when there are more. Columns: those of Stored, then the sort keys."""
    rows: list[tuple[Any, ...]] = []
    for text, given in _statements(plan):
        rows += _ask(cursor, plan.query, text, given).fetchall()
        if len(rows) > plan.query.count:
            break
    return rows


def _statements(plan: Plan) -> list[Sql]:
    """One, or along an index first those that have a value, then those that have none."""
    if not _walks_index(plan):
        return [statement(plan)]
    is_past_values = plan.place is not None and plan.place.keys[0] is None
    return [*([] if is_past_values else [walk(plan)]), statement(plan, only_without_value=True)]


def _walks_index(plan: Plan) -> bool:
    only = plan.sort[0].param
    return (
        plan.side == "order" and len(plan.sort) == 1 and only.type in _WALKED and not _is_head(plan.sort[0])
    )


def _is_head(sort: Sort) -> bool:
    return sort.param.code in ("_lastUpdated", "_id")


def statement(plan: Plan, *, only_without_value: bool = False) -> Sql:
    """The page as one statement: source, filters, keyset, order, limit; then the bodies of what is left."""
    columns = [_key(sort) for sort in plan.sort]
    said = [f"({text})" for text, _ in plan.filters]
    given = [*plan.source[1], *(value for _, values in plan.filters for value in values)]
    if only_without_value:
        said.append(f"{columns[0]} is null")
    laterals = "".join(f", lateral (select {key} as k{at} offset 0) l{at}" for at, key in enumerate(columns))
    names = [f"k{at}" for at in range(len(columns))]
    if _is_plain(plan):
        laterals, names = "", ["h.at"]
    if plan.place is not None and (not only_without_value or plan.place.keys[0] is None):
        text, values = _after(plan, plan.place, names)
        said.append(text)
        given += values
    inner = (
        f"select h.person, h.rid, h.version, {', '.join(f'{name} as k{at}' for at, name in enumerate(names))} "
        f"from {plan.source[0]}{laterals} where {' and '.join(said)} "
        f"order by {_order(plan, names, 'h')} limit {plan.query.count + 1}"
    )
    return _with_bodies(plan, inner), given


def walk(plan: Plan) -> Sql:
    """The same for those that have a value of the one sort parameter, in the order of its index."""
    sort = plan.sort[0]
    table, (column, _) = sort.param.type, _ORDERED_BY[sort.param.type]
    sooner = ">" if sort.is_descending else "<"
    said = [f"({text})" for text, _ in plan.filters]
    given = [*plan.source[1], *(value for _, values in plan.filters for value in values)]
    if plan.place is not None:
        text, values = _after(plan, plan.place, [f"s.{column}"], "s")
        said.append(text)
        given += values
    inner = (
        f"select h.person, h.rid, h.version, s.{column} as k0 from index_{table} s "
        "cross join lateral (select * from heads where person = s.person and rid = s.rid and state = 1 offset 0) h "
        f"where s.param = {sort.param.id} and coalesce((select false from index_{table} o "
        f"where o.person = s.person and o.rid = s.rid and o.param = s.param "
        f"and (o.{column} {sooner} s.{column} or (o.{column} = s.{column} and o.n < s.n)) limit 1), true) "
        f"and {' and '.join(said)} order by {_order(plan, [f's.{column}'], 's')} limit {plan.query.count + 1}"
    )
    return _with_bodies(plan, inner), given


def _with_bodies(plan: Plan, inner: str) -> str:
    names = [f"page.k{at}" for at in range(len(plan.sort))]
    return (
        f"with page as materialized ({inner}) select {COLUMNS}, {', '.join(names)} from page "
        "join versions v on v.person = page.person and v.rid = page.rid and v.version = page.version "
        f"join ids i on i.rid = page.rid order by {_order(plan, names, 'page')}"
    )


def _is_plain(plan: Plan) -> bool:
    """Whether the order is that of heads_by_type, forwards or backwards."""
    return len(plan.sort) == 1 and plan.sort[0].param.code == "_lastUpdated"


def _is_backwards(plan: Plan) -> bool:
    """Equal instants follow the direction too, so that one index serves both."""
    return _is_plain(plan) and plan.sort[0].is_descending


def _key(sort: Sort) -> str:
    """The sort key of a head: the smallest of its values, or the largest when descending; null without any."""
    if sort.param.code == "_lastUpdated":
        return "h.at"
    if sort.param.code == "_id":
        return "(select i.id from ids i where i.rid = h.rid)"
    column, _ = _ORDERED_BY[sort.param.type]
    pick = "max" if sort.is_descending else "min"
    return (
        f"(select {pick}(o.{column}) from index_{sort.param.type} o "
        f"where o.person = h.person and o.rid = h.rid and o.param = {sort.param.id})"
    )


def _order(plan: Plan, names: Sequence[str], alias: str) -> str:
    parts = []
    for sort, name in zip(plan.sort, names, strict=True):
        parts.append(name + (" desc" if sort.is_descending else ""))
        if not _is_plain(plan) and alias != "s":
            parts[-1] += " nulls last"
    tail = " desc" if _is_backwards(plan) else ""
    return ", ".join([*parts, f"{alias}.person{tail}", f"{alias}.rid{tail}"])


def _after(plan: Plan, place: Place, names: Sequence[str], alias: str = "h") -> Sql:
    """True of what comes after the last row of the page before."""
    if len(names) == 1 and place.keys[0] is not None and (_is_plain(plan) or alias == "s"):
        return _after_one(plan, place, names[0], alias)
    parts: list[str] = []
    given: list[Any] = []
    for at in range(len(names) + 1):
        same = [f"{name} is not distinct from %s::{_kind(plan.sort[i])}" for i, name in enumerate(names[:at])]
        values = list(place.keys[:at])
        if at == len(names):
            same.append(f"({alias}.person, {alias}.rid) > (%s::bigint, %s::bigint)")
            values += [place.person, place.rid]
        elif place.keys[at] is None:
            continue
        else:
            mark = "<" if plan.sort[at].is_descending else ">"
            same.append(f"({names[at]} {mark} %s::{_kind(plan.sort[at])} or {names[at]} is null)")
            values.append(place.keys[at])
        parts.append(f"({' and '.join(same)})")
        given += values
    return f"({' or '.join(parts)})", given


def _after_one(plan: Plan, place: Place, name: str, alias: str) -> Sql:
    """By one key without nulls: a bound that an index can use, then what is equal to it."""
    kind, value = _kind(plan.sort[0]), place.keys[0]
    if plan.sort[0].is_descending == _is_backwards(plan):
        mark = "<" if _is_backwards(plan) else ">"
        text = f"({name}, {alias}.person, {alias}.rid) {mark} (%s::{kind}, %s::bigint, %s::bigint)"
        return text, [value, place.person, place.rid]
    text = (
        f"({name} <= %s::{kind} and ({name} < %s::{kind} "
        f"or ({alias}.person, {alias}.rid) > (%s::bigint, %s::bigint)))"
    )
    return text, [value, value, place.person, place.rid]


def _kind(sort: Sort) -> str:
    if sort.param.code == "_lastUpdated":
        return "timestamptz"
    return "text" if sort.param.code == "_id" else _ORDERED_BY[sort.param.type][1]


def _place(plan: Plan, row: tuple[Any, ...]) -> Place:
    stored = Stored.of_row(row)
    found = tuple(key.isoformat() if hasattr(key, "isoformat") else key for key in row[9:])
    return Place(found, stored.person, stored.rid)


# --- totals ---


def _total(cursor: Any, plan: Plan) -> int | None:
    """Of what the caller may see; the place in the list does not matter. An estimate stops at ESTIMATE_LIMIT."""
    wanted = "accurate" if plan.query.is_count_only else plan.query.total
    if wanted == "none":
        return None
    limit = f" limit {ESTIMATE_LIMIT}" if wanted == "estimate" else ""
    said = " and ".join(f"({text})" for text, _ in plan.filters)
    given = [*plan.source[1], *(value for _, values in plan.filters for value in values)]
    text = f"select count(*) from (select from {plan.source[0]} where {said}{limit}) x"
    return int(_ask(cursor, plan.query, text, given).fetchone()[0])
