"""A consent as it is asked for at a page: what is still missing, and the Consent it becomes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.care.consent import PRIVACY, SCOPE
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref, set_extension
from careloop.library.labels import BITS, LabelRules


@dataclass(frozen=True, repr=False)
class Asked:
    """A consent as somebody fills it in. person, by_whom (who hands out), recipients, document (the paper): references.
    what: label names; empty for the ordinary record. purpose: of PURPOSES. how: of HOW. intermediary: the name of the
    exchange in between, when there is one. is_denial: “do not show”, then recipients may be empty: to nobody."""

    person: str
    by_whom: str = ""
    recipients: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    purpose: str = ""
    signed_by: str = ""
    how: str = ""
    until: datetime | None = None
    through_intermediary: bool = False
    intermediary: str = ""
    document: str = ""
    is_denial: bool = False

    def __repr__(self) -> str:
        return f"Asked({self.person})"


PURPOSES: Final = {
    "tpo": "Treatment, payment and running the practice",
    "treatment": "Treatment and care coordination",
    "payment": "Payment",
}
HOW: Final = {"written": "Signed, on paper or on screen", "verbal": "Said aloud, written down by us"}


def lacks(asked: Asked) -> tuple[str, ...]:
    """Names of the fields that are still needed. 42 CFR 2.31(a): who the patient is, who discloses, what, to whom, for
    what, when it ends or that it does not, and a signature; an intermediary by its name. Other consents need less."""
    found: list[str] = []
    if not asked.recipients and not asked.is_denial:
        found.append("recipients")
    if not asked.signed_by.strip():
        found.append("signed_by")
    if asked.how not in HOW:
        found.append("how")
    if asked.purpose not in PURPOSES and not asked.is_denial:
        found.append("purpose")
    if "part2" in asked.what and not asked.is_denial:
        if not asked.by_whom:
            found.append("by_whom")
        if asked.how == "verbal":
            found.append("in_writing")
        if asked.through_intermediary and not asked.intermediary.strip():
            found.append("intermediary")
    return tuple(found)


def to_consent(asked: Asked, known: LabelRules, performer: Resource, now: datetime) -> Resource:
    """performer: who agreed, a Reference. Raises KeyError for a label that does not exist."""
    provision: dict[str, Any] = {"type": "deny" if asked.is_denial else "permit"}
    provision["period"] = {"start": fhir_instant(now)}
    if asked.until:
        provision["period"]["end"] = fhir_instant(asked.until)
    if asked.recipients:
        provision["actor"] = [_actor("IRCP", reference) for reference in asked.recipients]
    if asked.by_whom:
        provision.setdefault("actor", []).append(_actor("CST", asked.by_whom))
    if asked.what:
        provision["securityLabel"] = [_label(known, name) for name in asked.what]
    if asked.purpose:
        provision["purpose"] = [{"system": _REASON, "code": code} for code in _CODES[asked.purpose]]
    consent: Resource = {
        "resourceType": "Consent",
        "status": "active",
        "scope": codeable(SCOPE, PRIVACY),
        "category": [{**codeable(_CATEGORY, "59284-0", "Consent document"), "text": "What may be shared"}],
        "patient": ref(asked.person),
        "dateTime": fhir_instant(now),
        "performer": [performer],
        **({"organization": [ref(asked.by_whom)]} if asked.by_whom else {}),
        **({"sourceReference": ref(asked.document)} if asked.document else {}),
        "policyRule": {"text": _policy(asked)},
        "provision": provision,
    }
    set_extension(consent, uris.CONSENT_HOW, "Code", asked.how)
    return consent


_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_CATEGORY: Final = "http://loinc.org"
_ROLES: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_CODES: Final = {
    "tpo": ("TREAT", "HPAYMT", "HOPERAT", "CAREMGT"),
    "treatment": ("TREAT", "CAREMGT", "COC"),
    "payment": ("HPAYMT",),
}


def _actor(role: str, reference: str) -> Resource:
    return {"role": codeable(_ROLES, role), "reference": ref(reference)}


def _label(known: LabelRules, name: str) -> Resource:
    system, code, display = known.rules[BITS[name]].says
    return {"system": system, "code": code, "display": display}


def _policy(asked: Asked) -> str:
    if asked.is_denial:
        return "The person asked that this is not shown."
    text = "42 CFR Part 2, sections 2.31 and 2.33." if "part2" in asked.what else "The person agreed to this."
    return f"{text} Through {asked.intermediary.strip()}." if asked.intermediary.strip() else text
