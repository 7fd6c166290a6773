"""The zone of an address: by ZIP code, else by a state that has only one zone. Never guessed."""

from __future__ import annotations

import re
from functools import lru_cache

import zipcodes

# States (and DC) that lie in one zone whole. Source: 49 CFR part 71.
SINGLE_ZONE_STATES = {
    **dict.fromkeys(
        [
            "CT",
            "DC",
            "DE",
            "GA",
            "MA",
            "MD",
            "ME",
            "NC",
            "NH",
            "NJ",
            "NY",
            "OH",
            "PA",
            "RI",
            "SC",
            "VA",
            "VT",
            "WV",
        ],
        "America/New_York",
    ),
    **dict.fromkeys(["AL", "AR", "IA", "IL", "LA", "MN", "MO", "MS", "OK", "WI"], "America/Chicago"),
    **dict.fromkeys(["CO", "MT", "NM", "UT", "WY"], "America/Denver"),
    **dict.fromkeys(["CA", "WA"], "America/Los_Angeles"),
    "HI": "Pacific/Honolulu",
}


@lru_cache(maxsize=65536)
def zone_of_zip(postal_code: str) -> str | None:
    """The zone of a US ZIP or ZIP+4; None where the ZIP is not one that exists."""
    match = re.match(r"\s*(\d{5})(-?\d{4})?\s*\Z", postal_code)
    if match is None:
        return None
    found = zipcodes.matching(match.group(1))  # type: ignore[no-untyped-call]  # the library has no types
    return str(found[0]["timezone"]) if found and found[0].get("timezone") else None


def zone_of_address(postal_code: str | None, state: str | None) -> str | None:
    """IANA name, or None when neither says enough."""
    if postal_code and (found := zone_of_zip(postal_code)):
        return found
    return SINGLE_ZONE_STATES.get((state or "").strip().upper())
