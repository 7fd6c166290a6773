"""A message comes in: checked, stored, committed, and only then acknowledged (promises 6 and 7).

AE for a fault in the header, the character set, the event or PID-3; AR for what Careloop does not act on, for a sender
nobody configured, and when storing failed. Everything that a configured sender says is kept, refused or not.
"""

from __future__ import annotations

import logging
from datetime import datetime

from careloop import store
from careloop.access import Scope, system_actor
from careloop.accounts.models import Sender
from careloop.actions.look_at_message import ADDRESS
from careloop.connect.hl7v2 import acknowledge, parse, senders
from careloop.connect.hl7v2.acknowledge import Ack
from careloop.connect.hl7v2.parse import BadMessage, Header, NoHeader
from careloop.kernel.errors import CareError, Unavailable
from careloop.kernel.ids import new_id
from careloop.store import inbox

log = logging.getLogger("careloop.hl7")

__all__ = ["Ack", "accept", "is_known", "quarantine"]

KEPT_OF_BROKEN = 65_536


class StrangeSender(BadMessage):
    """No sender with this address, application and facility is configured here."""

    code, condition, where, answer = "hl7-sender", "207", "MSH^1^3", "AR"


class NotProduction(BadMessage):
    """It is marked as a test or for debugging (MSH-11); Careloop acts on production messages only. It was kept."""

    code, condition, where, answer = "hl7-test", "202", "MSH^1^11", "AR"


class NotStored(BadMessage):
    """The message could not be stored just now. Please send it again."""

    code, condition, answer = "hl7-not-stored", "207", "AR"


class TooLong(BadMessage):
    """The message is longer than what is taken in here."""

    code, condition = "hl7-too-long", "207"


def accept(raw: bytes, peer: str, now: datetime, *, sender: Sender | None = None) -> Ack:
    """raw: the content of a frame. peer: address it came from. sender: given by whoever imports files.

    Never raises for what a message says, nor for a record that is away. After AA the message is stored for good.
    """
    content = parse.unframed(raw)
    head, fault = _header(content)
    for is_last in (False, True):
        try:
            known = sender or _sender(head, peer)
            if known is None:
                return _refusal(head, StrangeSender(), now, is_kept=False)
            return _keep(content, head, fault or _fault_of(content), known, now)
        except CareError as failed:
            # The database may just have come back. Trying twice is safe: the same message is stored once.
            if is_last or not isinstance(failed, Unavailable):
                log.error("not stored: %s", failed.code)
                break
    return _refusal(head, NotStored(), now, is_kept=False)


def is_known(peer: str) -> bool:
    """Whether any sender may connect from this address."""
    return bool(senders.at(peer))


def quarantine(raw: bytes, peer: str, reason: str, now: datetime) -> None:
    """What was not even a frame; at most its first 64 KB. reason: the sentence in the list. Raises CareError."""
    near = senders.at(peer)
    source = near[0].name if len(near) == 1 else f"{ADDRESS}{peer}"
    with store.open(Scope(system_actor("hl7"), "hl7", "operations"), now=now) as unit:
        inbox.receive(unit, source, "", raw[:KEPT_OF_BROKEN], "", state="quarantined", error=reason)


def too_long(raw: bytes, peer: str, now: datetime) -> Ack:
    """Its beginning is kept; the answer names the message when MSH could be read."""
    quarantine(raw, peer, TooLong().sentence, now)
    return _refusal(_header(raw)[0], TooLong(), now, is_kept=False)


def _header(content: bytes) -> tuple[Header | None, BadMessage | None]:
    try:
        return parse.header(content), None
    except NoHeader as fault:
        return None, fault


def _sender(head: Header | None, peer: str) -> Sender | None:
    """Without a header only the address tells, and only when it is one sender's alone."""
    if head is not None:
        return senders.sender_of(head, peer)
    near = senders.at(peer)
    return near[0] if near else None


def _fault_of(content: bytes) -> BadMessage | None:
    try:
        message = parse.parse(content)
    except BadMessage as fault:
        return fault
    return NotProduction() if message.header.is_test else None


def _keep(
    content: bytes, head: Header | None, fault: BadMessage | None, sender: Sender, now: datetime
) -> Ack:
    control = head.control_id[:199] if head else ""
    kind = f"{head.kind}^{head.trigger}"[:40] if head else ""
    code, reason = (fault.answer, fault.sentence) if fault else ("AA", None)
    with store.open(senders.scope_of(sender), now=now) as unit:
        kept = inbox.receive(
            unit,
            sender.name,
            control,
            content,
            kind,
            state="refused" if fault else "new",
            error=reason,
            ack=code,
        )
        if kept.is_duplicate and kept.state == "refused" and fault is None:
            inbox.again(unit, kept.id)  # refused once by an older Careloop, good now
    said = fault.code if fault else "again" if kept.is_duplicate else "new"
    log.info("%s (%s) to %s, inbox %s", code, said, sender.name, kept.id)
    if fault is not None or head is None:
        return _refusal(head, fault or NoHeader(), now)
    number = _number()
    return Ack("AA", "", acknowledge.accepted(head, now, number), is_duplicate=kept.is_duplicate)


def _refusal(head: Header | None, fault: BadMessage, now: datetime, *, is_kept: bool = True) -> Ack:
    content = acknowledge.refused(head, fault, now, _number())
    return Ack(fault.answer, fault.sentence, content, is_kept=is_kept)


def _number() -> str:
    """MSH-10 of an answer: 20 characters at most until 2.7."""
    return new_id().replace("-", "")[-20:]
