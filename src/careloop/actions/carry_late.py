"""What comes late for a record that was joined to another goes to the person: as it was sent, and at once a further
version of it under her own name. So an old number never collects a life of its own, whichever door it came by."""

from __future__ import annotations

from careloop.actions import joining
from careloop.actions.identify_person import one_at_a_time
from careloop.store import Unit, merges


def carry_late(unit: Unit, loser: int) -> int:
    """In the caller's own unit: step by step where a joined record was joined again, so that each can be taken back.
    How many were carried over; 0 when nothing came, or it is nobody's old record."""
    stands = merges.standing(unit, loser)
    if stands is None:
        return 0
    one_at_a_time(unit)
    stays, goes = joining.both(unit, stands.survivor, loser)
    moved = joining.carry(unit, merges.at_home(unit, loser), goes, stays)
    if moved:
        merges.add(unit, stands.id, moved)
        for kind, rows in merges.move_rows(unit, stays.rid, loser).items():
            stands.rows.setdefault(kind, []).extend(rows)
        merges.keep_rows(unit, stands)
    return len(moved) + carry_late(unit, stays.rid)
