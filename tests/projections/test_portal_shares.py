"""Whose pages may be seen by whom: what the changes made is what a rebuild makes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Scope
from careloop.care.representation import Kind, Standing, to_consent
from careloop.fhir.elements import ref
from careloop.projections.portal_shares import held_by
from careloop.projections.rebuilding import rebuild
from tests.projections.ward import HOUSE, Ward


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def relative(id: str = "lucia", person: str = "maria", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "RelatedPerson",
        "id": id,
        "active": True,
        "patient": ref(f"Patient/{person}"),
        "name": [{"given": ["Lucía"], "family": "Duarte"}],
        **more,
    }


def consent(now: datetime, kind: Kind = "chosen", **told: Any) -> dict[str, Any]:
    standing = Standing("Patient/maria", "RelatedPerson/lucia", kind, ("plan", "visits"), now, **told)
    return to_consent(standing, ref("Patient/maria"), None, now) | {"id": "share"}


def sees(ward: Ward, at: datetime, who: str = "lucia") -> set[tuple[str, str]]:
    with store.open(HOUSE, now=at) as unit:
        rid = unit.mention(f"RelatedPerson/{who}")
        return {(unit.reference_of(held.person), held.share) for held in held_by(unit, [rid])}


MARIA = {("Patient/maria", "plan"), ("Patient/maria", "visits")}


def whole(scope: Scope, now: datetime) -> bool:
    return all(found.is_whole for found in rebuild(scope, now, check=True))


def test_a_share_is_held_until_it_is_ended(ward: Ward, now: datetime) -> None:
    ward.has(relative(), consent(now))
    assert sees(ward, now) == MARIA
    assert sees(ward, now - timedelta(seconds=1)) == set()
    assert sees(ward, now, "somebody-else") == set()
    ward.has(consent(now, is_ended=True))
    assert sees(ward, now) == set()
    assert whole(HOUSE, now)


def test_a_share_with_an_end_ends_by_the_clock_alone(ward: Ward, now: datetime) -> None:
    ward.has(relative(), consent(now, until=now + timedelta(hours=1)))
    assert sees(ward, now + timedelta(minutes=59)) == MARIA
    assert sees(ward, now + timedelta(hours=1)) == set()


def test_a_relative_who_is_no_longer_active_sees_nothing(ward: Ward, now: datetime) -> None:
    ward.has(relative(), consent(now))
    ward.has(relative(active=False))
    assert sees(ward, now) == set()
    assert whole(HOUSE, now)


def test_a_relative_of_somebody_else_gains_nothing_by_a_consent_that_names_her(
    ward: Ward, now: datetime
) -> None:
    ward.has(relative(person="walter"), consent(now))
    assert sees(ward, now) == set()


def test_a_parent_s_windows_follow_the_birth_date(ward: Ward, now: datetime) -> None:
    ward.has(relative(), consent(now, "parent"))
    assert sees(ward, now) == set()  # Maria is 67
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        maria = unit.read("Patient", "maria").resource
        unit.update({**maria, "birthDate": "2010-06-01"})
    assert sees(ward, now) == MARIA
    assert sees(ward, datetime(2028, 6, 2, tzinfo=now.tzinfo)) == set()
    assert whole(HOUSE, now)
