"""Assessments of one person: each set of answers with its score, band, day, and who said it; scores over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from careloop.care.assess import Who, score, who_is
from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, text_of
from careloop.fhir.responses import answers_of
from careloop.library import Instrument, Library, Words
from careloop.projections.chart_health import Point, Series
from careloop.projections.moments import at_of
from careloop.projections.people import names
from careloop.store import Stored, Unit

INSTRUMENT: Final = f"{uris.INSTRUMENT}:"
DONE: Final = frozenset({"completed", "amended"})


@dataclass(frozen=True, repr=False)
class Taken:
    """One set of answers. instrument: its id in the library, or the last word of another questionnaire's address.
    by: who asked; heard_from: who answered (person, family, …), empty when not told. value: None when not scored.
    band, findings: what it says, in words."""

    id: str
    instrument: str
    status: str
    at: datetime | None
    by: str
    heard_from: str
    value: Decimal | None
    maximum: Decimal | None
    band: Words | None
    findings: tuple[Words, ...]

    @property
    def is_done(self) -> bool:
        return self.status in DONE


def taken_by(unit: Unit, person: int, library: Library) -> list[Taken]:
    """Newest first."""
    held = unit.of_person(person, ("Patient", "QuestionnaireResponse", "Observation"))
    patient = next((s.resource for s in held if s.type == "Patient"), {})
    responses = [
        s
        for s in held
        if s.type == "QuestionnaireResponse" and s.resource.get("status") != "entered-in-error"
    ]
    kept = _scores(s.resource for s in held if s.type == "Observation")
    authors = {(s.resource.get("author") or {}).get("reference", "") for s in responses}
    called = names(unit, authors - {""})
    made = [_taken(s, kept.get(s.reference), called, library, patient) for s in responses]
    return sorted(made, key=lambda t: (t.at.timestamp() if t.at else 0, t.id), reverse=True)


def instrument_in(response: Resource) -> tuple[str, str]:
    """(id, version) of `urn:careloop:instrument:phq-9|1`."""
    url, _, version = str(response.get("questionnaire", "")).partition("|")
    return url.removeprefix(INSTRUMENT).rpartition("/")[2], version


def _scores(found: Iterable[Resource]) -> dict[str, Resource]:
    """The total that came from each response."""
    made: dict[str, Resource] = {}
    for resource in found:
        quantity = resource.get("valueQuantity") or {}
        if quantity.get("code") == "{score}" and resource.get("status") != "entered-in-error":
            for source in resource.get("derivedFrom", ()):
                made.setdefault(source.get("reference", ""), resource)
    return made


def _taken(
    stored: Stored, kept: Resource | None, called: Mapping[str, str], library: Library, patient: Resource
) -> Taken:
    resource = stored.resource
    name, version = instrument_in(resource)
    known = library.instruments.get(name)
    author = resource.get("author") or {}
    at = at_of(resource.get("authored"))
    who = who_is(patient, (at or stored.at).date())
    value, maximum, band, findings = _told(resource, kept, known if _same(known, version) else None, who)
    return Taken(
        id=stored.id,
        instrument=name,
        status=str(resource.get("status")),
        at=at,
        by=str(called.get(author.get("reference", "")) or author.get("display", "")),
        heard_from=_heard_from(resource),
        value=value,
        maximum=maximum,
        band=band,
        findings=findings,
    )


def _heard_from(response: Resource) -> str:
    told = extension(response, uris.HEARD_FROM)
    is_herself = str((response.get("source") or {}).get("reference", "")).startswith("Patient/")
    return str(told) if told else "person" if is_herself else ""


def _same(known: Instrument | None, version: str) -> bool:
    return known is not None and version in ("", str(known.version))


Told = tuple[Decimal | None, Decimal | None, Words | None, tuple[Words, ...]]


def _told(response: Resource, kept: Resource | None, known: Instrument | None, who: Who) -> Told:
    """By the instrument as it is now; of older versions only what was kept then."""
    if known is not None:
        answers, _ = answers_of(known.form, response)
        result = score(known, answers, who)
        band = result.band.text if result.band else None
        return result.value, result.maximum, band, tuple(f.text for f in result.findings)
    if kept is None:
        return None, None, None, ()
    said = next((text_of(c) for c in kept.get("interpretation", ())), "")
    value = Decimal(str(kept["valueQuantity"]["value"]))
    return value, None, Words(said, said) if said else None, ()


def over_time(taken: Sequence[Taken], instrument: Instrument) -> Series | None:
    """The completed scores of one instrument, oldest first; None without any."""
    points = tuple(
        Point(one.at, one.value, None, str(one.value), one.by, f"QuestionnaireResponse/{one.id}")
        for one in reversed(taken)
        if one.instrument == instrument.id and one.is_done and one.at is not None and one.value is not None
    )
    return Series(instrument.id, instrument.short.en, "", points) if points else None
