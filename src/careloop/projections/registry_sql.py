"""The one question that the registry asks: whom the reader may see, narrowed, sorted, a page of them, and how many.

Every part stands in one statement: the policy over people first, then each filter as a look by key, then the order and
the place where the last page ended. Numbers of targets come from content as parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from careloop.library.cohorts import ConditionGroup
from careloop.library.targets import Target
from careloop.projections.by_type import seen_of_type, seen_row
from careloop.projections.people import BRIEF
from careloop.projections.registry_standing import due, standing
from careloop.store import Unit, conditions

Sql = tuple[str, list[Any]]
# Counted no further; above it reads “2,000+”, and no act takes more at once.
MOST_COUNTED: Final = 2_000
EPOCH: Final = "'1970-01-01Z'::timestamptz"
OF: Final = {"score": ("Observation", "QuestionnaireResponse"), "reading": ("Observation",)}
ORDERS: Final = ("name", "heard", "value", "change", "review", "risk")


@dataclass(frozen=True)
class Asked:
    """What the address says. whose: mine or all. lead: Practitioner id. condition: a group's id, or words. need: words,
    or `any`. measure: id of a target, or `score:<instrument>`, `reading:<kind>`. low, high: of its newest value.
    standing: of care/treat_to_target, or `unmeasured`, `due`. moved: at least so much, negative where it fell.
    heard: not reached for so many days. risk: name of a score, band: its band. after: the sealed place where the last
    page ended."""

    whose: str = "mine"
    lead: str = ""
    site: str = ""
    program: str = ""
    condition: str = ""
    need: str = ""
    measure: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    moved: Decimal | None = None
    standing: str = ""
    heard: int = 0
    late: bool = False
    risk: str = ""
    band: str = ""
    sort: str = "name"
    after: str = ""


@dataclass
class Parts:
    """Pieces of the statement, with what they are told, in the order in which they stand."""

    joins: list[str] = field(default_factory=list)
    joined: list[Any] = field(default_factory=list)
    wheres: list[str] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)

    def where(self, text: str, *told: Any) -> None:
        self.wheres.append(text)
        self.told += told


@dataclass(frozen=True)
class Meant:
    """What the words of an address stand for, looked up. rids: 0 where there is no such thing, so that nobody fits.
    measure: as the table of courses names it; empty for none. target: of that measure; None where content has none."""

    lead: int | None
    site: int | None
    group: ConditionGroup | None
    target: Target | None
    measure: str = ""

    @property
    def types(self) -> tuple[str, ...]:
        """What a value of the measure comes from."""
        return OF[self.measure.partition(":")[0]]

    @property
    def sign(self) -> int:
        """1 where less is better, also where no target says so."""
        return self.target.sign if self.target else 1


def parts_of(unit: Unit, asked: Asked, meant: Meant) -> Parts:
    found = Parts()
    _whom(unit, asked, meant, found)
    if asked.program:
        _program(unit, asked, found)
    if asked.condition or asked.need:
        _held(unit, asked, meant, found)
    if meant.measure:
        _measured(unit, asked, meant, found)
    if asked.heard:
        _unheard(unit, asked.heard, found)
    if asked.late:
        said, told = seen_of_type(unit, "Task", "w")
        found.where(
            "exists (select from work w where w.person = pe.person and w.is_open and w.aim < %s"
            f" and not w.is_waiting and w.wake <= %s and {said})",
            unit.now,
            unit.now,
            *told,
        )
    if asked.risk:
        _risk(unit, asked, found)
    return found


def _whom(unit: Unit, asked: Asked, meant: Meant, found: Parts) -> None:
    condition = unit.condition("Patient", "search")
    if conditions.people_to_start_from(condition, unit.now) is not None:
        may, told = conditions.people_where(condition, "pe", now=unit.now, stands_for_her=True)
    else:
        may, told = unit.people_sql(condition, "pe.person")
    found.where(may, *told)
    found.where("pe.merged_into is null")
    if asked.whose == "mine":
        found.where("pe.lead = %s", unit.scope.actor.practitioner_rid or 0)
    if asked.lead and unit.may_search("CareTeam"):
        found.where("pe.lead = %s", meant.lead or 0)
    if asked.site:
        found.where("pe.site = %s", meant.site or 0)


def _program(unit: Unit, asked: Asked, found: Parts) -> None:
    said, told = seen_row(unit, ("EpisodeOfCare",), "e.person", "e.rid")
    found.where(
        "exists (select from enrolled e where e.person = pe.person and e.until is null and e.program = %s"
        f" and {said})",
        asked.program,
        *told,
    )


def _held(unit: Unit, asked: Asked, meant: Meant, found: Parts) -> None:
    said, told = seen_row(unit, ("Condition",), "q.person", "q.rid")
    begin = "exists (select from held q where q.person = pe.person"
    if meant.group is not None:
        within, ends = _beginning_with(meant.group.icd10)
        found.where(f"{begin} and not q.is_need and {within} and {said})", *ends, *told)
    elif asked.condition:
        found.where(
            f"{begin} and not q.is_need and q.words ilike %s and {said})", _like(asked.condition), *told
        )
    if asked.need == "any":
        found.where(f"{begin} and q.is_need and {said})", *told)
    elif asked.need:
        found.where(f"{begin} and q.is_need and q.words ilike %s and {said})", _like(asked.need), *told)


def _beginning_with(codes: Sequence[str]) -> Sql:
    """As ranges of the index, which `like any` is not."""
    text = " or ".join("(q.icd >= %s and q.icd < %s)" for _ in codes)
    return f"({text})", [end for code in codes for end in (code, f"{code}\uffff")]


def _like(words: str) -> str:
    kept = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{kept}%"


def seen_course(unit: Unit, types: Sequence[str], alias: str = "c") -> Sql:
    """Both ends of it: who may not see where it began is not told the change."""
    newest, told = seen_row(unit, types, f"{alias}.person", f"{alias}.rid")
    began, told_too = seen_row(unit, types, f"{alias}.person", f"{alias}.began_rid")
    return f"({newest} and {began})", [*told, *told_too]


def _measured(unit: Unit, asked: Asked, meant: Meant, found: Parts) -> None:
    target = meant.target
    said, told = seen_course(unit, meant.types)
    is_wanted = asked.standing != "unmeasured" and (
        asked.standing or asked.low is not None or asked.high is not None or asked.moved is not None
    )
    join = "join" if is_wanted or asked.sort in ("value", "change", "review") else "left join"
    found.joins.append(f"{join} courses c on c.person = pe.person and c.measure = %s and {said}")
    found.joined += [meant.measure, *told]
    if asked.low is not None:
        found.where("c.value >= %s", asked.low)
    if asked.high is not None:
        found.where("c.value <= %s", asked.high)
    if asked.moved is not None:
        found.where(
            f"c.value - c.began {'<=' if asked.moved < 0 else '>='} %s and c.began_at < c.at", asked.moved
        )
    if asked.standing == "unmeasured":
        found.where("c.person is null")
    elif target is None:
        return  # nothing says where a value should be
    elif asked.standing == "due":
        text, given = due(target)
        found.where(f"{text} <= %s", *given, unit.now)
    elif asked.standing:
        text, given = standing(target)
        found.where(f"{text} = %s", *given, asked.standing)


def _unheard(unit: Unit, days: int, found: Parts) -> None:
    """Nobody reached her since. Where the newest contact is not the reader's to see, the older ones are looked at."""
    found.wheres += ["not b.is_deceased"]
    since = unit.now - timedelta(days=days)
    if not unit.may_search("Encounter"):
        found.where("false")
        return
    newest, told = seen_row(unit, ("Encounter",), "r.person", "r.rid")
    older, given = seen_of_type(unit, "Encounter", "s")
    found.where(
        f"not coalesce((select r.at >= %s and ({newest} or exists (select from story s where s.person = pe.person"
        f" and s.kind = 'contact' and s.at >= %s and {older})) from heard r where r.person = pe.person), false)",
        since,
        *told,
        since,
        *given,
    )


def _risk(unit: Unit, asked: Asked, found: Parts) -> None:
    join = "join" if asked.sort == "risk" or asked.band else "left join"
    text, told = risk_join(unit, asked, "k")
    found.joins.append(f"{join} risks k on k.person = pe.person and {text}")
    found.joined += told
    if asked.band:
        found.where("k.band = %s", asked.band)


def risk_join(unit: Unit, asked: Asked, alias: str) -> Sql:
    """Of the score that was asked for: those that speak now."""
    said, told = seen_row(unit, ("RiskAssessment",), f"{alias}.person", f"{alias}.assessment")
    text = f"{alias}.name = %s and ({alias}.until is null or {alias}.until > %s) and {said}"
    return text, [asked.risk, unit.now, *told]


def order_of(unit: Unit, asked: Asked, meant: Meant) -> tuple[str, str, list[Any], list[str]]:
    """(key, its SQL type, what it is told, joins it needs). All go upward, so that a place is one comparison."""
    target = meant.target
    if asked.sort == "heard" and unit.may_search("Encounter"):
        newest, told = seen_row(unit, ("Encounter",), "o.person", "o.rid")
        # A look by key a person: as a join it would be read whole for the few whom she may see. Where the newest is not
        # the reader's to see, an older one counts, as the line says it.
        older, given = seen_of_type(unit, "Encounter", "s")
        shown = (
            f"(select max(s.at) from story s where s.person = pe.person and s.kind = 'contact' and {older})"
        )
        reached = (
            f"(select case when {newest} then o.at else {shown} end from heard o where o.person = pe.person)"
        )
        return f"coalesce({reached}, {EPOCH})", "timestamptz", [*told, *given], []
    if asked.sort == "value" and meant.measure:
        return "(%s * c.value)", "numeric", [-meant.sign], []
    if asked.sort == "change" and meant.measure:
        return "(%s * (c.began - c.value))", "numeric", [meant.sign], []
    if asked.sort == "review" and target is not None:
        text, told = due(target)
        return text, "timestamptz", told, []
    if asked.sort == "risk" and asked.risk:
        return "coalesce(- k.value, 1000000)", "numeric", [], []
    return "b.name", "text", [], []


# {counted}, {wanted}: the same people; the first are counted, the second sorted and cut.
PAGE: Final = """
with k as materialized (select pe.person, {key} as key from people pe
  join briefs b on b.person = pe.person {joins} {ordered} where {where} {place} order by 2, 1 limit %s),
n as materialized (select count(*) as n from (select 1 from people pe
  join briefs b on b.person = pe.person {joins} where {where} limit {most}) counted)
select n.n, k.key, {brief}, l.name, pe.site, t.task_id, t.title, t.aim, t.class, t.zone, o.open, o.late,
  {heard}, {programs}, {problems}, {needs}, {course}, {risk}
from n left join k on true left join people pe on pe.person = k.person left join briefs b on b.person = k.person
left join names l on l.rid = pe.lead {beside}
order by k.key, k.person
"""


@dataclass(frozen=True)
class Statement:
    text: str
    told: list[Any]


def statement(
    unit: Unit, asked: Asked, meant: Meant, size: int, place: Sequence[Any] | None = None
) -> Statement:
    """place: the key and the person with which the last page ended. Rows: the count, the key, BRIEF, then what stands
    beside her; the count alone where nobody fits."""
    parts = parts_of(unit, asked, meant)
    key, kind, keyed, ordered = order_of(unit, asked, meant)
    where = " and ".join(parts.wheres)
    beyond, beyond_told = "", []
    if place is not None:
        beyond, beyond_told = f"and ({key}, pe.person) > (%s::{kind}, %s::bigint)", [*keyed, *place]
    columns = _columns(unit, meant, asked)
    text = PAGE.format(
        joins=" ".join(parts.joins),
        where=where,
        most=MOST_COUNTED + 1,
        key=key,
        ordered=" ".join(ordered),
        place=beyond,
        brief=BRIEF,
        **{name: said for name, (said, _) in columns.items()},
    )
    told = [
        *(*keyed, *parts.joined, *parts.told, *beyond_told, size + 1),  # wanted
        *(*parts.joined, *parts.told),  # counted
        *(
            value
            for name in ("heard", "programs", "problems", "needs", "course", "risk")
            for value in columns[name][1]
        ),
        *columns["beside"][1],
    ]
    return Statement(text, told)


def _columns(unit: Unit, meant: Meant, asked: Asked) -> dict[str, Sql]:
    """What stands beside the few on the page. Of a type that the reader may not look for nothing is told."""
    story, of_story = seen_of_type(unit, "Encounter", "s")
    enrolled, of_enrolled = seen_row(unit, ("EpisodeOfCare",), "e.person", "e.rid")
    held, of_held = seen_row(unit, ("Condition",), "q.person", "q.rid")
    work, of_work = seen_of_type(unit, "Task", "w")
    lines = "(select array_agg(q.words order by q.words) from held q where q.person = k.person"
    found: dict[str, Sql] = {
        "heard": (
            "(select max(s.at) from story s where s.person = k.person and s.kind = 'contact' and "
            + story
            + ")",
            of_story,
        ),
        "programs": (
            "(select array_agg(distinct e.program order by e.program) from enrolled e"
            f" where e.person = k.person and e.until is null and {enrolled})",
            of_enrolled,
        ),
        "problems": (f"{lines} and not q.is_need and {held})", of_held),
        "needs": (f"{lines} and q.is_need and {held})", of_held),
        "course": ("null, null, null, null, null, null", []),
        "risk": ("null, null, null", []),
        "beside": (
            "left join lateral (select w.task_id, w.title, w.aim, w.class, w.zone from work w"
            f" where w.person = k.person and w.is_open and {work} order by w.class, w.due, w.task limit 1) t on true"
            " left join lateral (select count(*) as open,"
            " count(*) filter (where w.aim < %s and not w.is_waiting and w.wake <= %s) as late"
            f" from work w where w.person = k.person and w.is_open and {work}) o on true",
            [*of_work, unit.now, unit.now, *of_work],
        ),
    }
    _asked_for(unit, meant, asked, found)
    return found


def _asked_for(unit: Unit, meant: Meant, asked: Asked, found: dict[str, Sql]) -> None:
    """The measure and the risk that the question names."""
    if meant.measure:
        said, told = seen_course(unit, meant.types)
        text, given = found["beside"]
        found["course"] = ("c.began_at, c.began, c.began_second, c.at, c.value, c.second", [])
        found["beside"] = (
            f"{text} left join courses c on c.person = k.person and c.measure = %s and {said}",
            [*given, meant.measure, *told],
        )
    if asked.risk:
        text, given = found["beside"]
        said, told = risk_join(unit, asked, "rk")
        found["risk"] = ("rk.value, rk.band, rk.at", [])
        found["beside"] = (f"{text} left join risks rk on rk.person = k.person and {said}", [*given, *told])
