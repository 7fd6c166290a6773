"""What waits in the rooms beside Today: what a person must decide (review), and who is on the way in (front door).

Work about nobody, like a message without a match, belongs to the site it came for: nobody else sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope, decide
from careloop.care.work import WorkClass
from careloop.projections.worklist_rows import NEVER
from careloop.store import Unit, conditions
from careloop.store.connection import keeper

# These conditions stand word for word in the indexes of rooms.sql.
IN_REVIEW: Final = "w.is_open and (w.kind like 'review-%%' or w.kind = 'resolve-match')"
AT_THE_DOOR: Final = "w.is_open and w.kind in ('call-outreach', 'referral')"
MOST: Final = 100
CAP: Final = 100


@dataclass(frozen=True, repr=False)
class Item:
    """person: rid, 0 for nobody. due: the hour to aim for, None without one."""

    task: str
    person: int
    kind: str
    title: str
    because: str
    klass: WorkClass
    since: datetime
    due: datetime | None

    def __repr__(self) -> str:
        return f"Item(Task/{self.task})"


def in_review(unit: Unit, limit: int = MOST, skip: int = 0) -> list[Item]:
    """In the order of the worklist: danger, clocks, the rest; what came first before what came later."""
    may, allowed = unit.people_sql(unit.condition("Task", "search"), "w.person", labels="w.labels")
    own, mine = _own_site(unit.scope)
    rows = unit.cursor().execute(
        "select w.task_id, w.person, w.kind, w.title, w.because, w.class, w.since, w.aim from work w"
        f" where {IN_REVIEW} and {may} and {own} order by w.class, w.aim, w.since, w.task limit %s offset %s",
        [*allowed, *mine, limit, skip],
    )
    found = [_item(row) for row in rows.fetchall()]
    unit.saw({item.person for item in found}, "review")
    return found


def how_many_in_review(unit: Unit) -> int:
    may, allowed = unit.people_sql(unit.condition("Task", "search"), "w.person", labels="w.labels")
    own, mine = _own_site(unit.scope)
    row = unit.cursor().execute(
        f"select count(*) from work w where {IN_REVIEW} and {may} and {own}", [*allowed, *mine]
    )
    (found,) = row.fetchone() or (0,)
    return int(found)


def may_decide(unit: Unit, task: str) -> bool:
    """Whether an open or ended to-do belongs to the reader's rooms: hers by person, or by the site it came for."""
    may, allowed = unit.people_sql(unit.condition("Task"), "w.person", labels="w.labels")
    own, mine = _own_site(unit.scope)
    row = unit.cursor().execute(
        f"select 1 from work w where w.task_id = %s and {may} and {own}", [task, *allowed, *mine]
    )
    return row.fetchone() is not None


def _item(row: Sequence[Any]) -> Item:
    task, person, kind, title, because, klass, since, aim = row
    due = None if aim == NEVER else aim
    return Item(task, person, kind, title, because, WorkClass(klass), since, due)


def _own_site(scope: Scope) -> tuple[str, list[Any]]:
    if scope.actor.kind != "staff":
        return "true", []
    return "(w.person <> 0 or w.site is null or w.site = any(%s::bigint[]))", [sorted(scope.actor.sites)]


def counts(scope: Scope, now: datetime) -> dict[str, int]:
    """For the rail: what waits for a decision, and how many people at the door, at most CAP. Numbers about
    nobody, so that no audit row is written."""
    decision = decide(scope.actor, "search", "Task")
    if not decision.allowed:
        return {}
    may, allowed = conditions.compile_condition(
        decision.condition, "w.person", now=now, labels_column="w.labels"
    )
    own, mine = _own_site(scope)
    parts = [
        f"select count(*) from (select {what} from work w where {which} and {may} and {own} limit {CAP + 1}) c"
        for what, which in (("1", IN_REVIEW), ("distinct w.person", AT_THE_DOOR))
    ]
    found = keeper().cursor().execute(" union all ".join(parts), [*allowed, *mine] * 2).fetchall()
    return {"review": found[0][0], "front-door": found[1][0]}
