"""A conflict between plans is made work, or marked as looked at with a reason. Neither changes any plan."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.apply_proposal import apply_in
from careloop.actions.hospital_reviews import token
from careloop.actions.working import Result
from careloop.care.conflicts import Conflict, dedupe_of, work_of_conflict
from careloop.care.work import Proposal
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.fhir.translation import translate
from careloop.kernel.errors import Conflict as Clash
from careloop.kernel.errors import NotFound
from careloop.library import Library
from careloop.projections.people import lead_of, zone_of
from careloop.projections.plans_beside import Named, beside_of
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

MOST: Final = 500


class ConflictGone(Clash):
    """The plans do not say this any more. Look at them again."""

    code = "conflict-gone"


class WorkedOn(Clash):
    """Somebody is working on this already."""

    code = "conflict-worked-on"


def make_conflict_work(scope: Scope, person: str, key: str, library: Library, now: datetime) -> Result:
    """person: Patient id. Once for one conflict; asked again after it was finished it is open again. Raises
    ConflictGone, WorkedOn."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        named = _find(unit, patient, key, library)
        if named.work:
            raise WorkedOn(work=named.work)
        owner = lead_of(unit, patient.rid) or unit.scope.actor.practitioner
        work = work_of_conflict(
            named.conflict, patient.reference, owner=owner, zone=zone_of(unit, patient.rid)
        )
        made = apply_in(unit, Proposal((work,)), patient.reference)
        task = made[0] if made else _open_again(unit, patient, work.dedupe)
        return Result(task, undo=working.undo_token(task) if task.version == 1 else "")


def _open_again(unit: Unit, patient: Stored, dedupe: str) -> Stored:
    """It was finished, and yet the plans still say so."""
    asked = [("patient", patient.reference), ("identifier", token(uris.DEDUPE, dedupe))]
    seen = unit.match_one("Task", asked)
    if seen is None:
        raise NotFound
    kept = {k: v for k, v in seen.resource.items() if k not in ("executionPeriod", "statusReason", "output")}
    status = "accepted" if "owner" in kept else "requested"
    return unit.update(
        {**kept, "status": status, "lastModified": fhir_instant(unit.now)}, if_match=seen.version
    )


def look_at_conflict(
    scope: Scope, person: str, key: str, reason: str, library: Library, now: datetime
) -> Result:
    """Marked as looked at by whoever is signed in, with her reason; it comes back when a side changes. Open work about
    it ends with the same reason. Raises ReasonMissing, ConflictGone, NoPractitioner."""
    text = working.words(reason, MOST)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        named = _find(unit, patient, key, library)
        mine = working.me(unit)
        issue = _issue(named.conflict, patient.reference, text, mine, now)
        seen = unit.match_one(
            "DetectedIssue",
            [
                ("patient", patient.reference),
                ("identifier", token(uris.DEDUPE, dedupe_of(patient.reference, key))),
            ],
        )
        if seen is None:
            stored = unit.create(issue)
        else:
            before = seen.resource.get("mitigation", [])
            stored = unit.update(
                {**issue, "id": seen.id, "mitigation": [*before, *issue["mitigation"]]}, if_match=seen.version
            )
        ended = _end_work(unit, named, text)
        return Result(ended, made=(stored,))


def look_again(scope: Scope, person: str, issue: str, now: datetime) -> Result:
    """What was marked as looked at is a conflict again. issue: DetectedIssue id. Raises NotFound for another's."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        seen = unit.read("DetectedIssue", issue)
        is_ours = any(
            coding.get("system") == uris.PLAN_CONFLICT
            for coding in seen.resource.get("code", {}).get("coding", ())
        )
        if seen.person != patient.rid or not is_ours:
            raise NotFound(f"DetectedIssue/{issue}")
        return Result(
            None, made=(unit.update({**seen.resource, "status": "cancelled"}, if_match=seen.version),)
        )


def _find(unit: Unit, patient: Stored, key: str, library: Library) -> Named:
    found = beside_of(unit, patient, library)
    named = next((each for each in found.named if each.conflict.key == key), None)
    if named is None:
        raise ConflictGone
    return named


def _issue(conflict: Conflict, person: str, reason: str, by: Resource, now: datetime) -> Resource:
    issue: Resource = {
        "resourceType": "DetectedIssue",
        "identifier": [{"system": uris.DEDUPE, "value": dedupe_of(person, conflict.key)}],
        "status": "final",
        "code": codeable(uris.PLAN_CONFLICT, conflict.rule.id, conflict.rule.title.en),
        "patient": ref(person),
        "identifiedDateTime": fhir_instant(now),
        "author": by,
        "implicated": [ref(reference) for reference in dict.fromkeys(conflict.references)],
        "detail": conflict.because.en,
        "mitigation": [{"action": {"text": reason}, "date": fhir_instant(now), "author": by}],
        "extension": [{"url": uris.SOURCE, "valueString": conflict.rule.source}],
    }
    translate(issue["code"], "text", "es", conflict.rule.title.es)
    translate(issue, "detail", "es", conflict.because.es)
    return issue


def _end_work(unit: Unit, named: Named, reason: str) -> Stored | None:
    if not named.work:
        return None
    seen = unit.read("Task", named.work)
    if seen.resource.get("status") not in OPEN:
        return None
    resource, _ = working.copy_of(seen)
    working.add_note(resource, reason, unit)
    resource["status"] = "completed"
    resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(unit.now)}
    return working.save(unit, resource, seen)
