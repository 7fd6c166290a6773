"""A device that a person measures with: given to her, and taken out of use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.care.devices import is_in_use, new_device
from careloop.kernel.errors import CareError, NotFound
from careloop.library import Library
from careloop.store import Stored


class BadDevice(CareError):
    """Say what it is called and what it measures."""

    code, status, issue_type = "bad-device", 422, "required"


def give_device(
    scope: Scope,
    person: str,
    name: str,
    measures: Sequence[str],
    serial: str,
    library: Library,
    now: datetime,
) -> Stored:
    """person: Patient id. measures: ids of kinds. Raises BadDevice, NotFound."""
    kinds = [library.readings[each] for each in measures if each in library.readings]
    called = name.strip()[:80]
    if not called or not kinds:
        raise BadDevice
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        return unit.create(new_device(called, kinds, patient.reference, serial.strip()[:80]))


def retire_device(scope: Scope, person: str, device: str, now: datetime) -> Stored:
    """device: id. Nobody is asked about its silence any more; what it sent stays. Raises NotFound."""
    with record.begin(scope, now) as unit:
        patient, stored = unit.read("Patient", person), unit.read("Device", device)
        if stored.person != patient.rid or not is_in_use(stored.resource):
            raise NotFound(f"Device/{device}")
        return unit.update({**stored.resource, "status": "inactive"}, if_match=stored.version)
