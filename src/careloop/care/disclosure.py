"""What may leave the house, line by line, and why. Pure: lines and what is known of the recipient in, verdicts out.

Which labels a consent lets through, the record says (`access`); here is what a reason to disclose allows by itself, and
what has to go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from careloop.access import labels, purposes

Basis = Literal["treatment", "consent", "self", "emergency", "law"]
BASES: Final[tuple[Basis, ...]] = ("treatment", "consent", "self", "emergency", "law")
METHODS: Final = ("hand", "mail", "fax", "phone", "app", "export", "hl7")

# What each reason lets go without a consent that says so. Treatment (45 CFR 164.506(c)): nothing that carries a label,
# the recipient asks the person for more. Her own copy (164.524): not psychotherapy notes, and nothing about violence,
# which somebody else may find on paper. Emergency (164.510, 164.512(j)) and law (164.512(a)): all but Part 2, which has
# an act of its own (42 CFR 2.51) and courts of its own (2.61 to 2.67). What we can't read goes to nobody.
_LETS: Final[dict[str, int]] = {
    "treatment": 0,
    "consent": 0,
    "self": labels.SENSITIVE & ~(labels.UNKNOWN | labels.MENTAL_HEALTH | labels.VIOLENCE),
    "emergency": labels.SENSITIVE & ~labels.NEVER_BY_ROLE,
    "law": labels.SENSITIVE & ~labels.NEVER_BY_ROLE,
}
_USES: Final[dict[str, int]] = {
    "treatment": purposes.TREATMENT,
    "consent": purposes.ANY,
    "self": purposes.ANY,
    "emergency": purposes.EMERGENCY | purposes.TREATMENT,
    "law": purposes.OTHER,
}
# An accounting under 45 CFR 164.528 need not list these; ours lists them, and says so.
NOT_REQUIRED: Final = frozenset({"treatment", "consent", "self"})


@dataclass(frozen=True, repr=False)
class Line:
    """section: record, plan, medicines, conditions, allergies. labels: of the row. version: of what was read."""

    reference: str
    rid: int
    version: int
    section: str
    words: str
    labels: int = 0

    def __repr__(self) -> str:
        return f"Line({self.reference})"


@dataclass(frozen=True)
class Known:
    """Of one line: whether the record lets it go to this recipient for this reason, and the Consent that says so."""

    is_let: bool
    consent: str | None = None


@dataclass(frozen=True, repr=False)
class Verdict:
    """why: treatment, self, emergency, law, consent; withheld lines carry no reason that tells what they are."""

    line: Line
    is_allowed: bool
    why: str
    consent: str | None = None

    @property
    def is_part2(self) -> bool:
        return bool(self.line.labels & labels.PART2)

    def __repr__(self) -> str:
        return f"Verdict({self.line!r}, {self.is_allowed})"


def lets(basis: Basis) -> int:
    return _LETS[basis]


def uses(basis: Basis) -> int:
    return _USES[basis]


def judge(line: Line, known: Known, basis: Basis, relation: str) -> Verdict:
    """relation: what joins the recipient to the person (referral, team, site, stay, said), empty for nothing. Without
    one nobody treats her, and only a consent lets anything go."""
    if not known.is_let:
        return Verdict(line, False, "withheld")
    needs_consent = bool(line.labels & labels.SENSITIVE & ~lets(basis))
    if needs_consent or basis == "consent":
        is_said = known.consent is not None
        return Verdict(line, is_said, "consent" if is_said else "withheld", known.consent)
    if basis == "treatment" and not relation:
        is_said = known.consent is not None
        return Verdict(line, is_said, "consent" if is_said else "no-relation", known.consent)
    return Verdict(line, True, basis, known.consent)


def must_go_along(going: Sequence[Verdict]) -> tuple[bool, tuple[str, ...]]:
    """Whether the notice of 42 CFR 2.32 goes with it, and the Consents whose copy does."""
    part2 = [each for each in going if each.is_part2]
    consents = dict.fromkeys(each.consent for each in part2 if each.consent)
    return bool(part2), tuple(each for each in consents if each)
