"""Two records made one, in the caller's own unit: each thing of the one is written anew under the other, what names it
elsewhere as well, and what was moved is remembered. Whoever calls has judged that it may be, and nobody else decides
about people until the commit (`identify_person.one_at_a_time`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from careloop.actions.apply_proposal import apply_in, hold
from careloop.care import merge
from careloop.care.work import Proposal, Work, WorkClass
from careloop.fhir import definitions
from careloop.fhir.elements import Resource, codeable, fhir_instant
from careloop.projections.card import code_status
from careloop.store import Stored, Unit, merges
from careloop.store.merges import Held, Moved

LOOK: Final = "review-joined"
ASK_AGAIN: Final = "Permissions are on hold until the person was asked again."
# What has no person of its own comes behind what it speaks of.
_FOLLOWS: Final = {"Binary": 1, "Provenance": 2}


@dataclass(frozen=True)
class Decided:
    """who: who answers for it, as Provenance.agent.who. reason: in the words of whoever decided."""

    who: Resource
    reason: str


@cache
def naming() -> frozenset[int]:
    """The search parameters by which anything may name a Patient."""
    return frozenset(
        param.id
        for kind in definitions.RESOURCE_TYPES
        for param in definitions.search_params(kind).values()
        if param.type == "reference" and (not param.targets or "Patient" in param.targets)
    )


def both(unit: Unit, stays: int, goes: int) -> tuple[Stored, Stored]:
    """The two Patients under lock, and nobody works out what follows for them meanwhile. Raises MergedAlready."""
    for reference in sorted(unit.reference_of(person) for person in (stays, goes)):
        hold(unit, reference)
    found = merges.current(unit, [stays, goes])
    if stays not in found or goes not in found:
        raise merge.MergedAlready
    return found[stays].stored, found[goes].stored


def join(unit: Unit, stays: Stored, goes: Stored, decided: Decided, doubts: Sequence[str] = ()) -> int:
    """The number of the merge. doubts: sentences that stand on the work for whoever leads the person. Raises
    SameRecord, MergedAlready, DeathUnsettled."""
    sides = side(unit, stays), side(unit, goes)
    merge.refuse(*sides)
    kept = _held_back(unit, stays, goes)
    moved = [
        *_carried(unit, goes, stays, kept),
        *(
            _as_moved(held, unit.carry(held.stored, kept[held.stored.rid]))
            for held in _consents(unit, stays, kept)
        ),
        _as_moved(Held(stays, True), unit.carry(stays, merge.joined(stays.resource, goes.resource))),
        _as_moved(Held(goes, True), unit.carry(goes, merge.left(goes.resource, stays.reference))),
    ]
    told = unit.create(provenance(unit, "merge", stays, goes, decided))
    rows = merges.move_rows(unit, stays.rid, goes.rid)
    number = merges.remember(unit, stays.rid, goes.rid, told.rid, moved, rows)
    because = [*merge.conflicts(*sides), *doubts, *([ASK_AGAIN] if kept else [])]
    if because:
        apply_in(unit, Proposal((_look(told, because),)), stays.reference)
    return number


def _carried(unit: Unit, goes: Stored, stays: Stored, kept: dict[int, Resource]) -> list[Moved]:
    """All that is of the record that goes, and all that names it elsewhere."""
    found = [*merges.at_home(unit, goes.rid), *merges.mentioning(unit, goes.rid, naming())]
    return carry(unit, found, goes, stays, kept)


def carry(
    unit: Unit, found: Iterable[Held], goes: Stored, stays: Stored, kept: dict[int, Resource] | None = None
) -> list[Moved]:
    """Writes each under the other name. kept: other words for some of them, by rid. What tells only of the old record
    itself stays with it, and so does what follows something that was deleted there."""
    moved = []
    for held in sorted({h.stored.rid: h for h in found}.values(), key=_rank):
        stored = held.stored
        if stored.type == "Patient":
            continue
        said = (kept or {}).get(stored.rid, stored.resource)
        if is_history_of(said, goes.reference):
            continue
        resource = merge.renamed(said, goes.reference, stays.reference)
        if stored.person == goes.rid and merges.leads_to(unit, resource) == goes.rid:
            continue
        moved.append(_as_moved(held, unit.carry(stored, resource, is_indexed=held.is_indexed)))
    return moved


def is_history_of(resource: Resource, person: str) -> bool:
    """A Provenance that tells of this record and of nothing else."""
    if resource.get("resourceType") != "Provenance":
        return False
    return {
        str(each.get("reference", "")).partition("/_history/")[0] for each in resource.get("target", ())
    } == {person}


def _rank(held: Held) -> tuple[int, int]:
    return _FOLLOWS.get(held.stored.type, 0), held.stored.rid


def _as_moved(held: Held, after: Stored) -> Moved:
    return Moved(after.rid, held.stored.version, after.version, held.stored.person)


# --- consents


def _held_back(unit: Unit, stays: Stored, goes: Stored) -> dict[int, Resource]:
    """Consents that must not open the other record before the person was asked, by rid, as they will stand."""
    own, other = (unit.of_person(each.rid, ["Consent"]) for each in (stays, goes))
    renamed = {each.rid: merge.renamed(each.resource, goes.reference, stays.reference) for each in other}
    mine = {each.rid: each.resource for each in own}
    return {
        **_kept(mine, renamed, _opens(unit, goes.rid)),
        **_kept(renamed, mine, _opens(unit, stays.rid)),
    }


def _kept(
    consents: dict[int, Resource], others: dict[int, Resource], opens: Callable[[Resource], bool]
) -> dict[int, Resource]:
    held = merge.held(list(consents.values()), list(others.values()), opens)
    by_id = {each["id"]: each for each in held}
    return {rid: by_id[consent["id"]] for rid, consent in consents.items() if consent["id"] in by_id}


def _opens(unit: Unit, other: int) -> Callable[[Resource], bool]:
    """A consent opens what the policy keeps closed of the other record. A helper's share opens pages."""
    has_sensitive = merges.has_sensitive(unit, other)
    return lambda consent: has_sensitive or merge.is_portal(consent)


def _consents(unit: Unit, stays: Stored, kept: dict[int, Resource]) -> list[Held]:
    own = [each.rid for each in unit.of_person(stays.rid, ["Consent"]) if each.rid in kept]
    return list(merges.current(unit, own).values()) if own else []


# --- what is told of it


def side(unit: Unit, patient: Stored) -> merge.Side:
    """With what the reader may see of it."""
    plans = [p for p in unit.of_person(patient.rid, ["CarePlan"]) if p.resource.get("status") == "active"]
    allergies = unit.of_person(patient.rid, ["AllergyIntolerance"])
    status = code_status(unit, patient)
    return merge.Side(patient.reference, patient.resource, len(plans), len(allergies), status)


def _look(told: Stored, because: Sequence[str]) -> Work:
    return Work(
        kind=LOOK,
        title="Look through the joined record",
        because=" ".join(because),
        klass=WorkClass.ROUTINE,
        dedupe=f"joined:{told.id}",
        reasons=(told.reference,),
    )


def provenance(unit: Unit, what: str, stays: Stored, goes: Stored, decided: Decided) -> Resource:
    """what: merge or unmerge. It stands in the story of the record that stays."""
    return {
        "resourceType": "Provenance",
        "target": [{"reference": stays.reference}],
        "recorded": fhir_instant(unit.now),
        "activity": codeable(merge.LIFECYCLE, what),
        "reason": [{"text": decided.reason}],
        "agent": [{"who": decided.who}],
        "entity": [{"role": "source", "what": {"reference": goes.reference}}],
    }
