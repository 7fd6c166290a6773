"""Whom the registry's question means, in SQL: the policy over people, and each filter in two halves.

First what the remembered rows say, which is cheap and which the planner may begin with. Then, of each person in the
order of the list and only until the page is full, whether the reader may see what she fits by. `registry_statement.py`
puts both together. Numbers of targets come from content as parameters.
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
from careloop.projections.registry_standing import due, standing
from careloop.store import Unit, conditions

Sql = tuple[str, list[Any]]
OF: Final = {"score": ("Observation", "QuestionnaireResponse"), "reading": ("Observation",)}
BY_MEASURE: Final = ("value", "change", "review")
ORDERS: Final = ("name", "heard", *BY_MEASURE, "risk")


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
    """Pieces of the statement, with what they are told, in the order in which they stand. wheres: over people pe and
    the joins. sures: over x, which has person and what is carried: that the reader may see it."""

    joins: list[str] = field(default_factory=list)
    joined: list[Any] = field(default_factory=list)
    wheres: list[str] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    sures: list[str] = field(default_factory=list)
    assured: list[Any] = field(default_factory=list)

    def where(self, text: str, *told: Any) -> None:
        self.wheres.append(text)
        self.told += told

    def sure(self, text: str, *told: Any) -> None:
        self.sures.append(text)
        self.assured += told

    def some(self, rows: Sql, seen: Sql, of_one: Sql | None = None) -> None:
        """One of these rows at least, that the reader may see. rows: from and where, with {0} for whose. of_one: the
        same of one person, where it has to be said otherwise to go by her key."""
        self.where(f"exists (select {rows[0].format('pe.person')})", *rows[1])
        text, told = of_one or rows
        # `exists` again would be the planner's to turn into a list of everybody's.
        self.sure(
            f"coalesce((select true {text.format('x.person')} and {seen[0]} limit 1), false)", *told, *seen[1]
        )


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
        late = "from work w where w.person = {0} and w.is_open and w.aim < %s and not w.is_waiting and w.wake <= %s"
        found.some((late, [unit.now, unit.now]), seen_of_type(unit, "Task", "w"))
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
    inside = "from enrolled e where e.person = {0} and e.until is null and e.program = %s"
    found.some((inside, [asked.program]), seen_row(unit, ("EpisodeOfCare",), "e.person", "e.rid"))


def _held(unit: Unit, asked: Asked, meant: Meant, found: Parts) -> None:
    seen = seen_row(unit, ("Condition",), "q.person", "q.rid")
    begin = "from held q where q.person = {0}"
    if meant.group is not None:
        within, ends = _beginning_with(meant.group.icd10)
        hers = f"{begin} and not q.is_need"
        beginnings = [f"{code}%" for code in meant.group.icd10]
        of_one = (f"{hers} and q.icd like any(%s::text[])", [beginnings])
        found.some((f"{hers} and {within}", ends), seen, of_one)
    elif asked.condition:
        found.some((f"{begin} and not q.is_need and q.words ilike %s", [_like(asked.condition)]), seen)
    if asked.need == "any":
        found.some((f"{begin} and q.is_need", []), seen)
    elif asked.need:
        found.some((f"{begin} and q.is_need and q.words ilike %s", [_like(asked.need)]), seen)


def _beginning_with(codes: Sequence[str]) -> Sql:
    """As ranges of the index, which `like any` is not."""
    text = " or ".join("(q.icd >= %s and q.icd < %s)" for _ in codes)
    return f"({text})", [end for code in codes for end in (code, f"{code}\uffff")]


def _like(words: str) -> str:
    kept = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{kept}%"


def seen_course(unit: Unit, types: Sequence[str], alias: str = "c", begin: str = "") -> Sql:
    """Both ends of it: who may not see where it began is not told the change. begin: of the columns' names."""
    newest, told = seen_row(unit, types, f"{alias}.person", f"{alias}.{begin}rid")
    began, told_too = seen_row(unit, types, f"{alias}.person", f"{alias}.{begin}began_rid")
    return f"({newest} and {began})", [*told, *told_too]


def _measured(unit: Unit, asked: Asked, meant: Meant, found: Parts) -> None:
    is_bounded = asked.low is not None or asked.high is not None or asked.moved is not None
    if not (asked.standing or is_bounded or asked.sort in BY_MEASURE):
        return  # it is only shown
    said, told = seen_course(unit, meant.types, "x", "c_")
    found.carried += ["c.rid as c_rid", "c.began_rid as c_began_rid"]
    found.joined.append(meant.measure)
    if asked.standing == "unmeasured":
        found.joins.append("left join courses c on c.person = pe.person and c.measure = %s")
        found.sure(f"(x.c_rid is null or not {said})", *told)
        if is_bounded:
            found.where("false")
        return
    found.joins.append("join courses c on c.person = pe.person and c.measure = %s")
    found.sure(said, *told)
    if asked.low is not None:
        found.where("c.value >= %s", asked.low)
    if asked.high is not None:
        found.where("c.value <= %s", asked.high)
    if asked.moved is not None:
        found.where(
            f"c.value - c.began {'<=' if asked.moved < 0 else '>='} %s and c.began_at < c.at", asked.moved
        )
    if meant.target is not None:  # else nothing says where a value should be
        _standing(unit, asked, meant.target, found)


def _standing(unit: Unit, asked: Asked, target: Target, found: Parts) -> None:
    if asked.standing == "due":
        text, given = due(target)
        found.where(f"{text} <= %s", *given, unit.now)
    elif asked.standing:
        text, given = standing(target)
        # As a case: of an equality the planner would think that hardly anybody fits.
        found.where(f"case when ({text}) = %s then true else false end", *given, asked.standing)


def _unheard(unit: Unit, days: int, found: Parts) -> None:
    """Nobody reached her since. Where the newest contact is not the reader's to see, the older ones are looked at."""
    found.where("not b.is_deceased")
    since = unit.now - timedelta(days=days)
    if not unit.may_search("Encounter"):
        found.where("false")
        return
    newest, told = seen_row(unit, ("Encounter",), "x.person", "x.heard_rid")
    older, given = seen_of_type(unit, "Encounter", "s")
    found.joins.append("left join heard r on r.person = pe.person")
    found.carried += ["r.at as heard_at", "r.rid as heard_rid"]
    found.sure(
        f"case when coalesce(x.heard_at < %s, true) then true when {newest} then false else"
        " coalesce((select false from story s where s.person = x.person and s.kind = 'contact' and s.at >= %s"
        f" and {older} limit 1), true) end",
        since,
        *told,
        since,
        *given,
    )


def _risk(unit: Unit, asked: Asked, found: Parts) -> None:
    if not asked.band and asked.sort != "risk":
        return  # it is only shown
    found.joins.append(f"join risks k on k.person = pe.person and {RISK.format('k')}")
    found.joined += [asked.risk, unit.now]
    found.carried.append("k.assessment as risk_rid")
    said, told = seen_row(unit, ("RiskAssessment",), "x.person", "x.risk_rid")
    found.sure(said, *told)
    if asked.band:
        found.where("k.band = %s", asked.band)


# Of the score that was asked for: those that speak now.
RISK: Final = "{0}.name = %s and ({0}.until is null or {0}.until > %s)"
