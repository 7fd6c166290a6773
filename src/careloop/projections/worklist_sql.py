"""The questions Today asks of the work table. Each group is a range over (class, due): no question walks a backlog.

A part is one side of the question (mine; one site; one team; one program) crossed with each class, and stops at its
own limit; `may` is the condition of access over w.person and stands before every LIMIT.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.projections.people import BRIEF

Sql = tuple[str, list[Any]]
GROUPS: Final = ("now", "today", "waiting", "week", "later")
DANGER: Final = 0
# `due` may lie this much after `aim`: both are of the same day, from 5 pm to its end, read in another zone.
SLACK: Final = timedelta(hours=30)


@dataclass(frozen=True)
class Hours:
    """now; tonight: the end of the reader's day; week: the end of the seventh day from now."""

    now: datetime
    tonight: datetime
    week: datetime


def range_of(group: str, hours: Hours) -> tuple[list[int], str, list[Any]]:
    """(classes, predicate over w, parameters)."""
    others = [1, 2, 3, 4]
    awake = "not w.is_waiting and w.wake <= %s"
    if group == "now":
        return [DANGER], "true", []
    if group == "today":
        return (
            others,
            f"w.due <= %s and w.aim <= %s and {awake}",
            [hours.tonight + SLACK, hours.tonight, hours.now],
        )
    if group == "waiting":
        return others, "w.is_waiting and w.wake <= %s", [hours.now]
    if group == "week":
        text = f"w.due > %s and w.due <= %s and w.aim > %s and w.aim <= %s and {awake}"
        return others, text, [hours.tonight, hours.week + SLACK, hours.tonight, hours.week, hours.now]
    return (
        others,
        "(w.wake > %s or (not w.is_waiting and w.due > %s and w.aim > %s))",
        [hours.now, hours.week, hours.week],
    )


def keys_of(side: Sql, group: str, hours: Hours, may: Sql, limit: int) -> Sql:
    """The keys of a group's rows in their order: select of (class, due, task)."""
    classes, within, told = range_of(group, hours)
    text = (
        "select w.class, w.due, w.task from unnest(%s::smallint[]) as k(class) cross join lateral ("
        " select w.class, w.due, w.task from work w"
        f" where w.is_open and {side[0]} and w.class = k.class and {within} and {may[0]}"
        " order by w.due, w.task limit %s) w"
    )
    return text, [classes, *side[1], *told, *may[1], limit]


def group_keys(sides: list[Sql], group: str, hours: Hours, may: Sql, limit: int) -> Sql:
    parts = [keys_of(side, group, hours, may, limit) for side in sides]
    text = " union ".join(f"({part})" for part, _ in parts)
    return f"select * from ({text}) u order by class, due, task limit %s", [
        *[v for _, p in parts for v in p],
        limit,
    ]


def count(sides: list[Sql], group: str, hours: Hours, may: Sql, cap: int) -> Sql:
    text, parameters = group_keys(sides, group, hours, may, cap + 1)
    return f"(select count(*) from ({text}) c)", parameters


COLUMNS: Final = (
    "w.task_id, w.task, w.version, w.person, w.class, w.due, w.aim, w.wake, w.since, w.is_waiting, w.kind, w.title,"
    " w.because, w.waiting_on, w.source, w.rule, w.zone, w.attempts, w.is_protected, w.program, w.reason, w.owner,"
    " n.name, w.position, w.is_acknowledged"
)
ROW_SOURCE: Final = "work w left join names n on n.rid = w.owner left join briefs b on b.person = w.person"


def rows(keys: Sql, group: str) -> Sql:
    text = f"select '{group}', {COLUMNS}, {BRIEF} from ({keys[0]}) g join work w on w.task = g.task"
    text += ROW_SOURCE.removeprefix("work w")
    return f"{text} order by w.class, w.due, w.task", keys[1]


def late(side: list[Sql], hours: Hours, may: Sql, cap: int) -> Sql:
    """How many of today's are past the hour to work towards."""
    parts = []
    values: list[Any] = []
    for text, told in side:
        parts.append(
            f"(select w.task from work w where w.is_open and {text} and w.class > 0 and w.due <= %s and w.aim < %s"
            f" and not w.is_waiting and w.wake <= %s and {may[0]} limit %s)"
        )
        values += [*told, hours.now + SLACK, hours.now, hours.now, *may[1], cap + 1]
    return f"(select count(*) from ({' union '.join(parts)}) c)", values


# People this practitioner leads, in a program now, alive, whom nobody of ours has reached since.
SILENT: Final = (
    "(select count(*) from (select 1 from people p join briefs b on b.person = p.person"
    " where p.lead = %s and not b.is_deceased"
    " and exists (select from enrolled e where e.person = p.person and e.until is null)"
    " and not exists (select from story s where s.person = p.person and s.at > %s and s.kind = 'contact')"
    " limit %s) c)"
)
