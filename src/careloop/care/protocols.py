"""What a protocol says of one person now: which branch holds, because of what, and what that asks for. Pure.

A firing is one a protocol and person: new values change its words, they do not make another. After a person has ended
it, it rests; what a clinician set for this person (another number, off until) comes before the protocol's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, Literal

from careloop.care.signals import Found, Signals, Treatment, again_at, find, treated
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.days import day_said
from careloop.library.conditions import Compare, Condition, Group
from careloop.library.protocols import Branch, Protocol, Review
from careloop.library.reading import LANGUAGES, Words
from careloop.library.series import IF_KNOWN, placeholders, settled

# A protocol that says the same person is in trouble more often than this is itself in trouble.
MOST_A_DAY: Final = 3
MOST_A_WEEK: Final = 8
# New alerts of all protocols about one person in a day; further ones become one item that somebody looks at.
MOST_FOR_ONE: Final = 6
UNKNOWN: Final = Words("not known", "no se sabe")


@dataclass(frozen=True)
class Adjusted:
    """What was set for one person. values: numbers of her own, by name; off_until: the protocol says nothing before."""

    values: Mapping[str, Decimal] = field(default_factory=dict)
    off_until: datetime | None = None
    why: str = ""
    by: str = ""
    at: datetime | None = None

    def is_off(self, now: datetime) -> bool:
        return self.off_until is not None and now < self.off_until


@dataclass(frozen=True, repr=False)
class Outcome:
    """branch: None when nothing holds. newest: when the newest of the evidence was. is_watched: whether she is one of
    those whom it watches. look_again: the hour at which days alone may change this."""

    branch: Branch | None
    because: Words = UNKNOWN
    evidence: tuple[str, ...] = ()
    newest: datetime | None = None
    is_watched: bool = True
    look_again: datetime | None = None
    found: Mapping[str, Found] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Outcome({self.branch.id if self.branch else None})"


@dataclass(frozen=True, repr=False)
class Past:
    """A firing on record. reference: DetectedIssue/…; ended: when, None while it is open."""

    reference: str
    branch: str
    since: datetime
    ended: datetime | None = None
    because: str = ""

    @property
    def is_open(self) -> bool:
        return self.ended is None

    def __repr__(self) -> str:
        return f"Past({self.reference})"


Step = Literal["nothing", "raise", "update", "settle", "rest", "stop"]


@dataclass(frozen=True)
class Decided:
    """step: what is to be done. look_again: when to ask anew, if nothing happens before."""

    step: Step
    look_again: datetime | None = None


def evaluate(
    protocol: Protocol,
    signals: Signals,
    values: Mapping[str, Decimal],
    now: datetime,
    *,
    in_words: bool = True,
) -> Outcome:
    """values: her own numbers; the protocol's stand for the rest. in_words: False where only the branch is asked for,
    of many people; then the because is UNKNOWN."""
    if signals.is_deceased:
        return Outcome(None, is_watched=False)
    looking = _Looking(protocol, signals, {**protocol.defaults, **values}, now)
    if not looking.holds(protocol.watches):
        return Outcome(None, is_watched=False, look_again=looking.again([protocol.watches]))
    branch = next((each for each in protocol.branches if looking.holds(each.when)), None)
    again = looking.again([protocol.watches, *(each.when for each in protocol.branches)])
    if branch is None:
        return Outcome(None, look_again=again)
    behind = looking.behind(branch)
    newest = max((each.at for each in behind if each.at), default=None)
    found = (ref for each in behind for ref in each.evidence)
    evidence = tuple(dict.fromkeys((*found, *looking.diagnosed(branch))))
    because = looking.say(branch.because) if in_words else UNKNOWN
    return Outcome(branch, because, evidence, newest, True, again, looking.named())


def decide(
    protocol: Protocol, outcome: Outcome, past: Sequence[Past], adjusted: Adjusted, now: datetime
) -> Decided:
    """past: her firings of this protocol, newest first."""
    again = outcome.look_again
    standing = next((each for each in past if each.is_open), None)
    if adjusted.is_off(now):
        return Decided("nothing", adjusted.off_until if adjusted.off_until else again)
    if outcome.branch is None:
        was = protocol.branch(standing.branch) if standing else None
        is_over = standing is not None and (was is None or was.settles == "itself" or not outcome.is_watched)
        return Decided("settle" if is_over else "nothing", again)
    if standing is not None:
        is_same = (standing.branch, standing.because) == (outcome.branch.id, outcome.because.en)
        return Decided("nothing" if is_same else "update", again)
    if (rested := _rests_until(outcome.branch, outcome, past, now)) is not None:
        return Decided("rest", min(filter(None, (again, rested)), default=None) if rested > now else again)
    if _loops(past, now):
        return Decided("stop")
    return Decided("raise", again)


def _rests_until(branch: Branch, outcome: Outcome, past: Sequence[Past], now: datetime) -> datetime | None:
    """Until when nothing is said again after somebody ended the same; None when it may be said. What is older than her
    decision was before her eyes when she took it, unless days alone speak."""
    ended = next((each.ended for each in past if each.branch == branch.id and each.ended), None)
    if ended is None:
        return None
    until = ended + timedelta(days=branch.rest_days)
    if now < until:
        return until
    is_old = outcome.newest is not None and outcome.newest <= ended
    return until if is_old and not _is_timed(branch) else None


def _is_timed(branch: Branch) -> bool:
    return any(
        each.path.startswith(("days_since~", "days_since_first~", "course~weeks"))
        for each in branch.when.compares()
    )


def _loops(past: Sequence[Past], now: datetime) -> bool:
    today = sum(now - each.since < timedelta(days=1) for each in past)
    week = sum(now - each.since < timedelta(days=7) for each in past)
    return today >= MOST_A_DAY or week >= MOST_A_WEEK


def is_open_at(review: Review, at: datetime, zone: str | None) -> bool:
    """Whether somebody watches at that hour; without a zone nobody is said to."""
    if zone is None:
        return False
    local = at.astimezone(zone_called(zone))
    return local.weekday() in review.days and review.opens <= local.time() < review.closes


def opens_next(review: Review, at: datetime, zone: str) -> datetime:
    """The next hour at which somebody watches."""
    tz = zone_called(zone)
    local = at.astimezone(tz)
    for ahead in range(8):
        day = local.date() + timedelta(days=ahead)
        opens = datetime.combine(day, review.opens, tzinfo=tz)
        if day.weekday() in review.days and opens > local:
            return opens.astimezone(UTC)
    return at + timedelta(days=7)


# --- looking


# By whom it is, not by what it says: to hash a whole condition costs more than to settle it.
_SETTLED: Final[dict[tuple[int, tuple[tuple[str, Decimal], ...]], tuple[Condition, Condition]]] = {}
MOST_SETTLED: Final = 4096


def _settled(stated: Condition, values: tuple[tuple[str, Decimal], ...]) -> Condition:
    held = _SETTLED.get((id(stated), values))
    if held is not None and held[0] is stated:
        return held[1]
    if len(_SETTLED) >= MOST_SETTLED:
        _SETTLED.clear()
    found = settled(stated, dict(values))
    _SETTLED[id(stated), values] = stated, found
    return found


class _Looking:
    """One person, one protocol, one hour. What was asked once is not searched again."""

    def __init__(
        self, protocol: Protocol, signals: Signals, values: dict[str, Decimal], now: datetime
    ) -> None:
        self.protocol, self.signals, self.values, self.now = protocol, signals, values, now
        self.key = tuple(sorted(values.items()))
        self._found: dict[str, Found] = {}

    @cached_property
    def treatment(self) -> Treatment | None:
        return treated(self.protocol.course, self.signals, self.now)

    def holds(self, stated: Condition) -> bool:
        return self.settled(stated).holds(self.look)

    def settled(self, stated: Condition) -> Condition:
        return _settled(stated, self.key) if self.values else stated

    def look(self, path: str) -> Any:
        if path in self.protocol.asked:
            return self.find(path).value
        subject, _, rest = path.partition("/")
        match subject:
            case "score":
                data = [each for each in self.signals.scores.get(rest, ()) if each.at <= self.now]
                return data[-1].value if data else None
            case "finding":
                return self.signals.findings.get(rest)
            case "fact":
                return self.signals.facts.get(rest)
        return None

    def find(self, path: str) -> Found:
        found = self._found.get(path)
        if found is None:
            asked = self.protocol.asked[path]
            found = find(asked, self.signals, self.values, self.treatment, self.now)
            self._found[path] = found
        return found

    def again(self, stated: Iterable[Condition]) -> datetime | None:
        if not self.protocol.is_timed:
            return None
        hours = [
            again_at(asked, compare.value, self.signals, self.treatment, self.now)
            for each in stated
            for compare in self.settled(each).compares()
            if (asked := self.protocol.asked.get(compare.path)) and asked.is_timed
        ]
        return min((each for each in hours if each), default=None)

    def behind(self, branch: Branch) -> list[Found]:
        """What those parts found that made it hold."""
        return [
            self.find(compare.path)
            for compare in holding(self.settled(branch.when), self.look)
            if compare.path in self.protocol.asked
        ]

    def diagnosed(self, branch: Branch) -> Iterator[str]:
        """What is not for everybody to see and made it hold: whoever may not see that is not told of the firing."""
        for stated in (self.protocol.watches, branch.when):
            for compare in holding(self.settled(stated), self.look):
                if compare.path == "fact/conditions" and compare.operator == "is":
                    yield from (
                        self.signals.diagnosed[code]
                        for code in compare.value
                        if code in self.signals.diagnosed
                    )

    def named(self) -> dict[str, Found]:
        return {name: self.find(path) for name, path in self.protocol.names.items()}

    def say(self, words: Words) -> Words:
        return Words(*(self._said(words.get(language), language) for language in LANGUAGES))

    def _said(self, text: str, language: str) -> str:
        """A part in [square brackets] is left out when something in it is not known."""
        text = IF_KNOWN.sub(lambda found: self._filled(found[1], language, or_nothing=True), text)
        return self._filled(text, language).strip()

    def _filled(self, text: str, language: str, *, or_nothing: bool = False) -> str:
        for name, part in set(placeholders(text)):
            said = self._part(name, part, language)
            if or_nothing and said == UNKNOWN.get(language):
                return ""
            text = text.replace("{" + name + (f".{part}" if part else "") + "}", said)
        return text

    def _part(self, name: str, part: str, language: str) -> str:
        value = next((each for each in self.protocol.values if each.name == name), None)
        if value is not None:
            return _with_unit(self.values[name], value.unit.get(language))
        found = self.find(self.protocol.names[name])
        match part:
            case "":
                return _with_unit(found.value, self._called(found.unit, language)) or UNKNOWN.get(language)
            case "from" | "to":
                unit = "" if found.unit == "%" else found.unit
                shown = self._unit_of(name) if found.unit == "%" else unit
                value_of = found.was if part == "from" else found.now
                return _with_unit(value_of, self._called(shown, language)) or UNKNOWN.get(language)
            case "since" | "at":
                at = found.since if part == "since" else found.at
                return day_said(self.signals.day(at), language) if at else UNKNOWN.get(language)
            case "days":
                return (
                    str((self.signals.day(found.at) - self.signals.day(found.since)).days)
                    if found.at and found.since
                    else "0"
                )
            case "count":
                return str(found.count)
        return found.what or UNKNOWN.get(language)

    def _called(self, unit: str, language: str) -> str:
        return self.signals.spanish.get(unit, unit) if language == "es" else unit

    def _unit_of(self, name: str) -> str:
        asked = self.protocol.asked[self.protocol.names[name]]
        return self.signals.shown.get(asked.name, "")


def say_words(
    protocol: Protocol, signals: Signals, values: Mapping[str, Decimal], now: datetime, words: Words
) -> Words:
    """Words of the protocol with what was found in their places."""
    return _Looking(protocol, signals, {**protocol.defaults, **values}, now).say(words)


def holding(stated: Condition, look: Any) -> Iterator[Compare]:
    """The comparisons that make it true; of what is denied, none."""
    if isinstance(stated, Group):
        if stated.kind == "not":
            return
        for part in stated.parts:
            if stated.kind == "all" or part.holds(look):
                yield from holding(part, look)
    elif stated.holds(look):
        yield stated


def number_said(value: Decimal) -> str:
    """Without a tail of zeros: `82.1`, `10`."""
    shown = f"{value.normalize():f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _with_unit(value: Decimal | None, unit: str) -> str:
    if value is None:
        return ""
    said = number_said(value)
    return f"{said} %" if unit == "%" else f"{said} {unit}".strip()
