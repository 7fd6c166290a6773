"""Works out the risk scores of one person and keeps each as a RiskAssessment, of which a new version is written only
when it says something else. Asked again about the same record it writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from careloop.access import Scope, system_actor
from careloop.actions import record
from careloop.actions.risk_facts import gather
from careloop.care.risk import Assessed, Part, assess
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, fhir_instant, ref
from careloop.library import Library, Words
from careloop.store import Stored, Unit

TYPE: Final = "RiskAssessment"
# A change of these may change a score. Not of RiskAssessment: else a score would call itself.
READS: Final = frozenset(
    {"Patient", "Encounter", "Condition", "Observation", "Procedure", "Coverage", "QuestionnaireResponse"}
)


def worker() -> Scope:
    """A score is worked out from the whole record, whoever asks; who may read it, is judged when it is read."""
    return Scope(system_actor("reactions"), "work", "operations")


def assess_risk(scope: Scope, person: str, library: Library, now: datetime) -> None:
    """person: Patient id, whom the asking actor must see. Raises NotFound; Forbidden for whoever may not write such."""
    with record.begin(scope, now) as unit:
        stored = unit.read("Patient", person)
        unit.condition(TYPE, "create")
        unit.saw([stored.rid], "risk scores asked for")
    with record.begin(worker(), now) as unit:
        refresh(unit, stored.rid, library)


def refresh(unit: Unit, person: int, library: Library) -> tuple[Stored, ...]:
    """In the caller's unit, which sees the whole record. What was written. person: rid."""
    found = gather(unit, person, library)
    if found is None:
        return ()
    patient, facts = found
    standing = unit.of_person(person, (TYPE,))
    left = {stay.reference for stay in facts.stays if stay.ended}
    written = [_cancelled(unit, stored) for stored in standing if _is_of_no_stay(stored.resource, left)]
    standing = [stored for stored in standing if not _is_of_no_stay(stored.resource, left)]
    for risk in library.risks.values():
        written += _kept(unit, patient.reference, assess(risk, facts), standing)
    return tuple(written)


def _kept(unit: Unit, subject: str, found: Assessed, standing: list[Stored]) -> list[Stored]:
    ours = [s for s in standing if code_in(s.resource.get("method"), uris.RISK) == found.risk.id]
    if found.not_scored is not None:
        return _withdrawn(unit, found, ours)
    stay = found.stay or None
    same = [s for s in ours if (s.resource.get("encounter") or {}).get("reference") == stay]
    said = resource_of(found, subject, unit.now)
    if not same:
        return [unit.create(said)]
    newest, *others = sorted(same, key=lambda s: (s.at, s.rid), reverse=True)
    written = [_cancelled(unit, s) for s in others if s.resource.get("status") == "final"]
    if _content(newest.resource) != _content(said):
        written.append(unit.update({**said, "id": newest.id}, if_match=newest.version))
    return written


def _is_of_no_stay(resource: Resource, left: Collection[str]) -> bool:
    """Of a stay that is not hers any more, or that has not ended after all."""
    stay = (resource.get("encounter") or {}).get("reference")
    is_ours = code_in(resource.get("method"), uris.RISK) is not None
    return is_ours and resource.get("status") == "final" and stay is not None and stay not in left


def _withdrawn(unit: Unit, found: Assessed, ours: list[Stored]) -> list[Stored]:
    """What can't be said any more of the person is canceled. What was said of a stay stays said: it has its end."""
    if found.risk.of == "stay":
        return []
    return [_cancelled(unit, s) for s in ours if s.resource.get("status") == "final"]


def _cancelled(unit: Unit, stored: Stored) -> Stored:
    return unit.update({**stored.resource, "status": "cancelled"}, if_match=stored.version)


def _content(resource: Resource) -> Resource:
    """What it says, without when it was worked out."""
    return {k: v for k, v in resource.items() if k not in ("id", "meta", "occurrenceDateTime")}


# --- as FHIR


def resource_of(found: Assessed, subject: str, now: datetime) -> Resource:
    risk = found.risk
    resource: Resource = {
        "resourceType": TYPE,
        "identifier": [{"system": uris.DEDUPE, "value": f"risk:{risk.id}:{found.stay or subject}"}],
        "status": "final",
        "method": codeable(uris.RISK, risk.id, risk.title.en),
        "subject": ref(subject),
        "occurrenceDateTime": fhir_instant(now),
        "basis": [ref(each) for each in found.basis],
        "prediction": [_prediction(found)],
        "note": [{"text": risk.source}],
        "extension": [_result(found), *(_part(each) for each in found.parts)],
    }
    if found.stay:
        resource["encounter"] = ref(found.stay)
    return {name: value for name, value in resource.items() if value != []}


def _prediction(found: Assessed) -> Resource:
    made: Resource = {"outcome": {"text": found.risk.outcome.en}, "rationale": sentence(found).en}
    if found.band:
        code = f"{found.risk.id}-{found.band.code}"
        made["qualitativeRisk"] = codeable(uris.RISK_BAND, code, found.band.text.en)
    return made


def sentence(found: Assessed) -> Words:
    """`LACE: 12, high.` or `LACE: at least 8, at most 12; not known: …`"""
    name, band = found.risk.short, found.band
    if found.value is not None:
        value = number(found.value)
        words = Words(f"{name.en}: {value}", f"{name.es}: {value}")
    else:
        low, high = number(found.low or Decimal(0)), number(found.high or Decimal(0))
        words = Words(
            f"{name.en}: at least {low}, at most {high}", f"{name.es}: por lo menos {low}, a lo más {high}"
        )
    if band:
        words = Words(f"{words.en}, {band.text.en}", f"{words.es}, {band.text.es}")
    lacking = [part.lacking for part in found.missing if part.lacking]
    return Words(
        " ".join((f"{words.en}.", *(each.en for each in lacking))),
        " ".join((f"{words.es}.", *(each.es for each in lacking))),
    )


def number(value: Decimal) -> str:
    return format(value, "f")


def _result(found: Assessed) -> Resource:
    until = None
    if found.until:  # the end of the last day on which it speaks
        until = datetime.combine(found.until + timedelta(days=1), time(), tzinfo=UTC)
    said = (
        ("value", "Decimal", _decimal(found.value)),
        ("low", "Decimal", _decimal(found.low)),
        ("high", "Decimal", _decimal(found.high)),
        ("band", "Code", found.band.code if found.band else None),
        ("until", "DateTime", fhir_instant(until) if until else None),
        ("version", "Integer", found.risk.version),
    )
    return {"url": uris.RISK_RESULT, "extension": _parts(said)}


def _part(part: Part) -> Resource:
    lacking = part.lacking
    said = (
        ("id", "String", part.id),
        ("text", "String", part.text.en),
        ("text-es", "String", part.text.es),
        ("found", "String", part.found or None),
        ("low", "Decimal", _decimal(part.low)),
        ("high", "Decimal", _decimal(part.high)),
        ("lacking", "String", lacking.en if lacking else None),
        ("lacking-es", "String", lacking.es if lacking else None),
        ("asked", "String", part.asked or None),
    )
    sources = [{"url": "source", "valueReference": ref(each)} for each in part.sources]
    return {"url": uris.RISK_PART, "extension": [*_parts(said), *sources]}


def _parts(said: tuple[tuple[str, str, Any], ...]) -> list[Resource]:
    return [{"url": url, f"value{kind}": value} for url, kind, value in said if value is not None]


def _decimal(value: Decimal | None) -> Decimal | int | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else value
