"""From a stored message to the record: parse, translate, say who it is, write. One message, one unit of work.

What can't be taken in becomes a visible item with its reason, and the next message is not kept waiting. The mark “done”
is in the same commit as what came of the message: killed at any moment, it is done wholly or not at all, never twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from careloop.access import Scope, system_actor
from careloop.accounts.models import Sender
from careloop.actions import identify_person
from careloop.actions.apply_bundle import Arrival, apply_bundle
from careloop.actions.record import begin
from careloop.connect.hl7v2 import merging, parse, senders, translate
from careloop.connect.hl7v2.translate import Translation
from careloop.fhir import index, validate
from careloop.kernel.errors import CareError, StaleVersion, Unavailable
from careloop.kernel.zones import zone_of_zip
from careloop.library import Library
from careloop.library.carried import with_label
from careloop.store import Unit, inbox
from careloop.store.inbox import Message, State

log = logging.getLogger("careloop.hl7")

TRIES: Final = 3
HELD: Final = "Waits until a person has decided who this is."
KINDS: Final = (
    *("Patient", "RelatedPerson", "Coverage", "Practitioner", "Encounter", "Condition", "Provenance"),
    *("Basic", "Task"),
)
# Faults of our own: a message that trips over one is set aside, and those behind it go on.
FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class Tripped(CareError):
    """Careloop stumbled over this message; it was kept as it came. Whoever looks after Careloop should look at it."""

    code, status = "hl7-tripped", 500


@dataclass(frozen=True)
class Outcome:
    """state: of the message in the inbox. person: whom it turned out to be about."""

    state: State
    error: str | None = None
    person: int | None = None


def prepare() -> None:
    """What is made on first use (validators, index functions, the table of ZIP codes), made before the first message
    waits for it: a worker calls it once as it starts."""
    zone_of_zip("77002")
    for kind in KINDS:
        validate.problems({"resourceType": kind})
        index.extract({"resourceType": kind})


def run(now: datetime, library: Library | None = None, *, limit: int = 100) -> int:
    """How many messages were taken out of the queue, in the order they came; 0 when none waits.

    library: not asked yet; what follows from a message is decided by the reactions. Raises Unavailable.
    """
    done = 0
    while done < limit and inbox.is_waiting() and _next(now):
        done += 1
    return done


def _next(now: datetime) -> bool:
    for attempt in range(TRIES):
        number = None
        try:
            with begin(_scope(), now) as unit:
                waiting = inbox.waiting(unit, 1)
                if not waiting:
                    return False
                number = waiting[0].id
                outcome = _take_in(unit, waiting[0])
                inbox.finish(unit, number, outcome.state, error=outcome.error, person=outcome.person)
            return True
        except StaleVersion as changed:  # somebody wrote to the same record at this moment
            if attempt + 1 == TRIES:
                _set_aside(number, changed, now)
        except Unavailable:
            raise
        except (CareError, *FAULTS) as failed:
            _set_aside(number, failed, now)
            return True
    return True


def _scope() -> Scope:
    return Scope(system_actor("hl7"), "hl7", "treatment")


def _set_aside(number: int | None, failed: Exception, now: datetime) -> None:
    """Into the list that a person sees. Only our own errors have a sentence; others may quote values."""
    if number is None:
        raise failed
    if isinstance(failed, CareError):
        said = failed.sentence
    else:
        said = Tripped(f"({type(failed).__name__})").sentence
        log.error("inbox %s: %s at %s", number, type(failed).__name__, _where(failed))
    with begin(_scope(), now) as unit:
        inbox.finish(unit, number, "review", error=said)


def _where(failed: BaseException) -> str:
    trace = failed.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


def _take_in(unit: Unit, message: Message) -> Outcome:
    sender = senders.named(message.source)
    parsed = parse.parse(message.raw)
    digest = inbox.digest_of(message.raw)
    told = translate.translate(parsed, senders.origin_of(sender), message.at, digest)
    told = _labeled(unit, told, sender)
    identify_person.one_at_a_time(unit)
    if told.event in translate.MERGES:
        person = merging.take_in(unit, parsed, told, message.id, sender)
        return Outcome("done", person=person.rid if person else None)
    return _write(unit, told, message, sender, digest)


def _labeled(unit: Unit, told: Translation, sender: Sender) -> Translation:
    """What a program under 42 CFR Part 2 sends is its record, whatever it says; who the person is, is not."""
    houses = (f"Organization/{id}" for id in (sender.hospital, sender.site) if id)
    if not any(unit.makes_part2(house) for house in houses):
        return told
    entries = [
        {**entry, "resource": with_label(entry["resource"], "part2")}
        if entry.get("resource", {}).get("resourceType") in _RECORDS
        else entry
        for entry in told.bundle["entry"]
    ]
    return replace(told, bundle={**told.bundle, "entry": entries})


_RECORDS: Final = frozenset({"Encounter", "Condition", "Observation", "Coverage", "AllergyIntolerance"})


def _write(unit: Unit, told: Translation, message: Message, sender: Sender, digest: str) -> Outcome:
    stranger = identify_person.Stranger(
        patient=told.patient,
        source=sender.name,
        words=told.words,
        message=message.id,
        site=f"Organization/{sender.site}" if sender.site else None,
        zone=sender.zone or None,
    )
    who = identify_person.identify_person(unit, stranger)
    if who.is_open:
        return Outcome("held", HELD)
    applied = apply_bundle(
        unit,
        Arrival(
            bundle=told.bundle,
            event=told.event,
            recorded=told.recorded,
            digest=digest,
            person=who.person,
            message=message.id,
            notes=told.notes,
            attention=told.attention,
        ),
    )
    identify_person.remember(unit, who, applied.patient.reference)
    return Outcome("done", person=applied.patient.rid)
