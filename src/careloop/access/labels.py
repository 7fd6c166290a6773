"""Security labels: bits that a row of the record carries. Which row carries which, `library/labeling` computes on
write; who sees them without a consent, `roles` says."""

from __future__ import annotations

from typing import Final

PART2: Final = 1  # substance use disorder records of a Part 2 program (42 CFR 2.11)
SUBSTANCE: Final = 2  # substance use, wherever it was recorded
MENTAL_HEALTH: Final = 4  # notes, not scores
REPRODUCTIVE: Final = 8
HIV: Final = 16
SAFETY_ADDRESS: Final = 32
VIOLENCE: Final = 64
UNKNOWN: Final = 128  # a security label that nobody here knows: withheld

# Not of a row's content. RESTRICTED: her Consents deny something to somebody; look there. It stands on the person and
# on each of her rows, so that all others cost nothing. VIP: of the person alone, for alerts.
RESTRICTED: Final = 1 << 16
VIP: Final = 1 << 17

# In `consented.denies`: the whole record.
WHOLE: Final = 1 << 16

NAMES: Final = {
    PART2: "part2",
    SUBSTANCE: "substance-use",
    MENTAL_HEALTH: "mental-health-notes",
    REPRODUCTIVE: "reproductive-health",
    HIV: "hiv",
    SAFETY_ADDRESS: "safety-address",
    VIOLENCE: "violence",
    UNKNOWN: "unknown",
}
SENSITIVE: Final = (
    PART2 | SUBSTANCE | MENTAL_HEALTH | REPRODUCTIVE | HIV | SAFETY_ADDRESS | VIOLENCE | UNKNOWN
)
ALL: Final = SENSITIVE | RESTRICTED | VIP

# Without a consent or an emergency seen by nobody: Part 2 (42 CFR 2.12), and what we can't read.
NEVER_BY_ROLE: Final = PART2 | UNKNOWN


def names(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in NAMES.items() if bits & bit)
