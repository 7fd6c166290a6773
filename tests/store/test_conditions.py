"""Conditions as SQL, each with a denied case."""

from __future__ import annotations

import pytest

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
from careloop.store.conditions import compile_condition
from tests.conftest import MONDAY, owner_connection


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Everyone(), {0, 1, 2, 3, 9}),
        (NoOne(), set()),
        (SiteIn(frozenset({10})), {0, 1}),
        (TeamIn(frozenset({20})), {0, 2}),
        (LeadIs(30), {0, 2}),
        (PersonIn(frozenset({1, 9})), {0, 1}),
        (ProgramIn(frozenset({"transitions"})), {0, 1}),
        (NotLabeled(2), {0, 1, 3}),
        (Not(SiteIn(frozenset({10}))), {0, 2, 3}),
        (All((SiteIn(frozenset({10, 11})), NotLabeled(2))), {0, 1}),
        (AnyOf((SiteIn(frozenset({10})), LeadIs(30))), {0, 1, 2}),
        (AnyOf(()), {0}),
    ],
)
def test_whose_rows_a_condition_lets_through(record: None, condition: Condition, expected: set[int]) -> None:
    """1 and 2 have sites, 2 a team, a lead and a label, 3 nothing at all; 9 is no person we know, 0 is nobody."""
    said, given = compile_condition(condition, "u.person", now=MONDAY)
    with owner_connection() as owner:
        owner.execute(
            "insert into people(person, site, team, lead, labels) "
            "values (1,10,null,null,0), (2,11,20,30,2), (3,null,null,null,0)"
        )
        owner.execute(
            "insert into enrolled(person, program, since, until) "
            "values (1,'transitions',now(),null), (2,'transitions',now(),now())"
        )
        query = f"select u.person from unnest('{{0,1,2,3,9}}'::bigint[]) as u(person) where {said}"
        assert {row[0] for row in owner.execute(query.encode(), given).fetchall()} == expected
