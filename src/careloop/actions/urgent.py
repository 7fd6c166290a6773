"""Urgent work: to the clinician on call at once; unacknowledged, to the next, then the supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from careloop.accounts.models import User
from careloop.care.assess import Alarm
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir.elements import Resource, ref
from careloop.store import Stored, Unit

TIMER = "escalate-urgent"
NOBODY = "Nobody is on call. Call 911 or 988 for the person, and phone your supervisor now."
UNANSWERED = (
    "Nobody on call has acknowledged it. Call 911 or 988 for the person, and phone your supervisor now."
)


@dataclass(frozen=True)
class OnCall:
    """practitioner: "Practitioner/…"; rank: 1 first, 2 next, 9 supervisor."""

    practitioner: str
    name: str
    rank: int


def roster(site: str | None, after: int = 0) -> list[OnCall]:
    """Who is on call for that Organization id, in order, after that rank. Users without sites serve all."""
    users = User.objects.filter(is_active=True, on_call_rank__gt=after).order_by("on_call_rank", "id")
    serving = [user for user in users if not user.sites or site is None or site in user.sites]
    return [
        OnCall(f"Practitioner/{user.practitioner}", str(user), user.on_call_rank)
        for user in serving
        if user.practitioner
    ]


def rank_of(owner: str | None) -> int:
    """owner: "Practitioner/…". 0 for nobody, or somebody who is not on call."""
    if not owner:
        return 0
    user = User.objects.filter(practitioner=owner.rpartition("/")[2]).first()
    return user.on_call_rank if user else 0


def site_of(patient: Resource) -> str | None:
    reference = patient.get("managingOrganization", {}).get("reference", "")
    return reference.rpartition("/")[2] or None


def raise_alarm(unit: Unit, patient: Stored, alarm: Alarm, response: str, safety: str) -> Stored:
    """Writes the urgent Task and its timer. response: the reference it comes from. The same alarm of the same
    response makes one task."""
    first = next(iter(roster(site_of(patient.resource))), None)
    due = unit.now + timedelta(minutes=alarm.critical.escalate_after_minutes)
    work = Work(
        kind=f"urgent-{alarm.critical.kind}",
        title=alarm.critical.work.en,
        because=alarm.because.en,
        klass=WorkClass.DANGER,
        dedupe=f"urgent:{response}:{alarm.critical.id}",
        due=due,
        target=due,
        zone="UTC",
        rule=f"escalation@{unit.now.year}",
        source=alarm.critical.source,
        owner=first.practitioner if first else None,
        reasons=(response,),
        is_protected=True,
        waiting_on=None if first else NOBODY,
        details=safety or None,
    )
    task = to_task(work, patient.reference, unit.now)
    if first:
        task["owner"] = ref(first.practitioner, first.name)
    stored = unit.create(
        task, if_none_exist=[("identifier", f"{task['identifier'][0]['system']}|{work.dedupe}")]
    )
    if stored.is_new:
        unit.set_timer(patient.rid, TIMER, stored.reference, due)
    return stored
