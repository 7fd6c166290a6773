"""Urgent work: to the clinician on call at once; unacknowledged, to the next, then the supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from careloop.access.policy import CARE_ROLES
from careloop.accounts.models import User
from careloop.care.assess import Alarm
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir.elements import Resource, ref
from careloop.projections.people import lead_of
from careloop.store import Stored, Unit

TIMER = "escalate-urgent"
NOBODY = "Nobody is on call. Call 911 or 988 for the person, and phone your supervisor now."
UNANSWERED = (
    "Nobody on call has acknowledged it. Call 911 or 988 for the person, and phone your supervisor now."
)


# In line for urgent work: the rank, and among several of the same rank whose account came first.
Place = tuple[int, int]
FIRST: Final[Place] = (0, 0)


@dataclass(frozen=True)
class OnCall:
    """practitioner: "Practitioner/…"; rank: 1 first, 2 next, 9 supervisor."""

    practitioner: str
    name: str
    rank: int


def may_open(user: User, site: str | None, lead: str | None) -> bool:
    """As the policy has it: whoever cares for people at her site, or leads her care. An account without sites opens
    nobody, and an administrator no chart, so that neither is given work that would answer with “nothing here”."""
    if not user.practitioner or not CARE_ROLES & {*user.roles}:
        return False
    return (site is not None and site in user.sites) or lead == f"Practitioner/{user.practitioner}"


def roster(site: str | None, after: Place = FIRST, *, lead: str | None = None) -> list[OnCall]:
    """Who is on call for a person of that Organization id whom that Practitioner leads, in order, after that place."""
    rank, account = after
    users = User.objects.filter(
        Q(on_call_rank__gt=rank) | Q(on_call_rank=rank, id__gt=account), is_active=True, on_call_rank__gt=0
    ).order_by("on_call_rank", "id")
    return [
        OnCall(f"Practitioner/{user.practitioner}", str(user), user.on_call_rank)
        for user in users
        if may_open(user, site, lead)
    ]


def place_of(owner: str | None) -> Place:
    """owner: "Practitioner/…". Before the first for nobody, or somebody who is not on call."""
    user = User.objects.filter(practitioner=owner.rpartition("/")[2]).first() if owner else None
    return (user.on_call_rank, user.id) if user and user.on_call_rank else FIRST


def next_on_call(unit: Unit, patient: Stored, owner: str | None = None) -> OnCall | None:
    """Whom urgent work goes to after that owner; None after the last, and with nobody on call who may open it."""
    lead = lead_of(unit, patient.rid)
    return next(iter(roster(site_of(patient.resource), place_of(owner), lead=lead)), None)


def site_of(patient: Resource) -> str | None:
    reference = patient.get("managingOrganization", {}).get("reference", "")
    return reference.rpartition("/")[2] or None


def raise_alarm(
    unit: Unit, patient: Stored, alarm: Alarm, response: str, safety: str, said: datetime | None = None
) -> Stored:
    """Writes the urgent Task and its timer. response: the reference it comes from. said: when it was said, if that is
    not now; who is on call still has all her minutes. The same alarm of the same response makes one task."""
    first = next_on_call(unit, patient)
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
    task = to_task(work, patient.reference, said or unit.now)
    if first:
        task["owner"] = ref(first.practitioner, first.name)
    stored = unit.create(
        task, if_none_exist=[("identifier", f"{task['identifier'][0]['system']}|{work.dedupe}")]
    )
    if stored.is_new:
        unit.set_timer(patient.rid, TIMER, stored.reference, due)
    return stored
