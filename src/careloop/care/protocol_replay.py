"""A protocol tried on the past: of whom it can say anything at all, and what it would have said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from careloop.care.protocols import evaluate
from careloop.care.signals import Signals
from careloop.library.conditions import Compare, Condition, Group
from careloop.library.protocols import Protocol
from careloop.library.reading import Words


def narrowing(protocol: Protocol) -> tuple[str, tuple[str, ...]]:
    """What each person must have of whom it can say anything: ("reading", kinds), ("score", instruments), ("program",
    codes), ("moment", names); ("", ()) when it may be anybody."""
    if programs := _programs(protocol.watches):
        return "program", programs
    if (watched := _required(protocol.watches, protocol)) is not None:
        return _kinds_of(watched)
    found: set[str] = set()
    for branch in protocol.branches:
        required = _required(branch.when, protocol)
        if required is None:
            return "", ()
        found |= required
    return _kinds_of(found)


def _kinds_of(sources: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    split = {each.partition("/")[::2] for each in sources}
    kinds = {kind for kind, _ in split}
    return (kinds.pop(), tuple(sorted(name for _, name in split))) if len(kinds) == 1 else ("", ())


def _programs(stated: Condition) -> tuple[str, ...]:
    parts = stated.parts if isinstance(stated, Group) and stated.kind == "all" else (stated,)
    for part in parts:
        if isinstance(part, Compare) and (part.path, part.operator) == ("fact/programs", "is"):
            return tuple(part.value)
    return ()


def _required(stated: Condition, protocol: Protocol) -> set[str] | None:
    """The sources of which somebody must have at least one for this to hold; None when it can hold without any."""
    if isinstance(stated, Group):
        inner = [_required(part, protocol) for part in stated.parts]
        if stated.kind == "all":
            return next((each for each in inner if each is not None), None)
        if stated.kind == "any" and all(each is not None for each in inner):
            return set().union(*(each for each in inner if each is not None))
        return None
    asked = protocol.asked.get(stated.path)
    if asked is None:
        return {stated.path} if stated.path.startswith("score/") else None
    if (stated.operator == "known" and not stated.value) or (
        asked.subject == "count" and stated.operator in ("below", "at_most")
    ):
        return None
    if asked.subject == "course":
        return {f"score/{protocol.course.instrument}"} if protocol.course else None
    return {asked.source}


@dataclass(frozen=True)
class Fired:
    """What a replay found: when it would have begun to say so."""

    at: datetime
    branch: str
    because: Words


def replay(
    protocol: Protocol,
    signals: Signals,
    values: Mapping[str, Decimal],
    since: datetime,
    until: datetime,
    most: int = 400,
) -> list[Fired]:
    """As if it had been on from `since` to `until`: at each new value, and at each hour at which days alone change
    something. What has no past on record (diagnoses, programs) is taken as it is now."""
    arrivals = sorted({at for at in _arrivals(protocol, signals) if since < at <= until})
    fired: list[Fired] = []
    before, at, place = "", since, 0
    for _ in range(most):
        outcome = evaluate(protocol, signals, values, at, in_words=False)
        branch = outcome.branch.id if outcome.branch else ""
        if branch and branch != before:
            fired.append(Fired(at, branch, evaluate(protocol, signals, values, at).because))
        before = branch
        while place < len(arrivals) and arrivals[place] <= at:
            place += 1
        ahead = [*arrivals[place : place + 1], *([outcome.look_again] if outcome.look_again else [])]
        following = min(ahead, default=None)
        if at >= until or (following is None and not protocol.is_timed):
            break
        at = min(following, until) if following and following > at else until
    return fired


def _arrivals(protocol: Protocol, signals: Signals) -> Iterator[datetime]:
    for path in protocol.reads:
        kind, _, name = path.partition("/")
        if kind in ("reading", "score"):
            data = (signals.readings if kind == "reading" else signals.scores).get(name, ())
            yield from (each.at for each in data)
        elif kind == "moment":
            for key, happened in signals.moments.items():
                if key.partition("/")[0] == name:
                    yield from (each.at for each in happened)
