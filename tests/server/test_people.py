"""Accounts made by command: whoever is to be called for urgent work is in line for it."""

from __future__ import annotations

import pytest

from careloop.accounts.models import User
from careloop.actions.urgent import roster
from careloop.kernel.errors import UnknownZone
from careloop.server.people import create_user

LONG = "a long sentence of one's own"


def test_an_account_is_put_in_line_for_urgent_work_with_the_hour_on_its_wall(record: None) -> None:
    create_user("nine@example.org", "Sam Lee", ["supervisor"], ["bayview"], "", LONG, on_call=9)
    create_user(
        "one@example.org",
        "Mei Chen",
        ["clinician"],
        ["bayview"],
        "MD",
        LONG,
        zone="America/Chicago",
        on_call=1,
    )
    create_user("none@example.org", "Ana Reyes", ["coordinator"], ["bayview"], "RN", LONG)
    assert [each.name for each in roster("bayview")] == ["Mei Chen, MD", "Sam Lee"]
    assert roster("queens") == []
    assert User.objects.get(email="one@example.org").zone == "America/Chicago"


def test_a_zone_that_does_not_exist_is_refused(record: None) -> None:
    with pytest.raises(UnknownZone):
        create_user("one@example.org", "Mei Chen", ["clinician"], [], "", LONG, zone="Texas")
    assert not User.objects.exists()
