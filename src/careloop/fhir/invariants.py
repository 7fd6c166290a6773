"""FHIR's invariants as functions: the simple ones compiled from their trees, the weighty ones written here.

A compiled rule answers as FHIRPath does: True, False, or None where what it asks about is absent. Only False is
a problem.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

Answer = bool | None
Rule = Callable[[dict[str, Any]], Answer]
KeysOf = Callable[[str], frozenset[str]]

_COMPARE: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def compile_rule(tree: list[Any], keys_of: KeysOf) -> Rule:
    """A tree of tools/invariant_parser.py as a function of one element.

    keys_of: the JSON keys of an element's name, `value` -> valueQuantity, _valueString, …
    """
    kind, *rest = tree
    if kind in ("exists", "empty"):
        return _presence(keys_of(rest[0]), kind == "exists")
    if kind == "eq":
        return _membership(rest[0], frozenset({rest[1]}))
    if kind == "in":
        return _membership(rest[0], frozenset(rest[1]))
    if kind == "cmp":
        return _comparison(*rest)
    if kind == "not":
        inner = compile_rule(rest[0], keys_of)
        return lambda element: None if (said := inner(element)) is None else not said
    return _joined(kind, compile_rule(rest[0], keys_of), compile_rule(rest[1], keys_of))


def _presence(keys: frozenset[str], wanted: bool) -> Rule:
    if wanted:
        return lambda element: not keys.isdisjoint(element)
    return lambda element: keys.isdisjoint(element)


def _membership(name: str, codes: frozenset[str]) -> Rule:
    return lambda element: element[name] in codes if isinstance(element.get(name), str) else None


def _comparison(name: str, sign: str, number: int) -> Rule:
    compare = _COMPARE[sign]
    return lambda element: (
        bool(compare(element[name], number)) if type(element.get(name)) in (int, Decimal) else None
    )


def _joined(kind: str, left: Rule, right: Rule) -> Rule:
    def both(element: dict[str, Any]) -> Answer:
        return _and(left(element), right(element))

    def either(element: dict[str, Any]) -> Answer:
        return _or(left(element), right(element))

    def implies(element: dict[str, Any]) -> Answer:
        premise = left(element)
        return True if premise is False else _or(None if premise is None else False, right(element))

    def same(element: dict[str, Any]) -> Answer:
        a, b = left(element), right(element)
        return None if a is None or b is None else a == b

    def different(element: dict[str, Any]) -> Answer:
        said = same(element)
        return None if said is None else not said

    return {"and": both, "or": either, "implies": implies, "same": same, "xor": different}[kind]


def _and(a: Answer, b: Answer) -> Answer:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _or(a: Answer, b: Answer) -> Answer:
    if a or b:
        return True
    return None if a is None or b is None else False


# Written by hand: key, sentence, rule. True is well. --------------------------------------------------------


def _codings(concept: Any) -> set[tuple[str, str]]:
    """(system, code) pairs, also of something that is not a CodeableConcept at all."""
    found = _dict(concept).get("coding")
    listed = found if isinstance(found, list) else []
    return {(str(_dict(coding).get("system")), str(_dict(coding).get("code"))) for coding in listed}


def _has_code(concept: Any, *wanted: str) -> bool:
    return any(code in wanted for _, code in _codings(concept))


def _abated_means_not_active(condition: dict[str, Any]) -> bool:
    abated = any(key.startswith(("abatement", "_abatement")) for key in condition)
    return not abated or _has_code(condition.get("clinicalStatus"), "resolved", "remission", "inactive")


def _mistake_has_no_clinical_status(resource: dict[str, Any]) -> bool:
    return "clinicalStatus" not in resource or not _has_code(
        resource.get("verificationStatus"), "entered-in-error"
    )


def _allergy_has_clinical_status(allergy: dict[str, Any]) -> bool:
    return "clinicalStatus" in allergy or _has_code(allergy.get("verificationStatus"), "entered-in-error")


def _cancellation_needs_cancelled(appointment: dict[str, Any]) -> bool:
    return "cancelationReason" not in appointment or appointment.get("status") in ("cancelled", "noshow")


def _period_runs_forward(period: dict[str, Any]) -> bool:
    """Compared only as far as both say: 2026-03 to 2026 is well, 2026-03 to 2026-02 is not."""
    start, end = period.get("start"), period.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return True
    if start[19:] == end[19:] or "T" not in start or "T" not in end:  # same offset, or days only
        shared = min(len(start), len(end), 19)
        return start[:shared] <= end[:shared]
    return _instant_of(start) <= _instant_of(end)


def _instant_of(text: str) -> float:
    """Seconds, a leap second as the next; 0 for what is not a time (the primitive's own check says so)."""
    try:
        whole = datetime.fromisoformat(text[:19].replace(":60", ":59") + _offset(text))
        return whole.timestamp() + float("0" + _fraction(text))
    except ValueError:
        return 0.0


def _offset(text: str) -> str:
    return "+00:00" if text.endswith("Z") else text[-6:]


def _fraction(text: str) -> str:
    tail = text[19:].removesuffix("Z")
    return tail[: tail.find("+")] if "+" in tail else tail.split("-")[0]


def _low_is_below_high(value: dict[str, Any]) -> bool:
    low, high = value.get("low"), value.get("high")
    if not isinstance(low, dict) or not isinstance(high, dict) or low.get("code") != high.get("code"):
        return True
    a, b = low.get("value"), high.get("value")
    return not (isinstance(a, int | Decimal) and isinstance(b, int | Decimal) and a > b)


def _no_comparator(quantity: dict[str, Any]) -> bool:
    return "comparator" not in quantity


def _value_not_beside_its_component(observation: dict[str, Any]) -> bool:
    """obs-7: a value may not stand beside a component with the very same code."""
    if not any(key.startswith("value") for key in observation):
        return True
    own = _codings(observation.get("code"))
    parts = observation.get("component")
    return not any(
        own & _codings(part.get("code"))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict)
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _entries(bundle: dict[str, Any]) -> Iterable[dict[str, Any]]:
    found = bundle.get("entry")
    return (e for e in found if isinstance(e, dict)) if isinstance(found, list) else ()


def _all_or_none(bundle: dict[str, Any], key: str, kinds: frozenset[str]) -> bool:
    wanted = str(bundle.get("type")) in kinds
    return all((key in entry) == wanted for entry in _entries(bundle))


def _requests_where_due(bundle: dict[str, Any]) -> bool:
    return _all_or_none(bundle, "request", frozenset({"batch", "transaction", "history"}))


def _responses_where_due(bundle: dict[str, Any]) -> bool:
    return _all_or_none(bundle, "response", frozenset({"batch-response", "transaction-response", "history"}))


def _search_only_in_searches(bundle: dict[str, Any]) -> bool:
    return bundle.get("type") == "searchset" or not any("search" in entry for entry in _entries(bundle))


def _addresses_once(bundle: dict[str, Any]) -> bool:
    if bundle.get("type") == "history":
        return True
    found = [
        (entry["fullUrl"], str(_dict(_dict(entry.get("resource")).get("meta")).get("versionId")))
        for entry in _entries(bundle)
        if isinstance(entry.get("fullUrl"), str)
    ]
    return len(found) == len(set(found))


def _no_version_in_address(entry: dict[str, Any]) -> bool:
    return "/_history/" not in str(entry.get("fullUrl", ""))


def _first_is(kind: str, resource_type: str) -> Rule:
    def rule(bundle: dict[str, Any]) -> bool:
        first = next(iter(_entries(bundle)), {})
        return bundle.get("type") != kind or _dict(first.get("resource")).get("resourceType") == resource_type

    return rule


def _document_is_identified(bundle: dict[str, Any]) -> bool:
    own = _dict(bundle.get("identifier"))
    return bundle.get("type") != "document" or ("system" in own and "value" in own)


def _document_is_dated(bundle: dict[str, Any]) -> bool:
    return bundle.get("type") != "document" or "timestamp" in bundle


Written = tuple[str, str, Rule]
WRITTEN: Final[dict[str, tuple[Written, ...]]] = {
    "AllergyIntolerance": (
        (
            "ait-1",
            "An allergy needs a clinicalStatus, unless it was entered in error.",
            _allergy_has_clinical_status,
        ),
        (
            "ait-2",
            "Take out clinicalStatus: this allergy was entered in error.",
            _mistake_has_no_clinical_status,
        ),
    ),
    "Appointment": (
        (
            "app-4",
            "Only a cancelled or missed appointment has a cancelationReason.",
            _cancellation_needs_cancelled,
        ),
    ),
    "Bundle": (
        ("bdl-2", "entry.search is only for search results.", _search_only_in_searches),
        (
            "bdl-3",
            "Each entry needs a request in a batch, transaction or history, and none elsewhere.",
            _requests_where_due,
        ),
        (
            "bdl-4",
            "Each entry needs a response in a batch-response, transaction-response or history, and none elsewhere.",
            _responses_where_due,
        ),
        ("bdl-7", "Two entries have the same fullUrl; give each its own.", _addresses_once),
        ("bdl-9", "A document needs an identifier with system and value.", _document_is_identified),
        ("bdl-10", "A document needs a timestamp.", _document_is_dated),
        ("bdl-11", "A document begins with a Composition.", _first_is("document", "Composition")),
        ("bdl-12", "A message begins with a MessageHeader.", _first_is("message", "MessageHeader")),
    ),
    "Bundle.entry": (
        ("bdl-8", "fullUrl can't name a version; take out /_history/….", _no_version_in_address),
    ),
    "Condition": (
        (
            "con-4",
            "A condition with an abatement has the clinicalStatus inactive, remission or resolved.",
            _abated_means_not_active,
        ),
        (
            "con-5",
            "Take out clinicalStatus: this condition was entered in error.",
            _mistake_has_no_clinical_status,
        ),
    ),
    "Observation": (
        (
            "obs-7",
            "A component has the same code as the observation; its value belongs in one place.",
            _value_not_beside_its_component,
        ),
    ),
    "Period": (("per-1", "The end lies before the start; check both.", _period_runs_forward),),
    "Range": (("rng-2", "The low end is above the high end.", _low_is_below_high),),
    "SimpleQuantity": (("sqty-1", "A comparator (<, >) can't be used here.", _no_comparator),),
}

# The standard's own words where they are clear are kept; these say better what to do.
PLAIN_WORDS: Final[dict[str, str]] = {
    "ext-1": "An extension has either a value or extensions inside it, and never both or neither.",
    "ele-1": "It is empty; leave it out or give it a value.",
    "qty-3": "A quantity with a code needs the code's system too.",
    "pat-1": "A contact needs a name, telecom, address or organization.",
    "app-1": "Each participant needs a type or an actor.",
    "app-2": "Give both start and end, or neither.",
    "app-3": "An appointment needs start and end unless it is proposed, cancelled or on a waitlist.",
    "att-1": "An attachment with data needs a contentType.",
    "cpt-2": "A contact point with a value needs a system (phone, email, …).",
    "obs-6": "dataAbsentReason is only for an observation without a value.",
    "obs-3": "A reference range needs low, high or text.",
    "ppc-1": "A consent needs a policy or a policyRule.",
    "cpl-3": "An activity has either a reference or a detail, not both.",
    "gol-1": "A target with a detail needs a measure.",
    "que-3": "Display items can't have a code or anything but text.",
    "bdl-1": "total is only for search results and histories.",
    "bdl-5": "Each entry needs a resource, a request or a response.",
}
