"""What protocols read of a person that only her resources themselves tell: diagnoses, referrals nobody answered,
medicines that are used up. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, instant, text_of
from careloop.store import Stored

ACTIVE: Final = frozenset({"active", "recurrence", "relapse"})
DOUBTED: Final = frozenset({"entered-in-error", "refuted", "provisional"})
ANSWERED: Final = frozenset({"accepted", "in-progress", "completed", "rejected", "failed", "on-hold"})
STOPPED: Final = frozenset({"stopped", "cancelled", "entered-in-error", "on-hold"})


class _Said(msgspec.Struct, rename="camel"):
    """What is read of a Condition: of ten thousand people there are many."""

    clinical_status: Any = None
    verification_status: Any = None
    code: Any = None
    meta: Any = None


def conditions_in(found: Sequence[Stored]) -> tuple[frozenset[str], dict[str, str]]:
    """(ICD-10-CM codes of what is active; needs that are no diagnosis do not count. By the first three characters: a
    Condition with a label, where none without one says the same)."""
    plain: set[str] = set()
    labeled: list[tuple[str, str]] = []
    for stored in found:
        said = stored.only(_Said)
        if not (code := _diagnosis(said)):
            continue
        if (said.meta or {}).get("security"):
            labeled.append((code, stored.reference))
        else:
            plain.add(code)
    known = {code[:3] for code in plain}
    kept: dict[str, str] = {}
    for code, reference in labeled:
        if code[:3] not in known:
            kept.setdefault(code[:3], reference)
    return frozenset(plain | {code for code, _ in labeled}), kept


def _diagnosis(said: _Said) -> str | None:
    code = code_in(said.code, uris.ICD10CM)
    if not code or code.startswith("Z"):
        return None
    is_active = any(status in ACTIVE for _, status in codings(said.clinical_status))
    is_doubted = any(status in DOUBTED for _, status in codings(said.verification_status))
    return code if is_active and not is_doubted else None


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
