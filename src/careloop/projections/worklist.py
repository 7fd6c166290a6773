"""The worklist: what is to be done, in an order that can say why. Rows hold only what no clock changes; `now` makes
groups of them when they are read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from careloop.access.conditions import Condition, LeadIs, PersonIn, SiteIn, TeamIn, sides
from careloop.care.work import WorkClass
from careloop.care.workload import (
    FIRST_BECAUSE,
    GROUPS,
    NEVER,
    Hours,
    Matter,
    group_of,
    hours_of,
    is_late,
    place_of,
)
from careloop.projections import sources, worklist_sql
from careloop.projections.by_type import NOTHING, seen_lines, seen_row
from careloop.projections.people import BRIEF, TELLING, PersonBrief, brief_of_row
from careloop.projections.worklist_rows import Kept, kept
from careloop.projections.worklist_sql import CAP, UNCLAIMED_CAP, Question, Sql
from careloop.store import Change, Stored, Unit


@dataclass(frozen=True, repr=False)
class Row:
    """due: None without a legal end; target: the hour to aim for. wake: snoozed until, None when awake.
    reason: the reference that led here. position: grows with each change of the row."""

    task_id: str
    version: int
    person: PersonBrief | None
    title: str
    klass: WorkClass
    group: str
    due: datetime | None
    target: datetime | None
    since: datetime
    zone: str | None
    because: str
    source: str | None
    rule: str | None
    attempts: int
    owner: int | None
    owner_name: str | None
    waiting_on: str | None
    wake: datetime | None
    is_protected: bool
    is_acknowledged: bool
    program: str | None
    kind: str
    reason: str | None
    position: int
    is_late: bool

    @property
    def order_because(self) -> str:
        """Why it stands where it stands; an English msgid."""
        return FIRST_BECAUSE[self.klass]

    @property
    def has_legal_end(self) -> bool:
        """Whether `due` is a rule's, not only ours."""
        return self.klass is WorkClass.CLOCK

    @property
    def matter(self) -> Matter:
        """What decides its place."""
        is_waiting = bool(self.waiting_on) and self.klass is not WorkClass.DANGER
        return Matter(self.klass, self.target or NEVER, self.wake, is_waiting)

    def __repr__(self) -> str:
        return f"Row(Task/{self.task_id})"


@dataclass(frozen=True)
class Today:
    """rows: in their order, at most SHOWN a group. counts: by group, CAP + 1 when there are more.
    silent: people I lead whom nobody reached in 30 days. is_partial: something here is not shown to this reader.
    has_work: whether the reader's role sees to-dos at all."""

    rows: tuple[Row, ...]
    counts: dict[str, int]
    late: int = 0
    silent: int = 0
    views: dict[str, int] = field(default_factory=dict)
    is_partial: bool = False
    has_work: bool = True

    @property
    def for_today(self) -> int:
        return self.counts.get("now", 0) + self.counts.get("today", 0)

    def of(self, group: str) -> list[Row]:
        return [row for row in self.rows if row.group == group]


# --- reading


def today(unit: Unit, now: datetime, view: str = "mine", *, reader: ZoneInfo | None = None) -> Today:
    """view: mine, team, unclaimed, or program:<code>. reader: whose day ends tonight; UTC when not told.

    Says nothing to the audit trail: the caller does (`saw`) once it hands the rows out."""
    if not unit.may_search("Task"):
        return Today((), dict.fromkeys(GROUPS, 0), has_work=False)
    hours = hours_of(now, reader or ZoneInfo("UTC"))
    condition = unit.condition("Task", "search")
    sides = _sides(unit, view, condition)
    if not sides:
        return Today((), dict.fromkeys(GROUPS, 0))
    question = Question(
        sides=tuple(sides),
        houses=tuple(_houses(condition)),
        may=unit.people_sql(condition, "w.person", labels="w.labels"),
        lead=unit.scope.actor.practitioner_rid,
        hours=hours,
        program=seen_row(unit, ("EpisodeOfCare",), "e.person", "e.rid")
        if unit.may_search("Encounter")
        else NOTHING,
        contact=_contact(unit),
    )
    first, *others = unit.ask(*worklist_sql.asked(question))
    *counts, late, silent, unclaimed, is_partial = first[: len(GROUPS) + 4]
    rows = [_row(row, hours) for told in (first, *others) if (row := told[len(GROUPS) + 4 :])[0] is not None]
    return Today(
        rows=tuple(sorted(rows, key=lambda row: place_of(row.matter, hours))),
        counts={group: min(count, CAP + 1) for group, count in zip(GROUPS, counts, strict=True)},
        late=min(late, CAP + 1),
        silent=silent,
        views={"unclaimed": min(unclaimed, UNCLAIMED_CAP)},
        is_partial=is_partial,
    )


def saw(unit: Unit, shown: Today) -> None:
    """Into the audit trail: whose names were handed out."""
    unit.saw({row.person.rid for row in shown.rows if row.person}, "today")


# What nobody owns and cannot wait stands before everybody who could take it.
AT_HAND = f" and w.owner is null and w.class <= {WorkClass.CLOCK.value}"


def _contact(unit: Unit) -> Sql:
    """Most contacts carry no label, and whoever leads her sees those."""
    said, given = seen_lines(unit, ("Encounter",))
    return f"(s.labels = 0 or ({said}))", given


def _sides(unit: Unit, view: str, condition: Condition) -> list[Sql]:
    """The indexes to walk. The condition stands beside each anyway; sides only say where to look."""
    me = unit.scope.actor.practitioner_rid
    if view == "mine":
        # What a colleague owes while she is away is owed by whoever covers for her.
        owners = sorted({*unit.scope.actor.covered, *filter(None, [me])})
        mine: list[Sql] = [("w.owner = %s", [owner]) for owner in owners]
        return [*mine, *((text + AT_HAND, told) for text, told in _houses(condition))]
    extra = " and w.owner is null" if view == "unclaimed" else ""
    within: list[Any] = []
    if view.startswith("program:"):
        extra, within = " and w.program = %s", [view.removeprefix("program:")]
    return [(text + extra, [*told, *within]) for text, told in _houses(condition)]


def _houses(condition: Condition) -> list[Sql]:
    """One side a site and team, so that each stops at its own limit; nobody's work is at hand for all."""
    nobody: Sql = ("w.person = 0 and w.site is null", [])
    found: list[Sql] = []
    parts = sides(condition)
    if parts is None:
        return [("true", [])]
    for part in parts:
        if isinstance(part, SiteIn):
            found += [("w.site = %s", [site]) for site in sorted(part.sites)]
        elif isinstance(part, TeamIn):
            found += [("w.team = %s", [team]) for team in sorted(part.teams)]
        elif isinstance(part, LeadIs):
            found.append(("w.lead = %s", [part.lead]))
        elif isinstance(part, PersonIn):
            found.append(("w.person = any(%s::bigint[])", [sorted(part.people)]))
        else:
            return [("true", [])]
    return [*found, nobody]


def _row(row: Sequence[Any], hours: Hours) -> Row:
    brief = row[26:]
    due = None if row[6] == NEVER else row[6]
    aim = None if row[7] == NEVER else row[7]
    return Row(
        group=GROUPS[row[0]],
        task_id=row[1],
        version=row[3],
        person=brief_of_row(brief, hours.now.date()) if brief[0] else None,
        klass=WorkClass(row[5]),
        due=due,
        target=aim,
        wake=row[8] if row[8] > hours.now else None,
        since=row[9],
        kind=row[11],
        title=row[12],
        because=row[13],
        waiting_on=row[14],
        source=row[15],
        rule=row[16],
        zone=row[17],
        attempts=row[18],
        is_protected=row[19],
        program=row[20],
        reason=row[21],
        owner=row[22],
        owner_name=row[23],
        position=row[24],
        is_acknowledged=row[25],
        is_late=is_late(Matter(WorkClass(row[5]), row[7], None, row[10]), hours.now),
    )


def of_person(unit: Unit, person: int, now: datetime, *, reader: ZoneInfo | None = None) -> list[Row]:
    """Everything open for one person, in its order. Empty when she or her to-dos may not be seen."""
    if not unit.may_search("Task") or not unit.may_see(person):
        return []
    hours = hours_of(now, reader or ZoneInfo("UTC"))
    return _listed(unit, "w.person = %s", [person], hours)


def row_of(unit: Unit, task_id: str, now: datetime, *, reader: ZoneInfo | None = None) -> Row | None:
    """The open row of a Task; the caller has read the Task itself, so it may be seen."""
    rid = unit.rid_of(f"Task/{task_id}")
    found = _listed(unit, "w.task = %s", [rid], hours_of(now, reader or ZoneInfo("UTC"))) if rid else []
    return found[0] if found else None


def _listed(unit: Unit, where: str, parameters: list[Any], hours: Hours) -> list[Row]:
    text = f"select 4, {worklist_sql.COLUMNS}, {BRIEF} from {worklist_sql.ROW_SOURCE}"
    may, allowed = unit.people_sql(unit.condition("Task", "search"), "w.person", labels="w.labels")
    rows = unit.cursor().execute(
        f"{text} where w.is_open and {where} and {may} order by w.class, w.aim, w.task limit 200",
        [*parameters, *allowed],
    )
    found = [_row(row, hours) for row in rows.fetchall()]
    unit.saw({row.person.rid for row in found if row.person}, "work")
    return [replace(row, group=group_of(row.matter, hours)) for row in found]


# --- keeping


class Worklist:
    """The projector: one row a Task; rows follow their person to another site or team."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        tasks = sources.latest(changes, ("Task",))
        gone = [rid for rid, change in tasks.items() if change.after is None]
        if gone:
            unit.cursor().execute("delete from work where task = any(%s::bigint[])", [gone])
        keep(unit, [change.after for change in tasks.values() if change.after])
        if moved := sources.moved(changes, TELLING):
            unit.cursor().execute(FOLLOW, [sorted(moved)])

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from work")
        for batch in sources.every(unit, ("Task",)):
            keep(unit, batch)


FOLLOW = """
update work w set site = coalesce(p.site, w.own_site), team = p.team, lead = p.lead,
  position = nextval('work_positions')
from unnest(%s::bigint[]) as moved(person) left join people p on p.person = moved.person
where w.person = moved.person and (w.site, w.team, w.lead)
  is distinct from (coalesce(p.site, w.own_site), p.team, p.lead)
"""

COLUMNS = {
    "person": "bigint",
    "task": "bigint",
    "task_id": "text",
    "version": "integer",
    "is_open": "boolean",
    "class": "smallint",
    "due": "timestamptz",
    "aim": "timestamptz",
    "wake": "timestamptz",
    "since": "timestamptz",
    "is_waiting": "boolean",
    "owner": "bigint",
    "own_site": "bigint",
    "program": "text",
    "kind": "text",
    "title": "text",
    "because": "text",
    "waiting_on": "text",
    "source": "text",
    "rule": "text",
    "zone": "text",
    "attempts": "smallint",
    "is_protected": "boolean",
    "is_acknowledged": "boolean",
    "reason": "text",
}
# site, team and lead are the person's, labels the Task's own, as they stand at this moment.
KEEP = f"""
insert into work({", ".join(COLUMNS)}, site, team, lead, labels, position)
select {", ".join(f"n.{name}" for name in COLUMNS)},
  coalesce(p.site, n.own_site), p.team, p.lead, coalesce(h.labels, 0), nextval('work_positions')
from (values ({", ".join(f"%s::{kind}" for kind in COLUMNS.values())})) as n({", ".join(COLUMNS)})
left join people p on p.person = n.person
left join heads h on h.person = n.person and h.rid = n.task
"""


def keep(unit: Unit, tasks: Collection[Stored]) -> None:
    """Writes the rows of these Tasks anew."""
    if not tasks:
        return
    told = [(stored, kept(stored.resource)) for stored in tasks]
    named = {r for _, k in told for r in (k.owner, k.site) if r}
    keys: dict[str | None, int] = dict(unit.mention_many(named).items())
    cursor = unit.cursor()
    cursor.execute("delete from work where task = any(%s::bigint[])", [[stored.rid for stored in tasks]])
    cursor.executemany(KEEP, [_values(stored, row, keys) for stored, row in told])


def _values(stored: Stored, row: Kept, keys: dict[str | None, int]) -> tuple[Any, ...]:
    is_waiting = row.waiting_on is not None and row.klass is not WorkClass.DANGER
    return (
        stored.person,
        stored.rid,
        stored.id,
        stored.version,
        row.is_open,
        int(row.klass),
        row.due,
        row.aim,
        row.wake,
        row.since,
        is_waiting,
        keys.get(row.owner),
        keys.get(row.site),
        row.program,
        row.kind,
        row.title,
        row.because,
        row.waiting_on,
        row.source,
        row.rule,
        row.zone,
        row.attempts,
        row.is_protected,
        row.is_acknowledged,
        row.reason,
    )


__all__ = ["CAP", "GROUPS", "Row", "Today", "Worklist", "of_person", "row_of", "saw", "today"]
