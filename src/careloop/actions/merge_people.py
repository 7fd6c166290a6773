"""A person says that two records are one. She must be allowed to change both; what she may not see moves as well, so
Careloop carries it out, and her name stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from careloop.access import Scope, system_actor
from careloop.actions import joining, record, working
from careloop.actions.identify_person import one_at_a_time
from careloop.care import merge
from careloop.care.identify import compare, facts_of
from careloop.fhir.elements import Resource, fhir_instant
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit, merges


@dataclass(frozen=True)
class Joined:
    """number: of the merge, for its page and for taking it back. survivor: id of the Patient who stays."""

    number: int
    survivor: str


def merge_people(
    scope: Scope,
    stays: str,
    goes: str,
    now: datetime,
    *,
    reason: str,
    versions: tuple[int, int],
    is_confirmed: bool = False,
    task: str | None = None,
) -> Joined:
    """stays, goes: Patient ids; versions: theirs, as she compared them. is_confirmed: she has read what speaks against
    it. task: id of the to-do that asked; it is finished with it.

    Raises NotFound (also for somebody whom she may not see or change), StaleVersion, ReasonMissing, SameRecord,
    MergedAlready, DeathUnsettled, MergeInDoubt, NoPractitioner.
    """
    with record.begin(scope, now) as unit:
        who, said = working.me(unit), working.words(reason, 500)
        one, other = changeable(unit, stays), changeable(unit, goes)
        merge.refuse(joining.side(unit, one), joining.side(unit, other))
        if (one.version, other.version) != versions:
            raise StaleVersion
        if doubts_between(one, other) and not is_confirmed:
            raise merge.MergeInDoubt
        if task is not None:
            unit.read("Task", task)
        unit.saw([one.rid, other.rid], "merge")
    with record.begin(_for(scope), now) as unit:
        one_at_a_time(unit)
        here, there = joining.both(unit, one.rid, other.rid)
        if (here.version, there.version) != versions:
            raise StaleVersion
        number = joining.join(unit, here, there, joining.Decided(who, said))
        if task is not None:
            _finish(unit, task, who, said)
    return Joined(number, stays)


def changeable(unit: Unit, person: str) -> Stored:
    """The Patient, when the reader may also write into that record. Raises NotFound, Forbidden."""
    stored = unit.read("Patient", person)
    if not merges.may_change(unit, stored.rid):
        raise NotFound(f"Patient/{person}")
    return stored


def doubts_between(one: Stored, other: Stored) -> tuple[str, ...]:
    """What speaks against it, in sentences; nobody's machine joins these two, and a person confirms it."""
    reasons = compare(facts_of(one.resource), facts_of(other.resource))
    against = [reason.text for reason in reasons if reason.points <= 1]
    stays, goes = (merge.Side(each.reference, each.resource) for each in (one, other))
    return merge.doubts(stays, goes, against)


def _for(scope: Scope) -> Scope:
    """The same request, so that the audit trail shows both together."""
    return Scope(system_actor("merges"), scope.door, "operations", request=scope.request)


def _finish(unit: Unit, task: str, who: Resource, said: str) -> None:
    stored = unit.read("Task", task)
    if stored.resource.get("status") not in OPEN:
        return
    note = {"text": said, "time": fhir_instant(unit.now), "authorReference": who}
    ended = {"status": "completed", "owner": who, "executionPeriod": {"end": fhir_instant(unit.now)}}
    unit.update(
        {**stored.resource, **ended, "note": [*stored.resource.get("note", ()), note]},
        if_match=stored.version,
    )
