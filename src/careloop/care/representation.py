"""Who may see a person's pages beside her, and from when to when: those she chose, representatives by their papers,
parents until the birthday that the rule names. Pure: a Consent in, windows of time out.

One mapping between a `Standing` and FHIR's Consent (category urn:careloop:code:portal): the RelatedPerson is the
provision's actor, each share one of its classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    code_in,
    codeable,
    day,
    extension,
    fhir_instant,
    instant,
    ref,
    set_extension,
)
from careloop.kernel.calendar import at_local

Kind = Literal["chosen", "agent", "guardian", "parent"]
KINDS: Final[dict[str, str]] = {
    "chosen": "Chosen by the person",
    "agent": "Health care agent",
    "guardian": "Guardian",
    "parent": "Parent of a minor",
}
# What can be shared, in the order in which pages show it. A representative has all of them.
PARTS: Final = ("plan", "visits", "medications", "results", "messages", "coverage")
WITH_PAPERS: Final = frozenset({"agent", "guardian"})
SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"


@dataclass(frozen=True)
class Incapacity:
    """As a clinician documented it. by: her reference. document: DocumentReference of the paper."""

    since: datetime
    until: datetime | None
    by: str
    document: str


@dataclass(frozen=True, repr=False)
class Standing:
    """related: "RelatedPerson/…". shares: of PARTS. said: how we know, in words. document: the paper behind it.
    on_incapacity: it holds only while incapacity is documented."""

    patient: str
    related: str
    kind: Kind
    shares: tuple[str, ...]
    since: datetime
    until: datetime | None = None
    said: str = ""
    document: str = ""
    on_incapacity: bool = False
    incapacity: tuple[Incapacity, ...] = ()
    is_ended: bool = False

    def __repr__(self) -> str:
        return f"Standing({self.kind} {self.related})"


@dataclass(frozen=True)
class Window:
    """This share holds from since until until (None: no end is known)."""

    share: str
    since: datetime
    until: datetime | None

    def holds(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)


@dataclass(frozen=True)
class Ages:
    """Birthdays at which parents see less, and nothing. teen_shares: what they still see in between."""

    teen: int
    adult: int
    teen_shares: tuple[str, ...]


# --- when


def windows(standing: Standing, birth: date | None, ages: Ages, tz: ZoneInfo | None) -> tuple[Window, ...]:
    """birth, tz: of the patient. A parent of somebody whose birth date is not known sees nothing: we can't tell whether
    she is a child."""
    if standing.is_ended:
        return ()
    if standing.kind == "parent":
        return tuple(_of_parent(standing, birth, ages, tz))
    spans: Iterable[tuple[datetime, datetime | None]] = [(standing.since, standing.until)]
    if standing.on_incapacity:
        spans = [_both(standing, each) for each in standing.incapacity]
    found = [Window(share, since, until) for since, until in spans for share in standing.shares]
    return tuple(each for each in found if each.until is None or each.since < each.until)


def _both(standing: Standing, told: Incapacity) -> tuple[datetime, datetime | None]:
    return max(standing.since, told.since), _earlier(standing.until, told.until)


def _of_parent(standing: Standing, birth: date | None, ages: Ages, tz: ZoneInfo | None) -> Iterable[Window]:
    if birth is None:
        return
    teen, adult = birthday(birth, ages.teen, tz), birthday(birth, ages.adult, tz)
    for share in standing.shares:
        end = _earlier(standing.until, adult if share in ages.teen_shares else teen)
        if end is None or standing.since < end:
            yield Window(share, standing.since, end)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    found = [each for each in (one, other) if each is not None]
    return min(found) if found else None


def birthday(birth: date, age: int, tz: ZoneInfo | None) -> datetime:
    """The first moment of it where she lives; in UTC, which is earlier all over America, where we do not know. Who was
    born on February 29 has it on March 1 in other years."""
    year = birth.year + age
    is_leap_day = (birth.month, birth.day) == (2, 29) and not _is_leap(year)
    on = date(year, 3, 1) if is_leap_day else birth.replace(year=year)
    return at_local(on, time(), tz) if tz else datetime.combine(on, time(), tzinfo=UTC)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def shares_now(standing: Standing, found: Iterable[Window], now: datetime) -> tuple[str, ...]:
    held = {window.share for window in found if window.holds(now)}
    return tuple(share for share in standing.shares if share in held)


# --- as FHIR has it


def is_portal(consent: Resource) -> bool:
    return _kind(consent) is not None


def _kind(consent: Resource) -> str | None:
    return next((code for c in consent.get("category", ()) if (code := code_in(c, uris.PORTAL))), None)


def standing_of(consent: Resource) -> Standing | None:
    """None for a Consent about something else, or one that we can't read: then nobody sees anything by it."""
    kind: Any = _kind(consent)
    provision = consent.get("provision") or {}
    actors = [(a.get("reference") or {}).get("reference", "") for a in provision.get("actor", ())]
    since = instant((provision.get("period") or {}).get("start")) or instant(consent.get("dateTime"))
    if kind not in KINDS or len(actors) != 1 or since is None or provision.get("type") != "permit":
        return None
    return Standing(
        patient=str((consent.get("patient") or {}).get("reference", "")),
        related=str(actors[0]),
        kind=kind,
        shares=tuple(share for share in PARTS if share in _classes(provision)),
        since=since,
        until=_end(provision),
        said=str((consent.get("policyRule") or {}).get("text", "")),
        document=str((consent.get("sourceReference") or {}).get("reference", "")),
        on_incapacity=bool(extension(consent, uris.ON_INCAPACITY)),
        incapacity=tuple(_incapacity(consent)),
        is_ended=consent.get("status") != "active",
    )


def _classes(provision: Resource) -> set[str]:
    return {c.get("code", "") for c in provision.get("class", ()) if c.get("system") == uris.SHARE}


def _end(provision: Resource) -> datetime | None:
    """An end that says only a day ends with the first moment of it: the earlier reading."""
    said = (provision.get("period") or {}).get("end")
    if not said or (found := instant(said)):
        return found if said else None
    on = day(said)
    return datetime.combine(on or date.min, time(), tzinfo=UTC)


def _incapacity(consent: Resource) -> Iterable[Incapacity]:
    for each in consent.get("extension", ()):
        if each.get("url") == uris.INCAPACITY and (since := instant(extension(each, "since"))):
            by, document = extension(each, "by") or {}, extension(each, "document") or {}
            until = instant(extension(each, "until"))
            yield Incapacity(since, until, str(by.get("reference", "")), str(document.get("reference", "")))


def to_consent(standing: Standing, performer: Resource, site: Resource | None, now: datetime) -> Resource:
    """performer: who agreed."""
    period = {"start": fhir_instant(standing.since)}
    if standing.until:
        period["end"] = fhir_instant(standing.until)
    role = codeable("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
    consent: Resource = {
        "resourceType": "Consent",
        "status": "inactive" if standing.is_ended else "active",
        "scope": codeable(SCOPE, "patient-privacy"),
        "category": [codeable(uris.PORTAL, standing.kind, KINDS[standing.kind])],
        "patient": ref(standing.patient),
        "dateTime": fhir_instant(now),
        "performer": [performer],
        **({"organization": [site]} if site else {}),
        **({"sourceReference": ref(standing.document)} if standing.document else {}),
        "policyRule": {"text": standing.said or KINDS[standing.kind]},
        "provision": {
            "type": "permit",
            "period": period,
            "actor": [{"role": role, "reference": ref(standing.related)}],
            "class": [{"system": uris.SHARE, "code": share} for share in standing.shares],
        },
    }
    set_extension(consent, uris.ON_INCAPACITY, "Boolean", True if standing.on_incapacity else None)
    add_incapacity(consent, standing.incapacity)
    return consent


def add_incapacity(consent: Resource, told: Iterable[Incapacity]) -> None:
    """Writes these in place of what stood there."""
    kept = [each for each in consent.get("extension", ()) if each.get("url") != uris.INCAPACITY]
    for each in told:
        parts: list[Resource] = [{"url": "since", "valueDateTime": fhir_instant(each.since)}]
        if each.until:
            parts.append({"url": "until", "valueDateTime": fhir_instant(each.until)})
        parts.append({"url": "by", "valueReference": ref(each.by)})
        if each.document:
            parts.append({"url": "document", "valueReference": ref(each.document)})
        kept.append({"url": uris.INCAPACITY, "extension": parts})
    if kept:
        consent["extension"] = kept
    else:
        consent.pop("extension", None)
