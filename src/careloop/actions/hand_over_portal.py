"""When a child comes of age: the coordinator has work before, what the parents saw ends on the day, and the young adult
is invited. What the parents see ends by the clock in any case (projections/portal_shares.py); here it is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from careloop.access import Scope
from careloop.accounts import family_accounts
from careloop.actions import record
from careloop.actions.apply_proposal import apply_in
from careloop.actions.end_share import end_in
from careloop.care.representation import birthday, is_portal, standing_of
from careloop.care.work import Proposal, Work, WorkClass
from careloop.fhir.elements import Resource, day
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.library import Library, Rule, load
from careloop.projections.people import zone_of
from careloop.projections.portal_shares import RULE
from careloop.store import Stored, Unit

TIMER: Final = "portal-handover"
KIND: Final = "portal-handover"
TITLE: Final = "Coming of age: invite the young adult, tell the parents what changes"
BECAUSE: Final = "Parents see this record until the birthday; from then on only the young adult decides"
OTHER_AGE: Final = (
    "The age of majority may be %(age)s in %(state)s (unverified): ask before you tell the family."
)


def watch_birthday(unit: Unit, patient: Stored) -> None:
    """Fires when the coordinator should begin, in the caller's unit. Somebody without a birth date is watched by
    nobody: her parents see nothing."""
    born = day(patient.resource.get("birthDate"))
    if born is not None:
        rule = load().rule(RULE, unit.now.date())
        on = birthday(born, rule.integer("adult"), None)
        unit.set_timer(
            patient.rid, TIMER, patient.reference, on - timedelta(days=rule.integer("notice_days"))
        )


def hand_over(scope: Scope, person: int, library: Library, now: datetime) -> datetime | None:
    """person: rid. Does what is due and returns when to look again; None when all is done. Done twice it is done
    once."""
    ended: list[str] = []
    with record.begin(scope, now) as unit:
        found = unit.find("Patient", unit.reference_of(person).removeprefix("Patient/"))
        born = day(found.resource.get("birthDate")) if found else None
        if found is None or born is None:
            return None
        rule = library.rule(RULE, now.date())
        on = _birthday(unit, person, born.isoformat(), rule)
        parents = _parents(unit, person)
        if not parents:
            return None
        if now < on - timedelta(days=rule.integer("notice_days")):
            return on - timedelta(days=rule.integer("notice_days"))
        apply_in(unit, Proposal((_work(found, on, rule, zone_of(unit, person)),)), found.reference)
        if now >= on:
            for seen in parents:
                standing = standing_of(seen.resource)
                end_in(unit, seen, "Came of age.")
                ended += [standing.related] if standing else []
    for reference in ended:
        family_accounts.sign_out_everywhere(reference, now, "came of age")
    return None if ended else on


def _birthday(unit: Unit, person: int, born: str, rule: Rule) -> datetime:
    name, on = zone_of(unit, person), day(born)
    assert on is not None
    try:
        tz = zone(name) if name else None
    except UnknownZone:
        tz = None
    return birthday(on, rule.integer("adult"), tz)


def _parents(unit: Unit, person: int) -> list[Stored]:
    consents = [s for s in unit.of_person(person, ["Consent"]) if is_portal(s.resource)]
    known = [(s, standing_of(s.resource)) for s in consents]
    return [s for s, standing in known if standing and standing.kind == "parent" and not standing.is_ended]


def _work(patient: Stored, on: datetime, rule: Rule, zone_name: str | None) -> Work:
    return Work(
        kind=KIND,
        title=TITLE,
        because=BECAUSE,
        klass=WorkClass.CLOCK,
        dedupe=f"portal-handover:{patient.id}:{on.astimezone(UTC).date().isoformat()}",
        due=on,
        target=on - timedelta(days=1),
        zone=zone_name,
        rule=rule.ref,
        source=rule.label,
        details=_other_age(patient.resource, rule) or None,
    )


def _other_age(patient: Resource, rule: Rule) -> str:
    """What a line says that nobody has verified; nothing is decided by it."""
    states = {str(a.get("state", "")) for a in patient.get("address", ()) if a.get("use") != "old"}
    for state, said in dict(rule.values.get("states", {})).items():
        if state in states and not said.get("verified"):
            return OTHER_AGE % {"age": said["adult"], "state": state}
    return ""
