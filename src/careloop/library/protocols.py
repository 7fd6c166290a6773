"""Monitoring protocols: content/protocols/<id>/protocol.yaml, SOURCE.md and cases/.

Each says whom it watches, what it looks for (`branches`: the first that holds counts), why that matters, what it
proposes, who answers for it and when somebody watches. Without an owner, an approval and hours it is not reviewed: then
it proposes, and pages nobody. The paths that it reads are known here, so that after a change only those protocols are
asked that read what changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import Final

from careloop.library.conditions import Condition
from careloop.library.facts import FACTS
from careloop.library.instruments import Case, Instrument
from careloop.library.plans import Target
from careloop.library.reading import Node, Words
from careloop.library.readings import Kind
from careloop.library.series import Asked

AFTER_HOURS: Final = ("next-opening", "on-call")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST: Final = 800


@dataclass(frozen=True)
class Value:
    """A number that a person may have her own of, between least and most. threshold: (kind of reading, edge) whose
    limit, where somebody set one for her, is used instead."""

    name: str
    default: Decimal
    unit: Words
    least: Decimal
    most: Decimal
    text: Words
    threshold: tuple[str, str] | None = None


@dataclass(frozen=True)
class Course:
    """A treatment by its score: it begins with a score that reaches `begins_at`; has responded once the score fell by
    `response_percent`; is in remission below `remission_below`. A rise of `relapse_rise` after a response is a relapse,
    and begins a new course."""

    instrument: str
    begins_at: Decimal
    response_percent: Decimal
    remission_below: Decimal
    relapse_rise: Decimal


@dataclass(frozen=True)
class Review:
    """Who answers for it and when somebody watches. days: 0 is Monday. path: what happens with an urgent firing out of
    hours: it waits for the next opening, or calls whoever is on call."""

    owner: str
    approved: date
    days: tuple[int, ...]
    opens: time
    closes: time
    path: str
    after_hours: Words


@dataclass(frozen=True)
class WorkAsked:
    """due_days: from the day it fires, in the person's zone; weekends and holidays move it on."""

    kind: str
    title: Words
    urgency: str
    owner: str
    due_days: int


@dataclass(frozen=True)
class PlanChange:
    """act add: a line of that key under another. change, end: of a line that stands, by its key (`goal:…`, `action:…`,
    or `goal-of:<instrument>` for whichever goal measures it); left out where nothing like it stands."""

    act: str
    key: str
    text: Words | None = None
    under: str | None = None
    owner: str | None = None
    due_days: int | None = None
    below: Decimal | None = None
    target: Target | None = None
    category: str | None = None
    because: Words | None = None


@dataclass(frozen=True)
class Branch:
    """settles itself: once it does not hold any more, what it asked for is withdrawn; person: it stays until a person
    ends it. rest_days: after that, so long nothing is said again."""

    id: str
    title: Words
    when: Condition
    because: Words
    work: WorkAsked
    plan: tuple[PlanChange, ...]
    settles: str
    rest_days: int
    line: int


@dataclass(frozen=True)
class Protocol:
    """asked: what its conditions ask of the past, by path; names: what a because may call it by. reads: what has to
    change for it to be asked again: reading/weight, score/phq-9, moment/contact, fact/conditions."""

    id: str
    version: int
    title: Words
    about: Words
    source: str
    verified: str
    watches: Condition
    values: tuple[Value, ...]
    course: Course | None
    branches: tuple[Branch, ...]
    review: Review | None
    note: str
    asked: Mapping[str, Asked] = field(hash=False)
    names: Mapping[str, str] = field(hash=False)
    cases: tuple[Case, ...] = ()
    file: str = ""

    @property
    def canonical(self) -> str:
        return f"urn:careloop:protocol:{self.id}|{self.version}"

    @property
    def reads(self) -> frozenset[str]:
        plain = (path for stated in self.conditions for path in stated.reads() if path not in self.asked)
        found = {"/".join(path.split("/")[:2]) for path in plain}
        for asked in self.asked.values():
            is_course = asked.subject == "course" and self.course
            found.add(f"score/{self.course.instrument}" if is_course and self.course else asked.source)
        return frozenset(found)

    @property
    def reach_days(self) -> int:
        """How far back its readings are looked at; LONGEST when the last one counts however old."""
        windows = [
            # The last of a change may be as old as its window, which lies before it.
            (each.within_days or LONGEST) * (1 if each.what in ("last", "times") else 2)
            for each in self.asked.values()
            if each.source.startswith("reading/")
        ]
        return max(windows, default=1)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.watches, *(branch.when for branch in self.branches))

    @property
    def is_timed(self) -> bool:
        return any(asked.is_timed for asked in self.asked.values())

    @property
    def defaults(self) -> dict[str, Decimal]:
        return {each.name: each.default for each in self.values}

    def branch(self, id: str) -> Branch | None:
        return next((each for each in self.branches if each.id == id), None)


def check_protocol(
    protocol: Protocol,
    instruments: Mapping[str, Instrument],
    kinds: Mapping[str, Kind],
    programs: Collection[str],
) -> None:
    """Everything that it names is there."""
    place = Node(None, 1, protocol.file)
    if protocol.course:
        _known(place, protocol.course.instrument, instruments, "instrument")
    for stated in protocol.conditions:
        for compare in stated.compares():
            at = Node(None, compare.line, protocol.file)
            if (asked := protocol.asked.get(compare.path)) is not None:
                _check_asked(asked, at, instruments, kinds, programs)
            else:
                _check_path(compare.path, at, instruments)
    for value in protocol.values:
        if value.threshold:
            _known(place, value.threshold[0], kinds, "reading")
    for branch in protocol.branches:
        at = Node(None, branch.line, protocol.file)
        for change in branch.plan:
            named = change.key.removeprefix("goal-of:") if change.key.startswith("goal-of:") else None
            for name in filter(None, (named, change.target.instrument if change.target else None)):
                _known(at, name, instruments, "instrument")


def check_loops(protocols: Sequence[Protocol]) -> None:
    """No protocol may set itself off: what one asks for (open work of a kind) is not read, by way of others, by the
    same one again. Raises BrokenContent that names the way round."""
    reads = {
        each.id: {a.name.removeprefix("work/") for a in each.asked.values() if a.name.startswith("work/")}
        for each in protocols
    }
    writes = {each.id: {branch.work.kind for branch in each.branches} for each in protocols}
    after = {one: [two for two in reads if writes[one] & reads[two]] for one in writes}
    for protocol in protocols:
        if way := _way_back(protocol.id, after):
            Node(None, 1, protocol.file).fail(f"It would set itself off: {' → '.join(way)}.")


def _way_back(start: str, after: Mapping[str, Sequence[str]]) -> list[str]:
    waiting, seen = [[start]], set[str]()
    while waiting:
        way = waiting.pop()
        for following in after[way[-1]]:
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                waiting.append([*way, following])
    return []


def _check_asked(
    asked: Asked,
    at: Node,
    instruments: Mapping[str, Instrument],
    kinds: Mapping[str, Kind],
    programs: Collection[str],
) -> None:
    first, _, rest = asked.name.partition("/")
    if asked.subject == "reading":
        _known(at, asked.name, kinds, "reading")
        kind = kinds[asked.name]
        if asked.unit and asked.unit != kind.unit:
            at.fail(f"Readings of {asked.name} are kept in {kind.unit}; write the number in that unit.")
        if asked.part == "second" and not kind.is_pair:
            at.fail(f"{asked.name} has no second value.")
    elif asked.subject == "score":
        _known(at, asked.name, instruments, "instrument")
    elif first == "reading":
        _known(at, rest, kinds, "reading")
    elif first in ("score", "answered"):
        _known(at, rest, instruments, "instrument")
    elif first == "enrolled" and rest:
        _known(at, rest, programs, "program")


def _check_path(path: str, at: Node, instruments: Mapping[str, Instrument]) -> None:
    subject, _, rest = path.partition("/")
    name, _, part = rest.partition("/")
    if subject == "fact":
        if rest not in FACTS:
            at.fail(f"“{rest}” is not a fact that a protocol may ask for. Known: {', '.join(FACTS)}.")
        return
    _known(at, name, instruments, "instrument")
    if subject == "finding" and part not in {each.id for each in instruments[name].scoring.findings}:
        at.fail(f"{name} has no finding “{part}”.")
    if subject == "answer":
        at.fail("A protocol asks for a finding of an instrument, not for a single answer.")


def _known(place: Node, name: str, there: Collection[str], kind: str) -> None:
    if name not in there:
        place.fail(f"There is no {kind} “{name}”.")
