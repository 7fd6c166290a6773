"""One act on many people: for whom it will be done, and who is left out and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

ACTS: Final = ("assign", "call", "todo", "review")
Act = Literal["assign", "call", "todo", "review"]
HER_LEAD: Final = "lead"
NOBODY: Final = "team"

# Why somebody is left out, or what to know of it; English msgids.
GONE: Final = "You may not see this person any more."
DIED: Final = "This person has died."
LEADS_ALREADY: Final = "This colleague leads the person’s care already."
SAME_TO_DO: Final = "The same to-do is open already."
NOT_BY_PHONE: Final = "The person is not to be called. The record says how to reach them."
CANT_OPEN: Final = "Whoever is to do it could not open this person’s record."
ON_AGENDA: Final = "The person stands on an agenda already."
NOBODY_LEADS: Final = "Nobody leads this person’s care: anybody at the site can take it."


@dataclass(frozen=True)
class Wanted:
    """title: of the to-do. owner: HER_LEAD, NOBODY, or "Practitioner/…". because: one sentence. meeting: when the case
    review is; minutes: how long this person has there."""

    act: Act
    title: str = ""
    owner: str = HER_LEAD
    because: str = ""
    due: datetime | None = None
    meeting: datetime | None = None
    minutes: int = 10


@dataclass(frozen=True, repr=False)
class Known:
    """What is known of one of them now. lead: "Practitioner/…". has_same: the same to-do is open. is_on_agenda: of a
    case review that is still to come. refuses_calls: what she asked for of being reached. owner_may_open: whether
    whoever is to do it sees her."""

    id: str
    rid: int
    is_here: bool = True
    is_deceased: bool = False
    lead: str | None = None
    has_same: bool = False
    is_on_agenda: bool = False
    refuses_calls: bool = False
    owner_may_open: bool = True

    def __repr__(self) -> str:
        return f"Known(Patient/{self.id})"


@dataclass(frozen=True)
class Judged:
    """will: whether it will be done. because: why not, or what to know; may be empty when it will."""

    will: bool
    because: str = ""


def judge(known: Known, wanted: Wanted) -> Judged:
    if not known.is_here:
        return Judged(False, GONE)
    if known.is_deceased and wanted.act != "review":
        return Judged(False, DIED)
    if wanted.act == "assign":
        return Judged(False, LEADS_ALREADY) if known.lead == wanted.owner else Judged(True)
    if wanted.act == "review":
        return Judged(False, ON_AGENDA) if known.is_on_agenda else Judged(True)
    if wanted.act == "call" and known.refuses_calls:
        return Judged(False, NOT_BY_PHONE)
    if known.has_same:
        return Judged(False, SAME_TO_DO)
    if not known.owner_may_open:
        return Judged(False, CANT_OPEN)
    is_nobodys = wanted.owner == HER_LEAD and known.lead is None
    return Judged(True, NOBODY_LEADS if is_nobodys else "")
