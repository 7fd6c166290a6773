"""What a protocol would have said, of whom, had it been on: read, never written. Of those the reader may see.

In slices of people, so that a hundred thousand fit; whoever has no time takes what was found until then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from careloop import store
from careloop.access import Scope
from careloop.actions.adjust_protocol import adjusted_of
from careloop.actions.protocols_on import values_of
from careloop.care.protocol_replay import Fired, narrowing, replay
from careloop.care.protocols import Adjusted
from careloop.kernel.errors import NotFound
from careloop.library import Library
from careloop.library.protocols import Protocol
from careloop.projections.signals import HORIZON, gather, own_limits
from careloop.projections.whom_to_ask import population
from careloop.store import Unit

DAYS: Final = 90
SLICE: Final = 250
MOST_LISTED: Final = 100


@dataclass(frozen=True, repr=False)
class Would:
    """Of one person. person: rid. fired: what it would have said, oldest first."""

    person: int
    reference: str
    fired: tuple[Fired, ...]

    def __repr__(self) -> str:
        return f"Would({self.reference}, {len(self.fired)})"


@dataclass
class DryRun:
    """looked: people it was tried on; people: of how many it would have said something; times: how often in all.
    branches: by branch, people. listed: the first of them. is_whole: nobody is left to look at; after: the last looked
    at."""

    protocol: Protocol
    days: int
    looked: int = 0
    people: int = 0
    times: int = 0
    branches: Counter[str] = field(default_factory=Counter)
    listed: list[Would] = field(default_factory=list)
    is_whole: bool = False
    after: int = 0


def dry_run(
    scope: Scope,
    protocol: str,
    library: Library,
    now: datetime,
    *,
    days: int = DAYS,
    seconds: float | None = None,
    listed: int = MOST_LISTED,
    clock: Callable[[], float] = time.monotonic,
) -> DryRun:
    """The last so many days. seconds: stop after that and say how far it came. Raises NotFound."""
    known = library.protocols.get(protocol)
    if known is None:
        raise NotFound(protocol)
    found = DryRun(known, days)
    began = clock()
    while not found.is_whole:
        with store.open(scope, now=now) as unit:
            _slice(unit, found, library, listed)
        if seconds is not None and clock() - began >= seconds:
            break
    return found


def _slice(unit: Unit, found: DryRun, library: Library, listed: int) -> None:
    protocol = found.protocol
    since = unit.now - timedelta(days=found.days)
    people, after = population(unit, narrowing(protocol), unit.now - HORIZON, found.after, SLICE)
    signals = gather(unit, people, protocol.reads, library, protocol.reach_days + found.days)
    kinds = {value.threshold[0] for value in protocol.values if value.threshold}
    limits = own_limits(unit, people, kinds)
    adjusted = adjusted_of(unit, people, protocol)
    for person, hers in signals.items():
        own = adjusted.get(person, Adjusted())
        values = values_of(protocol, own, limits.get(person, {}))
        fired = replay(protocol, hers, values, since, unit.now)
        found.looked += 1
        if fired:
            found.people += 1
            found.times += len(fired)
            found.branches.update({each.branch for each in fired})
            if len(found.listed) < listed:
                found.listed.append(Would(person, hers.reference, tuple(fired)))
    unit.saw([each.person for each in found.listed], f"dry run of {protocol.id}")
    found.is_whole = after is None
    found.after = found.after if after is None else after
