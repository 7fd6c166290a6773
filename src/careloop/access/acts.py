"""What is not reading or writing rows of one type, and yet not for everybody: the acts of staff, each with the roles
that may do it and a reason a person can read. Default is no, and no to each for an app, a program, or somebody at the
family's door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from careloop.access.actor import Actor
from careloop.access.roles import CARE_ROLES, STAFF_ROLES


@dataclass(frozen=True)
class Act:
    """reason: why these may. refusal: what the others read."""

    name: str
    roles: frozenset[str]
    reason: str
    refusal: str


DISCLOSE: Final = Act(
    "disclose",
    CARE_ROLES | {"advocacy", "payer-manager"},
    "You coordinate care, speak for people to their payers, or manage their case: you send what others need for it.",
    "What leaves the house is sent by those who coordinate care, ask for authorizations, or manage a case.",
)
ACCOUNTING: Final = Act(
    "accounting",
    CARE_ROLES | {"privacy-officer"},
    "You give care, or answer for privacy: you see what has left about a person.",
    "What was sent is opened by those who give care and by the privacy officer.",
)
WHO_MAY: Final = Act(
    "who-may",
    STAFF_ROLES - {"administrator", "biller", "volunteer", "payer-reviewer"},
    # Nobody else needs to know who somebody's helpers are.
    "You give care, speak for people, or answer for privacy: you see who else may see them.",
    "Who may see a person is answered for those who give care and for the privacy officer.",
)
PART2_EMERGENCY: Final = Act(
    "part2-emergency",
    frozenset({"clinician", "ltc-nurse", "bh-clinician"}),
    "You are medical personnel (42 CFR 2.51).",
    "Only medical personnel open these records in a medical emergency.",
)
EXPORT: Final = Act(
    "export",
    frozenset({"coordinator", "supervisor", "clinician", "payer-manager"}),
    "You answer for a caseload: you may take its list with you.",
    "Lists of people are taken out by those who answer for a caseload.",
)
SWITCH_PROTOCOL: Final = Act(
    "switch-protocol",
    frozenset({"supervisor", "clinician", "bh-clinician"}),
    "You supervise care or answer for it as a clinician: you say what is watched.",
    "Monitoring protocols are switched on and off by supervisors and clinicians.",
)
ACTS: Final = (DISCLOSE, ACCOUNTING, WHO_MAY, PART2_EMERGENCY, EXPORT, SWITCH_PROTOCOL)


def may(actor: Actor, act: Act) -> bool:
    return actor.kind == "staff" and actor.app is None and bool(actor.roles & act.roles)
