"""A condition says which people's rows may be seen, as a tree over named facts: site, program, team, lead,
labels, person. It is data: `store/conditions.py` turns it into SQL, and a page can say it in words."""

from __future__ import annotations

from dataclasses import dataclass

from careloop.access import purposes


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
class LabelsAllowed:
    """Rows whose labels she sees: base by role; more where a Consent permits it to one of grantees, less where one
    denies it, both only while they last; all but Part 2 of people opened in an emergency. is_own: of her own record,
    where what she denies to others does not limit her."""

    base: int
    grantees: frozenset[int] = frozenset()
    emergencies: frozenset[int] = frozenset()
    part2_emergencies: frozenset[int] = frozenset()
    purposes: int = purposes.CARE
    is_own: bool = False


@dataclass(frozen=True)
class ReferredTo:
    """Rows that ask this Organization for something: a Task's owner, a ServiceRequest's performer."""

    organization: int


@dataclass(frozen=True)
class RowMatches:
    """Rows of this type that a search would find: a granular SMART scope."""

    type: str
    pairs: tuple[tuple[str, str], ...]


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
    Everyone
    | NoOne
    | SiteIn
    | TeamIn
    | LeadIs
    | ProgramIn
    | PersonIn
    | NotLabeled
    | LabelsAllowed
    | ReferredTo
    | RowMatches
    | Not
    | All
    | AnyOf
)


def any_of(*parts: Condition) -> Condition:
    """The union, simplified: Everyone wins, NoOne falls away."""
    kept = tuple(part for part in parts if not isinstance(part, NoOne))
    if any(isinstance(part, Everyone) for part in kept):
        return Everyone()
    if not kept:
        return NoOne()
    return kept[0] if len(kept) == 1 else AnyOf(kept)


def all_of(*parts: Condition) -> Condition:
    """The intersection, simplified: NoOne wins, Everyone falls away."""
    kept = tuple(part for part in parts if not isinstance(part, Everyone))
    if any(isinstance(part, NoOne) for part in kept):
        return NoOne()
    if not kept:
        return Everyone()
    return kept[0] if len(kept) == 1 else All(kept)


def is_of_anybody(condition: Condition) -> bool:
    """Whether it leaves nobody out by who she is; it may look at labels or at the row."""
    match condition:
        case Everyone() | LabelsAllowed():
            return True
        case All(parts):
            return all(is_of_anybody(part) for part in parts)
        case AnyOf(parts):
            return any(is_of_anybody(part) for part in parts)
    return False


def without_labels(condition: Condition) -> Condition:
    """Whose rows, whatever they carry: what a write is judged by, for whoever writes a sensitive thing must not have to
    see it afterwards."""
    match condition:
        case LabelsAllowed():
            return Everyone()
        case All(parts):
            return all_of(*map(without_labels, parts))
        case AnyOf(parts):
            return any_of(*map(without_labels, parts))
    return condition


def sides(condition: Condition) -> tuple[Condition, ...] | None:
    """The conditions on people of which one must hold: by site, team, lead, name. None where it can't be said so
    simply; then everybody has to be looked at."""
    match condition:
        case SiteIn() | TeamIn() | LeadIs() | PersonIn() | ProgramIn():
            return (condition,)
        case AnyOf(parts):
            each = [sides(part) for part in parts]
            return None if None in each else tuple(one for side in each for one in side or ())
        case All(parts):
            return next((side for part in parts if (side := sides(part)) is not None), None)
    return None
