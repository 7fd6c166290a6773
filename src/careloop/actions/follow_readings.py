"""What readings ask for by themselves, made so: values that are not believed, devices that fell silent.

Reactions call it for whoever has such; asked again about the same record it writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.actions.apply_proposal import apply_in, hold
from careloop.care.devices import device_name, is_in_use, kinds_of
from careloop.care.firing import evidence_in, protocol_of
from careloop.care.reading_limits import Limits
from careloop.care.reading_work import (
    ASK,
    SILENT,
    Doubt,
    Heard,
    Past,
    by_device,
    on_doubts,
    on_limits,
    on_silent_devices,
)
from careloop.care.stay import state_of
from careloop.care.work import work_of
from careloop.fhir.elements import Resource
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.library import Kind, Library
from careloop.projections.people import names, zone_of
from careloop.projections.reading_limits import limits_for
from careloop.projections.readings import Read, believed_before, doubtful_of, readings_of
from careloop.store import Stored, Unit
from careloop.store.keys import number_of

TIMER: Final = "device-silence"
# How far back the beginning is looked for, of values past a limit one after the other.
MOST_LOOKED: Final = 60
# Whose doubts changed: who has one now, or a to-do about one. A device that is heard needs no look: its timer looks.
CONCERNED: Final = """
select person from readings where person = any(%s::bigint[]) and state = 'doubtful'
union select person from work where person = any(%s::bigint[]) and is_open and kind = any(%s::text[])
union select person from reading_limits where person = any(%s::bigint[])
"""
HAS_DEVICE: Final = "select h.person from heads h where h.person = %s and h.type = %s and h.state = 1 limit 1"
LAST: Final = """
select device, max(at), array_agg(distinct kind) from readings
where person = %s and device is not null and state <> 'refuted' group by device
"""


def follow_readings(unit: Unit, person: int, library: Library) -> tuple[Stored, ...]:
    """person: rid of the Patient."""
    reference = unit.reference_of(person)
    patient = unit.find(*reference.split("/", 1))
    if patient is None:
        return ()
    hold(unit, reference)
    tz = zone_or_utc(unit, person)
    keys, asked = _work(unit, person)
    doubts = [doubt for doubt in _doubts(unit, person, library) if doubt.observation not in asked]
    written = apply_in(unit, on_doubts(reference, doubts, keys[ASK], unit.now, tz), reference)
    is_over = _is_over(patient.resource)
    past = [] if is_over else _untold(unit, person, past_limits(unit, person, library.readings.values()))
    written = (*written, *apply_in(unit, on_limits(reference, past, unit.now, tz), reference))
    devices = [] if is_over else heard_devices(unit, person, library)
    proposal, again = on_silent_devices(reference, devices, keys[SILENT], unit.now, tz)
    if again is not None:
        unit.set_timer(person, TIMER, reference, again)
    return (*written, *apply_in(unit, proposal, reference))


def _is_over(patient: Resource) -> bool:
    return bool(patient.get("deceasedBoolean") or patient.get("deceasedDateTime"))


def zone_or_utc(unit: Unit, person: int) -> ZoneInfo:
    try:
        return zone(zone_of(unit, person) or "")
    except UnknownZone:
        return ZoneInfo("UTC")


def _work(unit: Unit, person: int) -> tuple[dict[str, list[str]], set[str]]:
    """(keys of what is open, by kind; what was asked about and closed by a person: it is not asked again)"""
    found: dict[str, list[str]] = {ASK: [], SILENT: []}
    asked: set[str] = set()
    for stored in unit.of_person(person, ["Task"]):
        work, state = work_of(stored.resource), state_of(stored.resource)
        if work.kind in found and state == "open" and work.dedupe:
            found[work.kind].append(work.dedupe)
        elif work.kind == ASK and state in ("done", "closed"):
            asked |= set(work.reasons)
    return found, asked


def _doubts(unit: Unit, person: int, library: Library) -> list[Doubt]:
    made = []
    for read in doubtful_of(unit, person):
        kind = library.readings.get(read.kind)
        if kind is None:
            continue
        before = believed_before(unit, read)
        if before and unit.is_sensitive([unit.reference_of(before.observation)]):
            before = None  # whoever may see the one to look at may not see the other
        made.append(
            Doubt(
                kind,
                read.value,
                read.second,
                read.unit,
                read.at,
                read.why or "impossible",
                unit.reference_of(read.observation),
                (before.value, before.at) if before else None,
            )
        )
    return made


def past_limits(unit: Unit, person: int, kinds: Iterable[Kind]) -> list[Past]:
    """Of each of these kinds that has limits of this person's own: where its newest believed value is past one."""
    found = []
    for kind in kinds:
        limits = limits_for(unit, [person], kind, words=True)[person]
        if limits is None or not limits.is_own:
            continue
        newest = readings_of(unit, person, [kind.id], since=limits.since, limit=MOST_LOOKED)
        if outside := _outside(newest, limits):
            last = outside[0]
            streak = tuple(unit.reference_of(each.observation) for each in outside)
            passed = limits.outside(last.value, last.second)
            by = names(unit, [limits.set_by]).get(limits.set_by, "") if limits.set_by else ""
            found.append(Past(kind, last.value, last.second, last.at, streak, passed, limits, by))
    return found


def _untold(unit: Unit, person: int, past: list[Past]) -> list[Past]:
    """Without those that a protocol speaks of, or spoke of: its to-do says both, and one cause is one row."""
    if not past:
        return []
    issues = [each.resource for each in unit.of_person(person, ["DetectedIssue"])]
    told = {each for issue in issues if protocol_of(issue) for each in evidence_in(issue)}
    return [each for each in past if told.isdisjoint(each.streak)]


def _outside(newest: Sequence[Read], limits: Limits) -> list[Read]:
    """From the newest back to the first that passed a limit, one after the other."""
    return list(takewhile(lambda read: limits.outside(read.value, read.second), newest))


# --- devices


def heard_devices(unit: Unit, person: int, library: Library) -> list[Heard]:
    """Those that are the person's own (Device.patient) and in use, and measure something that names its days."""
    rows = unit.cursor().execute(LAST, [person]).fetchall()
    sent = {device: (at, kinds) for device, at, kinds in rows}
    found = []
    for stored in unit.of_person(person, ["Device"]):
        at, kinds = sent.get(stored.reference, (None, []))
        named = {*kinds_of(stored.resource, library.readings.values()), *kinds}
        days = by_device(library.readings, named)
        if is_in_use(stored.resource) and days is not None:
            last = max(at, stored.at) if at else stored.at
            found.append(Heard(stored.reference, device_name(stored.resource), last, at is not None, days))
    return found


def is_concerned(unit: Unit, person: int) -> bool:
    """Whether anything of hers is to be asked, to be withdrawn, or watched for silence."""
    if unit.cursor().execute(CONCERNED, concerning([person])).fetchone():
        return True
    return unit.cursor().execute(HAS_DEVICE, [person, number_of("Device")]).fetchone() is not None


def concerning(people: Collection[int]) -> list[Any]:
    """The parameters of CONCERNED."""
    wanted = sorted(people)
    return [wanted, wanted, [ASK, SILENT], wanted]
