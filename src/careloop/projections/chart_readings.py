"""The readings section: each kind over time with the range to be in and its limits, what is not believed, devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.care.devices import device_name, is_in_use, kinds_of
from careloop.care.reading_limits import Limits
from careloop.care.reading_work import by_device, value_said
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, text_of
from careloop.library import Kind, Library
from careloop.projections.chart_health import Point, Series
from careloop.projections.people import names
from careloop.projections.reading_limits import limits_for
from careloop.projections.readings import Read, days_with, readings_of
from careloop.store import Stored, Unit
from careloop.store.keys import number_of

OPEN_GOAL: Final = frozenset({"proposed", "planned", "accepted", "active", "on-hold"}) - {"proposed"}
# A person who measures four times a day for years still gets one page.
MOST_POINTS: Final = 400
MOST_ROWS: Final = 60


@dataclass(frozen=True, repr=False)
class Target:
    """The range to be in. words: what it is called. is_own: agreed with this person (a Goal). source, sure: of the
    default of everybody."""

    low: Decimal | None
    high: Decimal | None
    second_low: Decimal | None
    second_high: Decimal | None
    words: str
    is_own: bool
    source: str = ""
    sure: str = ""


@dataclass(frozen=True, repr=False)
class Row:
    """One value in words. by: who says so. reference, version: of the Observation."""

    read: Read
    words: str
    sent: str
    by: str
    reference: str
    version: int
    note: str


@dataclass(frozen=True, repr=False)
class Measured:
    """One kind. rows: the newest first, those that are not believed as well. hidden: older values that are left out."""

    kind: Kind
    series: Series | None
    rows: tuple[Row, ...]
    hidden: int
    latest: Row | None
    target: Target | None
    limits: Limits | None
    limits_by: str
    outside: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Machine:
    """A device. last: when it was heard; None: never. within_days: after so many silent ones it is asked about.
    is_hers: given to her; others have merely sent something."""

    id: str
    name: str
    measures: tuple[Kind, ...]
    last: datetime | None
    within_days: int | None
    is_silent: bool
    is_hers: bool


@dataclass(frozen=True, repr=False)
class Overview:
    measured: tuple[Measured, ...]
    doubtful: tuple[tuple[Measured, Row, Row | None], ...]
    machines: tuple[Machine, ...]
    days: int
    has_sent: bool


def overview(unit: Unit, person: int, library: Library, zone: ZoneInfo, since: datetime | None) -> Overview:
    """person: rid. since: charts begin there; None: with the first value."""
    states = ("ok", "doubtful", "refuted")
    found = readings_of(unit, person, states=states)
    told = _Told(unit, _told_of(found))
    goals = _goals(unit, person)
    measured = []
    for kind in library.readings.values():
        reads = [read for read in found if read.kind == kind.id]
        limits = limits_for(unit, [person], kind, words=True)[person]
        if reads or (limits and limits.is_own):
            measured.append(
                _measured(kind, reads, told, _target(kind, goals, _newest(reads, told)), limits, since, unit)
            )
    doubtful = [
        (each, row, _before(each, row))
        for each in measured
        for row in each.rows
        if row.read.state == "doubtful"
    ]
    machines = _machines(unit, person, library, found)
    return Overview(
        tuple(measured),
        tuple(sorted(doubtful, key=lambda d: d[1].read.at, reverse=True)),
        machines,
        days_with(unit, person, zone, unit.now),
        any(read.source == "device" for read in found),
    )


def _told_of(found: Sequence[Read]) -> list[Read]:
    """Those that get a line of their own."""
    seen: dict[str, int] = {}
    kept = []
    for read in found:
        seen[read.kind] = seen.get(read.kind, 0) + 1
        if seen[read.kind] <= MOST_ROWS:
            kept.append(read)
    return kept


def _before(measured: Measured, row: Row) -> Row | None:
    return next((r for r in measured.rows if r.read.state == "ok" and r.read.at < row.read.at), None)


class _Told:
    """The Observations of what is shown, and the names of who measured, looked up once."""

    def __init__(self, unit: Unit, reads: Sequence[Read]) -> None:
        wanted = sorted({read.observation for read in reads})
        found = {s.rid: s for s in _stored(unit, wanted)}
        self.stored: Mapping[int, Stored] = found
        who = {r for s in found.values() for r in _performers(s.resource)}
        self.called = names(unit, who)
        self.devices = {
            s.reference: device_name(s.resource) for s in unit.get(_device_refs(found.values())).values()
        }

    def by(self, read: Read) -> str:
        stored = self.stored.get(read.observation)
        if stored is None:
            return ""
        if read.device:
            device = stored.resource.get("device") or {}
            return self.devices.get(read.device) or str(device.get("display") or read.device)
        for reference in _performers(stored.resource):
            if name := self.called.get(reference):
                return name
        for performer in stored.resource.get("performer", ()):
            if performer.get("display"):
                return str(performer["display"])
        return text_of(stored.resource.get("method"))


def _stored(unit: Unit, rids: Sequence[int]) -> list[Stored]:
    rows = unit.cursor().execute(
        "select id from ids where rid = any(%s::bigint[]) and type = %s",
        [list(rids), number_of("Observation")],
    )
    return list(unit.get([f"Observation/{row[0]}" for row in rows.fetchall()]).values())


def _performers(resource: Resource) -> list[str]:
    return [str(p["reference"]) for p in resource.get("performer", ()) if p.get("reference")]


def _device_refs(found: Any) -> set[str]:
    return {
        str(s.resource["device"]["reference"])
        for s in found
        if str((s.resource.get("device") or {}).get("reference", "")).startswith("Device/")
    }


def _measured(
    kind: Kind,
    reads: Sequence[Read],
    told: _Told,
    target: Target | None,
    limits: Limits | None,
    since: datetime | None,
    unit: Unit,
) -> Measured:
    believed = [read for read in reads if read.state == "ok" and (since is None or read.at >= since)]
    drawn = believed[:MOST_POINTS]
    rows = tuple(_row(kind, read, told) for read in reads[:MOST_ROWS])
    latest = next((row for row in rows if row.read.state == "ok"), None)
    points = tuple(
        Point(
            read.at,
            read.value,
            read.second,
            value_said(kind, read.value, read.second, read.unit),
            told.by(read),
            _reference(told, read),
        )
        for read in reversed(drawn)
    )
    series = (
        Series(
            kind.id,
            kind.name.en,
            kind.shown,
            points,
            len(believed) - len(drawn),
            target.low if target else None,
            target.high if target else None,
            target.words if target else "",
        )
        if points
        else None
    )
    outside = limits.outside(latest.read.value, latest.read.second) if limits and latest else ()
    by = names(unit, [limits.set_by]).get(limits.set_by, "") if limits and limits.set_by else ""
    return Measured(kind, series, rows, max(0, len(reads) - len(rows)), latest, target, limits, by, outside)


def _reference(told: _Told, read: Read) -> str:
    stored = told.stored.get(read.observation)
    return stored.reference if stored else ""


def _row(kind: Kind, read: Read, told: _Told) -> Row:
    stored = told.stored.get(read.observation)
    words = value_said(kind, read.value, read.second, read.unit)
    if read.comparator:
        words = f"{read.comparator} {words}"
    resource = stored.resource if stored else {}
    note = next((str(n.get("text", "")) for n in resource.get("note", ())), "")
    return Row(
        read,
        words,
        as_sent(resource, kind, read),
        told.by(read),
        stored.reference if stored else "",
        stored.version if stored else 0,
        note,
    )


def as_sent(resource: Resource, kind: Kind, read: Read) -> str:
    """`182 lb` where another unit was sent than is shown; empty where it is the same."""
    quantity = resource.get("valueQuantity") or {}
    code = str(quantity.get("code") or quantity.get("unit") or "")
    measure = kind.measure(quantity.get("code"), quantity.get("unit"))
    if not code or measure is None or measure.code == kind.unit:
        return ""
    return f"{quantity.get('value')} {measure.shown}"


# --- the range to be in


def _goals(unit: Unit, person: int) -> list[Resource]:
    """Live goals, the newest first."""
    if not unit.may_search("Goal"):
        return []
    found = unit.of_person(person, ["Goal"])
    return [s.resource for s in found if s.resource.get("lifecycleStatus") in OPEN_GOAL]


def _newest(reads: Sequence[Read], told: _Told) -> Resource | None:
    read = next((read for read in reads if read.state == "ok"), None)
    stored = told.stored.get(read.observation) if read else None
    return stored.resource if stored else None


def _target(kind: Kind, goals: Sequence[Resource], newest: Resource | None) -> Target | None:
    """Her own goal, else the range that came with the newest value (the dry weight of a clinician), else the default
    of everybody."""
    first = {code.code for code in kind.codes} | {code.code for code in kind.panels}
    other = {code.code for code in kind.second.codes} if kind.second else set()
    for goal in goals:
        ends = [_ends(target, kind, first) for target in goal.get("target", ())]
        seconds = [_ends(target, kind, other) for target in goal.get("target", ())]
        one = next((each for each in ends if each), None)
        two = next((each for each in seconds if each), None)
        if one or two:
            low, high = one or (None, None)
            second_low, second_high = two or (None, None)
            words = str((goal.get("description") or {}).get("text", ""))
            return Target(low, high, second_low, second_high, words, is_own=True)
    if newest is not None and (sent := _sent_range(kind, newest)):
        return sent
    if kind.target is None:
        return None
    second = kind.second.target if kind.second else None
    return Target(
        kind.target.low,
        kind.target.high,
        second.low if second else None,
        second.high if second else None,
        "",
        is_own=False,
        source=kind.target.source,
        sure=kind.target.sure,
    )


def _sent_range(kind: Kind, newest: Resource) -> Target | None:
    """Observation.referenceRange, of a value that stands alone."""
    found = next(iter(newest.get("referenceRange") or ()), None)
    if found is None or "component" in newest:
        return None
    low, high = (_canonical(kind, found.get(end)) for end in ("low", "high"))
    words = str(found.get("text") or text_of(found.get("type")))
    if low is None and high is None:
        return None
    return Target(low, high, None, None, words, is_own=False, source=words, sure="")


def _ends(target: Resource, kind: Kind, codes: set[str]) -> tuple[Decimal | None, Decimal | None] | None:
    """(low, high) of a target that measures one of these; None for another, and for one without an end."""
    if not codes & {code for system, code in codings(target.get("measure")) if system == uris.LOINC}:
        return None
    if within := target.get("detailRange"):
        low, high = (_canonical(kind, within.get(end)) for end in ("low", "high"))
        return (low, high) if low is not None or high is not None else None
    quantity = target.get("detailQuantity") or {}
    value, comparator = _canonical(kind, quantity), str(quantity.get("comparator", ""))
    if value is None or not comparator:
        return None
    return (None, value) if comparator.startswith("<") else (value, None)


def _canonical(kind: Kind, quantity: Mapping[str, Any] | None) -> Decimal | None:
    if not quantity or quantity.get("value") is None:
        return None
    measure = kind.measure(quantity.get("code"), quantity.get("unit")) or kind.units[0]
    try:
        return measure.canonical(Decimal(str(quantity["value"])))
    except (ArithmeticError, ValueError):
        return None


# --- devices


def _machines(unit: Unit, person: int, library: Library, found: Sequence[Read]) -> tuple[Machine, ...]:
    """Hers first, then whatever else has sent something in the last 90 days."""
    last: dict[str, datetime] = {}
    kinds: dict[str, set[str]] = {}
    for read in found:
        if read.device and read.state != "refuted":
            last[read.device] = max(last.get(read.device, read.at), read.at)
            kinds.setdefault(read.device, set()).add(read.kind)
    made = []
    own = unit.of_person(person, ["Device"]) if unit.may_search("Device") else []
    for stored in own:
        if is_in_use(stored.resource):
            named = {*kinds_of(stored.resource, library.readings.values()), *kinds.get(stored.reference, ())}
            days = by_device(library.readings, named)
            heard = last.get(stored.reference)
            begins = max(heard, stored.at) if heard else stored.at
            silent = days is not None and unit.now >= begins + timedelta(days=days)
            measures = tuple(k for k in library.readings.values() if k.id in named)
            made.append(
                Machine(stored.id, device_name(stored.resource), measures, heard, days, silent, is_hers=True)
            )
    known = {s.reference for s in own}
    for device, at in sorted(last.items(), key=lambda each: each[1], reverse=True):
        if device not in known and at > unit.now - timedelta(days=90):
            measures = tuple(k for k in library.readings.values() if k.id in kinds[device])
            name = "" if device.startswith("Device/") else device
            made.append(Machine("", name, measures, at, None, is_silent=False, is_hers=False))
    return tuple(made)
