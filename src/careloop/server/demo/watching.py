"""Protocols that are on in the demonstration, with a made-up review by its made-up medical director.

Nothing of it is anybody's approval: whoever looks at a protocol here reads that it is the demonstration's.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from careloop import library, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.actions.staff_actor import staff_actor
from careloop.actions.switch_protocol import switch_protocol, switches
from careloop.library import Words
from careloop.library.protocols import Review
from careloop.server.demo.community import Community
from careloop.server.demo.days import Days

DIRECTOR: Final = "chen"
# Left for whoever looks to try and switch on: most of the made-up people have no visit with a clinician on record, and
# rows about late rows would bury the others.
LEFT_OFF: Final = frozenset({"no-contact", "work-past-due"})
WHY: Final = (
    "Demonstration: switched on so that there is something to look at. Made-up people, made-up review."
)
AFTER_HOURS: Final = Words(
    "Demonstration: nobody watches out of hours. In danger, call 911.",
    "Demostración: fuera de horario nadie mira. Si hay peligro, llame al 911.",
)
APPROVED_DAYS_AGO: Final = 21


def watch(community: Community, days: Days, now: datetime) -> int:
    """Switches on what was never switched here; how many. What somebody switched off meanwhile stays off."""
    with store.open(Scope(system_actor("demo"), "command", "maintenance"), now=now) as unit:
        known = switches(unit)
    fresh = [name for name in sorted(library.load().protocols) if name not in known and name not in LEFT_OFF]
    if not fresh:
        return 0
    director = community.staff[DIRECTOR]
    scope = Scope(staff_actor(User.objects.get(email=director.email), now), "command", "operations")
    review = _review(f"{director.name}, medical director (made up)", days)
    for name in fresh:
        switch_protocol(scope, name, is_on=True, because=WHY, library=library.load(), now=now, review=review)
    return len(fresh)


def _review(owner: str, days: Days) -> Review:
    return Review(
        owner=owner,
        approved=days.today - timedelta(days=APPROVED_DAYS_AGO),
        days=(0, 1, 2, 3, 4),
        opens=time(8),
        closes=time(17),
        path="next-opening",
        after_hours=AFTER_HOURS,
    )
