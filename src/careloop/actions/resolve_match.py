"""A person says who a message is about: one of those shown, somebody else we know, somebody new, or nobody of ours.

The choice stands on the task, with its reason, and the messages that waited for it go on.
"""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.actions.hospital_reviews import MATCH
from careloop.actions.identify_person import NEW, PERSON, messages_of
from careloop.actions.record import begin
from careloop.actions.working import Result, add_note, copy_of, me, open_task, save, words
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant
from careloop.kernel.errors import CareError, Conflict, NotFound
from careloop.store import Stored, Unit, inbox


class NotAMatch(Conflict):
    """This to-do does not ask who somebody is."""

    code = "not-a-match"


class NoChoice(CareError):
    """Choose one of the people shown, find another, or say that this is somebody new."""

    code, status, issue_type = "no-choice", 422, "required"


def resolve_match(
    scope: Scope,
    task: str,
    now: datetime,
    *,
    person: str | None = None,
    is_new: bool = False,
    reason: str,
    version: int | None = None,
) -> Result:
    """task: id. person: id of the Patient that it is. reason: kept with the decision, in the person's words.

    Raises NotAMatch, NoChoice, ReasonMissing, NotFound (also for somebody whom she may not see), StaleVersion,
    WorkEnded, NoPractitioner.
    """
    if (person is None) != is_new:
        raise NoChoice
    with begin(scope, now) as unit:
        seen, resource = _question(unit, task, version)
        add_note(resource, words(reason), unit)
        said: Resource = {"type": codeable(uris.TASK_IO, NEW), "valueBoolean": True}
        if person is not None:
            resource["for"] = {"reference": unit.read("Patient", person).reference}
            said = {"type": codeable(uris.TASK_IO, PERSON), "valueReference": resource["for"]}
        resource["output"] = [*resource.get("output", ()), said]
        resource |= {"status": "completed", "owner": me(unit)}
        resource["executionPeriod"] = {"end": fhir_instant(now)}
        stored = save(unit, resource, seen)
        for message in messages_of(resource):
            inbox.again(unit, message)
    return Result(stored)


def leave_out_messages(
    scope: Scope, task: str, now: datetime, *, reason: str, version: int | None = None
) -> Result:
    """The messages that wait for this answer are not for us: they are kept, and nothing is made of them. A later one
    about the same person asks again. Raises as resolve_match does."""
    with begin(scope, now) as unit:
        seen, resource = _question(unit, task, version)
        said = words(reason)
        resource |= {"status": "cancelled", "owner": me(unit), "executionPeriod": {"end": fhir_instant(now)}}
        resource["statusReason"] = {**codeable(uris.REASON, "left-out", "Left out"), "text": said}
        stored = save(unit, resource, seen)
        for message in messages_of(resource):
            inbox.finish(unit, message, "done", error=f"A person left this out: {said}")
    return Result(stored)


def _question(unit: Unit, task: str, version: int | None) -> tuple[Stored, Resource]:
    """The open question of her own site: it is nobody's record yet, so that the site alone says whose it is."""
    seen = open_task(unit, task, version)
    resource, work = copy_of(seen)
    actor = unit.scope.actor
    if actor.kind == "staff" and work.site and unit.rid_of(work.site) not in actor.sites:
        raise NotFound(f"Task/{task}")
    if work.kind != MATCH:
        raise NotAMatch
    return seen, resource
