"""Switches a monitoring protocol on or off, for the whole house: by whoever may, with a reason; recorded for good."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.access.acts import SWITCH_PROTOCOL, may
from careloop.actions import record, working
from careloop.kernel.errors import Conflict, Forbidden, NotFound
from careloop.library import Library
from careloop.library.protocols import Review
from careloop.library.reviewing import review_said
from careloop.store import Unit, protocol_switches
from careloop.store.protocol_switches import Switch

SWEEP: Final = "protocol-sweep"
LONGEST_WHY: Final = 500


class SwitchedAlready(Conflict):
    """It stands like that already."""

    code = "switched-already"


def switch_protocol(
    scope: Scope,
    protocol: str,
    *,
    is_on: bool,
    because: str,
    library: Library,
    now: datetime,
    review: Review | None = None,
) -> Switch:
    """review: who answers for it and when somebody watches; without it, it only proposes. Switched on, it looks at
    everybody it could have something to say of. What it raised before stays open when it is switched off.
    Raises ReasonMissing, NotFound, Forbidden, SwitchedAlready."""
    known = library.protocols.get(protocol)
    if known is None:
        raise NotFound(protocol)
    if not (scope.actor.kind == "system" or may(scope.actor, SWITCH_PROTOCOL)):
        raise Forbidden(SWITCH_PROTOCOL.refusal)
    why = working.words(because, LONGEST_WHY)
    with record.begin(scope, now) as unit:
        unit.cursor().execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"protocol:{protocol}"]
        )
        stands = protocol_switches.latest(unit.cursor()).get(protocol)
        told = review_said(review) if review else None
        if _is_same(stands, known.version, told, is_on=is_on):
            raise SwitchedAlready
        actor = scope.actor
        switch = Switch(protocol, known.version, is_on, now, actor.principal, actor.name, why, told)
        protocol_switches.write(unit, switch)
        unit.saw((), f"protocol {protocol} switched {'on' if is_on else 'off'}")
        if is_on:
            unit.set_timer(0, SWEEP, f"{protocol}@0", now)
        return switch


def _is_same(stands: Switch | None, version: int, review: object, *, is_on: bool) -> bool:
    if stands is None:
        return not is_on
    if not is_on:
        return not stands.is_on
    return stands.is_on and stands.version == version and stands.review == review


def switches(unit: Unit) -> dict[str, Switch]:
    return protocol_switches.latest(unit.cursor())
