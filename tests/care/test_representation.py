"""Who may act for whom, and when: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from careloop.care.representation import (
    PARTS,
    Ages,
    Incapacity,
    Kind,
    Standing,
    birthday,
    shares_now,
    standing_of,
    to_consent,
    windows,
)
from careloop.fhir.elements import ref

CHICAGO = ZoneInfo("America/Chicago")
AGES = Ages(12, 18, ("plan", "visits", "coverage"))
GIVEN = datetime(2026, 1, 5, 15, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def stands(kind: Kind = "chosen", **told: object) -> Standing:
    made = Standing("Patient/maria", "RelatedPerson/lucia", kind, PARTS, GIVEN)
    return replace(made, **told)  # type: ignore[arg-type]  # fields by name


def sees(standing: Standing, at: datetime = NOW, birth: date | None = None) -> tuple[str, ...]:
    return shares_now(standing, windows(standing, birth, AGES, CHICAGO), at)


def test_a_daughter_sees_what_was_shared_from_then_on() -> None:
    daughter = stands(shares=("plan", "visits"))
    assert sees(daughter) == ("plan", "visits")
    assert sees(daughter, GIVEN - timedelta(seconds=1)) == ()


def test_what_was_ended_is_over_at_once() -> None:
    assert sees(stands(is_ended=True)) == ()
    assert sees(stands(until=NOW)) == ()
    assert sees(stands(until=NOW + timedelta(seconds=1))) == PARTS


def test_an_agent_on_incapacity_sees_nothing_until_a_clinician_documented_it() -> None:
    agent = stands("agent", on_incapacity=True)
    assert sees(agent) == ()
    documented = Incapacity(NOW - timedelta(days=1), None, "Practitioner/chen", "DocumentReference/letter")
    assert sees(replace(agent, incapacity=(documented,))) == PARTS
    assert sees(replace(agent, incapacity=(documented,)), NOW - timedelta(days=2)) == ()


def test_when_she_can_decide_again_her_agent_no_longer_sees() -> None:
    was = Incapacity(NOW - timedelta(days=9), NOW - timedelta(days=2), "Practitioner/chen", "")
    agent = stands("agent", on_incapacity=True, incapacity=(was,))
    assert sees(agent) == ()
    assert sees(agent, NOW - timedelta(days=3)) == PARTS
    again = Incapacity(NOW - timedelta(hours=1), None, "Practitioner/chen", "")
    assert sees(replace(agent, incapacity=(was, again))) == PARTS


@pytest.mark.parametrize(
    ("birth", "expected"),
    [
        (date(2020, 6, 1), PARTS),
        (date(2014, 11, 24), PARTS),  # twelve tomorrow
        (date(2014, 11, 23), AGES.teen_shares),  # twelve today
        (date(2008, 11, 24), AGES.teen_shares),
        (date(2008, 11, 23), ()),  # eighteen today
        (None, ()),
    ],
)
def test_what_a_parent_sees_narrows_at_twelve_and_ends_at_eighteen(
    birth: date | None, expected: tuple[str, ...]
) -> None:
    assert sees(stands("parent"), birth=birth) == expected


def test_a_birthday_begins_where_she_lives_and_early_where_we_do_not_know() -> None:
    assert birthday(date(2008, 11, 24), 18, CHICAGO) == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert birthday(date(2008, 11, 24), 18, None) == datetime(2026, 11, 24, tzinfo=UTC)
    assert birthday(date(2008, 2, 29), 18, None) == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["chosen", "agent", "guardian", "parent"])
def test_a_consent_says_the_same_again(kind: Kind) -> None:
    told = (Incapacity(GIVEN, NOW, "Practitioner/chen", "DocumentReference/letter"),)
    standing = stands(
        kind, document="DocumentReference/poa", said="Said at home", on_incapacity=True, incapacity=told
    )
    assert standing_of(to_consent(standing, ref("Patient/maria"), None, NOW)) == standing


@pytest.mark.parametrize("broken", ["actor", "type", "start"])
def test_a_consent_that_can_not_be_read_lets_nobody_in(broken: str) -> None:
    consent = to_consent(stands(), ref("Patient/maria"), None, NOW)
    provision = consent["provision"]
    match broken:
        case "actor":
            provision["actor"] = [*provision["actor"], *provision["actor"]]
        case "type":
            provision["type"] = "deny"
        case "start":
            del consent["dateTime"], provision["period"]
    assert standing_of(consent) is None


def test_an_end_that_can_not_be_read_is_over() -> None:
    consent = to_consent(stands(), ref("Patient/maria"), None, NOW)
    consent["provision"]["period"]["end"] = "some day"
    standing = standing_of(consent)
    assert standing is not None
    assert sees(standing) == ()
