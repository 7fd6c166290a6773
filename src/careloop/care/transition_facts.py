"""What the decisions after a stay need to know, and what makes two pieces of work the same. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from careloop.care.stay import Outstanding, Stay
from careloop.kernel.calendar import zone as zone_called
from careloop.library import Library

PROGRAM = "transitions"
PREFIX = "discharge:"
REVIEW = "review-discharge"
REVIEW_DEATH = "review-death"
SILENCE = "silence:"
VISIT = "visit-after-discharge"
CLOSED_UNKNOWN = "window closed, zone unknown"

# Where it is still that day last of all: a window is closed for certain when it is closed there.
LAST_PLACE = timezone(timedelta(hours=-12))
FACILITIES = frozenset({"snf", "rehab", "hospital", "psychiatric"})
MEANINGS = frozenset({"home", "hospice", "ama", "died", "admitted", "unknown"}) | FACILITIES


@dataclass(frozen=True, repr=False)
class PersonFacts:
    """The person a stay belongs to. reference: Patient/…. zone_from: whose zone it is. site, lead: references.
    coverage: kinds of care/coverage.py, for stays that carry none of their own. has_declined: she said no to this
    program, at declined_at; a later stay asks anew.
    is_known: somebody here cares for her (a lead, a program, open work). work: hers, open or not."""

    reference: str
    is_deceased: bool = False
    died_on: date | None = None
    zone: str | None = None
    zone_from: Literal["address", "site", ""] = ""
    site: str | None = None
    lead: str | None = None
    coverage: frozenset[str] = frozenset({"unknown"})
    has_declined: bool = False
    declined_at: datetime | None = None
    is_known: bool = False
    work: tuple[Outstanding, ...] = ()

    def __repr__(self) -> str:
        return f"PersonFacts({self.reference})"


@dataclass(frozen=True)
class DischargeFacts:
    """later: the stay that overtook this one (`Stay.follows`), if any."""

    person: PersonFacts
    stay: Stay
    later: Stay | None = None


def key_of(stay: Stay, kind: str) -> str:
    return f"{PREFIX}{stay.visit}:{kind}"


def key_for(person: PersonFacts, stay: Stay, kind: str) -> str:
    """The key of this kind of work. What was finished before she left was about an earlier discharge of the same
    visit, canceled since; what was decided about other words of the hospital was another question: asked anew."""
    key, known = key_of(stay, kind), {each.dedupe: each for each in person.work}
    number = 1
    while (found := known.get(key)) and is_of_earlier(found, stay):
        number += 1
        key = f"{key_of(stay, kind)}:{number}"
    return key


def is_of_earlier(found: Outstanding, stay: Stay) -> bool:
    if found.state not in ("done", "closed"):
        return False
    if found.decided is not None:
        return found.about != stay.said
    return found.ended is not None and stay.ended is not None and found.ended < stay.ended


# With these words work is withdrawn because somebody died; they are how it is found again when the death was a mistake.
DEATH_STOPS = "This person has died: all outreach stops."
DEATH_IS_KNOWN = "The record says that this person has died."


def stopped_by_death(person: PersonFacts) -> tuple[Outstanding, ...]:
    """What nothing else brings back: what follows from a stay, or from silence, is asked for anew."""
    return tuple(
        each
        for each in person.work
        if each.state == "withdrawn"
        and each.why.endswith((DEATH_STOPS, DEATH_IS_KNOWN))
        and not each.dedupe.startswith((PREFIX, SILENCE))
    )


def bereavement_key(person: str) -> str:
    return f"bereavement:{person}"


def is_window_closed(stay: Stay, zone: str | None, library: Library, now: datetime) -> bool:
    """Whether the 30 days are over for certain; without a zone, over everywhere on earth."""
    tz = zone_called(zone) if zone else None
    day = stay.ended_on(tz)
    if day is None:
        return False
    last = day + timedelta(days=library.rule("tcm-period", now.date()).integer("days_after"))
    return now.astimezone(tz or LAST_PLACE).date() > last


def is_declined(person: PersonFacts, stay: Stay) -> bool:
    if person.declined_at is None or stay.ended is None:
        return person.has_declined
    return person.has_declined and stay.ended <= person.declined_at


def said_day(day: date) -> str:
    """“Fri Nov 20”: never “yesterday”, because the sentence is kept."""
    return f"{day:%a %b} {day.day}"
