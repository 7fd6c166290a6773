"""What is asked of a person and of those who care for her: open work, booked visits, forms that wait, her own steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from careloop.care.care_load import Item, Load, kind_of, load_of
from careloop.care.work import work_of
from careloop.fhir.elements import Resource, instant, text_of
from careloop.kernel.calendar import zone as zone_named
from careloop.kernel.errors import UnknownZone
from careloop.library import Library
from careloop.projections.people import names, zone_of
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

RULE: Final = "care-load"
BOOKED: Final = frozenset({"proposed", "pending", "booked"})
STAFF: Final = ("Practitioner/", "PractitionerRole/", "Organization/")
OWN: Final = ("Patient/", "RelatedPerson/")


def loads(unit: Unit, patient: Stored, library: Library, reader: ZoneInfo) -> list[Load]:
    """Hers first, then those of caregivers of whom anything is asked. Only what the reader may see counts."""
    items = list(items_of(unit, patient))
    called = names(unit, {who for item in items for who in item.by})
    named = [_named(item, called) for item in items]
    rule = library.rule(RULE, unit.now.date())
    tz = _zone(unit, patient.rid) or reader
    whose = [patient.reference, *sorted({item.of for item in named} - {patient.reference})]
    return [load_of(of, named, unit.now, tz, rule) for of in whose]


def items_of(unit: Unit, patient: Stored) -> Iterator[Item]:
    kinds = [kind for kind in ("Task", "Appointment") if unit.may_search(kind)]
    for stored in unit.of_person(patient.rid, kinds) if kinds else ():
        if stored.type == "Task":
            yield from _of_task(stored, patient.reference)
        else:
            yield from _of_visit(stored, patient.reference)


def _of_task(stored: Stored, patient: str) -> Iterator[Item]:
    task = stored.resource
    if task.get("status") not in OPEN or task.get("intent") == "proposal":
        return
    work = work_of(task)
    at = work.target or work.due
    owner = work.owner or ""
    if owner.startswith(OWN):
        yield Item("own", work.title, at, stored.reference, of=owner)
    elif kind := kind_of(work.kind):
        yield Item(kind, work.title, at, stored.reference, by=(owner,) if owner else (), of=patient)


def _of_visit(stored: Stored, patient: str) -> Iterator[Item]:
    visit = stored.resource
    at = instant(visit.get("start"))
    if visit.get("status") not in BOOKED or at is None:
        return
    there = [str((p.get("actor") or {}).get("reference", "")) for p in visit.get("participant", ())]
    by = tuple(who for who in there if who.startswith(STAFF[:2]))
    shown = tuple(said for p in visit.get("participant", ()) if (said := _display(p)) and not _is_hers(p))
    title = str(visit.get("description") or text_of(visit.get("appointmentType")) or "Visit")
    for of in (patient, *(who for who in there if who.startswith("RelatedPerson/"))):
        yield Item("visit", title, at, stored.reference, by=by, names=shown if not by else (), of=of)


def _display(participant: Resource) -> str:
    return str((participant.get("actor") or {}).get("display", ""))


def _is_hers(participant: Resource) -> bool:
    return str((participant.get("actor") or {}).get("reference", "")).startswith(OWN)


def _named(item: Item, called: dict[str, str]) -> Item:
    found = tuple(called[who] for who in item.by if who in called)
    return replace(item, names=found or item.names)


def _zone(unit: Unit, person: int) -> ZoneInfo | None:
    try:
        name = zone_of(unit, person)
        return zone_named(name) if name else None
    except UnknownZone:
        return None
