"""Give a to-do to a colleague, or back to the team, with a note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from careloop.access import Scope
from careloop.accounts.models import User
from careloop.actions import record, working
from careloop.actions.urgent import TIMER, may_open
from careloop.actions.working import ProtectedWork, Result
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import ref, set_extension
from careloop.kernel.errors import CareError
from careloop.projections.people import lead_of
from careloop.store import Unit

TEAM = "team"
# As long as the first on call has: content/rules/escalation.yaml.
ANSWER_WITHIN = timedelta(minutes=15)


class UnknownColleague(CareError):
    """Choose a colleague who works with this person’s site, or the team."""

    code, status, issue_type = "unknown-colleague", 422, "value"


@dataclass(frozen=True)
class Colleague:
    """reference: "Practitioner/…"."""

    reference: str
    name: str


def colleagues(scope: Scope, site: str | None, *, lead: str | None = None) -> list[Colleague]:
    """Who works with people of this Organization id, and whoever leads her; site None: of any of mine. Never oneself.
    Nobody is offered who could not open what she is given."""
    sites = _own_sites(scope) if site is None else [site]
    users = User.objects.filter(is_active=True).exclude(practitioner="").order_by("name")
    return [
        Colleague(reference, str(user))
        for user in users
        if (reference := f"Practitioner/{user.practitioner}") != scope.actor.practitioner
        and any(may_open(user, each, lead) for each in (*sites, None))
    ]


def _own_sites(scope: Scope) -> list[str]:
    mine = (scope.actor.practitioner or "").rpartition("/")[2]
    user = User.objects.filter(practitioner=mine).first() if mine else None
    return list(user.sites) if user else []


def takers(unit: Unit, task: dict[str, object]) -> list[Colleague]:
    """Who may be given this to-do. Of a person without a site: whoever leads her, nobody else sees her."""
    reference, site = _person_of(task), site_of(unit, task)
    rid = unit.rid_of(reference) if reference else None
    lead = lead_of(unit, rid) if rid is not None else None
    return colleagues(unit.scope, site or ("" if reference else None), lead=lead)


def hand_off_work(
    scope: Scope, task: str, to: str, note: str, now: datetime, *, version: int | None = None
) -> Result:
    """to: "Practitioner/…" or "team", where anybody may claim it. Urgent work goes to a person, never to a pile.

    Raises StaleVersion, WorkEnded, ReasonMissing, UnknownColleague, ProtectedWork."""
    said = working.words(note)
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        resource, work = working.copy_of(seen)
        if to == TEAM:
            if work.is_protected:
                raise ProtectedWork("Hand it to a person by name.")
            resource.pop("owner", None)
            resource["status"] = "requested"
            name = "the team"
        else:
            found = _colleague(unit, resource, to)
            resource["owner"], name = ref(found.reference, found.name), found.name
            if work.is_protected:  # whoever gets it says “I have it”, or it goes on to the next
                set_extension(resource, uris.ACKNOWLEDGED, "DateTime", None)
                set_extension(resource, uris.WAITING, "String", None)  # “nobody is on call” is over
                unit.set_timer(seen.person, TIMER, seen.reference, now + ANSWER_WITHIN)
        set_extension(resource, uris.WAKE, "DateTime", None)
        working.add_note(resource, f"Handed to {name}: {said}", unit)
        saved = working.save(unit, resource, seen)
        return Result(saved, "" if work.is_protected else working.undo_token(saved))


def _colleague(unit: Unit, task: dict[str, object], to: str) -> Colleague:
    found = next((c for c in takers(unit, task) if c.reference == to), None)
    if found is None:
        raise UnknownColleague
    return found


def _person_of(task: dict[str, object]) -> str:
    person = task.get("for")
    return str(person.get("reference", "")) if isinstance(person, dict) else ""


def site_of(unit: Unit, task: dict[str, object]) -> str | None:
    """The Organization id that the work's person belongs to; of work about nobody (yet), the site that it came for."""
    reference = _person_of(task)
    patient = unit.get([reference]).get(reference) if reference else None
    site = (patient.resource.get("managingOrganization") or {}).get("reference") if patient else None
    site = site or work_of(task).site or ""
    return str(site).rpartition("/")[2] or None
