"""Why, and why not: a condition held against what is known of one person and one row, leaf by leaf. It decides nothing;
what is shown is decided in SQL, and a test holds the two against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from careloop.access import labels
from careloop.access.conditions import (
    All,
    AnyOf,
    Condition,
    Everyone,
    LabelsAllowed,
    LeadIs,
    NoOne,
    Not,
    NotLabeled,
    PersonIn,
    ProgramIn,
    ReferredTo,
    RowMatches,
    SiteIn,
    TeamIn,
)


@dataclass(frozen=True)
class Consented:
    """One row of what her Consents say that is in force now."""

    consent: int
    grantee: int
    permits: int
    denies: int
    purposes: int


@dataclass(frozen=True, repr=False)
class Known:
    """Of a person and a row of her record. bits: the row's labels. consents: those in force. asked: rids of
    Organizations that the row asks for something."""

    person: int
    site: int | None = None
    team: int | None = None
    lead: int | None = None
    programs: frozenset[str] = frozenset()
    bits: int = 0
    consents: tuple[Consented, ...] = ()
    asked: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        return f"Known({self.person})"


@dataclass(frozen=True)
class Reason:
    """code: everyone, site, team, lead, program, named, denied, labels, consent-denies, emergency, referred, scope.
    values: rids, program codes or label names that it speaks of."""

    code: str
    holds: bool
    values: tuple[str | int, ...] = field(default=())


def holds(condition: Condition, known: Known) -> bool:
    match condition:
        case All(parts):
            return all(holds(part, known) for part in parts)
        case AnyOf(parts):
            return any(holds(part, known) for part in parts)
        case Not(inner):
            return not holds(inner, known)
    return _leaf(condition, known).holds


def reasons(condition: Condition, known: Known) -> tuple[Reason, ...]:
    """The leaves that decide: those that hold where one is enough, those that fail where all must hold."""
    return tuple(dict.fromkeys(_deciding(condition, known)))


def _deciding(condition: Condition, known: Known) -> Iterator[Reason]:
    match condition:
        case All(parts):
            failing = [part for part in parts if not holds(part, known)]
            for part in failing or parts:
                yield from _deciding(part, known)
        case AnyOf(parts):
            holding = [part for part in parts if holds(part, known)]
            for part in holding or parts:
                yield from _deciding(part, known)
        case Not(PersonIn(people)):
            is_denied = known.person in people
            if is_denied:
                yield Reason("denied", False)
        case _:
            yield _leaf(condition, known)


def _leaf(condition: Condition, known: Known) -> Reason:
    match condition:
        case Everyone():
            return Reason("everyone", True)
        case NoOne():
            return Reason("nobody", False)
        case SiteIn(sites):
            return Reason("site", known.site in sites, (known.site,) if known.site else ())
        case TeamIn(teams):
            return Reason("team", known.team in teams, (known.team,) if known.team else ())
        case LeadIs(lead):
            return Reason("lead", known.lead == lead, (lead,))
        case PersonIn(people):
            return Reason("named", known.person in people)
        case ProgramIn(programs):
            return Reason(
                "program", bool(known.programs & programs), tuple(sorted(known.programs & programs))
            )
        case NotLabeled(bits):
            return Reason("labels", not known.bits & bits, labels.names(known.bits & bits))
        case LabelsAllowed():
            return _of_labels(condition, known)
        case ReferredTo(organization):
            return Reason("referred", organization in known.asked, (organization,))
        case RowMatches(type, _):
            return Reason("scope", False, (type,))  # only the row itself can tell
        case _:
            return Reason("combined", holds(condition, known))


def _of_labels(said: LabelsAllowed, known: Known) -> Reason:
    if known.person in said.part2_emergencies or (
        known.person in said.emergencies and not known.bits & labels.NEVER_BY_ROLE
    ):
        return Reason("emergency", True)
    hers = [c for c in known.consents if c.grantee in {0, *said.grantees}]
    for_this = [c for c in hers if not c.purposes or c.purposes & said.purposes]
    permits = 0
    for consent in for_this:
        permits |= consent.permits
    denied = 0
    for consent in hers:
        named = [c for c in for_this if c.consent == consent.consent and c.grantee in said.grantees]
        excepted = 0
        for each in named if consent.grantee == 0 else ():
            excepted |= each.permits
        denied |= consent.denies & ~excepted
    if known.bits and denied & (known.bits | labels.WHOLE):
        return Reason("consent-denies", False, labels.names(denied & known.bits))
    hidden = known.bits & labels.SENSITIVE & ~said.base & ~permits
    return Reason("labels", not hidden, labels.names(hidden or known.bits & labels.SENSITIVE))
