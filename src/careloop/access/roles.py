"""The roles of staff, as one flat table: what each reads and writes, of whose people, and which labels it sees
without a consent. Administrators see no clinical data; nobody sees Part 2 records by role alone.

Whose: `scope` is what the account says (sites, programs, teams, the people she leads or covers, and those granted by
name); `granted` is those granted by name alone; `members` those of the account's programs or granted by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from careloop.access import kinds, labels, purposes

Whose = Literal["scope", "granted", "members", "nobody"]

_CARE: Final = labels.SUBSTANCE | labels.REPRODUCTIVE | labels.HIV | labels.SAFETY_ADDRESS | labels.VIOLENCE


@dataclass(frozen=True)
class Role:
    """reason: why she may, as a person reads it. reads, writes: resource types. sees: label bits. uses: what for."""

    name: str
    reason: str
    reads: frozenset[str]
    writes: frozenset[str]
    whose: Whose
    sees: int = 0
    uses: int = purposes.CARE


def _care(name: str, reason: str, sees: int = _CARE) -> Role:
    return Role(name, reason, kinds.EVERYTHING, kinds.EVERYTHING, "scope", sees)


_DESK: Final = kinds.DIRECTORY

ROLES: Final[dict[str, Role]] = {
    role.name: role
    for role in (
        _care("coordinator", "You coordinate care at this person's site, or lead her care."),
        _care("supervisor", "You supervise care at this person's site, or lead her care."),
        _care("clinician", "You treat people at this person's site, or lead her care."),
        _care("social-worker", "You are a social worker at this person's site, or lead her care."),
        _care("ltc-nurse", "You nurse people in long-term care at this person's site, or lead her care."),
        _care(
            "bh-clinician",
            "You treat people's mental health at this person's site, or lead her care.",
            _CARE | labels.MENTAL_HEALTH,
        ),
        _care("therapist", "You are a therapist at this person's site, or lead her care."),
        Role(
            "advocacy",
            "You ask for authorizations and appeal denials for people of this site or team.",
            kinds.ADVOCACY | _DESK,
            frozenset({"Task", "Communication", "DocumentReference", "Claim", "CoverageEligibilityRequest"}),
            "scope",
        ),
        Role(
            "payer-manager",
            "You manage the care of members of this program for their plan.",
            kinds.ADVOCACY | {"CarePlan", "Goal"} | _DESK,
            frozenset({"Task", "Communication"}),
            "members",
            uses=purposes.PAYERS,
        ),
        Role(
            "payer-reviewer",
            "You review requests for members of this program.",
            kinds.REVIEW | _DESK,
            frozenset({"ClaimResponse", "CoverageEligibilityResponse", "Communication"}),
            "members",
            uses=purposes.PAYERS,
        ),
        Role(
            "volunteer",
            "You help this person with something that was handed to you.",
            kinds.ERRANDS,
            frozenset({"Task"}),
            "granted",
        ),
        Role(
            "ombudsman",
            "You speak for this resident, who agreed to it.",
            kinds.RESIDENTS,
            frozenset({"Communication", "Task"}),
            "granted",
        ),
        Role(
            "biller",
            "You bill for care given at this person's site.",
            kinds.BILLING | _DESK,
            frozenset({"Claim", "ChargeItem", "Account", "Invoice"}),
            "scope",
            uses=purposes.PAYERS,
        ),
        Role(
            "administrator",
            "You keep accounts, sites and the directory; you see no clinical data.",
            _DESK,
            _DESK,
            "nobody",
        ),
        Role(
            "auditor",
            "You check who looked at whom.",
            frozenset({"AuditEvent", "Patient"}),
            frozenset(),
            "scope",
        ),
        Role(
            "privacy-officer",
            "You answer for privacy at this person's site.",
            frozenset({"AuditEvent", "Patient", "Consent", "RelatedPerson", "Task", "Provenance"}) | _DESK,
            frozenset({"Task", "Consent"}),
            "scope",
        ),
    )
}

# Those who give care: work and urgent answers may be handed to them.
CARE_ROLES: Final = frozenset(
    {"coordinator", "supervisor", "clinician", "social-worker", "ltc-nurse", "bh-clinician", "therapist"}
)
STAFF_ROLES: Final = frozenset(ROLES)
