"""The list of people: whom I lead, or whom I may see, with what matters of each: what is next, how long since anybody
of ours heard from her, her programs, what must not be forgotten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from careloop import library
from careloop.care.work import WorkClass
from careloop.care.workload import NEVER, SILENCE
from careloop.fhir.elements import text_of
from careloop.projections.by_type import searchable, seen_behind, seen_lines, seen_of_type, seen_row
from careloop.projections.moments import TELLERS
from careloop.projections.people import BRIEF, PersonBrief, brief_of_row
from careloop.store import Unit

SORTS: Final = ("name", "next", "heard")
FILTERS: Final = ("late", "silent", "interpreter")
Sql = tuple[str, list[Any]]


@dataclass(frozen=True)
class Asked:
    """view: mine (whom I lead) or all (whom I may see). program: a code, or empty. sort: by name, by what is next,
    or by how long nobody heard. Only one's own people are sorted otherwise than by name: the others may be many."""

    view: str = "mine"
    program: str = ""
    only: str = ""
    sort: str = "name"
    page: int = 1


@dataclass(frozen=True, repr=False)
class Listed:
    """next_*: the most pressing open to-do. heard: the last contact that reached her. late: open work past its hour."""

    person: PersonBrief
    programs: tuple[str, ...]
    lead: str | None
    next_task: str | None
    next_title: str
    next_aim: datetime | None
    next_class: WorkClass | None
    zone: str | None
    late: int
    open: int
    heard: datetime | None
    flags: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Listed({self.person!r})"


@dataclass(frozen=True)
class Caseload:
    """has_more: another page follows. total: of this view and filter, counted up to a limit. is_partial: something of
    somebody on it is not shown. knows: of the types that lines tell of, those that the reader may look for at all; of
    others nothing is known, not that there is nothing."""

    rows: tuple[Listed, ...]
    has_more: bool
    total: int
    is_partial: bool = False
    knows: frozenset[str] = frozenset()


TOLD_OF: Final = ("CareTeam", "Encounter", "EpisodeOfCare", "Flag", "Task")
MOST_COUNTED: Final = 1_000

# Whose lines stand on the page is decided first; what is next and what was last is looked up for those few only.
CHOSEN: Final = "from people p join briefs b on b.person = p.person"
# {work}, {story}: whether the reader may see that row.
NEXT: Final = """
left join lateral (
  select w.task_id, w.title, w.aim, w.class, w.zone from work w where w.person = p.person and w.is_open and {work}
  order by w.class, w.due, w.task limit 1
) n on true"""
HEARD: Final = """
left join lateral (
  select max(s.at) as at from story s where s.person = p.person and s.kind = 'contact' and {story}
) h on true"""
COUNTS: Final = """
left join lateral (
  select count(*) as open, count(*) filter (where w.aim < %s and not w.is_waiting and w.wake <= %s) as late
  from work w where w.person = p.person and w.is_open and {work}
) c on true"""
ORDERS: Final = {
    "name": "b.name, p.person",
    "next": "n.class nulls last, n.aim nulls last, b.name, p.person",
    "heard": "h.at nulls first, b.name, p.person",
}
ENROLLED: Final = (
    "exists (select from enrolled e where e.person = p.person and e.until is null{which} and {may})"
)
LATE: Final = (
    "exists (select from work w where w.person = p.person and w.is_open and w.aim < %s"
    " and not w.is_waiting and w.wake <= %s and {work})"
)
UNHEARD: Final = (
    "not exists (select from story s where s.person = p.person and s.kind = 'contact' and s.at >= %s"
    " and {story})"
)


@dataclass(frozen=True)
class _Seen:
    """Whether the reader may see a row of the worklist (w), a contact of the story (s) and an enrollment (e): by what
    each is of."""

    work: Sql
    story: Sql
    program: Sql

    def next(self) -> Sql:
        return NEXT.format(work=self.work[0]), self.work[1]

    def heard(self) -> Sql:
        return HEARD.format(story=self.story[0]), self.story[1]

    def counts(self, now: datetime) -> Sql:
        return COUNTS.format(work=self.work[0]), [now, now, *self.work[1]]


def _seen(unit: Unit) -> _Seen:
    return _Seen(
        seen_of_type(unit, "Task", "w"),
        seen_lines(unit, TELLERS),
        seen_row(unit, ("EpisodeOfCare",), "e.person", "e.rid"),
    )


def caseload(unit: Unit, asked: Asked, size: int = 50) -> Caseload:
    """The caller's own people or all she may see; never merged records. Written into the audit trail."""
    seen = _seen(unit)
    where, told = _where(unit, asked, seen)
    sort = asked.sort if asked.view == "mine" else "name"
    needs, needed = {"name": ("", []), "next": seen.next(), "heard": seen.heard()}[sort]
    beside = [seen.next(), seen.counts(unit.now), seen.heard()]
    order = ORDERS[sort]
    text = (
        f"select {BRIEF}, l.name, n.task_id, n.title, n.aim, n.class, n.zone, c.late, c.open, h.at,"
        " (select array_agg(distinct e.program order by e.program) from enrolled e"
        f"  where e.person = p.person and e.until is null and {seen.program[0]})"
        f" from (select p.person {CHOSEN} {needs} where {where} order by {order} limit %s offset %s) k"
        " join people p on p.person = k.person join briefs b on b.person = p.person"
        f" left join names l on l.rid = p.lead {' '.join(each for each, _ in beside)} order by {order}"
    )
    window = [size + 1, (max(asked.page, 1) - 1) * size]
    given = [*seen.program[1], *needed, *told, *window, *(value for _, values in beside for value in values)]
    rows = unit.cursor().execute(text, given).fetchall()
    found = [_listed(row, unit) for row in rows[:size]]
    unit.saw({one.person.rid for one in found}, "people")
    flags = _flags(unit, [one.person.id for one in found])
    knows = frozenset(searchable(unit, TOLD_OF))
    shown = tuple(_known(replace(one, flags=flags.get(one.person.id, ())), knows) for one in found)
    is_partial = unit.withholds({one.person.rid for one in found})
    return Caseload(shown, len(rows) > size, _total(unit, where, told), is_partial, knows)


def _known(one: Listed, knows: frozenset[str]) -> Listed:
    """What stands beside the people themselves (programs, lead) is told to those who may see what it comes from."""
    programs = one.programs if "EpisodeOfCare" in knows else ()
    return replace(one, programs=programs, lead=one.lead if "CareTeam" in knows else None)


def _where(unit: Unit, asked: Asked, seen: _Seen) -> Sql:
    may, allowed = unit.people_sql(unit.condition("Patient", "search"), "p.person")
    parts, told = [f"({may})", "p.merged_into is null"], [*allowed]
    if asked.view == "mine":
        parts.append("p.lead = %s")
        told.append(unit.scope.actor.practitioner_rid or 0)
    if (asked.program or asked.only == "silent") and not unit.may_search("EpisodeOfCare"):
        parts.append("false")
    if asked.program:
        parts.append(ENROLLED.format(which=" and e.program = %s", may=seen.program[0]))
        told += [asked.program, *seen.program[1]]
    match asked.only:
        case "late":
            parts.append(LATE.format(work=seen.work[0]))
            told += [unit.now, unit.now, *seen.work[1]]
        case "silent" if not unit.may_search("Encounter"):
            parts.append("false")
        case "silent":
            parts += ["not b.is_deceased", ENROLLED.format(which="", may=seen.program[0])]
            parts.append(UNHEARD.format(story=seen.story[0]))
            told += [*seen.program[1], unit.now - SILENCE, *seen.story[1]]
        case "interpreter":
            parts.append("b.needs_interpreter")
    return " and ".join(parts), told


def _total(unit: Unit, where: str, told: list[Any]) -> int:
    text = f"select count(*) from (select 1 {CHOSEN} where {where} limit %s) counted"
    row = unit.cursor().execute(text, [*told, MOST_COUNTED + 1]).fetchone()
    return int(row[0]) if row else 0


def _listed(row: Any, unit: Unit) -> Listed:
    brief = brief_of_row(row[:11], unit.now.date())
    lead, task, title, aim, klass, zone, late, count, heard, programs = row[11:]
    return Listed(
        person=brief,
        programs=tuple(programs or ()),
        lead=lead,
        next_task=task,
        next_title=title or "",
        next_aim=None if aim in (None, NEVER) else aim,
        next_class=None if klass is None else WorkClass(klass),
        zone=zone,
        late=late,
        open=count,
        heard=heard,
    )


def _flags(unit: Unit, ids: list[str]) -> dict[str, tuple[str, ...]]:
    """Safety flags by Patient id."""
    if not ids or not unit.may_search("Flag"):
        return {}
    page = unit.search("Flag", [("patient", ",".join(ids)), ("_count", "500")])
    found: dict[str, tuple[str, ...]] = {}
    for stored in page.entries:
        id = str((stored.resource.get("subject") or {}).get("reference", "")).removeprefix("Patient/")
        said = text_of(stored.resource.get("code"))
        if said and stored.resource.get("status") == "active":
            found[id] = (*found.get(id, ()), said)
    return found


# Each program once, by walking the index from one to the next instead of through all who are enrolled.
PROGRAMS: Final = """
with recursive known(program) as (
  (select e.program from enrolled e where e.until is null order by e.program limit 1)
  union all
  select (select e.program from enrolled e where e.until is null and e.program > k.program order by e.program limit 1)
  from known k where k.program is not null
)
select k.program from known k where k.program is not null"""
OF_MINE: Final = """
and exists (select from people p join enrolled e on e.person = p.person and e.until is null
            where p.lead = %s and e.program = k.program and {may})"""


def programs_of(unit: Unit, view: str) -> list[str]:
    """Program codes for the filter: those of my people that I may know of, else also those of the library that anybody
    is in. No person is told: not even that there is one in a program of which only its own records tell."""
    if not unit.may_search("EpisodeOfCare"):
        return []
    may, given = seen_behind(unit, ("EpisodeOfCare",), "e.person", "e.rid")
    mine = PROGRAMS + OF_MINE.format(may=may)
    rows = unit.cursor().execute(mine.encode(), [unit.scope.actor.practitioner_rid or 0, *given]).fetchall()
    found = {program for (program,) in rows}
    if view != "mine":
        ours = {program.code for program in library.load().programs.values()}
        found |= {program for (program,) in unit.cursor().execute(PROGRAMS).fetchall()} & ours
    return sorted(found)


PROGRAMS_OF_ONE: Final = """
select e.program from enrolled e where e.person = %s and (e.until is null or e.until > %s) and {may}"""


def programs_of_one(unit: Unit, person: int) -> frozenset[str]:
    """Those that she is in now, as far as the reader may know. person: rid."""
    may, told = seen_behind(unit, ("EpisodeOfCare",), "e.person", "e.rid")
    query = PROGRAMS_OF_ONE.format(may=may).encode()
    rows = unit.cursor().execute(query, [person, unit.now, *told]).fetchall()
    return frozenset(program for (program,) in rows)
