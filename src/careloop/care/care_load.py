"""How much is asked of a person: calls, visits, forms and people a week; and what could be put together. Pure.

The numbers above which a week is full are the house's own: content/rules/care-load.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from careloop.library import Rule

Kind = Literal["call", "visit", "form", "own"]
# own: what she does herself; it counts as nobody's.
KINDS: Final[tuple[Kind, ...]] = ("call", "visit", "form", "own")
CALLS: Final = ("call", "check-in", "promise", "urgent")


@dataclass(frozen=True, repr=False)
class Item:
    """One thing that is asked. at: its hour, or the hour to aim for; None without one. by: references of those she
    deals with. names: what they are called. of: "Patient/…" or "RelatedPerson/…", whoever it is asked of."""

    kind: Kind
    title: str
    at: datetime | None
    reference: str
    by: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class Week:
    """starts: its Monday, in her zone. full: which of the counts are above what the rule says."""

    starts: date
    calls: int
    visits: int
    forms: int
    own: int
    people: int
    full: frozenset[str]


@dataclass(frozen=True, repr=False)
class Combine:
    """What could be one. kind: call, visit or form. names: whose they are, each once."""

    kind: Kind
    starts: date
    items: tuple[Item, ...]
    names: tuple[str, ...]

    @property
    def is_of_several(self) -> bool:
        return len(self.names) > 1


@dataclass(frozen=True, repr=False)
class Load:
    """weeks: from this one on, those in which anything is asked. undated: open things without a day."""

    of: str
    weeks: tuple[Week, ...]
    combine: tuple[Combine, ...]
    undated: int
    rule: str

    @property
    def this_week(self) -> Week | None:
        return self.weeks[0] if self.weeks else None


def kind_of(work: str) -> Kind | None:
    """Of a to-do's kind; None for what we do without her."""
    if work.startswith("ask-"):
        return "form"
    if work.startswith("visit") or work.endswith("-visit"):
        return "visit"
    return "call" if work.startswith(CALLS) else None


def load_of(of: str, items: Iterable[Item], now: datetime, tz: ZoneInfo, rule: Rule, weeks: int = 4) -> Load:
    """of: whose load. What is late is asked this week. tz: in which her weeks begin."""
    hers = [item for item in items if item.of == of]
    first = _monday(now, tz)
    by_week: dict[date, list[Item]] = {}
    for item in hers:
        if item.at is not None:
            starts = max(first, _monday(item.at, tz))
            if starts < first + timedelta(weeks=weeks):
                by_week.setdefault(starts, []).append(item)
    found = [_week(starts, asked, rule) for starts, asked in sorted(by_week.items())]
    combine = [one for starts, asked in sorted(by_week.items()) for one in _combined(starts, asked, tz)]
    undated = sum(item.at is None for item in hers)
    return Load(of, tuple(found), tuple(combine), undated, rule.label)


def _monday(at: datetime, tz: ZoneInfo) -> date:
    day = at.astimezone(tz).date()
    return day - timedelta(days=day.weekday())


def _week(starts: date, asked: Sequence[Item], rule: Rule) -> Week:
    counts = {kind: sum(item.kind == kind for item in asked) for kind in KINDS}
    people = len({who for item in asked for who in item.by})
    measured = {"calls": counts["call"], "visits": counts["visit"], "forms": counts["form"], "people": people}
    full = frozenset(name for name, count in measured.items() if count > rule.integer(name))
    return Week(starts, counts["call"], counts["visit"], counts["form"], counts["own"], people, full)


def _combined(starts: date, asked: Sequence[Item], tz: ZoneInfo) -> list[Combine]:
    """Two calls or forms of one week can be one; visits, where they are not on one day already."""
    found = []
    kinds: tuple[Kind, ...] = ("call", "visit", "form")
    for kind in kinds:
        same = sorted(
            (item for item in asked if item.kind == kind), key=lambda item: item.at or starts_at(starts, tz)
        )
        days = {item.at.astimezone(tz).date() for item in same if item.at}
        if len(same) > 1 and not (kind == "visit" and len(days) == 1):
            names = tuple(dict.fromkeys(name for item in same for name in item.names))
            found.append(Combine(kind, starts, tuple(same), names))
    return found


def starts_at(day: date, tz: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=tz)
