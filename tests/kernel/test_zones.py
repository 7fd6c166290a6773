"""The zone of an address: by ZIP, else by a state with one zone, else nothing."""

from __future__ import annotations

import pytest

from careloop.kernel.zones import SINGLE_ZONE_STATES, zone_of_address, zone_of_zip


@pytest.mark.parametrize(
    ("postal_code", "expected"),
    [
        ("77002", "America/Chicago"),  # Houston
        ("10001", "America/New_York"),
        ("90012", "America/Los_Angeles"),
        ("60601", "America/Chicago"),
        ("19103", "America/New_York"),
        ("79901", "America/Denver"),  # El Paso, Texas, lies an hour west of Houston
        ("32501", "America/Chicago"),  # Pensacola, Florida
        ("85001", "America/Phoenix"),
        ("10001-1234", "America/New_York"),
        (" 100011234 ", "America/New_York"),
    ],
)
def test_a_zip_code_tells(postal_code: str, expected: str) -> None:
    assert zone_of_zip(postal_code) == expected


@pytest.mark.parametrize("postal_code", ["99999", "00000", "", "7700", "W1A 1AA", "seven", "77002; drop"])
def test_what_is_no_zip_code_tells_nothing(postal_code: str) -> None:
    assert zone_of_zip(postal_code) is None


def test_a_state_with_one_zone_helps_when_the_zip_does_not() -> None:
    assert zone_of_address("99999", "GA") == "America/New_York"
    assert zone_of_address(None, " ny ") == "America/New_York"


@pytest.mark.parametrize(
    "state", ["TX", "MI", "IN", "FL", "TN", "KY", "KS", "NE", "ND", "SD", "ID", "OR", "AK", "AZ"]
)
def test_a_state_with_two_zones_is_never_guessed(state: str) -> None:
    assert state not in SINGLE_ZONE_STATES
    assert zone_of_address("99999", state) is None


def test_nothing_known_is_nothing_said() -> None:
    assert zone_of_address(None, None) is None
    assert zone_of_address("", "Bayern") is None
