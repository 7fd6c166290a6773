"""The registry: any cohort of those whom the reader may see, a page at a time, with what matters of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from careloop.care.treat_to_target import Course, Stands, stands
from careloop.care.work import WorkClass
from careloop.care.workload import NEVER
from careloop.library.cohorts import load_conditions
from careloop.library.loading import content_path
from careloop.library.targets import Target, load_targets
from careloop.projections.by_type import searchable
from careloop.projections.people import BRIEF, PersonBrief, brief_of_row
from careloop.projections.registry_sql import OF, ORDERS, Asked, Meant, seen_course
from careloop.projections.registry_standing import standing
from careloop.projections.registry_statement import MOST_COUNTED, fitting_of, order_of, statement
from careloop.store import Unit
from careloop.store.paging import opened, sealed

PURPOSE: Final = "registry"
MEASURE: Final = re.compile(r"(?:score|reading):[a-z0-9-]{1,60}")
TOLD_OF: Final = (
    *("CareTeam", "Condition", "Encounter", "EpisodeOfCare", "Observation", "QuestionnaireResponse"),
    *("RiskAssessment", "Task"),
)
BRIEF_COLUMNS: Final = len(BRIEF.split(","))
# People whom one act on many may reach.
MOST_CHOSEN: Final = MOST_COUNTED
# A caseload is counted further by where it stands.
MOST_STOOD: Final = 5_000


@dataclass(frozen=True)
class Risk:
    value: Decimal | None
    band: str | None
    at: datetime


@dataclass(frozen=True, repr=False)
class Line:
    """One of the page. course, stands: of the measure that was asked for; None when nothing was measured, or not for
    this reader. heard: the last contact that reached her. late: open work past its hour."""

    person: PersonBrief
    lead: str | None
    site: int | None
    next_task: str | None
    next_title: str
    next_aim: datetime | None
    next_class: WorkClass | None
    zone: str | None
    open: int
    late: int
    heard: datetime | None
    programs: tuple[str, ...]
    problems: tuple[str, ...]
    needs: tuple[str, ...]
    course: Course | None
    stands: Stands | None
    risk: Risk | None

    def __repr__(self) -> str:
        return f"Line({self.person!r})"


@dataclass(frozen=True)
class Page:
    """total: of all who fit, counted up to MOST_COUNTED + 1. next: the place where the next page begins, sealed; empty
    on the last. knows: of the types that lines tell of, those that the reader may look for at all."""

    lines: tuple[Line, ...]
    total: int
    next: str
    is_partial: bool
    knows: frozenset[str]


def targets() -> dict[str, Target]:
    return dict(load_targets(content_path()))


def meant_by(unit: Unit, asked: Asked) -> Meant:
    target = targets().get(asked.measure)
    measure = target.measure if target else asked.measure if MEASURE.fullmatch(asked.measure) else ""
    return Meant(
        lead=unit.rid_of(f"Practitioner/{asked.lead}") if asked.lead else None,
        site=unit.rid_of(f"Organization/{asked.site}") if asked.site else None,
        group=load_conditions(content_path()).get(asked.condition),
        target=target,
        measure=measure,
    )


def registry(unit: Unit, asked: Asked, size: int = 50) -> Page:
    """Never merged records. Written into the audit trail. A place of another question begins at the first page."""
    meant = meant_by(unit, asked)
    rows = _rows(unit, asked, meant, size)
    found = [_line(row, meant, unit.now) for row in rows if row[2] is not None]
    lines = found[:size]
    people = {one.person.rid for one in lines}
    unit.saw(people, PURPOSE)
    further = _place(unit, asked, rows[size - 1]) if len(found) > size else ""
    return Page(
        tuple(lines),
        int(rows[0][0]) if rows else 0,
        further,
        unit.withholds(people),
        frozenset(searchable(unit, TOLD_OF)),
    )


def chosen(unit: Unit, asked: Asked, most: int = MOST_CHOSEN) -> list[PersonBrief]:
    """Everybody who fits, up to so many, in the order of the list; for acting on all of them."""
    meant = meant_by(unit, asked)
    rows = _rows(unit, replace(asked, after=""), meant, most)
    found = [brief_of_row(row[2 : 2 + BRIEF_COLUMNS], unit.now.date()) for row in rows if row[2] is not None]
    unit.saw({one.rid for one in found}, PURPOSE)
    return found[:most]


def _rows(unit: Unit, asked: Asked, meant: Meant, size: int) -> list[Any]:
    made = statement(unit, asked, meant, size, _place_of(unit, asked, meant))
    # Planned each time: which filter narrows most differs from one question of this shape to the next.
    rows: list[Any] = unit.cursor().execute(made.text.encode(), made.told, prepare=False).fetchall()
    return rows


# --- where a page ended


def _question(asked: Asked) -> str:
    return repr(replace(asked, after=""))


def _place(unit: Unit, asked: Asked, row: Sequence[Any]) -> str:
    key = row[1]
    said = key.isoformat() if isinstance(key, datetime) else str(key)
    return sealed(PURPOSE, [_question(asked), said, row[3]])


def _place_of(unit: Unit, asked: Asked, meant: Meant) -> list[Any] | None:
    """None on the first page, and for a place that we did not give out for this question."""
    found = opened(PURPOSE, asked.after) if asked.after else None
    if not isinstance(found, list) or found[0] != _question(asked):
        return None
    _, said, person = found
    kind = order_of(unit, asked, meant).kind
    try:
        key: Any = said
        if kind == "timestamptz":
            key = datetime.fromisoformat(said)
        elif kind == "numeric":
            key = Decimal(said)
    except (ValueError, InvalidOperation):
        return None
    return [key, person]


# --- a line


def _line(row: Sequence[Any], meant: Meant, now: datetime) -> Line:
    brief = brief_of_row(row[2 : 2 + BRIEF_COLUMNS], now.date())
    lead, site, task, title, aim, klass, zone, count, late, heard, programs, problems, needs = row[
        2 + BRIEF_COLUMNS : 15 + BRIEF_COLUMNS
    ]
    course = _course(row[15 + BRIEF_COLUMNS : 21 + BRIEF_COLUMNS])
    return Line(
        person=brief,
        lead=lead,
        site=site,
        next_task=task,
        next_title=title or "",
        next_aim=None if aim in (None, NEVER) else aim,
        next_class=None if klass is None else WorkClass(klass),
        zone=zone,
        open=count or 0,
        late=late or 0,
        heard=heard,
        programs=tuple(programs or ()),
        problems=tuple(dict.fromkeys(problems or ())),
        needs=tuple(dict.fromkeys(needs or ())),
        course=course,
        stands=stands(course, meant.target, now) if course and meant.target else None,
        risk=_risk(row[21 + BRIEF_COLUMNS : 24 + BRIEF_COLUMNS]),
    )


def _course(row: Sequence[Any]) -> Course | None:
    began_at, began, began_second, at, value, second = row
    return Course(began_at, began, began_second, at, value, second) if at is not None else None


def _risk(row: Sequence[Any]) -> Risk | None:
    value, band, at = row
    return Risk(value, band, at) if at is not None else None


def standings(unit: Unit, asked: Asked) -> dict[str, int]:
    """How many of the cohort stand where on the way to the target that was asked for, and `unmeasured`; counted among
    at most MOST_STOOD people."""
    meant = meant_by(unit, replace(asked, standing=""))
    if meant.target is None:
        return {}
    everybody = fitting_of(
        unit, replace(asked, standing="", low=None, high=None, moved=None, sort="name"), meant
    )
    said, told = standing(meant.target)
    seen, given = seen_course(unit, meant.types)
    text = (
        f"select case when c.person is null then 'unmeasured' else {said} end, count(*)"
        f" from ({everybody.text} limit %s) f left join courses c on c.person = f.person and c.measure = %s and {seen}"
        " group by 1"
    )
    told = [*told, *everybody.told, MOST_STOOD, meant.measure, *given]
    return dict(unit.cursor().execute(text.encode(), told, prepare=False).fetchall())


# --- one person's targets


def courses_of(unit: Unit, person: int) -> dict[str, Course]:
    """By id of the target: what the reader may see of both ends. Empty when she may not be seen."""
    if not unit.may_see(person):
        return {}
    found: dict[str, Course] = {}
    for id, target in targets().items():
        said, told = seen_course(unit, OF[target.kind])
        row = (
            unit.cursor()
            .execute(
                "select c.began_at, c.began, c.began_second, c.at, c.value, c.second from courses c"
                f" where c.person = %s and c.measure = %s and {said}",
                [person, target.measure, *told],
            )
            .fetchone()
        )
        if row:
            found[id] = Course(*row)
    unit.saw([person], PURPOSE)
    return found


# --- choices of the form: no person is told

LEADS: Final = """
with recursive known(lead, n) as (
  (select p.lead, 1 from people p where p.lead is not null order by p.lead limit 1)
  union all
  select (select p.lead from people p where p.lead > k.lead order by p.lead limit 1), n + 1 from known k
  where k.lead is not null and n < 1000
)
select i.id, n.name from known k join names n on n.rid = k.lead join ids i on i.rid = k.lead
where exists (select from people pe where pe.lead = k.lead and {may}) order by n.name limit 200"""


def leads(unit: Unit) -> list[tuple[str, str]]:
    """(Practitioner id, name) of those who lead somebody whom the reader may see; of a thousand at most."""
    if not unit.may_search("CareTeam"):
        return []
    may, told = unit.people_sql(unit.condition("Patient", "search"), "pe.person")
    return [(row[0], row[1]) for row in unit.cursor().execute(LEADS.format(may=may), told).fetchall()]


def sites(unit: Unit) -> list[tuple[str, str]]:
    """(Organization id, name) of the reader's own sites."""
    mine = sorted(unit.scope.actor.sites)
    if not mine:
        return []
    rows = unit.cursor().execute(
        "select i.id, n.name from ids i join names n on n.rid = i.rid where i.rid = any(%s::bigint[]) order by n.name",
        [mine],
    )
    return [(row[0], row[1]) for row in rows.fetchall()]


__all__ = [
    "MOST_CHOSEN",
    "MOST_COUNTED",
    "ORDERS",
    "Asked",
    "Line",
    "Page",
    "chosen",
    "courses_of",
    "registry",
]
