"""What a person does with a message that could not be taken in: try it again, or read and close it with a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.accounts.models import Sender
from careloop.actions import record, working
from careloop.kernel.errors import Conflict, NotFound
from careloop.store import Unit, inbox
from careloop.store.inbox import Message

WAITS: Final = frozenset({"review", "refused", "quarantined"})
# What never was a message, or came from nobody we know, can't be read another time either.
AGAIN: Final = frozenset({"review", "refused"})
# The source of what was no message and came from an address that several senders share: this and the address.
ADDRESS: Final = "address "


class MessageSettled(Conflict):
    """A colleague has dealt with this message already. Nothing was changed."""

    code = "message-settled"


class NothingToTry(Conflict):
    """This never was a whole message: trying again would end the same way. Ask the hospital to send it anew."""

    code = "nothing-to-try"


def sources_for(scope: Scope, rid_of: Callable[[str], int | None], known: Sequence[str] = ()) -> list[str]:
    """Whose messages the reader may see: senders of her sites. What came from no sender of a site (known: every source
    that ever sent something) is for supervisors; what an address sent, for those of a site with a sender there.
    rid_of: the record's key of a reference."""
    senders = {each.name: each for each in Sender.objects.all()}
    own = [
        each
        for each in senders.values()
        if each.site and rid_of(f"Organization/{each.site}") in scope.actor.sites
    ]
    mine = [each.name for each in own]
    if "supervisor" not in scope.actor.roles:
        return mine
    of_sites = {name for name, each in senders.items() if each.site}
    return mine + [name for name in known if name not in of_sites and _may_be_theirs(name, own)]


def _may_be_theirs(source: str, own: Sequence[Sender]) -> bool:
    """A broken frame may hold anybody's data: it is shown where a sender is known at its address, and nowhere else."""
    if not source.startswith(ADDRESS):
        return True
    return any(each.allows(source.removeprefix(ADDRESS)) for each in own)


def message_for(unit: Unit, message: int) -> Message:
    """With its raw text, written into the audit trail. Raises NotFound, also for one that is not the reader's."""
    found = inbox.get(unit, message)
    mine = sources_for(unit.scope, unit.rid_of, inbox.sources(unit))
    if found is None or found.source not in mine or (found.person and not unit.may_see(found.person)):
        raise NotFound
    if found.person and _is_of_program(unit, found.source) and unit.withholds(found.person):
        raise NotFound
    return found


def _is_of_program(unit: Unit, source: str) -> bool:
    """Whether it came from a program under 42 CFR Part 2: its raw text is as much a record as what was made of it."""
    sender = Sender.objects.filter(name=source).first()
    houses = (f"Organization/{id}" for id in (sender.hospital, sender.site) if id) if sender else ()
    return any(unit.makes_part2(house) for house in houses)


def try_again(scope: Scope, message: int, now: datetime) -> None:
    """Back into the queue, once; what comes of it stands in the list again, or in the record.
    Raises NotFound, MessageSettled, NothingToTry."""
    with record.begin(scope, now) as unit:
        seen = _waiting(unit, message)
        if seen.state not in AGAIN:
            raise NothingToTry
        inbox.again(unit, message)


def close_message(scope: Scope, message: int, reason: str, now: datetime) -> None:
    """It leaves the list; the message itself is kept. Raises NotFound, MessageSettled, ReasonMissing."""
    said = working.words(reason, 300)
    with record.begin(scope, now) as unit:
        _waiting(unit, message)
        inbox.finish(unit, message, "done", error=f"Closed by {scope.actor.name}: {said}")


def _waiting(unit: Unit, message: int) -> Message:
    found = message_for(unit, message)
    if found.state not in WAITS:
        raise MessageSettled
    return found
