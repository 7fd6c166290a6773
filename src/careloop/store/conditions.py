"""The only place where a condition of `access` becomes SQL.

A condition speaks of people. What belongs to nobody (home 0: organizations, practitioners, the directory) is decided
by the rule for its type alone, so it passes every condition except `NoOne`. Work that a site keeps about somebody who
is not known yet (who is this message about?) is nobody's too, and is that site's alone.
"""

from __future__ import annotations

from typing import Any

from careloop.access import (
    All,
    AnyOf,
    Condition,
    Everyone,
    LeadIs,
    NoOne,
    Not,
    NotLabeled,
    PersonIn,
    ProgramIn,
    SiteIn,
    TeamIn,
)

Sql = tuple[str, list[Any]]


def compile_condition(condition: Condition, person_column: str, *, labels_column: str | None = None) -> Sql:
    """A boolean SQL expression over `person_column` and its parameters, never empty.
    labels_column: of a row of heads, its own label bits, which NotLabeled then looks at as well as the person's."""
    if isinstance(condition, Everyone):
        return "true", []
    if isinstance(condition, NoOne):
        return "false", []
    nobodys: str = f"{person_column} = 0"
    told: list[Any] = []
    if labels_column is not None:
        parts = [(nobodys, told), _of_own_site(condition, labels_column.partition(".")[0])]
        nobodys, told = _together(
            [*parts, *filter(None, [_of_nobody(condition, labels_column)])], " and ", "true"
        )
    people, given = people_where(condition, "pe", labels_column)
    # One look by key a row. An `exists` would be the planner's to turn into a table of everybody who may be seen.
    found = f"(select true from people pe where pe.person = {person_column} and {people} limit 1)"
    return f"({nobodys} or coalesce({found}, false))", [*told, *given]


def people_where(condition: Condition, alias: str, labels_column: str | None = None) -> Sql:
    """The same over a row of `people` under that alias, for queries that start from people."""
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
        case Not(inner):
            text, given = people_where(inner, alias, labels_column)
            # Null (a person without a site) counts as not matching the inner condition.
            return f"not coalesce({text}, false)", given
        case All(parts):
            return _joined(parts, alias, labels_column, " and ", "true")
        case AnyOf(parts):
            return _joined(parts, alias, labels_column, " or ", "false")


def people_to_start_from(condition: Condition) -> Sql | None:
    """The people of whom any row may pass, over `people pe`; None where that can't be said of people alone:
    of everybody, and where a row's labels let it pass though its person does not (NotLabeled under a Not)."""
    if isinstance(condition, Everyone) or _turns_labels(condition):
        return None
    return people_where(condition, "pe")


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


def _joined(
    parts: tuple[Condition, ...], alias: str, labels_column: str | None, word: str, empty: str
) -> Sql:
    return _together([people_where(part, alias, labels_column) for part in parts], word, empty)


def _together(found: list[Sql], word: str, empty: str) -> Sql:
    if not found:
        return empty, []
    return f"({word.join(text for text, _ in found)})", [value for _, given in found for value in given]


def _of_own_site(condition: Condition, alias: str) -> Sql:
    """Not a piece of work that another site keeps."""
    return (
        f"not exists (select from work ow where ow.person = 0 and ow.task = {alias}.rid"
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
