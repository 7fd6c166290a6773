"""A clinician says how complex the decisions are; anybody else reads whom to ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from careloop import reactions
from careloop.library import load
from tests.projections import builders as b
from tests.stories.ward import settle
from tests.web.desk import Desk, at_the_desk


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


@pytest.fixture
def visit(desk: Desk) -> str:
    """Maria went home on Friday: the id of the visit that is due after it."""
    ward = desk.ward
    ward.has(
        {
            "resourceType": "Encounter",
            "id": "stay",
            "meta": {"source": "urn:careloop:sender:st-lukes"},
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "subject": {"reference": "Patient/maria"},
            "period": {"start": "2026-11-17T09:00:00-06:00", "end": "2026-11-20T16:20:00-06:00"},
            "hospitalization": {
                "dischargeDisposition": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0112", "code": "01"}]
                }
            },
        }
    )
    settle()
    while reactions.run(ward.now, load()):
        pass
    (row,) = [row for row in ward.today().rows if row.kind == "visit-after-discharge"]
    return row.task_id


def test_a_clinician_records_it_and_the_visit_moves(desk: Desk, visit: str) -> None:
    desk.user.roles = ["clinician"]
    desk.user.save()
    assert "visit by day 14" in desk.page(f"/work/{visit}/complexity")
    assert "Say moderate or high." in desk.post(f"/work/{visit}/complexity", status=422)
    desk.post(f"/work/{visit}/complexity", {"complexity": "moderate"})
    task = desk.ward.task(visit)
    assert task["restriction"]["period"]["end"].startswith("2026-12-05")
    assert "moderate complexity recorded" in task["reasonCode"]["text"]


def test_a_coordinator_reads_whom_to_ask(desk: Desk, visit: str) -> None:
    page = desk.page(f"/work/{visit}/complexity")
    assert "Only a clinician records" in page
    assert "visit by day 14" not in page
    refused = desk.post(f"/work/{visit}/complexity", {"complexity": "moderate"}, status=422)
    assert "Only a clinician records" in refused
    assert desk.ward.task(visit)["restriction"]["period"]["end"].startswith("2026-11-28")


def test_the_row_leads_there_and_other_work_does_not(desk: Desk, visit: str) -> None:
    assert f"/work/{visit}/complexity" in desk.client.get("/today").content.decode()
    desk.ward.has(b.task("lift", "maria", desk.ward.now))
    desk.page("/work/lift/complexity", status=404)
