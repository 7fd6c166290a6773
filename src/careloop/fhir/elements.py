"""Small readers and makers of FHIR elements: plain dictionaries in, plain values out. Never raise on odd data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

Resource = dict[str, Any]


def reference_to(resource: Mapping[str, Any]) -> str:
    """`Patient/123` of a resource that has an id."""
    return f"{resource['resourceType']}/{resource['id']}"


def ref(reference: str, display: str | None = None) -> Resource:
    return {"reference": reference, **({"display": display} if display else {})}


def codeable(system: str, code: str, text: str | None = None) -> Resource:
    coding = {"system": system, "code": code, **({"display": text} if text else {})}
    return {"coding": [coding], **({"text": text} if text else {})}


def codings(concept: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """(system, code) pairs of a CodeableConcept; an absent system is an empty string."""
    for coding in (concept or {}).get("coding", ()):
        if coding.get("code"):
            yield coding.get("system", ""), coding["code"]


def code_in(concept: Mapping[str, Any] | None, system: str) -> str | None:
    """The first code of that system."""
    return next((code for sys, code in codings(concept) if sys == system), None)


def text_of(concept: Mapping[str, Any] | None) -> str:
    """What to show for a CodeableConcept: its text, else the first display, else the first code."""
    if not concept:
        return ""
    if concept.get("text"):
        return str(concept["text"])
    for coding in concept.get("coding", ()):
        if coding.get("display"):
            return str(coding["display"])
    return next((code for _, code in codings(concept)), "")


def extension(element: Mapping[str, Any] | None, url: str) -> Any:
    """The value[x] of the first extension with that url, whatever its type; None when absent."""
    for found in (element or {}).get("extension", ()):
        if found.get("url") == url:
            return next((value for key, value in found.items() if key.startswith("value")), None)
    return None


def set_extension(element: Resource, url: str, kind: str, value: Any) -> None:
    """Sets, replaces or (value None) removes the extension. kind: `DateTime`, `String`, `Code`, …"""
    kept = [found for found in element.get("extension", ()) if found.get("url") != url]
    if value is not None:
        kept.append({"url": url, f"value{kind}": value})
    if kept:
        element["extension"] = kept
    else:
        element.pop("extension", None)


def identifier_in(resource: Mapping[str, Any], system: str) -> str | None:
    for identifier in identifiers(resource):
        if identifier.get("system") == system:
            return str(identifier.get("value", "")) or None
    return None


def identifiers(resource: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    found = resource.get("identifier", ())
    return (found,) if isinstance(found, Mapping) else found


def name_of(resource: Mapping[str, Any]) -> str:
    """How to call a Patient, RelatedPerson or Practitioner: usual before official; Organization's name as is."""
    names = resource.get("name")
    if isinstance(names, str):
        return names
    if isinstance(names, Mapping):
        names = [names]
    for use in ("usual", "official", None):
        for name in names or ():
            if use is None or name.get("use") == use:
                said = " ".join((*name.get("given", ()), name.get("family", ""))).strip()
                if said or name.get("text"):
                    return str(said or name["text"])
    return ""


def instant(text: str | None) -> datetime | None:
    """A FHIR dateTime or instant that has a time and an offset, as UTC; None for anything else."""
    if not text or "T" not in text:
        return None
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def day(text: str | None) -> date | None:
    """The calendar day of a FHIR date or dateTime of at least day precision, as written; None otherwise."""
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None


def fhir_instant(at: datetime) -> str:
    """An aware datetime as a FHIR instant in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
