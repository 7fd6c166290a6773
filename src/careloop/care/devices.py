"""A device that measures: whose it is, what it measures, what it is called. Pure. Kept as a FHIR Device with patient
and specialization.systemType (LOINC codes of what it measures)."""

from __future__ import annotations

from collections.abc import Iterable

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, codings, ref, text_of
from careloop.library import Kind


def device_name(device: Resource) -> str:
    """`Home scale`; what is written on it; its kind; else `Device`."""
    named = {str(each.get("type")): str(each.get("name")) for each in device.get("deviceName", ())}
    for type in ("user-friendly-name", "patient-reported-name", "model-name", "manufacturer-name"):
        if type in named:
            return named[type]
    return (
        next(iter(named.values()), "")
        or text_of(device.get("type"))
        or str(device.get("modelNumber") or "Device")
    )


def is_in_use(device: Resource) -> bool:
    return str(device.get("status", "active")) == "active"


def kinds_of(device: Resource, kinds: Iterable[Kind]) -> list[str]:
    """What it says that it measures."""
    said = {
        code
        for each in device.get("specialization", ())
        for system, code in codings(each.get("systemType"))
        if system == uris.LOINC
    }
    return [kind.id for kind in kinds if said & {code.code for code in (*kind.codes, *kind.panels)}]


def new_device(name: str, measures: Iterable[Kind], person: str, serial: str = "") -> Resource:
    """person: Patient/…"""
    codes = [(kind.panels or kind.codes)[0] for kind in measures]
    device: Resource = {
        "resourceType": "Device",
        "status": "active",
        "deviceName": [{"name": name, "type": "user-friendly-name"}],
        "specialization": [{"systemType": codeable(uris.LOINC, code.code, code.text)} for code in codes],
        "patient": ref(person),
    }
    if serial:
        device |= {"serialNumber": serial}
    return device if codes else {k: v for k, v in device.items() if k != "specialization"}
