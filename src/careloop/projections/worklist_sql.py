"""The questions Today asks of the work table, in the order that `care/workload.py` explains. Each group is one range of
an index, or two: no question walks a backlog, however large the house.

A part is one side of the question (mine; one site; one team; one program there) crossed with each class, and stops at
its own limit; `may` is the condition of access over w.person and stands before every LIMIT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from careloop.care.workload import Hours
from careloop.projections.people import BRIEF

Sql = tuple[str, list[Any]]
DANGER, OTHERS = [0], [1, 2, 3, 4]
AWAKE = "w.wake <= %s"
OURS = f"not w.is_waiting and {AWAKE}"


def row_by_row(may: Sql) -> Sql:
    """The condition of access, asked of each row as the index gives it. Without the scalar select around it PostgreSQL
    would first gather everybody whom she may see: tens of thousands, to show sixty."""
    return f"(select {may[0]})", may[1]


@dataclass(frozen=True)
class Range:
    """What lies together in an index: predicate over w, its parameters, and the column that orders it."""

    classes: list[int]
    predicate: str
    told: list[Any]
    order: str = "w.aim"


def ranges_of(group: str, hours: Hours) -> list[Range]:
    """Together they are the group, and share no row."""
    match group:
        case "now":
            return [Range(DANGER, "not w.is_waiting", [])]
        case "today":
            return [Range(OTHERS, f"{OURS} and w.aim <= %s", [hours.now, hours.tonight])]
        case "waiting":
            return [Range(OTHERS, f"w.is_waiting and {AWAKE}", [hours.now])]
        case "week":
            within = f"{OURS} and w.aim > %s and w.aim <= %s"
            return [Range(OTHERS, within, [hours.now, hours.tonight, hours.week])]
        case _:
            asleep = "w.wake > %s and w.wake > '1970-01-01Z'"  # the second half is the partial index's own
            return [
                Range(OTHERS, f"{OURS} and w.aim > %s", [hours.now, hours.week]),
                Range(OTHERS, asleep, [hours.now], "w.wake"),
            ]


def keys_of(side: Sql, within: Range, may: Sql, limit: int) -> Sql:
    """The keys of a range's rows in their order: select of (class, aim, task)."""
    text = (
        "select w.class, w.aim, w.task from unnest(%s::smallint[]) as k(class) cross join lateral ("
        " select w.class, w.aim, w.task from work w"
        f" where w.is_open and {side[0]} and w.class = k.class and {within.predicate} and {may[0]}"
        f" order by {within.order}, w.task limit %s) w"
    )
    return text, [within.classes, *side[1], *within.told, *may[1], limit]


def group_keys(sides: list[Sql], group: str, hours: Hours, may: Sql, limit: int) -> Sql:
    parts = [keys_of(side, within, may, limit) for side in sides for within in ranges_of(group, hours)]
    text = " union ".join(f"({part})" for part, _ in parts)
    return f"select * from ({text}) u order by class, aim, task limit %s", [
        *[v for _, p in parts for v in p],
        limit,
    ]


def count(sides: list[Sql], group: str, hours: Hours, may: Sql, cap: int) -> Sql:
    text, parameters = group_keys(sides, group, hours, may, cap + 1)
    return f"(select count(*) from ({text}) c)", parameters


def late(sides: list[Sql], hours: Hours, may: Sql, cap: int) -> Sql:
    """How many of today's are past the hour to work towards."""
    within = Range(OTHERS, f"{OURS} and w.aim < %s", [hours.now, hours.now])
    parts = [keys_of(side, within, may, cap + 1) for side in sides]
    text = " union ".join(f"({part})" for part, _ in parts)
    return f"(select count(*) from ({text}) c)", [value for _, told in parts for value in told]


def withheld(sides: list[Sql], may: Sql) -> Sql:
    """Whether some open row of these sides is not shown. Only rows with a label can be: they are few, and have an index
    of their own."""
    said = " or ".join(f"({text})" for text, _ in sides)
    text = (
        f"select exists (select from work w where w.is_open and w.labels <> 0 and ({said}) and not {may[0]})"
    )
    return text, [*(value for _, told in sides for value in told), *may[1]]


COLUMNS: Final = (
    "w.task_id, w.task, w.version, w.person, w.class, w.due, w.aim, w.wake, w.since, w.is_waiting, w.kind, w.title,"
    " w.because, w.waiting_on, w.source, w.rule, w.zone, w.attempts, w.is_protected, w.program, w.reason, w.owner,"
    " n.name, w.position, w.is_acknowledged"
)
ROW_SOURCE: Final = "work w left join names n on n.rid = w.owner left join briefs b on b.person = w.person"


def rows(keys: Sql, group: str) -> Sql:
    text = f"select '{group}', {COLUMNS}, {BRIEF} from ({keys[0]}) g join work w on w.task = g.task"
    text += ROW_SOURCE.removeprefix("work w")
    return f"{text} order by w.class, w.aim, w.task", keys[1]


# People this practitioner leads, in a program now, alive, whom nobody of ours has reached since.
SILENT: Final = (
    "(select count(*) from (select 1 from people p join briefs b on b.person = p.person"
    " where p.lead = %s and not b.is_deceased"
    " and exists (select from enrolled e where e.person = p.person and e.until is null)"
    " and not exists (select from story s where s.person = p.person and s.at > %s and s.kind = 'contact')"
    " limit %s) c)"
)
