"""Answers of a form from elsewhere become resources, as the form says; each is checked, permitted and written like
anything else, with a Provenance over all of them. What does not fit is left out and told, and stops nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from careloop.access import Interaction, decide
from careloop.fhir.elements import Resource, fhir_instant, ref
from careloop.fhir.questionnaire import Answers, Note
from careloop.fhir.questionnaire.extracting import Extracted, Made, Source, extract
from careloop.fhir.validate import problems
from careloop.library import Instrument
from careloop.store import Stored, Unit

# What a form of somebody else may add to a record. Work, plans, consents and who takes part are made by the house.
TAKEN: Final = frozenset(
    {
        *("Observation", "Condition", "AllergyIntolerance", "MedicationStatement", "FamilyMemberHistory"),
        *("Procedure", "Immunization", "RelatedPerson", "Patient", "Coverage", "DocumentReference"),
        *("DiagnosticReport", "Specimen", "DeviceUseStatement", "NutritionOrder", "RiskAssessment"),
    }
)
# Who somebody is, is changed by a person who looks at it, never by a form.
WHO: Final = frozenset(
    {"identifier", "name", "birthDate", "gender", "deceasedBoolean", "deceasedDateTime", "link", "active"}
)


@dataclass(frozen=True)
class Taken:
    """written: new or changed. notes: what was left out, and why."""

    written: tuple[Stored, ...]
    notes: tuple[Note, ...]


def extracted(instrument: Instrument, answers: Answers, response: Resource, reference: str) -> Extracted:
    """What the answers say, without writing anything. reference: of the response."""
    about = response.get("subject") or {}
    performer = (response.get("author") or response.get("source") or {}).get("reference")
    source = Source(
        response=reference,
        subject=str(about.get("reference", "")),
        effective=str(response.get("authored", "")),
        performer=performer,
        encounter=(response.get("encounter") or {}).get("reference"),
    )
    return extract(instrument.form, answers, source)


def left_out(unit: Unit, instrument: Instrument, answers: Answers, response: Stored) -> tuple[Note, ...]:
    """What `take` did not make of them, and why; nothing is written."""
    about = str((response.resource.get("subject") or {}).get("reference", ""))
    patient = unit.get([about]).get(about) if about.startswith("Patient/") else None
    found = extracted(instrument, answers, response.resource, response.reference)
    refused = [_refused(unit, patient, made) for made in found.made] if patient else []
    return (*found.notes, *(note for note in refused if note))


def take(unit: Unit, instrument: Instrument, answers: Answers, response: Stored) -> Taken:
    """Writes what the form makes of the answers; what an earlier version of the response made is corrected."""
    person = unit.get([(response.resource.get("subject") or {}).get("reference", "")])
    patient = next(iter(person.values()), None)
    if patient is None or patient.type != "Patient":
        return Taken((), ())
    found = extracted(instrument, answers, response.resource, response.reference)
    notes, written = list(found.notes), []
    by_key: dict[str, str] = {}
    for made in _members_first(found.made):
        ready = replace(made, resource=_pointed(made.resource, by_key))
        if note := _refused(unit, patient, ready):
            notes.append(note)
            continue
        stored = _write(unit, patient, ready)
        by_key[made.key] = stored.reference
        written.append(stored)
    if response.version > 1:
        written += _withdrawn(unit, response, {s.reference for s in written})
    if written:
        _witness(unit, written, response)
    return Taken(tuple(written), tuple(notes))


def _members_first(made: Sequence[Made]) -> list[Made]:
    """A panel points at its members, so they come first."""
    return sorted(
        made, key=lambda each: bool(each.resource.get("hasMember") or each.resource.get("component"))
    )


def _pointed(resource: Resource, by_key: dict[str, str]) -> Resource:
    """`#made:key` becomes the reference that it got; what was left out is not pointed at."""
    changed = dict(resource)
    for name in ("hasMember", "derivedFrom"):
        listed = [_there(each, by_key) for each in resource.get(name, ())]
        if kept := [each for each in listed if each]:
            changed[name] = kept
        else:
            changed.pop(name, None)
    return changed


def _there(each: Resource, by_key: dict[str, str]) -> Resource | None:
    named = str(each.get("reference", ""))
    if not named.startswith("#made:"):
        return each
    found = by_key.get(named.removeprefix("#made:"))
    return ref(found) if found else None


def _refused(unit: Unit, patient: Stored, made: Made) -> Note | None:
    kind = str(made.resource["resourceType"])
    where = made.key.rpartition("/")[2].partition("[")[0].partition("#")[0]
    if kind not in TAKEN:
        return Note(where, f"A form from elsewhere may not make a {kind}.")
    if kind == "Patient" and made.id and made.id != patient.id:
        return Note(where, "It names another person; nothing of hers was changed.")
    interactions: tuple[Interaction, ...] = ("update",)
    if kind != "Patient":
        interactions = ("create", "update", "search")
    if not all(decide(unit.scope.actor, each, kind).allowed for each in interactions):
        return Note(where, f"You may not write a {kind}, so none was made.")
    if kind != "Patient" and (found := problems(made.resource)):
        return Note(where, f"No {kind} was made: {found[0].expression}: {found[0].text}")
    return None


def _write(unit: Unit, patient: Stored, made: Made) -> Stored:
    kind = str(made.resource["resourceType"])
    if kind == "Patient":
        return _changed(unit, patient, {k: v for k, v in made.resource.items() if k not in WHO})
    known = unit.find(kind, made.id) if made.id else None
    if known is not None and known.person == patient.rid:
        return _changed(unit, known, made.resource)
    key = made.resource.get("identifier")
    if kind == "Observation" and isinstance(key, list):
        stored = unit.match_one(kind, [("identifier", f"{key[0]['system']}|{key[0]['value']}")])
        if stored is not None:
            return unit.update(
                {**made.resource, "id": stored.id, "status": "corrected"}, if_match=stored.version
            )
    if kind == "Observation":
        return unit.create({**made.resource, "issued": fhir_instant(unit.now)})
    return unit.create(made.resource)


def _changed(unit: Unit, known: Stored, said: Resource) -> Stored:
    """Only what the answers speak of; and nothing when the result would not be right."""
    merged = {**known.resource, **{name: value for name, value in said.items() if name != "resourceType"}}
    if merged == known.resource or problems(merged):
        return known
    return unit.update(merged, if_match=known.version)


def _withdrawn(unit: Unit, response: Stored, kept: set[str]) -> list[Stored]:
    """Observations of an earlier version of these answers that are no longer said."""
    gone = []
    asked = [("derived-from", response.reference), ("_count", "1000")]
    for observed in unit.search("Observation", asked).entries:
        keys = (str(each.get("value", "")) for each in observed.resource.get("identifier", ()))
        is_ours = any(key.startswith("extract:") for key in keys)
        is_said = observed.reference in kept or observed.resource.get("status") == "entered-in-error"
        if is_ours and not is_said:
            changed: dict[str, Any] = {**observed.resource, "status": "entered-in-error"}
            gone.append(unit.update(changed, if_match=observed.version))
    return gone


def _witness(unit: Unit, written: Sequence[Stored], response: Stored) -> None:
    if not decide(unit.scope.actor, "create", "Provenance").allowed:
        return
    actor = unit.scope.actor
    who = (
        ref(actor.practitioner, actor.name) if actor.practitioner else {"display": actor.name or "a program"}
    )
    unit.create(
        {
            "resourceType": "Provenance",
            "target": [ref(f"{each.reference}/_history/{each.version}") for each in written],
            "recorded": fhir_instant(unit.now),
            "activity": {"text": "Made from answers, as their form says"},
            "agent": [{"who": who}],
            "entity": [{"role": "source", "what": ref(f"{response.reference}/_history/{response.version}")}],
        }
    )
