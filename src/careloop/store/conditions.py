"""The only place where a condition of `access` becomes SQL.

Most of a condition speaks of people. What belongs to nobody (home 0: organizations, practitioners, the directory) is
decided by the rule for its type alone, so it passes every condition except `NoOne`; not so what is always about
somebody and does not say about whom. Work that a site keeps about somebody who is not known yet (who is this message
about?) is nobody's too, and is that site's alone. Labels and other looks at the row itself stand beside the look at its
person: a row without labels costs one comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.access import (
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
    is_of_anybody,
    labels,
)
from careloop.fhir.definitions import search_params
from careloop.fhir.search import parse
from careloop.store.matching import Matching

Sql = tuple[str, list[Any]]


@dataclass(frozen=True)
class Columns:
    """Of the row that is judged. person: its home. labels: its own bits; None where a row stands for a whole person.
    rid: its key; without it conditions on the row itself let nothing through. nobodys: whether what belongs to nobody
    passes; a kind of thing that is always about somebody does not, when the person can't be told."""

    person: str
    labels: str | None = None
    rid: str | None = None
    nobodys: bool = True


def compile_condition(
    condition: Condition,
    person_column: str,
    *,
    now: datetime,
    labels_column: str | None = None,
    rid_column: str | None = None,
    nobodys: bool = True,
) -> Sql:
    """A boolean SQL expression over the columns of a row and its parameters, never empty; see Columns.
    now: at which consents are in force."""
    return _row(condition, Columns(person_column, labels_column, rid_column, nobodys), now)


def _row(condition: Condition, of: Columns, now: datetime) -> Sql:
    match condition:
        case Everyone():
            return "true", []
        case NoOne():
            return "false", []
        case LabelsAllowed() if of.labels is not None:
            return _labels(condition, of.person, of.labels, now)
        case LabelsAllowed():
            text, given = _of_patient(condition, "pe", now)
            return (
                f"coalesce((select {text} from people pe where pe.person = {of.person} limit 1), true)",
                given,
            )
        case ReferredTo(organization):
            return _referred(organization, of)
        case RowMatches(type, pairs):
            return _matching(type, pairs, of, now)
        case All(parts) if _looks_at_rows(condition, of):
            return _together([_row(part, of, now) for part in parts], " and ", "true")
        case AnyOf(parts) if _looks_at_rows(condition, of):
            return _together([_row(part, of, now) for part in parts], " or ", "false")
        case Not(inner) if _looks_at_rows(condition, of):
            text, given = _row(inner, of, now)
            return f"not coalesce({text}, false)", given
    return _person(condition, of, now)


def _looks_at_rows(condition: Condition, of: Columns) -> bool:
    match condition:
        case ReferredTo() | RowMatches():
            return True
        case LabelsAllowed():
            return of.labels is not None
        case Not(inner):
            return _looks_at_rows(inner, of)
        case All(parts) | AnyOf(parts):
            return any(_looks_at_rows(part, of) for part in parts)
    return False


def _person(condition: Condition, of: Columns, now: datetime) -> Sql:
    """What can be said of the person alone, looked up by her key."""
    nobodys: str = f"{of.person} = 0"
    told: list[Any] = []
    if of.rid is not None:
        parts = [(nobodys, told), _of_own_site(condition, of.rid)]
        if of.labels is not None and (own := _of_nobody(condition, of.labels)):
            parts.append(own)
        nobodys, told = _together(parts, " and ", "true")
    people, given = people_where(condition, "pe", of.labels, now=now, stands_for_her=True)
    # One look by key a row. An `exists` would be the planner's to turn into a table of everybody who may be seen.
    found = f"(select true from people pe where pe.person = {of.person} and {people} limit 1)"
    if not of.nobodys:
        return f"coalesce({found}, false)", given
    return f"({nobodys} or coalesce({found}, false))", [*told, *given]


# A consent that is in force at that moment.
_LASTS: Final = "{0}.since <= %s and ({0}.until is null or {0}.until > %s)"


def _permitted(said: LabelsAllowed, person: str, now: datetime) -> Sql:
    """The bits that consents permit, to one of hers or to anyone, for what she uses the record for."""
    text = (
        f"coalesce((select bit_or(c.permits) from consented c where c.person = {person}"
        f" and c.grantee = any(%s::bigint[]) and {_LASTS.format('c')}"
        " and (c.purposes = 0 or (c.purposes & %s::integer) <> 0)), 0)"
    )
    return text, [sorted({0, *said.grantees}), now, now, said.purposes]


def _denied(said: LabelsAllowed, person: str, bits: str, now: datetime) -> Sql:
    """Whether a consent denies one of these bits, or the whole record. It wins over what another permits; what it
    denies to anyone does not reach those to whom the same consent permits it by name. Nobody limits herself."""
    if said.is_own:
        return "false", []
    excepted = (
        "case when c.grantee <> 0 then 0 else coalesce((select bit_or(p.permits) from consented p"
        " where p.person = c.person and p.consent = c.consent and p.grantee = any(%s::bigint[])"
        f" and {_LASTS.format('p')} and (p.purposes = 0 or (p.purposes & %s::integer) <> 0)), 0) end"
    )
    text = (
        f"exists (select from consented c where c.person = {person} and c.grantee = any(%s::bigint[])"
        f" and {_LASTS.format('c')} and (c.denies & ({bits}) & ~{excepted}) <> 0)"
    )
    hers = sorted(said.grantees)
    return text, [sorted({0, *hers}), now, now, hers, now, now, said.purposes]


def _labels(said: LabelsAllowed, person: str, column: str, now: datetime) -> Sql:
    """Most rows carry nothing and cost one comparison. The others: by role or by consent, unless a consent denies it;
    in an emergency all but Part 2; in a Part 2 emergency all."""
    permitted, hers = _permitted(said, person, now)
    denied, not_hers = _denied(said, person, f"{column} | {labels.WHOLE}", now)
    hidden = f"({column} & {labels.SENSITIVE} & ~%s::integer & ~{permitted})"
    ordinary = f"({hidden} = 0 and not {denied})"
    given: list[Any] = [said.base, *hers, *not_hers]
    if said.emergencies:
        is_other = f"({column} & {labels.NEVER_BY_ROLE}) = 0"
        ordinary = f"({ordinary} or ({person} = any(%s::bigint[]) and {is_other}))"
        given.append(sorted(said.emergencies))
    if said.part2_emergencies:
        ordinary = f"({ordinary} or {person} = any(%s::bigint[]))"
        given.append(sorted(said.part2_emergencies))
    return f"({column} = 0 or {ordinary})", given


def _of_patient(said: LabelsAllowed, alias: str, now: datetime) -> Sql:
    """A row that stands for a whole person: her Patient, whose labels `people` has."""
    return _labels(said, f"{alias}.person", f"{alias}.labels", now)


def _of_person_labels(said: LabelsAllowed, alias: str, now: datetime) -> Sql:
    """Whether her record may be opened at all: nobody denied the whole of it, or it is an emergency."""
    opened = sorted(said.emergencies | said.part2_emergencies)
    denied, given = _denied(said, f"{alias}.person", str(labels.WHOLE), now)
    text = (
        f"(({alias}.labels & {labels.RESTRICTED}) = 0 or {alias}.person = any(%s::bigint[]) or not {denied})"
    )
    return text, [opened, *given]


_ASKED: Final = (("Task", "owner"), ("ServiceRequest", "performer"))


def _referred(organization: int, of: Columns) -> Sql:
    if of.rid is None:
        return "false", []
    asked = [search_params(kind)[code].id for kind, code in _ASKED]
    return (
        f"exists (select from index_reference ir where ir.person = {of.person} and ir.rid = {of.rid}"
        " and ir.param = any(%s::integer[]) and ir.target = %s::bigint)",
        [asked, organization],
    )


def _matching(type: str, pairs: tuple[tuple[str, str], ...], of: Columns, now: datetime) -> Sql:
    """Tokens alone, as SMART 2.2 asks for: whatever else such a scope says lets nothing through."""
    if of.rid != "h.rid":
        return "false", []
    criteria = parse(type, list(pairs)).criteria
    if not criteria or any(criterion.param.type != "token" for criterion in criteria):
        return "false", []
    matching = Matching(type, {}, now)
    return _together([matching.of_head(criterion) for criterion in criteria], " and ", "true")


def people_where(
    condition: Condition,
    alias: str,
    labels_column: str | None = None,
    *,
    now: datetime,
    stands_for_her: bool = False,
) -> Sql:
    """The same over a row of `people` under that alias, for queries that start from people. stands_for_her: it is the
    person herself that is asked for, not whose rows might be seen."""
    match condition:
        case Everyone():
            return "true", []
        case NoOne():
            return "false", []
        case SiteIn(sites):
            return f"{alias}.site = any(%s::bigint[])", [sorted(sites)]
        case TeamIn(teams):
            return f"{alias}.team = any(%s::bigint[])", [sorted(teams)]
        case LeadIs(lead):
            return f"{alias}.lead = %s::bigint", [lead]
        case PersonIn(people):
            return f"{alias}.person = any(%s::bigint[])", [sorted(people)]
        case ProgramIn(programs):
            return _in_program(programs, alias)
        case NotLabeled(labels):
            carried = f"{alias}.labels" if labels_column is None else f"({alias}.labels | {labels_column})"
            return f"({carried} & %s::integer) = 0", [labels]
        case LabelsAllowed():
            judge = _of_patient if stands_for_her else _of_person_labels
            return judge(condition, alias, now)
        case ReferredTo() | RowMatches():
            return "true", []  # what a row is, says nothing of the person: the row itself is judged as well
        case Not(inner):
            text, given = people_where(inner, alias, labels_column, now=now, stands_for_her=stands_for_her)
            # Null (a person without a site) counts as not matching the inner condition.
            return f"not coalesce({text}, false)", given
        case All(parts):
            found = [
                people_where(p, alias, labels_column, now=now, stands_for_her=stands_for_her) for p in parts
            ]
            return _together(found, " and ", "true")
        case AnyOf(parts):
            found = [
                people_where(p, alias, labels_column, now=now, stands_for_her=stands_for_her) for p in parts
            ]
            return _together(found, " or ", "false")


def people_to_start_from(condition: Condition, now: datetime) -> Sql | None:
    """The people of whom any row may pass, over `people pe`; None where that can't be said of people alone:
    of everybody, where it is the row that decides, and where a row's labels let it pass though its person does not
    (NotLabeled under a Not)."""
    if is_of_anybody(condition) or _turns_labels(condition) or _is_by_row(condition):
        return None
    return people_where(condition, "pe", now=now)


def _is_by_row(condition: Condition) -> bool:
    match condition:
        case ReferredTo() | RowMatches():
            return True
        case All(parts):
            return all(_is_by_row(part) or is_of_anybody(part) for part in parts)
        case AnyOf(parts):
            return any(_is_by_row(part) for part in parts)
    return False


def _turns_labels(condition: Condition) -> bool:
    match condition:
        case Not(inner):
            return _speaks_of_labels(inner)
        case All(parts) | AnyOf(parts):
            return any(_turns_labels(part) for part in parts)
    return False


def _speaks_of_labels(condition: Condition) -> bool:
    match condition:
        case NotLabeled():
            return True
        case Not(inner):
            return _speaks_of_labels(inner)
        case All(parts) | AnyOf(parts):
            return any(_speaks_of_labels(part) for part in parts)
    return False


def _in_program(programs: frozenset[str], alias: str) -> Sql:
    return (
        f"exists (select from enrolled en where en.person = {alias}.person and en.program = any(%s::text[]) "
        "and en.until is null)",
        [sorted(programs)],
    )


def _together(found: list[Sql], word: str, empty: str) -> Sql:
    if not found:
        return empty, []
    return f"({word.join(text for text, _ in found)})", [value for _, given in found for value in given]


def _of_own_site(condition: Condition, rid: str) -> Sql:
    """Not a piece of work that another site keeps."""
    return (
        f"not exists (select from work ow where ow.person = 0 and ow.task = {rid}"
        " and ow.site is not null and ow.site <> all(%s::bigint[]))",
        [sorted(_sites(condition))],
    )


def _sites(condition: Condition) -> frozenset[int]:
    """Sites that it speaks for; a condition on people alone speaks for none."""
    match condition:
        case SiteIn(sites):
            return sites
        case AnyOf(parts):
            return frozenset().union(*map(_sites, parts))
        case All(parts):
            found = [sites for part in parts if (sites := _sites(part))]
            return frozenset.intersection(*found) if found else frozenset()
    return frozenset()


def _of_nobody(condition: Condition, labels_column: str) -> Sql | None:
    """What it says of a row that is nobody's: its labels, and nothing else. None: it says nothing, the row passes."""
    match condition:
        case NotLabeled(labels):
            return f"({labels_column} & %s::integer) = 0", [labels]
        case Not(inner):
            found = _of_nobody(inner, labels_column)
            return None if found is None else (f"not {found[0]}", found[1])
        case All(parts):
            told = [own for part in parts if (own := _of_nobody(part, labels_column)) is not None]
            return _together(told, " and ", "true") if told else None
        case AnyOf(parts):
            said = [_of_nobody(part, labels_column) for part in parts]
            whole = [own for own in said if own is not None]
            return _together(whole, " or ", "true") if whole and len(whole) == len(said) else None
    return None
