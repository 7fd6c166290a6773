"""In a medical emergency the form opens for whomever is in the record, also for somebody whom nobody sees before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from careloop.actions.record import begin
from careloop.library.carried import with_label
from careloop.store import grants
from tests.projections.ward import HOUSE
from tests.web.desk import Desk, at_the_desk

PAGE = "/people/hidden/emergency/part2"
SAID = {"words": "She collapsed in our waiting room", "treated_by": "Dr. Chen", "treated_at": "St. Luke’s"}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        patient = {
            "resourceType": "Patient",
            "id": "hidden",
            "name": [{"use": "official", "given": ["Lucille"], "family": "Baptiste"}],
            "managingOrganization": {"reference": "Organization/bayview"},
        }
        desk.ward.has(with_label(patient, "part2"))
        as_role(desk, "clinician")
        yield desk


def as_role(desk: Desk, role: str) -> None:
    desk.user.roles = [role]
    desk.user.save()


def test_the_form_opens_for_somebody_whom_nobody_sees_and_says_nothing_of_her(desk: Desk) -> None:
    desk.page("/people/hidden/story", 404)
    form = desk.page(PAGE)
    assert "What the emergency is" in form
    assert "Lucille" not in form
    assert "Baptiste" not in form
    desk.page("/people/hidden/story", 404)
    desk.post(PAGE, SAID)
    assert "Baptiste" in desk.page("/people/hidden/story")


def test_of_somebody_whom_she_sees_the_card_stands_beside_it(desk: Desk) -> None:
    assert "Duarte" in desk.page("/people/maria/emergency/part2")


def test_no_form_for_who_is_not_in_the_record_nor_for_whom_she_may_never_see(
    desk: Desk, now: datetime
) -> None:
    desk.page("/people/nobody/emergency/part2", 404)
    with begin(HOUSE, now) as unit:
        grants.deny(unit, desk.user.principal_id, unit.mention("Patient/hidden"), "her sister")
    desk.page(PAGE, 404)
    desk.post(PAGE, SAID, 404)


def test_no_form_for_who_is_not_medical_personnel(desk: Desk) -> None:
    as_role(desk, "coordinator")
    desk.page(PAGE, 403)
    desk.post(PAGE, SAID, 403)
