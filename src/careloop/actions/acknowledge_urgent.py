"""Urgent work is acknowledged by a person, or goes on to the next on call when nobody does."""

from __future__ import annotations

from datetime import datetime, timedelta

from careloop.access import Scope
from careloop.accounts.models import User
from careloop.actions import record
from careloop.actions.urgent import NOBODY, TIMER, roster, site_of
from careloop.fhir import uris
from careloop.fhir.elements import extension, fhir_instant, ref, set_extension
from careloop.store import Stored

FINISHED = frozenset({"completed", "cancelled", "entered-in-error", "failed", "rejected"})


def acknowledge_urgent(scope: Scope, task: str, now: datetime) -> Stored:
    """“I have it.” The work becomes mine, the clock of its escalation stops."""
    with record.begin(scope, now) as unit:
        stored = unit.read("Task", task)
        resource = dict(stored.resource)
        resource["extension"] = list(resource.get("extension", ()))
        set_extension(resource, uris.ACKNOWLEDGED, "DateTime", fhir_instant(now))
        set_extension(resource, uris.WAITING, "String", None)
        resource["status"] = "in-progress"
        if scope.actor.practitioner:
            resource["owner"] = ref(scope.actor.practitioner, scope.actor.name)
        unit.clear_timer(stored.person, TIMER, stored.reference)
        return unit.update(resource, if_match=stored.version)


def escalate_urgent(scope: Scope, task: str, now: datetime, minutes: int = 15) -> Stored:
    """Called when the timer fires. Acknowledged or finished work stays as it is; with nobody left on call it says so
    and is unclaimed, so that everyone at the site sees it."""
    with record.begin(scope, now) as unit:
        stored = unit.read("Task", task)
        resource = dict(stored.resource)
        if extension(resource, uris.ACKNOWLEDGED) or resource["status"] in FINISHED:
            return stored
        patient = unit.get([resource["for"]["reference"]])[resource["for"]["reference"]]
        following = next(iter(roster(site_of(patient.resource), _rank_of(resource))), None)
        resource["extension"] = list(resource.get("extension", ()))
        set_extension(resource, uris.WAITING, "String", None if following else NOBODY)
        if following:
            resource["owner"] = ref(following.practitioner, following.name)
            said = f"Not acknowledged in {minutes} minutes: now with {following.name}."
            unit.set_timer(stored.person, TIMER, stored.reference, now + timedelta(minutes=minutes))
        else:
            resource.pop("owner", None)
            said = f"Not acknowledged in {minutes} minutes. {NOBODY}"
        resource["note"] = [{"text": said, "time": fhir_instant(now)}, *resource.get("note", ())]
        return unit.update(resource, if_match=stored.version)


def _rank_of(task: dict[str, object]) -> int:
    owner = task.get("owner")
    reference = str(owner.get("reference", "")) if isinstance(owner, dict) else ""
    user = User.objects.filter(practitioner=reference.rpartition("/")[2]).first() if reference else None
    return user.on_call_rank if user else 0
