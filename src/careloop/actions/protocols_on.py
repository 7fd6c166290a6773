"""Which protocols are on here, who answers for each, and with which numbers of her own one asks of somebody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from careloop.care.protocols import Adjusted
from careloop.library import Library
from careloop.library.protocols import Protocol, Review
from careloop.library.reviewing import review_from
from careloop.store import Unit, protocol_switches
from careloop.store.protocol_switches import Switch

# One of a protocol's own items changed: all that are on are asked.
PATHS_OF_OWN: Final = "firing"


@dataclass(frozen=True)
class On:
    """A protocol that is on, and who answers for it: None while nobody has reviewed it."""

    protocol: Protocol
    review: Review | None


def switched_on(unit: Unit, library: Library) -> dict[str, On]:
    return those_on(protocol_switches.latest(unit.cursor()), library)


def those_on(switches: Mapping[str, Switch], library: Library) -> dict[str, On]:
    """A review that was given for another version of the protocol is none."""
    found: dict[str, On] = {}
    for name, switch in switches.items():
        protocol = library.protocols.get(name)
        if protocol is None or not switch.is_on:
            continue
        given = review_from(switch.review) if switch.version == protocol.version else None
        found[name] = On(protocol, given or protocol.review)
    return found


def concerned(on: Mapping[str, On], paths: Collection[str]) -> set[str]:
    """Which of them read any of this. `firing`: one of their own items changed, so all are asked."""
    if PATHS_OF_OWN in paths:
        return set(on)
    wanted = set(paths)
    return {name for name, each in on.items() if each.protocol.reads & wanted}


def values_of(
    protocol: Protocol, adjusted: Adjusted, limits: Mapping[tuple[str, str], Any]
) -> dict[str, Any]:
    """Her own numbers: what was set for this protocol, else the limit that was set for her readings."""
    found = {
        value.name: limits[value.threshold]
        for value in protocol.values
        if value.threshold and value.threshold in limits
    }
    return {**found, **adjusted.values}
