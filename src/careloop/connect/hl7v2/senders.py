"""Who may send us messages: the configured senders, found by address and by what MSH-3 and MSH-4 say."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import DatabaseError
from psycopg import Error as PostgresError

from careloop.access import Scope
from careloop.accounts.actors import actor_of_sender
from careloop.accounts.models import Sender
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import Header
from careloop.kernel.errors import CareError
from careloop.store import connection
from careloop.store.errors import RecordUnavailable

KIND = "hl7"


class UnknownSender(CareError):
    """No sender with this name is configured, or it was switched off."""

    code, status = "unknown-sender", 404


def named(name: str) -> Sender:
    """Raises UnknownSender, RecordUnavailable."""
    known = {sender.name: sender for sender in _active()}
    if name not in known:
        raise UnknownSender(f"Configured are: {', '.join(known)}." if known else "None is configured.")
    return known[name]


def at(peer: str) -> list[Sender]:
    """Those whose allowed addresses hold this one. A sender without addresses may not connect at all.
    Raises RecordUnavailable."""
    return [sender for sender in _active() if sender.allows(peer)]


def _active() -> list[Sender]:
    try:
        return list(Sender.objects.filter(kind=KIND, is_active=True).order_by("name"))
    except (DatabaseError, PostgresError) as failed:
        connection.drop()  # a thread keeps its connection for long: a broken one must not stay
        raise RecordUnavailable from failed


def sender_of(head: Header, peer: str) -> Sender | None:
    """The one sender that fits address, application and facility best; None when none does or two do equally."""
    fitting = sorted(
        ((_fit(sender), sender) for sender in at(peer) if _fits(sender, head)),
        key=lambda pair: -pair[0],
    )
    if not fitting or (len(fitting) > 1 and fitting[0][0] == fitting[1][0]):
        return None
    return fitting[0][1]


def scope_of(sender: Sender) -> Scope:
    return Scope(actor_of_sender(sender), "hl7", "treatment")


def origin_of(sender: Sender) -> Origin:
    """What translating needs to know. A zone that does not exist counts as unknown: never guessed."""
    return Origin(
        name=sender.name,
        zone=_zone(sender.zone),
        site=f"Organization/{sender.site}" if sender.site else None,
        hospital=f"Organization/{sender.hospital}" if sender.hospital else None,
        classes=dict(sender.classes),
    )


def _fits(sender: Sender, head: Header) -> bool:
    return head.application.startswith(sender.application) and head.facility.startswith(sender.facility)


def _fit(sender: Sender) -> int:
    return len(sender.application) + len(sender.facility)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
