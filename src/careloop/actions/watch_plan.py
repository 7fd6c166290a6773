"""Gaps of a plan that have a legal hour become work, and stop being it when they are filled. In the caller's unit."""

from __future__ import annotations

from typing import Final

from careloop.actions.apply_proposal import apply_in
from careloop.care.completeness import on_gaps
from careloop.library import Library
from careloop.projections.plan_evidence import shown_of
from careloop.store import Stored, Unit

# Fires when something in the plan grows too old; the key is the person's reference.
TIMER: Final = "plan-complete"
# Who is in a program that sets hours, of all that follow_person looks at: others cost one look-up.
HELD: Final = """
select 1 from enrolled where person = %s and until is null and program = any(%s) limit 1
"""
OPEN_WORK: Final = "select 1 from work where person = %s and is_open and kind = %s limit 1"


def watch_plan(unit: Unit, person: int, library: Library) -> tuple[Stored, ...]:
    """person: rid of a Patient who may be gone. Asked again about the same record it writes nothing. Who may not see
    all of it decides nothing here: reactions follow and see it whole."""
    if not _is_held(unit, person, library) or unit.withholds(person):
        return ()
    reference = unit.reference_of(person)
    patient = unit.get([reference]).get(reference)
    if patient is None:
        return ()
    look = on_gaps(shown_of(unit, patient, library), library, unit.now)
    written: tuple[Stored, ...] = ()
    if look.proposal.work or look.proposal.withdraw:
        written = apply_in(unit, look.proposal, reference)
    if look.look_again is not None:
        unit.set_timer(person, TIMER, reference, look.look_again)
    return written


def _is_held(unit: Unit, person: int, library: Library) -> bool:
    timed = {
        program
        for standard in library.standards.values()
        if any(element.dues for element in standard.elements)
        for program in standard.programs
    }
    found = unit.cursor().execute(HELD, [person, sorted(timed)]).fetchone()
    return bool(found or unit.cursor().execute(OPEN_WORK, [person, "complete-plan"]).fetchone())
