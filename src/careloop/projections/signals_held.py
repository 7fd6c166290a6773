"""What protocols read of a person that only her resources themselves tell: diagnoses, referrals nobody answered,
medicines that are used up. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, instant, text_of
from careloop.store import Stored

ACTIVE: Final = frozenset({"active", "recurrence", "relapse"})
DOUBTED: Final = frozenset({"entered-in-error", "refuted", "provisional"})
ANSWERED: Final = frozenset({"accepted", "in-progress", "completed", "rejected", "failed", "on-hold"})
STOPPED: Final = frozenset({"stopped", "cancelled", "entered-in-error", "on-hold"})


def conditions_in(found: Sequence[Resource]) -> frozenset[str]:
    """ICD-10-CM codes of what is active; needs that are no diagnosis do not count."""
    return frozenset(
        code
        for each in found
        if {code for _, code in codings(each.get("clinicalStatus"))} & ACTIVE
        and not {code for _, code in codings(each.get("verificationStatus"))} & DOUBTED
        and (code := code_in(each.get("code"), uris.ICD10CM))
        and not code.startswith("Z")
    )


def kept_from_some(found: Sequence[Stored]) -> dict[str, str]:
    """By the first three characters: a Condition with a label, where none without one says the same."""
    plain = conditions_in([each.resource for each in found if not _security(each.resource)])
    told: dict[str, str] = {}
    for each in found:
        for code in conditions_in([each.resource]) if _security(each.resource) else ():
            if code[:3] not in {known[:3] for known in plain}:
                told.setdefault(code[:3], each.reference)
    return told


def _security(resource: Resource) -> Any:
    return (resource.get("meta") or {}).get("security")


def open_referrals(requests: Sequence[Stored], tasks: Sequence[Stored]) -> Iterator[tuple[Stored, datetime]]:
    """Sent to somebody, and nobody has accepted, declined or finished it."""
    answered = {
        str((task.resource.get("focus") or {}).get("reference", ""))
        for task in tasks
        if task.resource.get("status") in ANSWERED
    }
    for request in requests:
        resource = request.resource
        at = instant(resource.get("authoredOn"))
        is_ours = code_in(resource.get("code"), uris.PROGRAM) or any(
            system.startswith("urn:careloop:")
            for each in resource.get("category", ())
            for system, _ in codings(each)
        )
        is_sent = resource.get("intent") != "proposal" and resource.get("status") == "active"
        if at and is_sent and not is_ours and resource.get("performer") and request.reference not in answered:
            yield request, at


def run_out(dispenses: Sequence[Stored], requests: Sequence[Stored]) -> Iterator[tuple[str, datetime, str]]:
    """(last dispense, when all that was handed out is used up, name) of each medicine. One handed out early lasts."""
    stopped = {each.reference for each in requests if each.resource.get("status") in STOPPED}
    by_medicine: dict[str, list[tuple[datetime, int, Stored]]] = defaultdict(list)
    for stored in dispenses:
        resource = stored.resource
        concept = resource.get("medicationCodeableConcept") or {}
        name = text_of(concept) or str((resource.get("medicationReference") or {}).get("display", ""))
        key = next((f"{system}|{code}" for system, code in codings(concept)), name)
        at = instant(resource.get("whenHandedOver"))
        days = (resource.get("daysSupply") or {}).get("value")
        prescribed = {str(each.get("reference", "")) for each in resource.get("authorizingPrescription", ())}
        if key and at and days and resource.get("status") == "completed" and not prescribed & stopped:
            by_medicine[key].append((at, int(days), stored))
    for handed in by_medicine.values():
        handed.sort(key=lambda each: each[0])
        end = handed[0][0]
        for at, days, _ in handed:
            end = max(end, at) + timedelta(days=days)
        last = handed[-1][2]
        yield last.reference, end, _name(last.resource)


def _name(dispense: Resource) -> str:
    reference = dispense.get("medicationReference") or {}
    return (
        text_of(dispense.get("medicationCodeableConcept"))
        or str(reference.get("display", ""))
        or "A medicine"
    )
