"""Limits for one person: outside of which somebody is to look, set by a person, with why and until when. Pure.

Kept as a ServiceRequest (docs/decisions/0090): category urn:careloop:code:monitoring, code: what is measured, the
limits in an extension, requester, authoredOn, reasonCode.text, occurrencePeriod.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    codeable,
    codings,
    extension,
    fhir_instant,
    instant,
    ref,
    text_of,
)
from careloop.library import Kind

CATEGORY: Final = "reading-limits"
ENDS: Final = ("low", "high", "second-low", "second-high")
OPEN_END: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, repr=False)
class Limits:
    """In the kind's unit; None: that side is open. until: exclusive; None: until changed. request: the ServiceRequest
    that says so, None for the default of content/readings. source: who says so, of a default."""

    kind: str
    low: Decimal | None
    high: Decimal | None
    second_low: Decimal | None
    second_high: Decimal | None
    since: datetime | None = None
    until: datetime | None = None
    set_by: str = ""
    why: str = ""
    request: str | None = None
    source: str = ""
    sure: str = ""

    @property
    def is_own(self) -> bool:
        """Set for this person, by a person."""
        return self.request is not None

    @property
    def is_empty(self) -> bool:
        return self.low is self.high is self.second_low is self.second_high is None

    def outside(self, value: Decimal, second: Decimal | None = None) -> tuple[str, ...]:
        """Which of `low`, `high`, `second-low`, `second-high` are passed. A value at the limit is inside."""
        passed = []
        if self.low is not None and value < self.low:
            passed.append("low")
        if self.high is not None and value > self.high:
            passed.append("high")
        if second is not None and self.second_low is not None and second < self.second_low:
            passed.append("second-low")
        if second is not None and self.second_high is not None and second > self.second_high:
            passed.append("second-high")
        return tuple(passed)

    def __repr__(self) -> str:
        return f"Limits({self.kind})"


def default_limits(kind: Kind) -> Limits | None:
    """What holds for everybody whose own are not set; None when the content names none."""
    if kind.limit is None:
        return None
    inside, second = kind.limit.inside, kind.limit.second
    return Limits(
        kind.id,
        inside.low,
        inside.high,
        second.low if second else None,
        second.high if second else None,
        source=inside.source,
        sure=inside.sure,
    )


def limits_in(resource: Resource, kinds: Mapping[str, Kind]) -> Limits | None:
    """None for any other ServiceRequest, and for one that is not active."""
    is_ours = any(
        coding == (uris.MONITORING, CATEGORY)
        for each in resource.get("category", ())
        for coding in codings(each)
    )
    if not is_ours or resource.get("status") != "active":
        return None
    codes = {code for system, code in codings(resource.get("code")) if system == uris.LOINC}
    kind = next((k for k in kinds.values() if codes & {c.code for c in (*k.codes, *k.panels)}), None)
    told = next((e for e in resource.get("extension", ()) if e.get("url") == uris.READING_LIMITS), None)
    if kind is None or told is None:
        return None
    low, high, second_low, second_high = (_number(extension(told, end)) for end in ENDS)
    period = resource.get("occurrencePeriod") or {}
    return Limits(
        kind.id,
        low,
        high,
        second_low,
        second_high,
        since=instant(period.get("start")) or instant(resource.get("authoredOn")),
        until=instant(period.get("end")),
        set_by=str((resource.get("requester") or {}).get("reference", "")),
        why=next((text_of(each) for each in resource.get("reasonCode", ())), ""),
        request=f"ServiceRequest/{resource['id']}" if resource.get("id") else "",
    )


def to_request(
    kind: Kind, limits: Limits, person: str, requester: str | None, now: datetime, why: str
) -> Resource:
    """The ServiceRequest that says so."""
    code = (kind.panels or kind.codes)[0]
    told: list[Resource] = [
        {"url": end, "valueDecimal": value}
        for end, value in zip(
            ENDS, (limits.low, limits.high, limits.second_low, limits.second_high), strict=True
        )
        if value is not None
    ]
    period = {"start": fhir_instant(limits.since or now)}
    if limits.until:
        period["end"] = fhir_instant(limits.until)
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": uris.DEDUPE, "value": f"limits:{person}:{kind.id}"}],
        "extension": [{"url": uris.READING_LIMITS, "extension": told}],
        "status": "active",
        "intent": "order",
        "category": [codeable(uris.MONITORING, CATEGORY, "Limits for readings")],
        "code": {**codeable(uris.LOINC, code.code, code.text), "text": kind.name.en},
        "subject": ref(person),
        "occurrencePeriod": period,
        "authoredOn": fhir_instant(now),
        **({"requester": ref(requester)} if requester else {}),
        "reasonCode": [{"text": why}],
    }


def _number(value: Any) -> Decimal | None:
    try:
        made = Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None
    return made if made is None or (made.is_finite() and abs(made.adjusted()) <= 12) else None
