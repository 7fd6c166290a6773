"""What the record knows about somebody, as the criteria of a program ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from careloop.actions.known_stays import known_stays, went_to
from careloop.actions.propose_plan import days_since_discharge, local_day, programs_of
from careloop.care.assess import Score, instrument_answered, lookup, score, who_is
from careloop.care.coverage import kinds_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, day
from careloop.fhir.questionnaire import only_asked
from careloop.fhir.responses import answers_of
from careloop.library import Library
from careloop.library.conditions import Lookup
from careloop.store import Stored, Unit

TYPES: Final = (
    "Condition",
    "Coverage",
    "Observation",
    "QuestionnaireResponse",
    "ServiceRequest",
)
ACTIVE: Final = frozenset({"active", "recurrence", "relapse"})
DONE: Final = ("completed", "amended")
WRONG: Final = frozenset({"entered-in-error", "refuted"})


def look_of(unit: Unit, patient: Stored, program: str, library: Library) -> Lookup:
    """A look-up for `Criterion.answer`; what is not known is None."""
    held: dict[str, list[Resource]] = {kind: [] for kind in TYPES}
    for stored in unit.of_person(patient.rid, TYPES):
        held[stored.type].append(stored.resource)
    facts = _facts(unit, patient, program, held, library)
    asked = _asked(held["QuestionnaireResponse"], library)

    def look(path: str) -> Any:
        subject, _, rest = path.partition("/")
        if subject == "fact":
            return facts[rest]() if rest in facts else None
        if subject == "at-least":
            found = asked.get(rest.removeprefix("score/"))
            return score_of(library, found, patient.resource).at_least if found else None
        name, _, part = rest.partition("/")
        response = asked.get(name)
        if subject == "score" and response is None:
            return _score_observed(held["Observation"], name, library)
        return _of_response(library, patient.resource, response, subject, part) if response else None

    return look


def _facts(
    unit: Unit, patient: Stored, program: str, held: Mapping[str, list[Resource]], library: Library
) -> dict[str, Callable[[], Any]]:
    today = local_day(patient.resource, unit.now)
    conditions = diagnoses_in(held["Condition"])
    return {
        "age": lambda: _age(patient.resource, today),
        "sex": lambda: who_is(patient.resource, today).sex,
        "days_since_discharge": lambda: days_since_discharge(unit, patient),
        "discharged_to": lambda: _discharged_to(unit, patient, library),
        "conditions": lambda: frozenset(code[:3] for code in conditions) if held["Condition"] else None,
        "lasting_conditions": lambda: len(conditions) if held["Condition"] else None,
        "coverage": lambda: kinds_of(held["Coverage"], today, library) - {"unknown"} or None,
        "programs": lambda: programs_of(unit, patient.rid),
        "referred": lambda: any(_is_referral(each, program) for each in held["ServiceRequest"]),
        "has_died": lambda: bool(
            patient.resource.get("deceasedBoolean") or patient.resource.get("deceasedDateTime")
        ),
        "clinician_agrees": lambda: None,  # written nowhere yet: whoever judges says so in her reason
    }


def _age(patient: Resource, today: date) -> int | None:
    born = day(patient.get("birthDate")) if len(str(patient.get("birthDate", ""))) == 10 else None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) if born else None


def diagnoses_in(found: list[Resource]) -> frozenset[str]:
    """ICD-10-CM codes of what is active; needs that are no diagnosis don't count."""
    return frozenset(
        code
        for each in found
        if {code for _, code in codings(each.get("clinicalStatus"))} & ACTIVE
        and not {code for _, code in codings(each.get("verificationStatus"))} & (WRONG | {"provisional"})
        and (code := code_in(each.get("code"), uris.ICD10CM))
        and not code.startswith("Z")
    )


def _discharged_to(unit: Unit, patient: Stored, library: Library) -> str | None:
    """Of the newest finished stay."""
    stays = known_stays(unit, patient.rid, library)
    ended = [s for s in stays if s.is_discharged and s.setting == "stay" and s.ended_as_written]
    if not ended:
        return None
    newest = max(ended, key=lambda stay: (stay.ended_as_written or date.min, stay.reference))
    return went_to(newest, library, unit)


def _is_referral(request: Resource, program: str) -> bool:
    return (
        request.get("intent") != "proposal"
        and request.get("status") in ("active", "completed", "on-hold")
        and code_in(request.get("code"), uris.PROGRAM) == program
    )


def _asked(responses: list[Resource], library: Library) -> dict[str, Resource]:
    """The newest completed answers to each instrument."""
    newest: dict[str, Resource] = {}
    for each in responses:
        instrument = instrument_answered(library, str(each.get("questionnaire", "")))
        if instrument is None or each.get("status") not in DONE:
            continue
        kept = newest.get(instrument.id)
        if kept is None or str(each.get("authored", "")) > str(kept.get("authored", "")):
            newest[instrument.id] = each
    return newest


def score_of(library: Library, response: Resource, patient: Resource) -> Score:
    instrument = instrument_answered(library, str(response.get("questionnaire", "")))
    assert instrument is not None  # only answers to known instruments are kept
    who = who_is(patient, day(response.get("authored")) or date.max)
    return score(instrument, answers_of(instrument.form, response)[0], who)


def _of_response(library: Library, patient: Resource, response: Resource, subject: str, part: str) -> Any:
    result = score_of(library, response, patient)
    if subject == "score":
        found = next((each for each in result.parts if each.id == part), None) if part else None
        return found.value if found else None if part else result.value
    if subject == "finding":
        return part in {each.id for each in result.findings}
    instrument = library.instruments[result.instrument]
    asked = only_asked(instrument.form, answers_of(instrument.form, response)[0])
    return lookup(instrument, asked, parts=result.parts)(f"{subject}/{part}")


def _score_observed(observations: list[Resource], name: str, library: Library) -> Decimal | None:
    """A score that came without its answers: from another system."""
    loinc = library.instruments[name].scoring.loinc if name in library.instruments else None
    found = [
        each
        for each in observations
        if loinc
        and (uris.LOINC, loinc) in codings(each.get("code"))
        and "valueQuantity" in each
        and each.get("status") in ("final", "amended", "corrected")
    ]
    newest = max(found, key=lambda each: str(each.get("effectiveDateTime", "")), default=None)
    return Decimal(str(newest["valueQuantity"]["value"])) if newest else None
