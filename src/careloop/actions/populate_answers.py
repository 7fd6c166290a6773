"""Answers that the record knows already, for a form that asks for them: shown with their source, never silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from careloop.fhir import uris
from careloop.fhir.elements import Resource, fhir_instant, instant
from careloop.fhir.questionnaire.populating import Filled, FromRecord, populate
from careloop.library import Instrument
from careloop.store import Stored, Unit


def populated(unit: Unit, instrument: Instrument, person: Stored) -> Filled:
    """instrument: bound to the person. Reads observations only where a question asks for them."""
    form = instrument.form
    observations: list[Resource] = []
    if any(item.period is not None for item in form.items):
        observations = [stored.resource for stored in unit.of_person(person.rid, ["Observation"])]
    return populate(form, observations, unit.now)


def kept_origins(filled: Filled) -> dict[str, dict[str, str]]:
    """For a draft: key -> source, on."""
    return {key: _kept(origin) for key, origin in filled.origins.items() if origin.source}


def _kept(origin: FromRecord) -> dict[str, str]:
    on = {"on": fhir_instant(origin.on)} if origin.on else {}
    return {"source": origin.source, **on, **({"by": origin.by} if origin.by else {})}


def marked(elements: Mapping[str, Resource], origins: Mapping[str, Mapping[str, str]]) -> None:
    """Says on each item of a response what it was filled in from. elements: by key."""
    for key, origin in origins.items():
        if key in elements:
            elements[key].setdefault("extension", []).append(_extension(origin))


def _extension(origin: Mapping[str, str]) -> Resource:
    parts: list[Resource] = [{"url": "source", "valueReference": {"reference": origin["source"]}}]
    if origin.get("on"):
        parts.append({"url": "on", "valueDateTime": origin["on"]})
    if origin.get("confirmed"):  # it was asked whether it is still so
        parts.append({"url": "confirmed", "valueDateTime": origin["confirmed"]})
    return {"url": uris.FROM_RECORD, "extension": parts}


def origin_of(extensions: Iterable[Any]) -> tuple[str, datetime | None] | None:
    """(source, when) of an answered item."""
    for each in extensions:
        if each.get("url") == uris.FROM_RECORD:
            parts = {part.get("url"): part for part in each.get("extension", ())}
            source = (parts.get("source", {}).get("valueReference") or {}).get("reference", "")
            return source, instant(parts.get("on", {}).get("valueDateTime"))
    return None
