"""The only place where a condition of `access` becomes SQL.

A condition speaks of people. What belongs to nobody (home 0: organizations, practitioners, the directory) is decided
by the rule for its type alone, so it passes every condition except `NoOne`.
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
    labels_column: the row's own label bits, which NotLabeled then looks at as well as the person's."""
    if isinstance(condition, Everyone):
        return "true", []
    if isinstance(condition, NoOne):
        return "false", []
    people, given = people_where(condition, "pe")
    text = f"({person_column} = 0 or exists (select from people pe where pe.person = {person_column} and {people}))"
    own = [] if labels_column is None else sorted(_required_absent(condition))
    text = f"({' and '.join([text, *[f'({labels_column} & %s::integer) = 0'] * len(own)])})"
    return text, [*given, *own]


def people_where(condition: Condition, alias: str) -> Sql:
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
            return f"({alias}.labels & %s::integer) = 0", [labels]
        case Not(inner):
            text, given = people_where(inner, alias)
            # Null (a person without a site) counts as not matching the inner condition.
            return f"not coalesce({text}, false)", given
        case All(parts):
            return _joined(parts, alias, " and ", "true")
        case AnyOf(parts):
            return _joined(parts, alias, " or ", "false")


def _in_program(programs: frozenset[str], alias: str) -> Sql:
    return (
        f"exists (select from enrolled en where en.person = {alias}.person and en.program = any(%s::text[]) "
        "and en.until is null)",
        [sorted(programs)],
    )


def _joined(parts: tuple[Condition, ...], alias: str, word: str, empty: str) -> Sql:
    found = [people_where(part, alias) for part in parts]
    if not found:
        return empty, []
    return f"({word.join(text for text, _ in found)})", [value for _, given in found for value in given]


def _required_absent(condition: Condition) -> set[int]:
    """Label bits that every row must be without: those that stand alone or in an All. Where they stand under an
    AnyOf or a Not, they are about the person only."""
    match condition:
        case NotLabeled(labels):
            return {labels}
        case All(parts):
            return {labels for part in parts for labels in _required_absent(part)}
    return set()
