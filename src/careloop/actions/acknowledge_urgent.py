"""Urgent work is acknowledged by a person, or goes on to the next on call when nobody does."""

from __future__ import annotations

from datetime import datetime, timedelta

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.urgent import NOBODY, TIMER, UNANSWERED, next_on_call
from careloop.actions.working import WorkEnded, me
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, fhir_instant, ref, set_extension
from careloop.kernel.errors import Conflict
from careloop.store import Stored, Unit

FINISHED = frozenset({"completed", "cancelled", "entered-in-error", "failed", "rejected"})


class NotUrgent(Conflict):
    """This is no urgent work, so there is nothing to acknowledge. Nothing was changed."""

    code = "not-urgent"


class HadByAnother(Conflict):
    """A colleague has it already. Nothing was changed."""

    code = "had-by-another"


def acknowledge_urgent(scope: Scope, task: str, now: datetime, *, over: bool = False) -> Stored:
    """“I have it.” It becomes mine, the clock of its escalation stops. over: although a colleague has it, as agreed
    with her. Said twice by the same person it changes nothing. Raises NotUrgent, WorkEnded, HadByAnother."""
    with record.begin(scope, now) as unit:
        stored = unit.read("Task", task)
        mine = me(unit)
        if not work_of(stored.resource).is_protected:
            raise NotUrgent
        if stored.resource["status"] in FINISHED:
            raise WorkEnded
        owner = stored.resource.get("owner") or {}
        if extension(stored.resource, uris.ACKNOWLEDGED):
            if owner.get("reference") == mine["reference"]:
                return stored
            if not over:
                raise HadByAnother(str(owner.get("display", "")))
        resource = dict(stored.resource)
        resource["extension"] = list(resource.get("extension", ()))
        set_extension(resource, uris.ACKNOWLEDGED, "DateTime", fhir_instant(now))
        set_extension(resource, uris.WAITING, "String", None)
        resource["status"] = "in-progress"
        resource["owner"] = mine
        unit.clear_timer(stored.person, TIMER, stored.reference)
        return unit.update(resource, if_match=stored.version)


def escalate_urgent(scope: Scope, task: str, now: datetime, minutes: int = 15) -> Stored:
    """Called when the timer fires. Acknowledged or finished work stays as it is. With nobody left it is unclaimed, so
    that everyone at the site sees it, says so, and begins again with the first on call until somebody has it."""
    with record.begin(scope, now) as unit:
        stored = unit.read("Task", task)
        if extension(stored.resource, uris.ACKNOWLEDGED) or stored.resource["status"] in FINISHED:
            return stored
        unit.set_timer(stored.person, TIMER, stored.reference, now + timedelta(minutes=minutes))
        resource = _passed_on(unit, stored, minutes)
        return stored if resource is None else unit.update(resource, if_match=stored.version)


def _passed_on(unit: Unit, stored: Stored, minutes: int) -> Resource | None:
    """The work in the next hands; None when nothing is new: still nobody on call."""
    resource = dict(stored.resource)
    patient = unit.get([resource["for"]["reference"]])[resource["for"]["reference"]]
    owner = (resource.get("owner") or {}).get("reference")
    following = next_on_call(unit, patient, owner)
    waiting = None if following else (UNANSWERED if owner else NOBODY)
    if following is None and owner is None:
        return None
    resource["extension"] = list(resource.get("extension", ()))
    set_extension(resource, uris.WAITING, "String", waiting)
    if following:
        resource["owner"] = ref(following.practitioner, following.name)
        said = f"Not acknowledged in {minutes} minutes: now with {following.name}."
    else:
        resource.pop("owner", None)
        said = f"Not acknowledged in {minutes} minutes. {waiting}"
    resource["note"] = [{"text": said, "time": fhir_instant(unit.now)}, *resource.get("note", ())]
    return resource
