"""Which looks at a record a privacy officer should see. Pure: what is known of both sides in, reasons out.

An alert says "look at this", never "this was wrong". Whoever gives care to the person is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from statistics import median
from typing import Any, Final

from careloop.fhir.elements import Resource
from careloop.library import Rule


class Relation(IntEnum):
    """What joins somebody of the staff to a person, the weakest first. From TEAM on it is a treatment relation."""

    NONE = 0
    SITE = 1
    EMERGENCY = 2
    COVER = 3
    TEAM = 4
    WORK = 5
    WROTE = 6
    LEAD = 7

    @property
    def is_care(self) -> bool:
        return self >= Relation.COVER


@dataclass(frozen=True)
class Because:
    """One reason. code: stable; pages say it in words. values: numbers and dates, never names."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> tuple[str, Mapping[str, Any]]:
        return self.code, self.values


@dataclass(frozen=True, repr=False)
class Known:
    """Of either side. families: normalized family names. streets: (ZIP, street without its number)."""

    families: frozenset[str] = frozenset()
    givens: frozenset[str] = frozenset()
    born: date | None = None
    streets: frozenset[tuple[str, str]] = frozenset()
    is_vip: bool = False
    died: date | None = None

    def __repr__(self) -> str:
        return "Known(…)"


@dataclass(frozen=True)
class Look:
    """One member of the staff at one person's record, on one day. was_refused: she was kept out."""

    relation: Relation
    was_refused: bool = False
    is_barred: bool = False


def odd(look: Look, who: Known, whom: Known, rule: Rule, today: date) -> tuple[Because, ...]:
    """Reasons to look at it; empty for what is quiet."""
    found = [Because("own-record")] if _is_same(who, whom) else []
    if look.is_barred:
        found.append(Because("barred", {"was_refused": look.was_refused}))
    if look.relation.is_care:
        return tuple(found)
    if rule.values.get("same_surname") and not found and who.families & whom.families:
        found.append(Because("same-surname"))
    if rule.values.get("neighbor") and who.streets & whom.streets:
        found.append(Because("neighbor"))
    if rule.values.get("vip") and whom.is_vip:
        found.append(Because("vip"))
    if whom.died and (today - whom.died).days > rule.integer("died_days"):
        found.append(Because("died-long-ago", {"year": whom.died.year}))
    if look.relation == Relation.NONE:
        found.append(Because("no-relation", {"was_refused": look.was_refused}))
    return tuple(found)


_DAYS_TO_COMPARE: Final = 5


@dataclass(frozen=True)
class Day:
    """One member of the staff on one day. people: different records seen. unrelated: of her site, found by search,
    with nothing done for them. usual: people on each day before; nights: days on which she looked at night."""

    people: int
    night_people: int = 0
    unrelated: int = 0
    usual: Sequence[int] = ()
    nights: int = 0
    is_on_call: bool = False


def odd_day(day: Day, rule: Rule) -> tuple[Because, ...]:
    found = []
    least = rule.integer("least_people")
    # Too few days to call anything usual: then what counts as many is her usual.
    usual = int(median(day.usual)) if len(day.usual) >= _DAYS_TO_COMPARE else least
    if day.people >= least and day.people >= usual * rule.integer("times_usual"):
        found.append(Because("volume", {"people": day.people, "usual": usual}))
    if not day.is_on_call and day.nights < 2 and day.night_people >= rule.integer("night_people"):
        found.append(Because("night", {"people": day.night_people}))
    if day.unrelated >= rule.integer("unrelated_in_a_day"):
        found.append(Because("unrelated", {"people": day.unrelated}))
    return tuple(found)


def is_night(hour: int, rule: Rule) -> bool:
    since, until = rule.integer("night_from"), rule.integer("night_until")
    return hour >= since or hour < until if since > until else since <= hour < until


def known_of(resource: Resource, *, is_vip: bool = False, died: date | None = None) -> Known:
    """Of a Patient or a Practitioner."""
    names = [name for name in resource.get("name", ()) if isinstance(name, dict)]
    return Known(
        families=frozenset(filter(None, (plain(name.get("family", "")) for name in names))),
        givens=frozenset(plain(given) for name in names for given in name.get("given", ())[:1] if given),
        born=_day(resource.get("birthDate")),
        streets=frozenset(_streets(resource)),
        is_vip=is_vip,
        died=died or _day(str(resource.get("deceasedDateTime") or "")[:10]),
    )


def plain(text: str) -> str:
    """Lower case, without accents and hyphens, so that Núñez and Nunez are one."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", str(text)) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z ]", " ", bare.lower()).split())


_UNIT: Final = re.compile(r"\b(?:apt|unit|ste|suite|fl|floor|rm|room|lot|no)\b.*")
_SHORT: Final = {
    "street": "st",
    "avenue": "ave",
    "road": "rd",
    "drive": "dr",
    "lane": "ln",
    "court": "ct",
    "boulevard": "blvd",
    "place": "pl",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
}


def _streets(resource: Resource) -> Iterable[tuple[str, str]]:
    for address in resource.get("address", ()):
        postal, lines = str(address.get("postalCode", ""))[:5], address.get("line", ())
        if len(postal) == 5 and lines and address.get("use") not in ("old", "work", "billing"):
            text = re.sub(r"[^a-z0-9 ]", " ", str(lines[0]).lower())
            words = [_SHORT.get(word, word) for word in _UNIT.sub("", text).split()]
            if len(words) > 1 and words[0][:1].isdigit():
                yield postal, " ".join(words[1:])


def _is_same(who: Known, whom: Known) -> bool:
    is_born_then = who.born is not None and who.born == whom.born
    return is_born_then and bool(who.families & whom.families) and bool(who.givens & whom.givens)


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text and len(str(text)) == 10 else None
    except ValueError:
        return None
