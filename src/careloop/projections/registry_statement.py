"""The one statement that the registry asks: those who fit, in order, a page of them, how many they are, and what stands
beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from careloop.projections.by_type import seen_of_type, seen_row
from careloop.projections.people import BRIEF
from careloop.projections.registry_sql import (
    RISK,
    Asked,
    Meant,
    Parts,
    Sql,
    parts_of,
    seen_course,
)
from careloop.projections.registry_standing import due
from careloop.store import Unit

# Counted no further; above it reads “2,000+”, and no act takes more at once.
MOST_COUNTED: Final = 2_000
EPOCH: Final = "'1970-01-01Z'::timestamptz"


@dataclass(frozen=True)
class Order:
    """key: over pe, b and the joins, with what it is told. kind: its SQL type. joins: what only the key needs.
    is_down: from the highest; then people of the same key too, so that a place is one comparison and one index serves
    both ways."""

    key: str
    kind: str
    told: list[Any] = field(default_factory=list)
    joins: str = ""
    is_down: bool = False

    @property
    def way(self) -> str:
        return "desc" if self.is_down else "asc"


def order_of(unit: Unit, asked: Asked, meant: Meant) -> Order:
    target = meant.target
    if asked.sort == "heard" and unit.may_search("Encounter"):
        return _by_contact(unit)
    # Who was not measured, or not for this reader, has no value to be sorted by.
    if meant.measure and asked.standing != "unmeasured":
        if asked.sort == "value":
            return Order("c.value", "numeric", is_down=meant.sign > 0)
        if asked.sort == "change":
            return Order("(c.began - c.value)", "numeric", is_down=meant.sign < 0)
        if asked.sort == "review" and target is not None:
            text, told = due(target)
            return Order(text, "timestamptz", told)
    if asked.sort == "risk" and asked.risk:
        return Order("coalesce(- k.value, 1000000)", "numeric")
    return Order("b.name", "text")


def _by_contact(unit: Unit) -> Order:
    """Where the newest is not the reader's to see, an older one counts, as the line says it."""
    newest, told = seen_row(unit, ("Encounter",), "o.person", "o.rid")
    older, given = seen_of_type(unit, "Encounter", "s")
    shown = f"(select max(s.at) from story s where s.person = pe.person and s.kind = 'contact' and {older})"
    reached = f"case when o.at is null then null when {newest} then o.at else {shown} end"
    return Order(
        f"coalesce({reached}, {EPOCH})",
        "timestamptz",
        [*told, *given],
        "left join heard o on o.person = pe.person",
    )


# What the remembered rows say is decided inside, and sorted; what the reader may see is asked outside, of one after the
# other. `offset 0` keeps the planner from asking it of everybody before the sort.
FITTING: Final = """select x.person, x.key from (
  select pe.person, {key} as key {carried} from people pe join briefs b on b.person = pe.person {joins}
  where {where} {place} order by 2 {way}, 1 {way} {fence}) x where {sure}"""
COUNTED: Final = """select 1 from (
  select pe.person {carried} from people pe join briefs b on b.person = pe.person {joins} where {where} {fence}) x
  where {sure}"""
# The first page is the beginning of what is counted.
FIRST: Final = """with f as materialized ({fitting} limit {most}),
k as materialized (select f.person, f.key from f order by 2 {way}, 1 {way} limit %s),
n as materialized (select count(*) as n from f)"""
FURTHER: Final = """with k as materialized ({fitting} limit %s),
n as materialized (select count(*) as n from ({counted} limit {most}) counted)"""
PAGE: Final = """
{chosen}
select n.n, k.key, {brief}, l.name, pe.site, t.task_id, t.title, t.aim, t.class, t.zone, o.open, o.late,
  {heard}, {programs}, {problems}, {needs}, {course}, {risk}
from n left join k on true left join people pe on pe.person = k.person left join briefs b on b.person = k.person
left join names l on l.rid = pe.lead {beside}
order by k.key {way}, k.person {way}
"""


@dataclass(frozen=True)
class Statement:
    text: str
    told: list[Any]


def statement(
    unit: Unit, asked: Asked, meant: Meant, size: int, place: Sequence[Any] | None = None
) -> Statement:
    """size: MOST_COUNTED at most. place: the key and the person with which the last page ended. Rows: the count, the
    key, BRIEF, then what stands beside her; the count alone where nobody fits."""
    parts, order = parts_of(unit, asked, meant), order_of(unit, asked, meant)
    most = MOST_COUNTED + 1
    fitting = _fitting(parts, order, place)
    if place is None:
        chosen = FIRST.format(fitting=fitting.text, way=order.way, most=most)
        given = [*fitting.told, size + 1]
    else:
        counted = _filled(COUNTED, parts)
        chosen = FURTHER.format(fitting=fitting.text, counted=counted.text, most=most)
        given = [*fitting.told, size + 1, *counted.told]
    columns = _columns(unit, meant, asked)
    text = PAGE.format(
        chosen=chosen, way=order.way, brief=BRIEF, **{name: said for name, (said, _) in columns.items()}
    )
    shown = ("heard", "programs", "problems", "needs", "course", "risk", "beside")
    return Statement(text, [*given, *(value for name in shown for value in columns[name][1])])


def fitting_of(unit: Unit, asked: Asked, meant: Meant) -> Statement:
    """Those who fit, in no order: rows of one column, for counting them."""
    parts = parts_of(unit, asked, meant)
    return _filled(COUNTED.replace("select 1", "select x.person", 1), parts)


def _fitting(parts: Parts, order: Order, place: Sequence[Any] | None) -> Statement:
    beyond, told = "", []
    if place is not None:
        sign = "<" if order.is_down else ">"
        beyond = f"and ({order.key}, pe.person) {sign} (%s::{order.kind}, %s::bigint)"
        told = [*order.told, *place]
    found = _filled(FITTING, parts, key=order.key, place=beyond, way=order.way, joined=order.joins)
    before = len(parts.joined) + len(parts.told)
    return Statement(found.text, [*order.told, *found.told[:before], *told, *found.told[before:]])


def _filled(text: str, parts: Parts, joined: str = "", **words: str) -> Statement:
    filled = text.format(
        carried="".join(f", {each}" for each in parts.carried),
        joins=" ".join([*parts.joins, joined]),
        where=" and ".join(parts.wheres),
        fence="offset 0" if parts.sures else "",
        sure=" and ".join(parts.sures) or "true",
        **words,
    )
    return Statement(filled, [*parts.joined, *parts.told, *parts.assured])


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
        said, told = seen_row(unit, ("RiskAssessment",), "rk.person", "rk.assessment")
        join = f"left join risks rk on rk.person = k.person and {RISK.format('rk')} and {said}"
        found["risk"] = ("rk.value, rk.band, rk.at", [])
        found["beside"] = (f"{text} {join}", [*given, asked.risk, unit.now, *told])
