"""A person's plan as it stood: at a version of it, at an hour, or now; and who changed what in each version.

Everything is read through the reader's own condition: a line that she may not see is in no version she is told of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

from careloop.care.others_plans import is_our_plan, lines_of_others
from careloop.care.plan_changes import Audience, Change, changes
from careloop.care.plan_lines import TYPES, Changed, Held, PlanState, changed_in, state_of
from careloop.fhir.elements import day, instant
from careloop.kernel.errors import CareError
from careloop.projections.by_type import searchable, seen_versions
from careloop.store import Stored, Unit
from careloop.store.stored import COLUMNS

MOST_VERSIONS: Final = 100
# The version of each live resource at this person's home that stood at an hour; none when it was made later.
STOOD: Final = f"""
select {COLUMNS} from heads h join ids i on i.rid = h.rid
join lateral (
  select v.* from versions v where v.person = h.person and v.rid = h.rid and v.at <= %s order by v.version desc limit 1
) v on true
where h.person = %s and h.state = 1 and {{may}} order by h.rid
"""


@dataclass(frozen=True, repr=False)
class Version:
    """One version of the plan. changed: what was done by hand; None for one that came otherwise. author: a reference,
    of the first one."""

    version: int
    at: datetime
    changed: Changed | None
    author: str = ""

    def __repr__(self) -> str:
        return f"Version({self.version})"


def active_plan_of(unit: Unit, person: int) -> Stored | None:
    """person: rid."""
    if not unit.may_search("CarePlan"):
        return None
    return next((plan for plan in unit.of_person(person, ["CarePlan"]) if is_plan(plan)), None)


def is_plan(stored: Stored) -> bool:
    """One that this house follows; plans of others are no versions of ours."""
    return is_our_plan(stored.resource)


def plan_now(unit: Unit, person: int) -> PlanState:
    held = unit.of_person(person, searchable(unit, TYPES))
    return _state(sorted(held, key=lambda stored: stored.rid), None)


def plan_then(unit: Unit, person: int, at: datetime, plan: str) -> PlanState:
    """plan: id of the CarePlan that is the plan now; before it was one, it has no lines of its own."""
    may, allowed = seen_versions(unit, TYPES)
    unit.flush()
    rows = unit.cursor().execute(STOOD.format(may=may).encode(), [at, person, *allowed]).fetchall()
    unit.saw([person], "plan as it stood")
    return _state([s for s in map(Stored.of_row, rows) if not s.is_deleted], plan)


def _state(held: Sequence[Stored], plan: str | None) -> PlanState:
    """plan: id; None for whichever is active."""
    theirs = lines_of_others(s.resource for s in held if s.type == "CarePlan")
    lines = [s for s in held if s.type != "CarePlan" and s.reference not in theirs]
    found = [Held(s.reference, s.version, s.resource) for s in lines]
    plans = [s for s in held if s.type == "CarePlan" and is_plan(s) and plan in (None, s.id)]
    active = Held(plans[0].reference, plans[0].version, plans[0].resource) if plans else None
    return state_of(active, found)


def versions_of(unit: Unit, plan: Stored) -> list[Version]:
    """Since it became the plan, the newest first. Taken back: a version says what an earlier one said."""
    found = [
        s for s in unit.history("CarePlan", plan.id, count=MOST_VERSIONS) if not s.is_deleted and is_plan(s)
    ]
    told: list[Version] = []
    for stored in reversed(found):
        changed = changed_in(stored.resource)
        is_repeated = any(_is_same(changed, each.changed) for each in told)
        if changed and is_repeated:
            changed = Changed("undone", "", stored.at, "", "", changed.because)
        author = "" if told else str((stored.resource.get("author") or {}).get("reference", ""))
        told.append(Version(stored.version, stored.at, changed, author))
    return told[::-1]


def _is_same(one: Changed | None, other: Changed | None) -> bool:
    return (
        one is not None
        and other is not None
        and (one.at, one.line, one.act) == (other.at, other.line, other.act)
    )


def moment_of(versions: Iterable[Version], version: int) -> datetime | None:
    """When that version, or the next one that was the plan, was written; None for one that is still to come."""
    found = [each.at for each in versions if each.version >= version]
    return min(found, default=None)


class BadSince(CareError):
    """Say since when: a version of the plan, a day, or a moment."""

    code, status, issue_type = "bad-since", 400, "value"


def since_when(unit: Unit, plan: Stored, asked: str) -> datetime:
    """asked: a version of the plan, a day (from its first minute in UTC), an instant; empty for its first version.
    Raises BadSince."""
    said = asked.strip()
    versions = versions_of(unit, plan)
    if not said:
        return min((each.at for each in versions), default=plan.at)
    if said.isascii() and said.isdecimal() and len(said) < 10:
        found = moment_of(versions, int(said))
        if found is None:
            raise BadSince
        return found
    at, on = instant(said), day(said) if len(said) == len("2026-11-23") else None
    if at is None and on is None:
        raise BadSince
    return at or datetime.combine(on or unit.now.date(), time(), tzinfo=UTC)


def what_changed(
    unit: Unit,
    patient: Stored,
    plan: Stored,
    since: datetime,
    audience: Audience,
    only: Collection[str] | None = None,
) -> tuple[Change, ...]:
    """As far as the reader may see the lines."""
    now, then = plan_now(unit, patient.rid), plan_then(unit, patient.rid, since, plan.id)
    return changes(then, now, audience, person=patient.reference, only=only)
