"""Whose hour it is: her address's, else her site's, and never a guess."""

from __future__ import annotations

from typing import Any

import pytest

from careloop.care.stay import zone_of_person

SITE = {"address": [{"city": "Houston", "state": "TX", "postalCode": "77002"}]}


def at(**address: str) -> dict[str, Any]:
    return {"address": [address]} if address else {}


@pytest.mark.parametrize(
    ("patient", "zone", "whose"),
    [
        (at(state="NY", postalCode="11101"), "America/New_York", "address"),
        (at(), "America/Chicago", "site"),
        (at(city="Houston", state="TX"), "America/Chicago", "site"),
        (at(city="Ann Arbor", state="MI", postalCode="99999"), None, ""),
    ],
    ids=["her own", "no address", "in the site's state", "in a state of two zones"],
)
def test_the_zone_of_a_person(patient: dict[str, Any], zone: str | None, whose: str) -> None:
    assert zone_of_person(patient, SITE) == (zone, whose)
