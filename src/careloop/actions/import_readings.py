"""Readings from a file: looked through first, then written in parts. A row that was taken before is taken once.

What has an unknown unit or can't be is written as it stands in the file; it is marked and asked about like all others.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.hospital_reviews import token
from careloop.actions.panel_file import Panel, read_panel
from careloop.actions.reading_file import Fault, Item, guess, items_of, mapping_problem
from careloop.actions.record_reading import observation_of
from careloop.care.readings import readings_in
from careloop.fhir import uris
from careloop.fhir.elements import Resource, fhir_instant
from careloop.kernel.errors import NotFound
from careloop.kernel.ids import new_id
from careloop.library import Library, Measure, Words
from careloop.store import Stored, Unit, drafts
from careloop.store.drafts import Draft

NOBODY: Final = 0
FORM: Final = "readings:"
KEPT_FOR: Final = timedelta(days=1)
BATCH: Final = 100
NOT_HERS: Final = "This row has the record number of somebody else."
NOBODY_SUCH: Final = "Nobody whom you care for has this record number."
SEVERAL: Final = "Several people have this record number."


@dataclass
class Report:
    """counts: new, known (taken before), doubtful (among the new), error; of readings, not rows."""

    panel: Panel
    mapped: Mapping[str, int]
    counts: dict[str, int] = field(default_factory=lambda: {"new": 0, "known": 0, "doubtful": 0, "error": 0})
    faults: list[Fault] = field(default_factory=list)
    done: int = 0
    total: int = 0


def send_up(
    scope: Scope, data: bytes, person: str, library: Library, now: datetime, *, name: str, zone: str
) -> Draft:
    """person: Patient id, or empty when a column says whose they are. One file at a time: an earlier one of hers is
    forgotten. Raises BadPanel, NotFound."""
    panel = read_panel(data)
    kept: dict[str, Any] = {
        "data": b64encode(data).decode(),
        "name": name[:200],
        "person": person,
        "zone": zone,
        "mapped": guess(panel.columns, library.readings),
        "done": 0,
        "counts": {},
        "faults": [],
        "is_over": False,
    }
    with record.begin(scope, now) as unit:
        if person:
            unit.read("Patient", person)
        for earlier in drafts.listed(unit, NOBODY, begins=FORM):
            drafts.delete(unit, earlier.id)
        return drafts.save(unit, NOBODY, f"{FORM}{new_id()}", kept)


def kept_file(unit: Unit, draft: int, *, to_change: bool = False) -> Draft:
    """Raises NotFound for what is no such file, not hers, or too old."""
    found = drafts.get(unit, draft, to_change=to_change)
    if not found.form.startswith(FORM) or found.at < unit.now - KEPT_FOR:
        raise NotFound
    return found


def panel_of(draft: Draft) -> Panel:
    return read_panel(b64decode(draft.answers["data"]))


def name_columns(scope: Scope, draft: int, mapped: Mapping[str, int], now: datetime) -> None:
    """Once something was taken the columns stay as they were."""
    with record.begin(scope, now) as unit:
        found = kept_file(unit, draft, to_change=True)
        if not found.answers["done"] and not found.answers["is_over"]:
            drafts.change(unit, draft, {**found.answers, "mapped": dict(mapped)})


def drop_file(scope: Scope, draft: int, now: datetime) -> None:
    with record.begin(scope, now) as unit:
        drafts.delete(unit, kept_file(unit, draft).id)


def forget_old_files(unit: Unit) -> int:
    return drafts.expire(unit, FORM, unit.now - KEPT_FOR)


def look_through(scope: Scope, draft: Draft, library: Library, now: datetime) -> Report:
    """What would happen; nothing is written."""
    return _run(scope, draft, library, now, is_dry=True, first=0, most=None)


def take_part(scope: Scope, draft: Draft, library: Library, now: datetime, most: int) -> Report:
    """Takes the next so many readings, and notes how far it came. Begun twice, or broken off, it doubles nothing."""
    report = _run(scope, draft, library, now, is_dry=False, first=int(draft.answers["done"]), most=most)
    with record.begin(scope, now) as unit:
        found = kept_file(unit, draft.id, to_change=True)
        counts = {name: found.answers["counts"].get(name, 0) + count for name, count in report.counts.items()}
        faults = [*found.answers["faults"], *([f.row, f.column, f.sentence] for f in report.faults)]
        told = {
            "done": report.done,
            "counts": counts,
            "faults": faults,
            "is_over": report.done >= report.total,
        }
        drafts.change(unit, draft.id, {**found.answers, **told})
    return report


def _run(
    scope: Scope, draft: Draft, library: Library, now: datetime, *, is_dry: bool, first: int, most: int | None
) -> Report:
    panel, mapped = panel_of(draft), draft.answers["mapped"]
    report = Report(panel, mapped)
    if mapping_problem(mapped, needs_person=not draft.answers["person"]):
        return report
    found = list(items_of(panel, mapped, library.readings, ZoneInfo(draft.answers["zone"])))
    report.total = len(found)
    last = len(found) if most is None else min(first + most, len(found))
    for start in range(first, last, BATCH):
        with record.begin(scope, now) as unit:
            people = _People(unit, draft.answers["person"])
            for each in found[start : min(start + BATCH, last)]:
                _one(unit, people, each, report, is_dry=is_dry)
    report.done = last
    return report


def _one(unit: Unit, people: _People, each: Item | Fault, report: Report, *, is_dry: bool) -> None:
    if isinstance(each, Fault):
        report.counts["error"] += 1
        report.faults.append(each)
        return
    patient = people.of(each.mrn)
    if isinstance(patient, str):
        report.counts["error"] += 1
        report.faults.append(Fault(each.row, "", patient))
        return
    resource = _observation(each, patient.reference, unit.scope.actor.practitioner)
    key = [("identifier", token(uris.DEDUPE, resource["identifier"][0]["value"]))]
    if is_dry:
        is_new = not unit.search("Observation", [*key, ("_count", "1")]).entries
    else:
        is_new = unit.create(resource, if_none_exist=key).is_new
    report.counts["new" if is_new else "known"] += 1
    told = readings_in(resource, unit.now, {each.kind.id: each.kind})
    if is_new and any(reading.own for reading in told):
        report.counts["doubtful"] += 1


def _observation(item: Item, person: str, typist: str | None) -> Resource:
    """In the unit of the file; one that nobody knows stays as it is written."""
    kind = item.kind
    measure = kind.measure(item.unit) or _as_written(item.unit)
    values = (item.value,) if item.second is None else (item.value, item.second)
    resource = observation_of(kind, measure, values, item.at, person)
    if not item.has_hour:
        resource["effectiveDateTime"] = item.at.date().isoformat()
    if measure not in kind.units:
        for quantity in _quantities(resource):
            del quantity["system"], quantity["code"]
            if not item.unit:
                del quantity["unit"]
    parts = (person, kind.id, fhir_instant(item.at), *map(str, values), item.unit, item.device)
    key = sha256("\n".join(parts).encode()).hexdigest()[:32]
    resource["identifier"] = [{"system": uris.DEDUPE, "value": f"reading-row:{key}"}]
    if item.device:
        resource["device"] = {"display": item.device}
    if item.note:
        resource["note"] = [{"text": item.note}]
    return resource


def _quantities(resource: Resource) -> list[Resource]:
    alone = [resource["valueQuantity"]] if "valueQuantity" in resource else []
    return [*alone, *(part["valueQuantity"] for part in resource.get("component", ()))]


def _as_written(unit: str) -> Measure:
    return Measure(unit, Words(unit, unit), (), Decimal(0), Decimal(1), Decimal(1), Decimal(0))


class _People:
    """Whose a row is: the person of the page, or who has the record number; looked up once each."""

    def __init__(self, unit: Unit, person: str) -> None:
        self._unit = unit
        self._hers = unit.read("Patient", person) if person else None
        self._known: dict[str, Stored | str] = {}

    def of(self, mrn: str) -> Stored | str:
        """Or the sentence that says why not."""
        if self._hers is not None:
            numbers = {str(each.get("value", "")) for each in self._hers.resource.get("identifier", ())}
            return self._hers if not mrn or mrn in numbers else NOT_HERS
        if mrn not in self._known:
            self._known[mrn] = self._found(mrn)
        return self._known[mrn]

    def _found(self, mrn: str) -> Stored | str:
        found = self._unit.search(
            "Patient", [("identifier", token("", mrn).lstrip("|")), ("_count", "2")]
        ).entries
        return found[0] if len(found) == 1 else SEVERAL if found else NOBODY_SUCH
