"""What a protocol means for one person: another number, off until a day; with a reason, and by whom. And back again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.protocols_on import switched_on
from careloop.actions.run_protocols import adjust_in, run
from careloop.care.firing import FOREVER, adjusted_in
from careloop.care.protocols import Adjusted
from careloop.kernel.errors import CareError, Forbidden, NotFound
from careloop.library import Library
from careloop.library.protocols import Protocol
from careloop.projections import sources
from careloop.store import Stored, Unit

LONGEST_OFF: Final = timedelta(days=366)
LONGEST_WHY: Final = 300


class BadNumber(CareError):
    """This number lies outside of what the protocol allows."""

    code, status, issue_type = "bad-number", 422, "value"

    def __init__(self, detail: str, field: str) -> None:
        """field: the value's name, or off_until."""
        self.field = field
        super().__init__(detail, field=field)


def adjust_protocol(
    scope: Scope,
    person: str,
    protocol: str,
    library: Library,
    now: datetime,
    *,
    values: Mapping[str, Decimal | None] | None = None,
    off_until: datetime | None = None,
    because: str,
) -> Stored:
    """person: Patient id. values: her own numbers, by name; None takes one back; those not named stay. off_until: it
    says nothing before; FOREVER until somebody switches it on again. because: why. It is asked anew at once.
    Raises ReasonMissing, BadNumber, NotFound, Forbidden."""
    known = library.protocols.get(protocol)
    if known is None:
        raise NotFound(protocol)
    if scope.actor.kind != "staff":
        raise Forbidden("Only a person says what is watched for somebody.")
    why = working.words(because, LONGEST_WHY)
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        groups = unit.of_person(patient.rid, ["RequestGroup"])
        stands = adjusted_in([each.resource for each in groups], known)
        kept = {name: value for name, value in stands.values.items() if name not in (values or {})}
        fresh = {name: value for name, value in (values or {}).items() if value is not None}
        _check(known, fresh, off_until, now)
        wanted = replace(stands, values={**kept, **fresh}, off_until=off_until, why=why, at=now)
        saved = adjust_in(unit, known, patient.reference, wanted, working.me(unit), groups)
        return saved


def switch_for(
    scope: Scope, person: str, protocol: str, library: Library, now: datetime, *, because: str
) -> Stored:
    """On again for this person; her numbers stay."""
    return adjust_protocol(scope, person, protocol, library, now, because=because)


def _check(
    protocol: Protocol, values: Mapping[str, Decimal], off_until: datetime | None, now: datetime
) -> None:
    by_name = {each.name: each for each in protocol.values}
    for name, value in values.items():
        known = by_name.get(name)
        if known is None:
            raise NotFound(name)
        if not known.least <= value <= known.most:
            raise BadNumber("Choose a number within the bounds that stand beside it.", name)
    if off_until is None or off_until == FOREVER:
        return
    if off_until <= now:
        raise BadNumber("Choose a day that is still to come.", "off_until")
    if off_until > now + LONGEST_OFF:
        raise BadNumber("Choose a day within a year.", "off_until")


def ask_again(scope: Scope, person: str, protocol: str, library: Library, now: datetime) -> None:
    """What the protocol says with what was just set; in a unit of its own, by the house."""
    with record.begin(scope, now) as unit:
        rid = unit.rid_of(f"Patient/{person}")
        if rid is not None:
            run(unit, rid, library, switched_on(unit, library), {protocol})


def adjusted_of(unit: Unit, people: Collection[int], protocol: Protocol) -> dict[int, Adjusted]:
    """Of those for whom something was set."""
    by_person: dict[int, list[Stored]] = {}
    for stored in sources.of_people(unit, people, ("RequestGroup",)):
        by_person.setdefault(stored.person, []).append(stored)
    found = {
        person: adjusted_in([each.resource for each in held], protocol) for person, held in by_person.items()
    }
    return {person: each for person, each in found.items() if each.values or each.off_until}
