"""After a talk in private: what it calls for, as a to-do whose name tells nothing to whoever reads over a shoulder."""

from __future__ import annotations

from typing import Final

from careloop.actions.heed_safe_contact import ask_in_private
from careloop.care.assess import Score
from careloop.store import Stored, Unit

INSTRUMENT: Final = "private-safety"
ASK_AGAIN: Final = "It was not safe to ask. Try again in person, alone; send nothing about it."
OFFER: Final = (
    "Help was wanted or may be. Talk about it alone; give and send nothing that is not safe to have."
)
REPORT: Final = "A report may be due. Open the reporting steps today."
_BECAUSE: Final = {"not-safe": ASK_AGAIN, "offer-help": OFFER, "report": REPORT}


def follow_up(unit: Unit, patient: Stored, result: Score, response: Stored) -> tuple[Stored, ...]:
    """Once a response and finding; of other questions nothing."""
    if result.instrument != INSTRUMENT:
        return ()
    found = [finding.id for finding in result.findings if finding.id in _BECAUSE]
    return tuple(
        ask_in_private(unit, patient, _BECAUSE[each], f"private:{response.id}:{each}", (response.reference,))
        for each in found
    )
