"""All that follows for one person from what is on record now: read, decide, write, in the caller's unit.

Reactions call it for whoever changed; a decision taken on a page calls it in its own commit, so that what follows
stands there at once. Asked again about the same record it writes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from careloop.actions.apply_proposal import apply_in, hold
from careloop.actions.person_facts import gather
from careloop.actions.watch_plan import watch_plan
from careloop.care.monitor import Watch, on_silence
from careloop.care.transition import has_died, what_follows
from careloop.library import Library
from careloop.store import Stored, Unit

# Fires when silence would begin; the key is the person's reference.
SILENCE: Final = "silence"


def follow(unit: Unit, person: int, library: Library) -> tuple[Stored, ...]:
    """person: rid of the Patient. Returns the Tasks that were written. Nobody there (yet): nothing follows."""
    reference = unit.reference_of(person)
    hold(unit, reference)
    found = gather(unit, person, library)
    if found is None:
        return ()
    are_all = unit.scope.actor.kind == "system"
    proposal = what_follows(found.person, found.stays, library, unit.now, are_all=are_all)
    written = apply_in(unit, proposal, reference)
    is_dead = has_died(found.person, found.stays, library, unit.now)
    watch = on_silence(replace(found.silence, is_deceased=is_dead), library, unit.now)
    return (*written, *_watched(unit, person, reference, watch), *watch_plan(unit, person, library))


def _watched(unit: Unit, person: int, reference: str, watch: Watch) -> tuple[Stored, ...]:
    written: tuple[Stored, ...] = ()
    if watch.proposal.work or watch.proposal.withdraw:
        written = apply_in(unit, watch.proposal, reference)
    if watch.look_again is not None:
        unit.set_timer(person, SILENCE, reference, watch.look_again)
    return written
