"""The one question that Today asks of the work table, in the order that `care/workload.py` explains. Each group is one
range of an index, or two: nothing walks a backlog, however large the house.

A part is one side of the question (mine; one site; one team; one program there) crossed with each class, and stops at
its own limit; the condition of access over w.person stands before every LIMIT. The text depends on nothing but the
shape of the question, and each value is told once: planning so many ranges takes ten times as long as walking them, so
the database plans each shape once a connection and keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from careloop.care.workload import GROUPS, SILENCE, Hours
from careloop.projections.people import BRIEF

Sql = tuple[str, list[Any]]
AWAKE: Final = "w.wake <= $1"
OURS: Final = f"not w.is_waiting and {AWAKE}"
DANGER, OTHERS = "array[0]::smallint[]", "array[1,2,3,4]::smallint[]"
# Counted no further: above it reads “200+”. Shown so many a group; the rest come up as these are finished.
CAP: Final = 200
SHOWN: Final = {"now": 40, "today": 40, "waiting": 20, "week": 20, "later": 10}
UNCLAIMED_CAP: Final = 100


@dataclass(frozen=True)
class Range:
    """What lies together in an index: predicate over w, and the column that orders it. $1 is now, $2 tonight, $3 the
    end of the week."""

    group: str
    predicate: str
    classes: str = OTHERS
    order: str = "w.aim"


# The ranges of a group are the group, and share no row. The second half of the last is the partial index's own.
RANGES: Final = (
    Range("now", "not w.is_waiting", DANGER),
    Range("today", f"{OURS} and w.aim <= $2"),
    Range("waiting", f"w.is_waiting and {AWAKE}"),
    Range("week", f"{OURS} and w.aim > $2 and w.aim <= $3"),
    Range("later", f"{OURS} and w.aim > $3"),
    Range("later", "w.wake > $1 and w.wake > '1970-01-01Z'", order="w.wake"),
)


@dataclass(frozen=True)
class Question:
    """sides: which rows, each an index of its own. houses: where work that nobody has taken would be seen. may: the
    condition of access over w. lead: the practitioner whose people are counted when nobody reached them. program,
    contact: what she may know of enrollments (e) and contacts (s)."""

    sides: tuple[Sql, ...]
    houses: tuple[Sql, ...]
    may: Sql
    lead: int | None
    hours: Hours
    program: Sql
    contact: Sql


def asked(question: Question) -> tuple[str, list[Any]]:
    """The statement, with $n for its parameters, and these. Its rows: counts of each group, late, silent, unclaimed,
    whether something is withheld; then the columns of a row to show, all null when there is none."""
    hours = question.hours
    told: list[Any] = [hours.now, hours.tonight, hours.week, question.lead, hours.now - SILENCE]
    for _, given in (*question.sides, *question.houses, question.may, question.program, question.contact):
        told += given
    return _text(
        tuple(text for text, _ in question.sides),
        tuple(text for text, _ in question.houses),
        question.may[0],
        question.program[0],
        question.contact[0],
    ), told


@lru_cache(maxsize=256)
def _text(sides: tuple[str, ...], houses: tuple[str, ...], may: str, program: str, contact: str) -> str:
    *numbered, allowed, enrolled, reached = _numbered([*sides, *houses, may, program, contact], first=6)
    sides, houses = tuple(numbered[: len(sides)]), tuple(numbered[len(sides) :])
    # Asked of each row as the index gives it. Without the scalar select around it PostgreSQL would first gather
    # everybody whom she may see: tens of thousands, to show sixty.
    row_by_row = f"(select {allowed})"
    keys = " union ".join(_keys(side, within, row_by_row) for side in sides for within in RANGES)
    counts = ", ".join(f"(select count(*) from k where grp = {at}) c{at}" for at in range(len(GROUPS)))
    late = f"(select count(*) from k where grp = {GROUPS.index('today')} and aim < $1) late"
    shown = " union all ".join(
        f"(select * from k where grp = {at} order by class, aim, task limit {SHOWN[group]})"
        for at, group in enumerate(GROUPS)
    )
    totals = ", ".join(
        [
            counts,
            late,
            _silent(enrolled, reached),
            _unclaimed(houses, row_by_row),
            _withheld(sides, row_by_row),
        ]
    )
    return (
        f"with k as materialized ({keys}) select t.*, g.grp, {COLUMNS}, {BRIEF}"
        f" from (select {totals}) t left join ({shown}) g on true left join work w on w.task = g.task {BESIDE}"
    )


def _numbered(texts: Sequence[str], first: int) -> list[str]:
    """%s as $n, counted through all of them."""
    made, number = [], first
    for text in texts:
        first_part, *rest = text.replace("%%", "%").split("%s")
        made.append(first_part + "".join(f"${number + at}{part}" for at, part in enumerate(rest)))
        number += len(rest)
    return made


def _keys(side: str, within: Range, may: str) -> str:
    """The keys of a range's rows in their order: select of (group, class, aim, task)."""
    return (
        f"(select {GROUPS.index(within.group)} grp, w.class, w.aim, w.task from unnest({within.classes}) as c(class)"
        " cross join lateral (select w.class, w.aim, w.task from work w"
        f" where w.is_open and {side} and w.class = c.class and {within.predicate} and {may}"
        f" order by {within.order}, w.task limit {CAP + 1}) w)"
    )


def _unclaimed(houses: Sequence[str], may: str) -> str:
    parts = " union ".join(
        f"(select w.task from work w where w.is_open and w.owner is null and {house} and {may} limit {UNCLAIMED_CAP})"
        for house in houses
    )
    return f"(select count(*) from ({parts}) u) unclaimed"


def _withheld(sides: Sequence[str], may: str) -> str:
    """Whether some open row of these sides is not shown. Only rows with a label can be: they are few, and have an index
    of their own."""
    said = " or ".join(f"({side})" for side in sides)
    return (
        f"exists (select from work w where w.is_open and w.labels <> 0 and ({said}) and not {may}) withheld"
    )


COLUMNS: Final = (
    "w.task_id, w.task, w.version, w.person, w.class, w.due, w.aim, w.wake, w.since, w.is_waiting, w.kind, w.title,"
    " w.because, w.waiting_on, w.source, w.rule, w.zone, w.attempts, w.is_protected, w.program, w.reason, w.owner,"
    " n.name, w.position, w.is_acknowledged"
)
BESIDE: Final = "left join names n on n.rid = w.owner left join briefs b on b.person = w.person"
ROW_SOURCE: Final = f"work w {BESIDE}"


def _silent(enrolled: str, reached: str) -> str:
    """People this practitioner leads, in a program now, alive, whom nobody of ours has reached since; as far as she may
    know of either."""
    return (
        "(select count(*) from (select 1 from people p join briefs b on b.person = p.person"
        " where p.lead = $4 and not b.is_deceased"
        f" and exists (select from enrolled e where e.person = p.person and e.until is null and {enrolled})"
        " and not exists (select from story s where s.person = p.person and s.at > $5 and s.kind = 'contact'"
        f" and {reached}) limit {CAP + 1}) c) silent"
    )
