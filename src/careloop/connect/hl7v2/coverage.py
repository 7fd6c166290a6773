"""IN1 -> Coverage. Which kind of payer it is, is said only where the plan's own words leave no doubt."""

from __future__ import annotations

import re

from careloop.connect.hl7v2 import tables
from careloop.connect.hl7v2.datatypes import Notes, coding, when
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import Message, Segment
from careloop.fhir.elements import Resource

SOPT = "https://nahdo.org/sopt"  # Source of Payment Typology, as US Core uses it
PAYERS = {
    "medicare": ("12", "Medicare (Non-managed Care)"),
    "medicare-advantage": ("11", "Medicare (Managed Care)"),
    "medicaid": ("2", "Medicaid"),
}
_PLAIN = {
    "medicare",
    "original",
    "traditional",
    "part",
    "a",
    "b",
    "ab",
    "and",
    "ffs",
    "fee",
    "for",
    "service",
    "cms",
    "us",
}
_ADVANTAGE = re.compile(r"\b(advantage|part c|hmo|ppo|pffs|snp|d-?snp|c-?snp|i-?snp|mapd|replacement)\b")
_SUPPLEMENT = re.compile(r"\b(medigap|supplement|supplemental|supp|secondary|part d|pdp)\b")


def payer_kind(*words: str) -> str | None:
    """medicare, medicare-advantage, medicaid; None where the words say anything else or two things at once."""
    text = " ".join(words).lower()
    has_medicare, has_medicaid = "medicare" in text, bool(re.search(r"\bmedicaid\b|\bmedi-cal\b", text))
    if has_medicare == has_medicaid or _SUPPLEMENT.search(text):
        return None
    if has_medicaid:
        return "medicaid"
    if _ADVANTAGE.search(text):
        return "medicare-advantage"
    return "medicare" if set(re.findall(r"[a-z]+", text)) <= _PLAIN else None


def coverages(message: Message, patient: str, origin: Origin, notes: Notes) -> list[Resource]:
    """patient: the reference of the Patient in the same bundle."""
    found = []
    for in1 in message.all("IN1"):
        payer = in1.value(4) or in1.value(2, 2) or in1.value(9) or in1.value(2)
        if not payer:
            notes.add("A coverage (IN1) names no payer; it was left out.")
        else:
            found.append(_coverage(in1, payer, patient, origin, notes))
    return found


def _coverage(in1: Segment, payer: str, patient: str, origin: Origin, notes: Notes) -> Resource:
    found: Resource = {
        "resourceType": "Coverage",
        "meta": {"source": origin.uri},
        "status": "active",
        "beneficiary": {"reference": patient},
        "payor": [{"display": payer}],
    }
    if said := (in1.value(36) or in1.value(49)):
        found["subscriberId"] = said
        found["identifier"] = [{"system": origin.system("member"), "value": said}]
    found["type"] = _type(in1, payer)
    period = {"start": when(in1, 12, origin, notes), "end": when(in1, 13, origin, notes)}
    if kept := {key: said for key, said in period.items() if said}:
        found["period"] = kept
    relation = tables.SUBSCRIBER.get(in1.value(17).upper())
    if relation:
        system = "http://terminology.hl7.org/CodeSystem/subscriber-relationship"
        found["relationship"] = {"coding": [coding(system, relation)]}
    elif in1.value(17):
        found["relationship"] = {"text": in1.value(17, 2) or in1.value(17)}
    if classes := _classes(in1):
        found["class"] = classes
    order = in1.value(1)
    if order.isascii() and order.isdigit() and 0 < int(order[:6]) < 100:
        found["order"] = int(order)
    return found


def _type(in1: Segment, payer: str) -> Resource:
    plan = in1.value(2, 2) or in1.value(2)
    text = in1.value(15, 2) or in1.value(15) or plan or payer
    if re.fullmatch(r"self[ -]?pay", payer.strip().lower()):
        system = "http://terminology.hl7.org/CodeSystem/coverage-selfpay"
        return {"coding": [coding(system, "pay", "PAY")], "text": "Self pay"}
    kind = payer_kind(payer, plan, in1.value(15, 2))
    if kind is None:
        return {"text": text}
    return {"coding": [coding(SOPT, *PAYERS[kind])], "text": text if len(text) > 2 else PAYERS[kind][1]}


def _classes(in1: Segment) -> list[Resource]:
    found: list[Resource] = []
    system = "http://terminology.hl7.org/CodeSystem/coverage-class"
    for kind, value, name in (
        ("group", in1.value(8), in1.value(9)),
        ("plan", in1.value(2), in1.value(2, 2)),
    ):
        if value:
            made: Resource = {"type": {"coding": [coding(system, kind)]}, "value": value}
            found.append({**made, **({"name": name} if name else {})})
    return found
