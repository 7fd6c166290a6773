"""A firing and what was set for one person, as FHIR keeps them: a DetectedIssue, a RequestGroup. Pure, both ways.

DetectedIssue: code the protocol, status preliminary while it is open and final once a person or the days ended it
(mitigation says how), detail the because, evidence what was found, reference the protocol with its version.
RequestGroup: what a clinician set for this person (instantiatesCanonical the protocol): numbers of her own, off until.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from careloop.care.protocols import Adjusted, Outcome, Past
from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    code_in,
    codeable,
    extension,
    fhir_instant,
    identifier_in,
    instant,
    ref,
    set_extension,
    text_of,
)
from careloop.fhir.translation import translate, translated
from careloop.library import Words
from careloop.library.protocols import Protocol

SEVERITY: Final[Mapping[str, str]] = {
    "urgent": "high",
    "soon": "moderate",
    "routine": "low",
    "silence": "low",
}
MOST_EVIDENCE: Final = 30
OPEN: Final = "preliminary"
FOREVER: Final = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
HOUSE: Final = "Careloop"


def key_of(protocol: str, person: str, since: datetime) -> str:
    """Of a firing and of its work. person: Patient/…."""
    return f"protocol:{protocol}:{person}:{fhir_instant(since)}"


def issue(protocol: Protocol, outcome: Outcome, person: str, since: datetime) -> Resource:
    branch = outcome.branch
    assert branch is not None
    concept = codeable(uris.PROTOCOL, protocol.id, protocol.title.en)
    translate(concept, "text", "es", protocol.title.es)
    made: Resource = {
        "resourceType": "DetectedIssue",
        "identifier": [{"system": uris.DEDUPE, "value": key_of(protocol.id, person, since)}],
        "status": OPEN,
        "code": concept,
        "patient": ref(person),
        "identifiedDateTime": fhir_instant(since),
        "reference": protocol.canonical,
    }
    say(made, protocol, outcome)
    return made


def say(made: Resource, protocol: Protocol, outcome: Outcome) -> None:
    """Writes into a firing what holds now: branch, because, evidence."""
    branch = outcome.branch
    assert branch is not None
    made["severity"] = SEVERITY[branch.work.urgency]
    made["detail"] = outcome.because.en
    translate(made, "detail", "es", outcome.because.es)
    made["reference"] = protocol.canonical
    had = [d["reference"] for e in made.get("evidence", ()) for d in e.get("detail", ()) if "reference" in d]
    # What holds now stays on it, whatever it goes by had to leave: the labels of a firing are those of its evidence.
    before = [each for each in dict.fromkeys(had) if each not in outcome.evidence]
    known = [*before, *outcome.evidence][-MOST_EVIDENCE:]
    if known:
        made["evidence"] = [{"detail": [ref(each) for each in known]}]
    set_extension(made, uris.PROTOCOL_BRANCH, "Code", branch.id)
    set_extension(made, uris.SOURCE, "String", protocol.source)


def ended(made: Resource, how: Words, at: datetime, by: str | None = None) -> Resource:
    """A copy that is over. by: a Practitioner; None when the days ended it."""
    action: Resource = {"text": how.en}
    translate(action, "text", "es", how.es)
    told: Resource = {"action": action, "date": fhir_instant(at)}
    if by:
        told["author"] = ref(by)
    return {**made, "status": "final", "mitigation": [*made.get("mitigation", ()), told]}


def protocol_of(made: Resource) -> str | None:
    """None for a DetectedIssue that is not ours."""
    return code_in(made.get("code"), uris.PROTOCOL)


def is_open(made: Resource) -> bool:
    return made.get("status") == OPEN


def because_in(made: Mapping[str, Any]) -> Words:
    said = str(made.get("detail", ""))
    return Words(said, translated(made, "detail", "es") or said)


def evidence_in(made: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        str(detail["reference"])
        for each in made.get("evidence", ())
        for detail in each.get("detail", ())
        if "reference" in detail
    )


def past_in(found: Iterable[Resource], protocol: str) -> tuple[Past, ...]:
    """Her firings of one protocol, newest first; what was entered in error never was."""
    made = [
        Past(
            f"DetectedIssue/{each['id']}",
            str(extension(each, uris.PROTOCOL_BRANCH) or ""),
            at,
            None if is_open(each) else _ended_at(each) or at,
            str(each.get("detail", "")),
        )
        for each in found
        if protocol_of(each) == protocol
        and each.get("status") != "entered-in-error"
        and (at := instant(each.get("identifiedDateTime")))
    ]
    return tuple(sorted(made, key=lambda each: each.since, reverse=True))


def _ended_at(made: Resource) -> datetime | None:
    return max((at for each in made.get("mitigation", ()) if (at := instant(each.get("date")))), default=None)


# --- what was set for one person


def set_for(
    protocol: str,
    version: int,
    person: str,
    adjusted: Adjusted,
    author: Resource | None,
    title: str = "",
    before: Resource | None = None,
) -> Resource:
    """author: a reference with its name; None when Careloop itself switched it off. before: the version that stands."""
    made: Resource = dict(before or {})
    made |= {
        "resourceType": "RequestGroup",
        "identifier": [{"system": uris.DEDUPE, "value": set_key(protocol, person)}],
        "instantiatesCanonical": [f"{uris.PROTOCOL}:{protocol}|{version}"],
        "status": "on-hold" if adjusted.off_until else "active",
        "intent": "directive",
        "code": codeable(uris.PROTOCOL, protocol, title or None),
        "subject": ref(person),
        "authoredOn": fhir_instant(adjusted.at) if adjusted.at else None,
        "reasonCode": [{"text": adjusted.why}],
        "author": author or {"display": HOUSE},
    }
    parts: list[Resource] = [
        {"url": name, "valueDecimal": value} for name, value in sorted(adjusted.values.items())
    ]
    if adjusted.off_until:
        parts.append({"url": "off-until", "valueDateTime": fhir_instant(adjusted.off_until)})
    kept = [each for each in made.get("extension", ()) if each.get("url") != uris.PROTOCOL_NUMBERS]
    if parts:
        kept.append({"url": uris.PROTOCOL_NUMBERS, "extension": parts})
    made.pop("extension", None)
    if kept:
        made["extension"] = kept
    return {name: value for name, value in made.items() if value is not None}


def set_key(protocol: str, person: str) -> str:
    return f"protocol-for:{protocol}:{person}"


def adjusted_in(found: Sequence[Resource], protocol: Protocol) -> Adjusted:
    """What stands for one person. A number outside of what the protocol allows is not used."""
    for made in found:
        key = identifier_in(made, uris.DEDUPE) or ""
        if key.startswith(f"protocol-for:{protocol.id}:") and made.get("status") in ("active", "on-hold"):
            return _adjusted(made, protocol)
    return Adjusted()


def _adjusted(made: Resource, protocol: Protocol) -> Adjusted:
    told: Resource = next((e for e in made.get("extension", ()) if e.get("url") == uris.PROTOCOL_NUMBERS), {})
    values: dict[str, Decimal] = {}
    for value in protocol.values:
        said = extension(told, value.name)
        if said is not None and value.least <= Decimal(str(said)) <= value.most:
            values[value.name] = Decimal(str(said))
    off = instant(extension(told, "off-until")) if made.get("status") == "on-hold" else None
    author = made.get("author") or {}
    return Adjusted(
        values,
        off or (FOREVER if made.get("status") == "on-hold" else None),
        next((text_of(each) for each in made.get("reasonCode", ())), ""),
        str(author.get("display") or author.get("reference") or ""),
        instant(made.get("authoredOn")),
    )
