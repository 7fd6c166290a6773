"""Who may see whose pages: kept as windows of time, so that what ends by the clock ends without anybody's doing.

Derived from Consents of category urn:careloop:code:portal, the RelatedPerson each names, and the birth date of a child.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop import library
from careloop.care.representation import Ages, Standing, Window, is_portal, standing_of, windows
from careloop.care.stay import zone_of_person
from careloop.fhir.elements import Resource, day
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.library import Rule
from careloop.projections import sources
from careloop.store import Change, Stored, Unit

RULE: Final = "portal-minors"
TELLING: Final = ("Consent", "RelatedPerson", "Patient")
COLUMNS: Final = "person, consent, related, kind, share, since, until"
HELD: Final = """
select s.person, s.share, s.kind, s.related from portal_shares s
where s.related = any(%s::bigint[]) and s.since <= %s and (s.until is null or s.until > %s)
"""


@dataclass(frozen=True)
class Held:
    """person: rid of the Patient whose pages may be seen. related: rid of whom they are shared with."""

    person: int
    share: str
    kind: str
    related: int


def held_by(unit: Unit, related: Collection[int]) -> list[Held]:
    """related: rids of RelatedPersons. What they may see at unit.now."""
    return held(unit.cursor(), related, unit.now)


def held(cursor: Any, related: Collection[int], now: datetime) -> list[Held]:
    """The same for who is only about to be an actor. Says nothing about anybody but them."""
    if not related:
        return []
    return [Held(*row) for row in cursor.execute(HELD, [sorted(related), now, now]).fetchall()]


def ages_of(rule: Rule) -> Ages:
    return Ages(rule.integer("teen"), rule.integer("adult"), tuple(rule.values["teen_shares"]))


class PortalShares:
    """The projector of portal_shares."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        touched = {home for change in changes for home in _homes(change)}
        if touched:
            keep(unit, touched)

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from portal_shares")
        for batch in sources.every(unit, ("Consent",)):
            if people := {stored.person for stored in batch if is_portal(stored.resource)} - {0}:
                keep(unit, people)


def _homes(change: Change) -> Iterable[int]:
    """Whose windows may be others now. A change that no Consent of the portal can be concerned by is passed over, for
    it is nearly all of them."""
    stored = change.stored
    if stored.type not in TELLING:
        return
    if stored.type == "Patient" and _same_age(change):
        return
    for each in (change.before, change.after):
        if each is not None and each.person and (stored.type != "Consent" or is_portal(each.resource)):
            yield each.person


def _same_age(change: Change) -> bool:
    """Of a Patient the windows read when she comes of age, and in which zone."""
    if change.before is None or change.after is None:
        return False
    before, after = change.before.resource, change.after.resource
    return all(before.get(name) == after.get(name) for name in ("birthDate", "address"))


def keep(unit: Unit, people: Collection[int]) -> None:
    """Writes what these people's Consents give anew."""
    consents = [
        s for s in sources.of_people(unit, people, ("Consent",)) if s.person and is_portal(s.resource)
    ]
    unit.cursor().execute("delete from portal_shares where person = any(%s::bigint[])", [sorted(people)])
    if not consents:
        return
    beside = sources.of_people(unit, {s.person for s in consents}, ("Patient", "RelatedPerson"))
    patients = {s.rid: s.resource for s in beside if s.type == "Patient"}
    active = {s.reference: s for s in beside if s.type == "RelatedPerson" and s.resource.get("active", True)}
    ages = ages_of(library.load().rule(RULE, unit.now.date()))
    rows = [row for s in consents for row in _rows(s, patients.get(s.person), active, ages)]
    if rows:
        unit.cursor().executemany(
            f"insert into portal_shares({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s)", rows
        )


def _rows(
    consent: Stored, patient: Resource | None, active: dict[str, Stored], ages: Ages
) -> Iterable[tuple[Any, ...]]:
    """One row a share and beginning: where two windows begin at once, the longer one holds."""
    standing = standing_of(consent.resource)
    related = active.get(standing.related) if standing else None
    if standing is None or patient is None or related is None or related.person != consent.person:
        return
    longest: dict[tuple[str, datetime], Window] = {}
    for window in _windows(standing, patient, ages):
        known = longest.get((window.share, window.since))
        if known is None or window.until is None or (known.until is not None and known.until < window.until):
            longest[window.share, window.since] = window
    for window in longest.values():
        yield (
            *(consent.person, consent.rid, related.rid, standing.kind),
            *(window.share, window.since, window.until),
        )


def _windows(standing: Standing, patient: Resource, ages: Ages) -> tuple[Window, ...]:
    return windows(standing, day(patient.get("birthDate")), ages, _zone(zone_of_person(patient, None)[0]))


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return zone(name) if name else None
    except UnknownZone:
        return None
