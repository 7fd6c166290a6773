"""Joined records are taken apart: each thing goes back to the person whose it was, as it was. What was written since
then is hers who stayed, until a person divides it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access import Scope, system_actor
from careloop.actions import joining, record, working
from careloop.actions.apply_proposal import apply_in
from careloop.actions.identify_person import one_at_a_time
from careloop.actions.merge_people import changeable
from careloop.care import merge
from careloop.care.work import Proposal, Work, WorkClass
from careloop.fhir.elements import Resource
from careloop.kernel.errors import NotFound
from careloop.store import Stored, Unit, merges
from careloop.store.merges import Held, Merge, Moved

DIVIDE: Final = "review-parted"
_FOLLOWS: Final = ("Binary", "Provenance")


@dataclass(frozen=True)
class Parted:
    """stays, goes: ids of the two Patients. since: references of what was written meanwhile, for a person to divide.
    changed: of what went back though somebody had changed it meanwhile."""

    stays: str
    goes: str
    since: tuple[str, ...]
    changed: tuple[str, ...]


def unmerge_people(scope: Scope, number: int, now: datetime, *, reason: str) -> Parted:
    """Raises NotFound (also for somebody whom she may not change), NotMerged, UndoLaterFirst, ReasonMissing."""
    with record.begin(scope, now) as unit:
        who, said = working.me(unit), working.words(reason, 500)
        found = merges.get(unit, number)
        if found is None:
            raise NotFound
        for person in (found.survivor, found.loser):
            changeable(unit, unit.reference_of(person).removeprefix("Patient/"))
        unit.saw([found.survivor, found.loser], "unmerge")
    system = Scope(system_actor("merges"), scope.door, "operations", request=scope.request)
    with record.begin(system, now) as unit:
        one_at_a_time(unit)
        return part(unit, number, joining.Decided(who, said))


def part(unit: Unit, number: int, decided: joining.Decided) -> Parted:
    """In the caller's own unit. Raises NotMerged, UndoLaterFirst."""
    found = merges.get(unit, number, to_change=True)
    if found is None or found.undone_at is not None:
        raise merge.NotMerged
    if merges.standing(unit, found.survivor) is not None:
        raise merge.UndoLaterFirst
    stays, goes = joining.both(unit, found.survivor, found.loser)
    since = _since(unit, found)
    changed = _restore(unit, found, stays, goes)
    told = unit.create(joining.provenance(unit, "unmerge", stays, goes, decided))
    merges.move_rows_back(unit, found)
    merges.end(unit, number)
    if since or changed:
        apply_in(unit, Proposal((_divide(number, told, bool(since)),)), stays.reference)
    return Parted(
        stays.id, goes.id, tuple(each.reference for each in since), tuple(each.reference for each in changed)
    )


def _since(unit: Unit, found: Merge) -> list[Stored]:
    held = merges.current(unit, merges.since(unit, found))
    return [
        each.stored
        for each in held.values()
        if each.stored.type not in _FOLLOWS and not _is_ours(each.stored)
    ]


def _is_ours(stored: Stored) -> bool:
    """What the merge itself left: it is about both."""
    return any(
        str(each.get("value", "")).startswith("joined:") for each in _list(stored.resource.get("identifier"))
    )


def _list(value: object) -> list[Resource]:
    return value if isinstance(value, list) else []


def _restore(unit: Unit, found: Merge, stays: Stored, goes: Stored) -> list[Stored]:
    """All that the merge had written, under its own name again. Returns what somebody had changed since."""
    moved = {each.rid: each for each in merges.moved_by(unit, found.id)}
    now = merges.current(unit, moved)
    before = merges.versions(unit, ((each.rid, each.before) for each in moved.values()))
    after = merges.versions(unit, [(found.survivor, moved[found.survivor].after)])[found.survivor]
    changed = []
    for held in sorted(now.values(), key=_rank):
        each, stored = moved[held.stored.rid], held.stored
        resource = _as_it_was(each, stored, before[stored.rid], after, stays, goes)
        unit.carry(stored, resource, is_indexed=held.is_indexed)
        if stored.version != each.after and stored.type not in ("Patient", *_FOLLOWS):
            changed.append(stored)
    return changed


def _as_it_was(
    moved: Moved, stored: Stored, before: Stored, joined_then: Stored, stays: Stored, goes: Stored
) -> Resource:
    was = before.resource
    if stored.version == moved.after:
        return was
    if stored.rid == stays.rid:
        return merge.parted(stored.resource, was, joined_then.resource, goes.reference)
    if stored.rid == goes.rid:
        return merge.came_back(stored.resource, was)
    return merge.restored(stored.resource, was, goes.reference, stays.reference)


def _rank(held: Held) -> tuple[int, int]:
    return (1 + _FOLLOWS.index(held.stored.type) if held.stored.type in _FOLLOWS else 0), held.stored.rid


def _divide(number: int, told: Stored, has_since: bool) -> Work:
    because = (
        "Joined records were taken apart. "
        "What was written meanwhile is still here, and somebody has to say whose it is."
        if has_since
        else "Joined records were taken apart. Some of what went back was changed meanwhile. Look whether it is right."
    )
    return Work(
        kind=DIVIDE,
        title="Divide what was written meanwhile",
        because=because,
        klass=WorkClass.CLOCK,
        dedupe=f"joined:parted:{number}",
        reasons=(told.reference,),
    )


# --- whose it is, that was written meanwhile


def written_meanwhile(unit: Unit, number: int) -> list[Stored]:
    """Of a merge that was taken apart: what was first written while it lasted, is still at the person's who stayed, and
    may be seen by the reader. Newest first."""
    found = merges.get(unit, number)
    if found is None or found.undone_at is None:
        return []
    seen = unit.get(unit.reference_of(rid) for rid in merges.since(unit, found)).values()
    kept = (each for each in seen if each.type not in _FOLLOWS and not _is_ours(each))
    return sorted(kept, key=lambda stored: stored.rid, reverse=True)


def give_to_other(scope: Scope, number: int, references: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Of what was written meanwhile: these are the other person's. What follows them (Provenance, Binary) goes along.
    Raises NotFound, NotMerged."""
    with record.begin(scope, now) as unit:
        found = merges.get(unit, number)
        if found is None:
            raise NotFound
        if found.undone_at is None:
            raise merge.NotMerged
        for person in (found.survivor, found.loser):
            changeable(unit, unit.reference_of(person).removeprefix("Patient/"))
        known = {each.reference: each.rid for each in written_meanwhile(unit, number)}
        rids = [known[each] for each in references if each in known]
        unit.saw([found.survivor, found.loser], "divide")
    if not rids:
        return ()
    system = Scope(system_actor("merges"), scope.door, "operations", request=scope.request)
    with record.begin(system, now) as unit:
        one_at_a_time(unit)
        return tuple(_given(unit, found, rids))


def _given(unit: Unit, found: Merge, rids: list[int]) -> Iterable[str]:
    stays, goes = joining.both(unit, found.survivor, found.loser)
    held = merges.current(unit, rids)
    given = [each.stored.reference for each in held.values()]
    joining.carry(unit, held.values(), stays, goes)
    joining.carry(unit, _followers(unit, stays, given), stays, goes)
    return given


def _followers(unit: Unit, stays: Stored, given: list[str]) -> list[Held]:
    """What only speaks of what has just gone over."""
    return [
        held
        for held in merges.at_home(unit, stays.rid)
        if held.stored.type in _FOLLOWS and any(merge.names(held.stored.resource, each) for each in given)
    ]
