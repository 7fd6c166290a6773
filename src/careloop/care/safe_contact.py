"""How a person may be reached without danger to her: what she asked us not to do, which numbers and hours are safe.

Kept as a FHIR Flag with one complex extension, so that an EHR that reads Flags sees that there is something to heed.
Whoever is about to call, leave a message, text, write or mail asks `may_contact` first. What can't be read refuses:
a call too few can be made good, a call too many may not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final, Literal
from unicodedata import decimal
from zoneinfo import ZoneInfo

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, instant
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import CareError, UnknownZone

Channel = Literal["call", "message", "text", "letter", "email"]
CHANNELS: Final[tuple[Channel, ...]] = ("call", "message", "text", "letter", "email")
CODE: Final = "safe-contact"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Only what rings at an hour has safe hours: a letter comes when it comes.
_RINGS: Final = frozenset({"call", "message", "text"})
_HOURS: Final = re.compile(
    r"((?:mon|tue|wed|thu|fri|sat|sun)(?:,(?:mon|tue|wed|thu|fri|sat|sun))*) (\d\d:\d\d)-(\d\d:\d\d)"
)

REFUSED: Final[Mapping[Channel, str]] = {
    "call": "This person asked not to be called.",
    "message": "This person asked that no messages are left.",
    "text": "This person asked not to be texted.",
    "letter": "This person asked that nothing is mailed to the home.",
    "email": "This person asked not to be sent e-mail.",
}
OTHER_NUMBER: Final = "This is not one of the numbers that are safe for this person."
OTHER_HOUR: Final = "This is outside the hours that are safe for this person."
UNREADABLE: Final = (
    "How this person may be reached can’t be read. Ask the person in private, and write it down again."
)


class BadSafeContact(CareError):
    """Safe hours need at least one day and an end after their beginning, and a number needs its ten digits."""

    code, status, issue_type = "bad-safe-contact", 422, "value"


@dataclass(frozen=True, slots=True)
class Hours:
    """days: of DAYS. since, until: local to the person; until is later than since."""

    days: frozenset[str]
    since: time
    until: time

    def __str__(self) -> str:
        days = ",".join(day for day in DAYS if day in self.days)
        return f"{days} {self.since:%H:%M}-{self.until:%H:%M}"


@dataclass(frozen=True, slots=True, repr=False)
class Rules:
    """refused: channels. numbers: the safe ones, their last ten digits; empty: no number is better than another.
    hours: any of them is safe; empty: any hour is. zone: IANA, of the hours. code_word: whoever answers says it.
    say_from: what to say instead of our name. is_unreadable: nothing is safe then."""

    refused: frozenset[Channel] = frozenset()
    numbers: tuple[str, ...] = ()
    hours: tuple[Hours, ...] = ()
    zone: str | None = None
    code_word: str = ""
    say_from: str = ""
    is_unreadable: bool = False

    @property
    def is_empty(self) -> bool:
        return self == Rules()

    def __repr__(self) -> str:
        return "Rules(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Allowed:
    """rules: of each flag that was heeded: whoever contacts her needs the code word and what to say."""

    rules: tuple[Rules, ...] = ()

    def __repr__(self) -> str:
        return "Allowed(…)"


@dataclass(frozen=True, slots=True)
class Refused:
    """because: an English sentence that pages translate. It tells nobody why she asked."""

    because: str


def may_contact(
    flags: Iterable[Resource], channel: Channel, at: datetime, *, number: str | None = None
) -> Allowed | Refused:
    """flags: Flag resources of the person, others among them are passed over. at: aware, when it would ring or leave.
    number: the phone number or that of the text, where one is known. Every flag is heeded: after a merge there may
    be two, and the stricter one counts."""
    return may_by(rules_of(flags, at), channel, at, number=number)


def may_by(
    heeded: tuple[Rules, ...], channel: Channel, at: datetime, *, number: str | None = None
) -> Allowed | Refused:
    """The same of what was read before."""
    for rules in heeded:
        if because := _refusal(rules, channel, at, number):
            return Refused(because)
    return Allowed(heeded)


def rules_of(flags: Iterable[Resource], at: datetime) -> tuple[Rules, ...]:
    """What is in force at that moment, one a flag."""
    return tuple(read(flag) for flag in flags if is_in_force(flag, at))


def is_safe_contact(flag: Mapping[str, Any]) -> bool:
    return flag.get("resourceType") == "Flag" and code_in(flag.get("code"), uris.FLAG) == CODE


def is_in_force(flag: Mapping[str, Any], at: datetime) -> bool:
    """An end that can't be read does not end it."""
    if not is_safe_contact(flag) or flag.get("status") in ("inactive", "entered-in-error"):
        return False
    end = instant((flag.get("period") or {}).get("end"))
    return end is None or at < end


def _refusal(rules: Rules, channel: Channel, at: datetime, number: str | None) -> str:
    if rules.is_unreadable:
        return UNREADABLE
    if channel in rules.refused or (channel == "message" and "call" in rules.refused):
        return REFUSED[channel]
    if number and rules.numbers and channel in _RINGS and digits(number) not in rules.numbers:
        return OTHER_NUMBER
    if rules.hours and channel in _RINGS:
        tz = _zone(rules.zone)
        if tz is None:
            return UNREADABLE
        if not any(_is_within(hours, at.astimezone(tz)) for hours in rules.hours):
            return OTHER_HOUR
    return ""


def _is_within(hours: Hours, local: datetime) -> bool:
    return DAYS[local.weekday()] in hours.days and hours.since <= local.time() < hours.until


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return zone_called(name) if name else None
    except UnknownZone:
        return None


def digits(number: str) -> str:
    """The last ten digits, of whatever script: how two spellings of one number are found to be the same."""
    return "".join(str(decimal(each)) for each in number if each.isdecimal())[-10:]


# --- as FHIR


def read(flag: Mapping[str, Any]) -> Rules:
    """What cannot be read makes the whole unreadable: a rule that was lost may have been the one that mattered."""
    parts = next(
        (e.get("extension") for e in flag.get("extension", ()) if e.get("url") == uris.SAFE_CONTACT), None
    )
    told: dict[str, list[str]] = {}
    for part in parts if isinstance(parts, list) else ():
        value = next((str(v) for k, v in part.items() if k.startswith("value")), "")
        told.setdefault(str(part.get("url", "")), []).append(value)
    refused = frozenset(told.get("refused", ()))
    hours = [_hours(text) for text in told.get("hours", ())]
    known = told.keys() <= {"refused", "number", "hours", "zone", "code-word", "say-from"}
    if not told or not known or not refused <= set(CHANNELS) or None in hours:
        return Rules(is_unreadable=True)
    return Rules(
        refused=frozenset(channel for channel in CHANNELS if channel in refused),
        numbers=tuple(map(digits, told.get("number", ()))),
        hours=tuple(each for each in hours if each is not None),
        zone=next(iter(told.get("zone", ())), None),
        code_word=next(iter(told.get("code-word", ())), ""),
        say_from=next(iter(told.get("say-from", ())), ""),
    )


def _hours(text: str) -> Hours | None:
    found = _HOURS.fullmatch(text)
    try:
        return Hours(frozenset(found[1].split(",")), _at(found[2]), _at(found[3])) if found else None
    except ValueError:
        return None


def _at(text: str) -> time:
    return time.fromisoformat(text)


def check(rules: Rules) -> None:
    """Raises BadSafeContact for what could never be obeyed, UnknownZone for hours that nobody can place."""
    if any(not hours.days or hours.until <= hours.since for hours in rules.hours):
        raise BadSafeContact
    if any(len(number) != 10 for number in rules.numbers):
        raise BadSafeContact
    if rules.hours:
        zone_called(rules.zone or "")


def to_flag(rules: Rules, patient: str, at: str, author: Resource | None = None) -> Resource:
    """patient: "Patient/…". at: a FHIR instant. The words of the flag say that there is something, never why."""
    parts: list[Resource] = [
        *({"url": "refused", "valueCode": each} for each in CHANNELS if each in rules.refused),
        *({"url": "number", "valueString": each} for each in rules.numbers),
        *({"url": "hours", "valueString": str(each)} for each in rules.hours),
        *([{"url": "zone", "valueCode": rules.zone}] if rules.zone and rules.hours else []),
        *([{"url": "code-word", "valueString": rules.code_word}] if rules.code_word else []),
        *([{"url": "say-from", "valueString": rules.say_from}] if rules.say_from else []),
    ]
    flag: Resource = {
        "resourceType": "Flag",
        "status": "active",
        "category": [codeable("http://terminology.hl7.org/CodeSystem/flag-category", "safety", "Safety")],
        "code": codeable(uris.FLAG, CODE, "Safe contact: look before you call or write"),
        "subject": {"reference": patient},
        "period": {"start": at},
        "extension": [{"url": uris.SAFE_CONTACT, "extension": parts}],
    }
    return flag | ({"author": author} if author else {})


def strictest(rules: Sequence[Rules]) -> frozenset[Channel]:
    """Every channel that any of them refuses; all of them where one can't be read."""
    if any(each.is_unreadable for each in rules):
        return frozenset(CHANNELS)
    return frozenset(channel for each in rules for channel in each.refused)
