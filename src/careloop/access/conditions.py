"""A condition says which people's rows may be seen, as a tree over named facts: site, program, team, lead,
labels, person. It is data: `store/conditions.py` turns it into SQL, and a page can say it in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Everyone:
    """No restriction by person."""


@dataclass(frozen=True)
class NoOne:
    """Nobody's rows."""


@dataclass(frozen=True)
class SiteIn:
    """People whose site (Patient.managingOrganization) is one of these rids."""

    sites: frozenset[int]


@dataclass(frozen=True)
class TeamIn:
    teams: frozenset[int]


@dataclass(frozen=True)
class LeadIs:
    """People led by this Practitioner rid."""

    lead: int


@dataclass(frozen=True)
class ProgramIn:
    """People enrolled now in one of these programs (program codes)."""

    programs: frozenset[str]


@dataclass(frozen=True)
class PersonIn:
    people: frozenset[int]


@dataclass(frozen=True)
class NotLabeled:
    """People and rows that carry none of these label bits."""

    labels: int


@dataclass(frozen=True)
class Not:
    inner: Condition


@dataclass(frozen=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[Condition, ...]


Condition = (
    Everyone | NoOne | SiteIn | TeamIn | LeadIs | ProgramIn | PersonIn | NotLabeled | Not | All | AnyOf
)


def any_of(*parts: Condition) -> Condition:
    """The union, simplified: Everyone wins, NoOne falls away."""
    kept = tuple(part for part in parts if not isinstance(part, NoOne))
    if any(isinstance(part, Everyone) for part in kept):
        return Everyone()
    if not kept:
        return NoOne()
    return kept[0] if len(kept) == 1 else AnyOf(kept)
