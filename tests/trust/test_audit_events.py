"""What is no reading and no writing stands in the trail as well; alerts are raised once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from careloop.actions.note_event import note
from careloop.projections.alerts import raise_alert
from careloop.store import audit, lane_heads, people_sets
from careloop.store.errors import AuditUnavailable
from tests.store.people import maria
from tests.store.rows import details_of, one, rows


def test_a_sign_in_that_failed_is_a_row_of_its_own(record: None, scope: Scope, now: datetime) -> None:
    note(scope, "denied: second factor", [77], now)
    [(outcome, door, people, detail)] = rows("select outcome, door, people, detail from audit")
    assert (outcome, door) == (audit.DENIED, "fhir")
    assert people_sets.unpack(bytes(people)) == [77]
    assert details_of(detail) == [["E", "denied: second factor"]]
    note(scope, "signed in", [], now)
    assert one("select outcome from audit order by seq desc limit 1") == audit.DONE


def test_what_can_t_be_written_down_is_not_done(
    record: None, scope: Scope, now: datetime, settings: Any, tmp_path: Path
) -> None:
    lane_heads.forget()
    (tmp_path / "home").write_text("a file where a folder belongs")
    settings.HOME = tmp_path / "home"
    with pytest.raises(AuditUnavailable):
        note(scope, "token issued", [], now)


def test_an_alert_is_raised_once_a_day(record: None, scope: Scope, now: datetime) -> None:
    def again(at: datetime) -> bool:
        with store.open(scope, now=at) as unit:
            return raise_alert(unit, "break-glass", person, 5, "She opened a record in an emergency.")

    with store.open(scope, now=now) as unit:
        person = unit.create(maria()).rid
    assert [again(now), again(now), again(now + timedelta(days=1))] == [True, False, True]
    assert rows("select kind, person, principal, state from alerts") == [
        ("break-glass", person, 5, "open"),
        ("break-glass", person, 5, "open"),
    ]
