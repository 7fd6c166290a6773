"""What changed in the plan since it last went to a recipient, told only of lines that may go to it now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from careloop.access import labels
from careloop.access.acts import ACCOUNTING, may
from careloop.care.disclosure import Verdict
from careloop.care.plan_changes import Change, changes
from careloop.care.plan_lines import PlanState
from careloop.projections import disclosures
from careloop.projections.disclosures import Disclosure
from careloop.projections.plan_history import active_plan_of, plan_now, plan_then
from careloop.store import Stored, Unit

PLAN: Final = "plan"


@dataclass(frozen=True, repr=False)
class SinceSent:
    """last: when something of the plan went to this recipient before. changes: for a partner."""

    last: datetime
    changes: tuple[Change, ...]

    def __repr__(self) -> str:
        return f"SinceSent({len(self.changes)})"


def since_sent(
    unit: Unit, patient: Stored, organization: str, name: str, going: Sequence[Verdict]
) -> SinceSent | None:
    """organization: id of the directory, empty for a name alone. going: verdicts of what goes now. None when nothing of
    the plan went there before, or the sender may not open what did."""
    last = _last(unit, patient, organization, name)
    plan = active_plan_of(unit, patient.rid) if last else None
    if last is None or plan is None:
        return None
    sent = {item.reference for item in last.content.items if item.section == PLAN and item.reference}
    now, then = plan_now(unit, patient.rid), plan_then(unit, patient.rid, last.at, plan.id)
    told = {each.line.reference for each in going if each.line.section == PLAN}
    told |= _ended(unit, now, sent, going)
    return SinceSent(last.at, changes(_only(then, sent), _only(now, told), "partner", only=told))


def _last(unit: Unit, patient: Stored, organization: str, name: str) -> Disclosure | None:
    if not may(unit.scope.actor, ACCOUNTING):
        return None
    whose = unit.rid_of(f"Organization/{organization}") if organization else None
    wanted = " ".join(name.split()).casefold()
    for each in disclosures.of_person(unit, patient.rid):
        is_same = each.recipient == whose if whose is not None else each.name.casefold() == wanted
        if is_same and any(item.section == PLAN for item in each.content.items):
            return each
    return None


def _ended(unit: Unit, now: PlanState, sent: Collection[str], going: Sequence[Verdict]) -> set[str]:
    """What they were told of and is over. It is no line that could be ticked: so only while lines without any label may
    go, and only such a line."""
    if not any(not each.line.labels & labels.SENSITIVE for each in going if each.line.section == PLAN):
        return set()
    over = [each for each in sent if each in now.lines and now.lines[each].state == "ended"]
    rids = {each: rid for each in over if (rid := unit.rid_of(each)) is not None}
    bits = disclosures.labels_of(unit, sorted(rids.values()))
    return {each for each, rid in rids.items() if not bits.get(rid, labels.UNKNOWN) & labels.SENSITIVE}


def _only(state: PlanState, references: Collection[str]) -> PlanState:
    return replace(state, lines={r: line for r, line in state.lines.items() if r in references})
