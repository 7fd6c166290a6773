"""Medicines, visits, results, coverage and letters, as the family's pages list them: each asks only for the types that
its share covers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from django.utils.translation import gettext

from careloop.fhir import uris
from careloop.fhir.elements import code_in, codings, day, extension, instant, text_of
from careloop.projections.moments import HOSPITAL, value_words
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.family.door import Frame
from careloop.web.family.reading import Line

MOST: Final = 200
PAST_MEDICINE: Final = frozenset({"stopped", "completed", "cancelled", "not-taken", "on-hold"})


def medicines(unit: Unit, frame: Frame) -> list[Line]:
    """Needs the share “medications”."""
    found = unit.of_person(frame.whose.rid, ["MedicationRequest", "MedicationStatement"])
    lines = [_medicine(s) for s in found if s.resource.get("status") not in ("entered-in-error", "draft")]
    return sorted(lines, key=lambda line: (line.is_past, line.title))[:MOST]


def _medicine(stored: Stored) -> Line:
    resource = stored.resource
    doses = resource.get("dosageInstruction") or resource.get("dosage") or ()
    title = text_of(resource.get("medicationCodeableConcept")) or str(
        (resource.get("medicationReference") or {}).get("display", "")
    )
    how = next((str(d["text"]) for d in doses if d.get("text")), "")
    return Line(title, how, "", stored.reference, resource.get("status") in PAST_MEDICINE)


def allergies(unit: Unit, frame: Frame) -> list[Line]:
    found = []
    for stored in unit.of_person(frame.whose.rid, ["AllergyIntolerance"]):
        resource = stored.resource
        wrong = {code for _, code in codings(resource.get("verificationStatus"))} & {
            "refuted",
            "entered-in-error",
        }
        reactions = [text_of(m) for r in resource.get("reaction", ()) for m in r.get("manifestation", ())]
        if not wrong:
            found.append(
                Line(text_of(resource.get("code")), ", ".join(filter(None, reactions)), "", stored.reference)
            )
    return found[:MOST]


def visits(unit: Unit, frame: Frame) -> list[Line]:
    """Past stays and visits, the newest first; what is to come stands in `coming`. Needs the share “visits”."""
    found = []
    for stored in unit.of_person(frame.whose.rid, ["Encounter"]):
        resource = stored.resource
        began = instant((resource.get("period") or {}).get("start"))
        if resource.get("status") in ("cancelled", "entered-in-error", "planned") or began is None:
            continue
        found.append((began, _visit(stored, began, frame)))
    return [line for _, line in sorted(found, key=lambda each: each[0], reverse=True)][:MOST]


def _visit(stored: Stored, began: datetime, frame: Frame) -> Line:
    resource = stored.resource
    kind = str((resource.get("class") or {}).get("code", ""))
    where = str((resource.get("serviceProvider") or {}).get("display", ""))
    if extension(resource, uris.OUTCOME) is not None:
        title = gettext("We called or met")
        is_reached = code_in(extension(resource, uris.OUTCOME), uris.CONTACT_OUTCOME) == "reached"
        where = "" if is_reached else gettext("We did not reach you")
    elif kind in HOSPITAL:
        title = gettext("Hospital stay")
    elif kind == "EMER":
        title = gettext("Emergency visit")
    else:
        title = gettext("Visit")
    local = began.astimezone(frame.tz).date()
    return Line(title, where, formats.full_date(local), stored.reference, is_past=True)


def results(unit: Unit, frame: Frame) -> list[Line]:
    """The newest value of each thing measured. Needs the share “results”."""
    newest: dict[str, tuple[datetime | date, Line]] = {}
    for stored in unit.of_person(frame.whose.rid, ["Observation"]):
        resource = stored.resource
        categories = {code for c in resource.get("category", ()) for _, code in codings(c)}
        said, title = value_words(resource), text_of(resource.get("code"))
        on = day(resource.get("effectiveDateTime"))
        if not said or on is None or resource.get("status") == "entered-in-error":
            continue
        if categories & {"social-history", "survey"} or resource.get("derivedFrom"):
            continue
        known = newest.get(title)
        if known is None or on > known[0]:
            newest[title] = (on, Line(title, said, formats.full_date(on), stored.reference))
    return [line for _, line in sorted(newest.values(), key=lambda each: each[0], reverse=True)][:MOST]


def coverage(unit: Unit, frame: Frame) -> list[Line]:
    """Needs the share “coverage”."""
    found = []
    for stored in unit.of_person(frame.whose.rid, ["Coverage"]):
        resource = stored.resource
        payor = next((str(p["display"]) for p in resource.get("payor", ()) if p.get("display")), "")
        title = text_of(resource.get("type")) or payor
        if title and resource.get("status") in ("active", "cancelled"):
            is_past = resource["status"] != "active"
            found.append(Line(title, payor if payor != title else "", "", stored.reference, is_past))
    return sorted(found, key=lambda line: line.is_past)


def letters(unit: Unit, frame: Frame) -> list[Line]:
    """What was written to her or to whoever helps her. Needs the share “messages”."""
    found = []
    for stored in unit.of_person(frame.whose.rid, ["Communication"]):
        resource = stored.resource
        sent = instant(resource.get("sent"))
        text = " ".join(
            str(p["contentString"]) for p in resource.get("payload", ()) if p.get("contentString")
        )
        to = {str(r.get("reference", "")) for r in resource.get("recipient", ())}
        if text and sent and to & {f"Patient/{frame.whose.id}", frame.whose.me}:
            found.append(
                (sent, Line(text, "", formats.full_date(sent.astimezone(frame.tz).date()), stored.reference))
            )
    return [line for _, line in sorted(found, key=lambda each: each[0], reverse=True)][:MOST]
